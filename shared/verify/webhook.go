package verify

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/shared/env"
	"latchkey/shared/outbound/twilio"
	"latchkey/shared/push"
)

const signatureHeader = "X-Twilio-Signature"

// decisions are the events that decide a challenge. Nothing is sent when one
// expires.
var decisions = map[string]push.Decision{
	"challenge.approved": push.Approved,
	"challenge.denied":   push.Denied,
}

// receiver reads the webhooks of one service.
type receiver struct {
	sign    func(text string) string // holds the Auth Token, out of reach of format verbs; nil when there is none
	service string                   // VA…, "" when none is configured
}

// NewReceiver reads TWILIO_AUTH_TOKEN and, when set, the login's service as New
// does. Twilio signs with the Auth Token also when it is called with an API key.
// Without the token every callback is forged, and decisions are learnt by
// asking.
//
// Twilio's own validators also accept a signature over the address with its
// scheme's default port. This one does not: what counts is the address that
// Twilio was told, as it was told.
func NewReceiver(vars *env.Vars) push.Receiver {
	c := &receiver{}
	if anySet(vars, serviceNames()) {
		c.service = twilio.SID(vars, "VA", helpService, serviceNames()...)
	}
	token := vars.String("TWILIO_AUTH_TOKEN", "")
	if token != "" {
		c.sign = signer(token)
	}
	return c
}

// Claims goes by Twilio's signature.
func (c *receiver) Claims(h http.Header) bool { return len(h.Values(signatureHeader)) > 0 }

// Receive trusts what the signature covers and no more: its text has no
// separators, so that other names and values can have the same one, and of a
// repeated name it covers the first value alone. So an event counts when no name
// is repeated and all that matters has exactly its form. A body of JSON
// may be authentic, but Verify's events are forms, and it decides nothing.
func (c *receiver) Receive(address string, r *http.Request, body []byte) (push.Event, error) {
	given := r.Header.Values(signatureHeader)
	if c.sign == nil || len(given) != 1 {
		return push.Event{}, fmt.Errorf("reading callback: no signature, or no token to check one: %w", push.ErrForged)
	}
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	hash := r.URL.Query().Get("bodySHA256")
	if hash != "" {
		return push.Event{}, fmt.Errorf("reading callback: %w", c.document(address, given[0], hash, body))
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return push.Event{}, fmt.Errorf("reading callback: body is not a form: %w", push.ErrForged)
	}
	if !equal(c.sign(address+joined(form)), given[0]) {
		return push.Event{}, fmt.Errorf("reading callback: signature is of something else: %w", push.ErrForged)
	}
	e, err := c.event(form)
	if err != nil {
		return push.Event{}, fmt.Errorf("reading callback: %w", err)
	}
	return e, nil
}

// document is never nil. The signature of a body that is not a form covers the
// address, and that holds the body's hash.
func (c *receiver) document(address, given, hash string, body []byte) error {
	sum := sha256.Sum256(body)
	if !equal(c.sign(address), given) || !equal(hex.EncodeToString(sum[:]), hash) {
		return fmt.Errorf("signature is of something else: %w", push.ErrForged)
	}
	return fmt.Errorf("not a form: %w", push.ErrMeaningless)
}

func (c *receiver) event(form url.Values) (push.Event, error) {
	for _, values := range form {
		if len(values) != 1 {
			return push.Event{}, fmt.Errorf("a name is repeated: %w", push.ErrMeaningless)
		}
	}
	e := push.Event{
		Ref:      form.Get("challenge_sid"),
		Subject:  form.Get("factor_sid"),
		Session:  session(form.Get("challenge_hidden_details")),
		Decision: decisions[form.Get("type")],
	}
	switch {
	case e.Decision == "":
		return push.Event{}, fmt.Errorf("not a decision: %w", push.ErrMeaningless)
	case form.Has("factor_type") && form.Get("factor_type") != "push":
		// Codes of authenticator apps are challenges as well.
		return push.Event{}, fmt.Errorf("not a device's: %w", push.ErrMeaningless)
	case !twilio.IsSID("YC", e.Ref) || !twilio.IsSID("YF", e.Subject):
		return push.Event{}, fmt.Errorf("challenge or factor is malformed: %w", push.ErrMeaningless)
	case c.service != "" && form.Get("service_sid") != c.service:
		return push.Event{}, fmt.Errorf("another service's: %w", push.ErrMeaningless)
	}
	return e, nil
}

// session is "" when the hidden details are absent or not as Ask sent them.
func session(hidden string) string {
	var details struct {
		Session string `json:"session"`
	}
	err := json.Unmarshal([]byte(hidden), &details)
	if err != nil {
		return ""
	}
	return details.Session
}

// joined is the form as Twilio signs it
// (https://www.twilio.com/docs/usage/security): names and values, sorted by
// name, with nothing between.
func joined(form url.Values) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		text.WriteString(name + form[name][0])
	}
	return text.String()
}

func signer(token string) func(string) string {
	return func(text string) string {
		mac := hmac.New(sha1.New, []byte(token))
		mac.Write([]byte(text))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
}

// equal takes the same time wherever the two differ.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
