package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Problem is a refusal: a problem document (RFC 9457) to a program, a page or a
// redirect to a person. Its sentences say what to do and nothing of what is
// inside.
type Problem struct {
	Status     int
	Code       string // stable; docs/api.md lists them
	Title      string
	Detail     string
	Fields     []Field // what is wrong with the form, in its order
	TriesLeft  int     // shown when Status and Code say a code was wrong
	RetryAfter time.Duration
	Allow      []string
	Next       string // where a person is sent instead of being shown the problem
	SignedIn   bool   // the page is for somebody who is, and offers no login

	way    link   // what its page leads to, if that is not the front page
	notice Notice // what that person is told at Next
	cause  error  // for the operator
	view   View   // with the form to show it on
}

// Field is one field of a form and what is wrong with it.
type Field struct{ Name, Text string }

// link is a path of our own and what it is called.
type link struct{ path, text string }

// Error is the code, so that a log line of it is harmless.
func (p *Problem) Error() string { return p.Code }

// Field is what is wrong with one field, empty if nothing is.
func (p *Problem) Field(name string) string {
	if p == nil {
		return ""
	}
	for _, f := range p.Fields {
		if f.Name == name {
			return f.Text
		}
	}
	return ""
}

// On shows the problem to a person on the form that it is about.
func (p *Problem) On(view View) *Problem {
	p.view = view
	return p
}

// SendTo sends a person to a path with a notice, where a program is told the
// problem.
func (p *Problem) SendTo(path string, n Notice) *Problem {
	p.Next, p.notice = path, n
	return p
}

// Because keeps the cause for the operator's log.
func (p *Problem) Because(err error) *Problem {
	p.cause = err
	return p
}

// The refusals, one function each; docs/api.md has their status and code.

// Malformed is a request that no form of ours makes.
func Malformed(detail string) *Problem {
	return &Problem{Status: 400, Code: "malformed", Title: "We could not read that", Detail: detail}
}

// BadSeed is a form's hidden value, or a program's key, that nobody could have
// been given.
func BadSeed() *Problem {
	return Malformed("The form's hidden field or the Idempotency-Key must be 32 to 128 characters of A-Z a-z 0-9 - _. Please open the page again.")
}

// NoSession is a request that needs a session and brings none, or a dead one.
func NoSession(detail string) *Problem {
	return &Problem{Status: 401, Code: "no_session", Title: "Please begin again", Detail: detail}
}

// BadCredentials is a wrong password, or an email address that nobody signed up
// with: nobody is told which (parity 72).
func BadCredentials() *Problem {
	return &Problem{Status: 401, Code: "bad_credentials", Title: "That did not match", Detail: "Check the email address and the password, and try again."}
}

// WrongCode says how many tries are left; that the code is wrong stands above it.
func WrongCode(left int) *Problem {
	detail := fmt.Sprintf("Check it and try again: you have %d tries left.", left)
	switch left {
	case 1:
		detail = "Check it and try again: you have one try left."
	case 0:
		detail = "That was the last try. Please begin again."
	}
	return &Problem{Status: 401, Code: "wrong_code", Title: "That code is not right", Detail: detail, TriesLeft: left}
}

// App adds what is to know of a code that an app shows.
func (p *Problem) App() *Problem {
	p.Detail += " An app's code works once: if you have used it, wait for the next."
	return p
}

// CrossOrigin is a write that another site made in the visitor's browser.
func CrossOrigin() *Problem {
	return &Problem{Status: 403, Code: "cross_origin", Title: "That came from another site", Detail: "We only take forms from our own pages. Please open the page here and try again."}
}

// Forged is a callback that its vendor did not make.
func Forged() *Problem {
	return &Problem{Status: 403, Code: "forged", Title: "That is not authentic", Detail: "This address takes a vendor's signed callbacks only."}
}

// Reauth is something that only a person may do whose phone was asked a moment
// ago.
func Reauth() *Problem {
	return &Problem{Status: 403, Code: "reauth", Title: "Please confirm that it is you", Detail: "It has been a while since you proved it. Log in again, then you can change this."}
}

