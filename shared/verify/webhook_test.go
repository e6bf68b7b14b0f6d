package verify_test

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/env"
	"latchkey/shared/push"
	"latchkey/shared/verify"
)

// An authentic event with every field that Verify is known to send (vector W1).
const (
	hookURL   = "https://auth.example.com/hooks/twilio/verify"
	hookToken = "0123456789abcdef0123456789abcdef"
	hookQuery = "v=2"
	hookBody  = "account_sid=AC00000000000000000000000000000001&challenge_sid=YC00000000000000000000000000000001&entity_sid=YE00000000000000000000000000000001&factor_sid=YF00000000000000000000000000000001&factor_type=push&identity=ff483d1ff591898a9942916050d2ca3f&service_sid=VA00000000000000000000000000000001&type=challenge.approved&uid=EVaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hookSign  = "lsc/SBX9WLhqKhT5CiZ08RLZNWM="
)

var hookEvent = push.Event{
	Ref:      "YC00000000000000000000000000000001",
	Subject:  "YF00000000000000000000000000000001",
	Decision: push.Approved,
}

// receiver is what a callback step makes of these variables.
func receiver(t testing.TB, set map[string]string) push.Receiver {
	t.Helper()
	vars := env.Read(doortest.Config(set))
	r := verify.NewReceiver(vars)
	err := vars.Err()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func withToken(t testing.TB, token string) push.Receiver {
	t.Helper()
	return receiver(t, map[string]string{"TWILIO_AUTH_TOKEN": token})
}

// delivery is a request as it arrives: its own address counts for nothing but
// the query.
func delivery(query, body string, signatures ...string) *http.Request {
	return &http.Request{
		Method: "POST",
		URL:    &url.URL{Path: "/elsewhere", RawQuery: query},
		Host:   "forged.example",
		Header: http.Header{"X-Twilio-Signature": signatures, "X-Forwarded-Host": {"forged.example"}},
	}
}

// received names what came of a callback.
func received(c push.Receiver, address, query, body string, signatures ...string) (push.Event, string) {
	e, err := c.Receive(address, delivery(query, body, signatures...), []byte(body))
	switch {
	case err != nil && e != (push.Event{}):
		return e, "an event beside an error"
	case errors.Is(err, push.ErrForged):
		return e, "forged"
	case errors.Is(err, push.ErrMeaningless):
		return e, "meaningless"
	case err != nil:
		return e, "none of ours"
	default:
		return e, string(e.Decision)
	}
}

// The vectors that Twilio's own library gave (R-151; parity 93).
func TestVendorVectors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ name, token, url, query, body, signature, want string }{
		{"W1", hookToken, hookURL, hookQuery, hookBody, hookSign, "approved"},
		{"W1 over the default port", hookToken, "https://auth.example.com:443/hooks/twilio/verify", hookQuery, hookBody, "jw8R2BT5BA+QrXHOJPNzBmo9Kaw=", "approved"},
		{"W1 over a port that was not told", hookToken, hookURL, hookQuery, hookBody, "jw8R2BT5BA+QrXHOJPNzBmo9Kaw=", "forged"},
		{"W2", hookToken, "https://auth.example.com/hooks/twilio/sms", "",
			"AccountSid=AC00000000000000000000000000000001&ApiVersion=2010-04-01&From=%2B15005550006&MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered&SmsSid=SM00000000000000000000000000000001&SmsStatus=delivered&To=%2B14155552671",
			"M06Cru1csBcntGxF3Mr6C+HArLk=", "meaningless"},
		{"W3", hookToken, hookURL, "bodySHA256=3113cf70436986817f62c1beb7aa5b254f786a1b9eb7ee384035e3e2f546937a",
			`{"type":"challenge.denied","challenge_sid":"YC00000000000000000000000000000001"}`, "8CExAs7qd8BjUhvgpaU9Djmop1k=", "meaningless"},
		{"W3 and a byte", hookToken, hookURL, "bodySHA256=3113cf70436986817f62c1beb7aa5b254f786a1b9eb7ee384035e3e2f546937a",
			`{"type":"challenge.denied","challenge_sid":"YC00000000000000000000000000000001"} `, "8CExAs7qd8BjUhvgpaU9Djmop1k=", "forged"},
		{"W4", "12345", "https://mycompany.com/myapp.php", "foo=1&bar=2",
			"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&Reason=Participant&ReasonConferenceEnded=test&To=%2B18005551212",
			"vOEb5UThFn24KEfnOFLQY2AE5FY=", "meaningless"},
	} {
		_, got := received(withToken(t, v.token), v.url, v.query, v.body, v.signature)
		if got != v.want {
			t.Errorf("%s: %s, want %s", v.name, got, v.want)
		}
	}
}

