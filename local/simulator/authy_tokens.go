package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	authyDigits = 7
	authySender = "Authy"
	authyDevice = "android" // what the simulated app says it runs on
	// maxTokens an hour and user; the vendor does not publish its threshold.
	maxTokens = 10
	// landline is the magic number that can be called but not texted, optedOut
	// the one whose owner wants no texts.
	landline = "+15005550009"
	optedOut = "+15005550004"
)

// Texts of the two ways to send, as the vendor words them.
const (
	smsSent     = "SMS token was sent"
	smsIgnored  = "Ignored: SMS is not needed for smartphones. Pass force=true if you want to actually send it anyway."
	callSent    = "Call started..."
	callIgnored = "Call ignored. User is using  App Tokens and this call is not necessary. Pass force=true if you still want to call users that are using the App."
	tooMany     = "DoS protection: User has requested too many tokens in the last hour."
)

// authyToken is one sent code. Several may be good at once, each until it is
// used or ten minutes old.
type authyToken struct {
	code, action string
	expires      time.Time
	used         bool
}

func (s *Simulator) authySMS(w http.ResponseWriter, r *http.Request, u *authyUser) {
	switch u.phone() {
	case landline:
		failAuthy(w, http.StatusForbidden, "60082", "Cannot send SMS to landline phone numbers")
		return
	case optedOut: // the vendor's status for this code is not known
		failAuthy(w, http.StatusForbidden, "60115", "The recipient has opted out of messages")
		return
	}
	s.sendToken(w, r, u, kindSMS, smsSent, smsIgnored)
}

func (s *Simulator) authyCall(w http.ResponseWriter, r *http.Request, u *authyUser) {
	s.sendToken(w, r, u, kindCall, callSent, callIgnored)
}

func (s *Simulator) sendToken(w http.ResponseWriter, r *http.Request, u *authyUser, kind, sent, ignored string) {
	q := r.URL.Query()
	for _, name := range []string{"action", "action_message"} {
		if q.Has(name) && (q.Get(name) == "" || len(q.Get(name)) > 255) {
			failAuthy(w, http.StatusBadRequest, "60004", "Invalid parameter: "+name+" - between 1 and 255 characters")
			return
		}
	}
	if s.world.hasApp(u.phone()) && q.Get("force") != "true" {
		writeAuthy(w, http.StatusOK, map[string]any{
			"message": ignored, "cellphone": u.masked(), "device": authyDevice, "ignored": true, "success": true,
		})
		return
	}
	now := s.now()
	u.sends = slices.DeleteFunc(u.sends, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	if len(u.sends) >= maxTokens {
		failAuthy(w, http.StatusTooManyRequests, "60003", tooMany)
		return
	}
	u.sends = append(u.sends, now)
	code := u.newToken(q.Get("action"), now)
	text := codeText(kind, serviceName, code)
	if note := q.Get("action_message"); note != "" {
		text = fmt.Sprintf("%s\n%s", text, note)
	}
	s.deliver(kind, authySender, u.phone(), text)
	writeAuthy(w, http.StatusOK, map[string]any{"success": true, "message": sent, "cellphone": u.masked()})
}

func (u *authyUser) newToken(action string, now time.Time) string {
	u.tokens = slices.DeleteFunc(u.tokens, func(t authyToken) bool { return !now.Before(t.expires) })
	code := newCode(authyDigits)
	u.tokens = append(u.tokens, authyToken{code: code, action: action, expires: now.Add(codeLife)})
	return code
}

// verifyAuthyToken answers GET verify/{token}/{id}. Without force=true the
// vendor passes anything for a user who never passed a token; so does this,
// which makes a client that forgets force fail its tests.
func (s *Simulator) verifyAuthyToken(w http.ResponseWriter, r *http.Request, u *authyUser) {
	q := r.URL.Query()
	verdict := s.judge(u, r.PathValue("token"), q.Get("action"))
	switch {
	case verdict == tokenRight:
		s.confirm(u)
		writeAuthy(w, http.StatusOK, tokenIsValid())
	case !u.Confirmed && q.Get("force") != "true":
		writeAuthy(w, http.StatusOK, tokenIsValid())
	case verdict == tokenReused:
		failAuthy(w, http.StatusUnauthorized, "60019", "Token is invalid. Token was used recently")
	default:
		body := authyError("60020", "Token is invalid")
		body["token"] = "is invalid"
		writeAuthy(w, http.StatusUnauthorized, body)
	}
}

func (s *Simulator) confirm(u *authyUser) {
	if u.Confirmed {
		return
	}
	u.Confirmed = true
	_ = s.save() // logged; the token was right whatever the disk says
}

type verdict int

const (
	tokenWrong verdict = iota
	tokenReused
	tokenRight
)

// judge looks at the sent codes and then at the app, and uses up what matches.
// A token is bound to its action; the app's are bound to none.
func (s *Simulator) judge(u *authyUser, code, action string) verdict {
	now := s.now()
	found := tokenWrong
	for i := range u.tokens {
		t := &u.tokens[i]
		if t.code != code || t.action != action || !now.Before(t.expires) {
			continue
		}
		if !t.used {
			t.used = true
			return tokenRight
		}
		found = tokenReused
	}
	h := s.world.phones[u.phone()]
	if found != tokenWrong || h == nil || h.appSeed == nil || action != "" {
		return found
	}
	return u.judgeApp(h.appSeed, code, now)
}

// tokenIsValid is the yes: success is the string "true" here, and only here.
func tokenIsValid() map[string]any {
	return map[string]any{
		"message": "Token is valid.",
		"token":   "is valid",
		"success": "true",
		"device": map[string]any{
			"id": nil, "os_type": nil, "registration_date": nil, "registration_method": nil,
			"registration_country": nil, "registration_region": nil, "registration_city": nil,
			"country": nil, "region": nil, "city": nil, "ip": nil,
			"last_account_recovery_at": nil, "last_sync_date": nil,
		},
	}
}