// Cooling is what is not allowed yet, because the account's phone was changed a
// short while ago (R-11A).
func Cooling(after time.Duration) *Problem {
	return &Problem{Status: 403, Code: "cooling", Title: "Not just yet", Detail: "The phone of this account was changed a short while ago. For your safety this has to wait. Try again in " + words(after) + ".", RetryAfter: max(after, time.Second)}
}

// Forbidden is something that this caller may not do.
func Forbidden() *Problem {
	return &Problem{Status: 403, Code: "forbidden", Title: "Access denied", Detail: "You may not do this here. If you should be able to, ask whoever runs this service."}
}

// NotFound is a path that does not exist.
func NotFound() *Problem {
	return &Problem{Status: 404, Code: "not_found", Title: "There is no such page", Detail: "Check the address, or go back to the front page."}
}

// NoSuch is a thing that a program named and that does not exist.
func NoSuch(detail string) *Problem {
	return &Problem{Status: 404, Code: "not_found", Title: "There is no such thing", Detail: detail}
}

// Method is a path that exists, with another method.
func Method(allow []string) *Problem {
	return &Problem{Status: 405, Code: "method", Title: "That does not work here", Detail: "This address takes " + strings.Join(allow, " and ") + " only.", Allow: allow}
}

// CannotComplete is told only to somebody who has proved the phone: that
// its page leads to the login tells no stranger whose address it is.
func CannotComplete() *Problem {
	return &Problem{Status: 409, Code: "cannot_complete", Title: "We cannot finish this sign-up", Detail: "This email address cannot be used for a new account. If it is yours, you have an account already.", way: link{"/login", "Log in"}}
}

// StillPending is a question that nobody has answered yet.
func StillPending(detail string) *Problem {
	return &Problem{Status: 409, Code: "pending", Title: "Not yet", Detail: detail}
}

// WasDenied is a login that was denied on the phone.
func WasDenied() *Problem {
	return &Problem{Status: 409, Code: "denied", Title: "Denied on your phone", Detail: "This login was denied on your phone. To log in all the same, enter a code."}
}

// NoDevice is a user whom nothing can be asked by push.
func NoDevice() *Problem {
	return &Problem{Status: 409, Code: "no_device", Title: "There is no device to ask", Detail: "This user has no device or app that could show the request. Ask the user to add one, then try again."}
}

// NotOffered is a factor that the user's vendor has no way to enrol.
func NotOffered() *Problem {
	return &Problem{Status: 409, Code: "not_offered", Title: "There is nothing to add here", Detail: "Your account uses the Authy app: install it with the phone number of your account, and you can approve logins with it."}
}

// Idempotency is a key that was used with another body.
func Idempotency() *Problem {
	return &Problem{Status: 409, Code: "idempotency", Title: "That key was used before", Detail: "This Idempotency-Key came with another body before. Use a new key for a new request."}
}

// Expired is something whose time is over.
func Expired(detail string) *Problem {
	return &Problem{Status: 410, Code: "expired", Title: "That has expired", Detail: detail}
}

// UsedUp is a session without tries left.
func UsedUp() *Problem {
	return &Problem{Status: 410, Code: "used_up", Title: "No tries left", Detail: "That was one try too many for this code. For your safety, please begin again."}
}

// Lost is a sign-up whose first request died before it kept all of it.
func Lost() *Problem {
	return Expired("Part of this sign-up was lost on our side. Please fill in the form again.").SendTo("/signup", BeginAgain)
}

// TooLarge is a body over the limit.
func TooLarge() *Problem {
	return &Problem{Status: 413, Code: "too_large", Title: "That is too much", Detail: "The form may hold 16 KiB in all. Please shorten what you entered."}
}

// ContentType is a body of a kind that no route reads.
func ContentType() *Problem {
	return &Problem{Status: 415, Code: "content_type", Title: "We could not read that", Detail: "Send a form (application/x-www-form-urlencoded) or application/json."}
}

// Misdirected is a request to a host that is not ours alone.
func Misdirected(address string) *Problem {
	return &Problem{Status: 421, Code: "misdirected", Title: "That is not our address", Detail: "This service is at " + address + ". Please go there."}
}

// Invalid names what is wrong with each field.
func Invalid(fields ...Field) *Problem {
	return &Problem{Status: 422, Code: "invalid", Title: "Please check the form", Detail: "Some of it needs another look.", Fields: fields}
}