// Each byte of body, signature, address and query counts, whatever it becomes
// (T-41).
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	c := withToken(t, hookToken)
	parts := [4]string{hookURL, hookQuery, hookBody, hookSign}
	e, got := received(c, parts[0], parts[1], parts[2], parts[3])
	if got != "approved" || e != hookEvent {
		t.Fatalf("unaltered: %s, %+v", got, e)
	}
	for i, name := range []string{"url", "query", "body", "signature"} {
		for at := range len(parts[i]) {
			for b := range 256 {
				if byte(b) == parts[i][at] {
					continue
				}
				altered := parts
				altered[i] = parts[i][:at] + string([]byte{byte(b)}) + parts[i][at+1:]
				_, got := received(c, altered[0], altered[1], altered[2], altered[3])
				if got != "forged" {
					t.Fatalf("%s, byte %d is %#x: %s", name, at, b, got)
				}
			}
		}
	}
	for i, name := range []string{"url", "query", "body", "signature"} {
		for _, change := range []func(string) string{
			func(s string) string { return s + "x" },
			func(s string) string { return s[1:] },
			func(s string) string { return s[:len(s)-1] },
			func(string) string { return "" },
			strings.ToUpper,
		} {
			altered := parts
			altered[i] = change(parts[i])
			_, got := received(c, altered[0], altered[1], altered[2], altered[3])
			if got != "forged" {
				t.Errorf("%s is %q: %s", name, altered[i], got)
			}
		}
	}
}

func TestSignatureForms(t *testing.T) {
	t.Parallel()
	c := withToken(t, hookToken)
	raw, err := base64.StdEncoding.DecodeString(hookSign)
	if err != nil {
		t.Fatal(err)
	}
	for name, signatures := range map[string][]string{
		"none":      nil,
		"empty":     {""},
		"blank":     {" "},
		"blanks":    {" " + hookSign},
		"twice":     {hookSign, hookSign},
		"among two": {"x", hookSign},
		"joined":    {hookSign + ", " + hookSign},
		"URL-safe":  {base64.URLEncoding.EncodeToString(raw)},
		"unpadded":  {strings.TrimRight(hookSign, "=")},
		"hex":       {hex.EncodeToString(raw)},
		"raw":       {string(raw)},
	} {
		_, got := received(c, hookURL, hookQuery, hookBody, signatures...)
		if got != "forged" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Without a token nothing is authentic, also what an empty key would sign: the
// wrong key and no key are told apart nowhere.
func TestNoTokenNoCallbacks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]push.Receiver{
		"unset":   receiver(t, nil),
		"empty":   withToken(t, ""),
		"another": withToken(t, hookToken[1:]),
	} {
		for _, signature := range []string{hookSign, sign("", hookURL+"?"+hookQuery, split(t, hookBody)), ""} {
			_, got := received(c, hookURL, hookQuery, hookBody, signature)
			if got != "forged" {
				t.Errorf("%s, %q: %s", name, signature, got)
			}
		}
		_, got := received(c, hookURL, "bodySHA256=x", hookBody, hookSign)
		if got != "forged" {
			t.Errorf("%s, document: %s", name, got)
		}
	}
}

// Whose a callback is goes by the header's name in any spelling.
func TestClaims(t *testing.T) {
	t.Parallel()
	c := withToken(t, hookToken)
	for name, want := range map[string]bool{
		"X-Twilio-Signature": true, "x-twilio-signature": true, "X-TWILIO-SIGNATURE": true,
		"X-Authy-Signature": false, "X-Twilio-Signature-Nonce": false, "Signature": false,
	} {
		wire := "POST /hooks?" + hookQuery + " HTTP/1.1\r\nHost: forged.example\r\n" + name + ": " + hookSign + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.Receive(hookURL, r, []byte(hookBody))
		if c.Claims(r.Header) != want || (err == nil) != want || (e == hookEvent) != want {
			t.Errorf("%s: claimed %t, event %+v, error %v", name, c.Claims(r.Header), e, err)
		}
	}
	if !c.Claims(http.Header{"X-Twilio-Signature": {""}}) {
		t.Error("an empty signature is nobody's")
	}
}

func TestReceiverSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		set   map[string]string
		fault string
	}{
		{"nothing", nil, ""},
		{"token", map[string]string{"TWILIO_AUTH_TOKEN": hookToken}, ""},
		{"all", settings(), ""},
		{"alias", map[string]string{"VERIFICATION_SID": login}, ""},
		{"malformed service", map[string]string{"VERIFY_SERVICE": "VA1"}, "VERIFY_SERVICE must be VA"},
	} {
		vars := env.Read(doortest.Config(c.set))
		r := verify.NewReceiver(vars)
		doortest.Faults(t, vars.Err(), c.fault)
		doortest.Hides(t, hookToken, r)
		doortest.Hides(t, token, r)
	}
}
