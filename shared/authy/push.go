package authy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/shared/chars"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/push"
)

// What a request may hold, in characters. Vendor clients stop at 144 or cut at
// 200 for a message, and at 200 for a value and an address (authy-client, and
// Twilio's Java, Ruby and Python clients); nothing is cut here. Of labels and of
// how many details nothing is known: those limits are Verify's.
const (
	messageLimit = 140
	valueLimit   = 200
	sessionLimit = 200
	logoLimit    = 200
	labelLimit   = 36
	detailLimit  = 20
)

// Limits is how much Authy's app shows of a request.
func Limits() push.Limits {
	return push.Limits{Vendor: "Authy", Message: messageLimit, Label: labelLimit, Value: valueLimit, Details: detailLimit}
}

// isRef reports whether s has the shape of a request's id, which goes into a
// path: a UUID (RFC 9562), hex digits of either case in groups of 8, 4, 4, 4 and
// 12 with "-" between them.
func isRef(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		between := i == 8 || i == 13 || i == 18 || i == 23
		if between && s[i] != '-' || !between && !chars.Hex(s[i]) {
			return false
		}
	}
	return true
}

// isLabel reports whether s is a letter of a-z, then any of a-z, 0-9 and _.
func isLabel(s string) bool {
	return s != "" && chars.Lower(s[0]) && chars.Some(s, func(c byte) bool { return chars.LowerAlphanumeric(c) || c == '_' })
}

// decisions are Authy's words for them.
var decisions = map[string]push.Decision{
	"pending":  push.Pending,
	"approved": push.Approved,
	"denied":   push.Denied,
	"expired":  push.Expired,
}

// pushes are an application's approval requests, which Authy calls OneTouch.
type pushes struct{ c *Client }

// Ask makes one attempt. A request outside the limits of push.Request is not
// sent: that is a fault of ours, and comes as otp.ErrUnavailable.
func (p *pushes) Ask(ctx context.Context, to push.Target, r push.Request) (string, error) {
	err := askable(to, r)
	if err != nil {
		return "", fmt.Errorf("asking for approval: %w", err)
	}
	call, a, err := p.c.call(ctx, http.MethodPost, oneTouch+"users/"+to.User+"/approval_requests", askForm(r))
	err = askFault(call, a, err)
	if err != nil {
		return "", fmt.Errorf("asking for approval: %w", err)
	}
	ref := decode(a["approval_request"]).text("uuid")
	if !isRef(ref) {
		return "", fmt.Errorf("asking for approval: authy gave no id: %w", otp.ErrUnavailable)
	}
	return ref, nil
}

func askable(to push.Target, r push.Request) error {
	if to.User == "" {
		return fmt.Errorf("phone is not registered: %w", push.ErrNoDevice)
	}
	if !isUser(to.User) {
		return fmt.Errorf("stored authy id is not a number: %w", otp.ErrUnavailable)
	}
	err := showable(r)
	if err != nil {
		return fmt.Errorf("%w: %w", err, otp.ErrUnavailable)
	}
	return nil
}

// showable holds a request against the limits. A life of no seconds would be one
// without an end.
func showable(r push.Request) error {
	switch {
	case r.Message == "" || !fits(r.Message, messageLimit):
		return errors.New("message is empty or too long")
	case r.Session == "" || !fits(r.Session, sessionLimit):
		return errors.New("session is empty or too long")
	case r.Life < time.Second || r.Life%time.Second != 0:
		return errors.New("life is not in whole seconds")
	case len(r.Details) > detailLimit:
		return errors.New("too many details")
	case !showsLogos(r.Logos):
		return errors.New("logos lack a default, or one is too long")
	}
	for i, d := range r.Details {
		if !isLabel(d.Label) || !fits(d.Label, labelLimit) || !fits(d.Value, valueLimit) {
			return errors.New("detail is too long or has no proper label")
		}
		for j, other := range r.Details {
			if i != j && strings.HasPrefix(other.Label, d.Label) {
				return errors.New("label is the beginning of another")
			}
		}
	}
	return nil
}

// showsLogos is false when none of some logos is the default, which Authy
// insists on.
func showsLogos(logos []push.Logo) bool {
	standard := len(logos) == 0
	for _, l := range logos {
		if l.URL == "" || !fits(l.URL, logoLimit) {
			return false
		}
		standard = standard || l.Res == "default"
	}
	return standard
}

func fits(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit
}

// askForm is written by hand because url.Values sorts, and the details are shown
// in the order in which they stand here.
func askForm(r push.Request) string {
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(value))
	}
	add("message", r.Message)
	for _, d := range r.Details {
		add("details["+d.Label+"]", d.Value)
	}
	for _, l := range r.Logos {
		add("logos[][res]", l.Res)
		add("logos[][url]", l.URL)
	}
	add("hidden_details[session]", r.Session)
	add("seconds_to_expire", strconv.FormatInt(int64(r.Life/time.Second), 10))
	return b.String()
}

// Decision asks what became of the request ref, which must be one of the person
// to.User: an id alone is no proof of that. A request that Authy does
// not know is otp.ErrGone.
func (p *pushes) Decision(ctx context.Context, to push.Target, ref string) (push.Decision, error) {
	if !isUser(to.User) || !isRef(ref) {
		return "", fmt.Errorf("asking for the decision: stored id is malformed: %w", otp.ErrUnavailable)
	}
	call, a, err := p.c.call(ctx, http.MethodGet, oneTouch+"approval_requests/"+ref, "")
	err = decisionFault(call, a, err)
	if err != nil {
		return "", fmt.Errorf("asking for the decision: %w", err)
	}
	d, err := decided(decode(a["approval_request"]), to, ref)
	if err != nil {
		return "", fmt.Errorf("asking for the decision: %w", err)
	}
	return d, nil
}

// decided reads a request as Authy shows it. The id of the person has come as a
// number and as text.
func decided(request answer, to push.Target, ref string) (push.Decision, error) {
	user, uuid := request.text("_authy_id"), request.text("uuid")
	if !isUser(user) || uuid != "" && !strings.EqualFold(uuid, ref) {
		return "", fmt.Errorf("answer is not about this request: %w", otp.ErrUnavailable)
	}
	if user != to.User {
		return "", push.ErrStranger
	}
	d, ok := decisions[request.text("status")]
	if !ok {
		return "", fmt.Errorf("unknown status: %w", otp.ErrUnavailable)
	}
	return d, nil
}

// askFault is nil for a success. Trouble of Authy's own is never taken for a
// person without a device, whatever else the answer says.
func askFault(call *outbound.Call, a answer, err error) error {
	switch {
	case err == nil && call.Status() == http.StatusOK && a.success():
		return nil
	case err == nil && call.Status() < http.StatusInternalServerError && noDevice[a.code()]:
		return fmt.Errorf("%w: %w", refusal(call, a), push.ErrNoDevice)
	default:
		return fault(call, a, err)
	}
}

// decisionFault is nil for a success.
func decisionFault(call *outbound.Call, a answer, err error) error {
	switch {
	case err == nil && call.Status() == http.StatusOK && a.success():
		return nil
	case err == nil && call.Status() < http.StatusInternalServerError && a.code() == requestUnknown:
		return fmt.Errorf("%w: %w", refusal(call, a), otp.ErrGone)
	default:
		return fault(call, a, err)
	}
}