// Wait is a limit.
func Wait(after time.Duration, detail string) *Problem {
	return &Problem{Status: 429, Code: "wait", Title: "Please wait a moment", Detail: detail + " Try again in " + words(after) + ".", RetryAfter: max(after, time.Second)}
}

// ForeignWait is a limit that others used up as well: when it ends is told in half
// minutes, rounded up, so that nobody reads from it when somebody else was there.
func ForeignWait(after time.Duration, detail string) *Problem {
	const step = 30 * time.Second
	return Wait((after + step - 1).Truncate(step), detail)
}

// words is a wait for people, rounded up.
func words(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d > u.of {
			return fmt.Sprintf("%d %ss", (d+u.of-1)/u.of, u.name)
		}
	}
	if d <= time.Second {
		return "a second"
	}
	return fmt.Sprintf("%d seconds", (d+time.Second-1)/time.Second)
}

// Unavailable is a vendor or a table that could not be reached.
func Unavailable(cause error) *Problem {
	return &Problem{Status: 503, Code: "unavailable", Title: "Something on our side is out of order", Detail: "Nothing is lost. Please try again in a moment.", RetryAfter: 2 * time.Second, cause: cause}
}

// NotSetUp is a step that could not start.
func NotSetUp() *Problem {
	return &Problem{Status: 503, Code: "unavailable", Title: "This service is not set up yet", Detail: "Its operator finds the reason in the log.", RetryAfter: time.Minute}
}

// retryAfter sets the header.
func retryAfter(w http.ResponseWriter, p *Problem) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(wholeSeconds(p.RetryAfter)))
	}
}

// problem writes the document.
func problem(w http.ResponseWriter, r *http.Request, p *Problem) {
	doc := map[string]any{
		"type": "urn:latchkey:problem:" + p.Code, "status": p.Status, "title": p.Title, "detail": p.Detail, "code": p.Code,
	}
	if id := requestID(r); id != "" {
		doc["instance"] = "urn:latchkey:request:" + id
	}
	if p.Code == "wrong_code" {
		doc["tries_left"] = p.TriesLeft
	}
	if p.RetryAfter > 0 {
		doc["retry_after"] = wholeSeconds(p.RetryAfter)
	}
	if p.Fields != nil {
		fields := map[string]string{}
		for _, f := range p.Fields {
			fields[f.Name] = f.Text
		}
		doc["fields"] = fields
	}
	for name, value := range told(w) {
		doc[name] = value
	}
	write(w, p.Status, "application/problem+json", doc)
}

// JSON answers with a document.
func (s *Site) JSON(w http.ResponseWriter, doc any) error {
	write(w, http.StatusOK, "application/json", doc)
	return nil
}

// Next sends a person on with a notice, and tells a program the path.
func (s *Site) Next(w http.ResponseWriter, r *http.Request, path string, n Notice) error {
	if WantsJSON(r) {
		doc := map[string]string{"next": path}
		maps.Copy(doc, told(w))
		return s.JSON(w, doc)
	}
	s.Notify(w, n)
	redirect(w, path)
	return nil
}

// LocalPath is the path if it leads to a page of our own whatever a browser makes
// of it, else "". A path that a reader could shorten, by its dots or by an
// empty segment, is none: what is left of "/..//evil.example" might be a host.
func LocalPath(path string) string {
	strange := strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' })
	if strange || len(path) > maxPath || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return ""
	}
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.Contains(u.Path, `\`) || !Clean(u.Path) {
		return ""
	}
	if strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/./") || strings.Contains(u.Path+"/", "/../") {
		return ""
	}
	return path
}

// Back is the path of our own that a request wants to come back to, or "".
func Back(r *http.Request) string { return LocalPath(r.URL.Query().Get("return")) }

// Toward is the path of a step that leads back to another page.
func Toward(step, back string) string {
	if LocalPath(back) == "" {
		return step
	}
	return step + "?return=" + url.QueryEscape(back)
}

// maxPath bounds a path that is kept, in bytes.
const maxPath = 512

// redirect always leads to a path of our own: written in the code, or a
// LocalPath.
func redirect(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}

func write(w http.ResponseWriter, status int, contentType string, doc any) {
	body, err := json.Marshal(doc)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{}`)
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client is gone
}

// wholeSeconds rounds up: who waits that long is not refused again.
func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
