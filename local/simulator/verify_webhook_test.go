package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"testing"
	"unicode/utf8"
)

// Worked signatures; the last is from Twilio's own library.
func TestTwilioSignatureVectors(t *testing.T) {
	t.Parallel()
	const (
		token = "0123456789abcdef0123456789abcdef"
		w1    = "account_sid=AC00000000000000000000000000000001&challenge_sid=YC00000000000000000000000000000001" +
			"&entity_sid=YE00000000000000000000000000000001&factor_sid=YF00000000000000000000000000000001&factor_type=push" +
			"&identity=ff483d1ff591898a9942916050d2ca3f&service_sid=VA00000000000000000000000000000001&type=challenge.approved" +
			"&uid=EVaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		w2 = "AccountSid=AC00000000000000000000000000000001&ApiVersion=2010-04-01&From=%2B15005550006" +
			"&MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered" +
			"&SmsSid=SM00000000000000000000000000000001&SmsStatus=delivered&To=%2B14155552671"
		w3 = `{"type":"challenge.denied","challenge_sid":"YC00000000000000000000000000000001"}`
		w4 = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309" +
			"&Reason=Participant&ReasonConferenceEnded=test&To=%2B18005551212"
	)
	sum := sha256.Sum256([]byte(w3))
	for name, c := range map[string]struct{ token, address, form, want string }{
		"W1":           {token, "https://auth.example.com/hooks/twilio/verify?v=2", w1, "lsc/SBX9WLhqKhT5CiZ08RLZNWM="},
		"W1 with port": {token, "https://auth.example.com:443/hooks/twilio/verify?v=2", w1, "jw8R2BT5BA+QrXHOJPNzBmo9Kaw="},
		"W2":           {token, "https://auth.example.com/hooks/twilio/sms", w2, "M06Cru1csBcntGxF3Mr6C+HArLk="},
		"W3":           {token, "https://auth.example.com/hooks/twilio/verify?bodySHA256=" + hex.EncodeToString(sum[:]), "", "8CExAs7qd8BjUhvgpaU9Djmop1k="},
		"W4":           {"12345", "https://mycompany.com/myapp.php?foo=1&bar=2", w4, "vOEb5UThFn24KEfnOFLQY2AE5FY="},
	} {
		form, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		got := signTwilio(c.token, c.address, form)
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func FuzzChallengeDetails(f *testing.F) {
	f.Add(`{"label":"Action","value":"Sign in"}`, `{"ip":"192.0.2.1"}`)
	f.Add(`{"label":"Action"}`, `{"n":1}`)
	f.Add(`[]`, `null`)
	f.Fuzz(func(t *testing.T, field, hidden string) {
		lines, ok := fieldsOf([]string{field, field})
		if ok && (len(lines) != 2 || lines[0].label == "" || utf8.RuneCountInString(lines[0].value) > maxFieldValue) {
			t.Errorf("accepted %q", field)
		}
		object, err := textObject(hidden, maxHiddenDetails)
		if err == nil && hidden != "" && (len(object) < 2 || jsonText(object) == "") {
			t.Errorf("accepted %q as %q", hidden, object)
		}
	})
}
