package simulator_test

import (
	"fmt"
	"strings"
	"testing"
)

const otpauth = "otpauth://totp/Latchkey:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Latchkey&digits=6&period=30"

func (r *rig) app(body string) answer {
	r.t.Helper()
	return r.api("PUT", "/api/phones/"+phone+"/app", body)
}

func (r *rig) tokenLength() int {
	r.t.Helper()
	return len(r.api("GET", "/api/phones/"+phone+"/token", "").want(200).text("token"))
}

// The phone shows the token of the app that came last: six digits of an
// authenticator, seven of Authy's.
func TestTokenIsOfTheAppThatCameLast(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.app(`{"uri":"` + otpauth + `"}`).want(200).like(`{"installed":false}`)
	r.api("GET", "/api/phones/"+phone+"/token", "").want(200).like(`{"token":"*","seconds_left":23}`)
	r.api("GET", "/api/phones", "").want(200).like(`[{"phone":"+14155552671","unread":0,"pending":0,"authy":false,"app":false,"factors":0,"authenticator":true}]`)
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"installed":true}`, 7},
		{`{"uri":"` + otpauth + `"}`, 6},
		{`{"installed":true}`, 7}, // again, though it is there
		{`{"installed":true,"uri":"` + otpauth + `"}`, 6},
		{`{"installed":true}`, 7},
		{`{"installed":false}`, 6},
	} {
		r.app(c.body).want(200)
		if got := r.tokenLength(); got != c.want {
			t.Errorf("after %s a token of %d digits, want %d", c.body, got, c.want)
		}
	}
}

// A text that is refused leaves the phone as it was, and a phone that holds
// nothing is not listed.
func TestAppThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, body := range []string{`{"installed":true,"enrolment":"{}"}`, `{"installed":true,"uri":"otpauth://hotp/x?secret=GEZDGNBV"}`} {
		r.app(body).want(400).like(`{"error":"*"}`)
	}
	r.api("GET", "/api/phones", "").want(200).like(`[]`)
	r.api("GET", "/api/phones/"+phone+"/token", "").want(409).like(`{"error":"*"}`)
	r.app(`{"installed":true}`).want(200).like(`{"installed":true}`)
	r.app(`{"installed":false}`).want(200)
	r.api("GET", "/api/phones", "").want(200).like(`[]`)
	r.app(`{"uri":"` + otpauth + `"}`).want(200)
	r.app(`{"installed":true}`).want(200)
	r.app(`{"installed":false}`).want(200) // the authenticator keeps the phone
	if got := r.api("GET", "/api/phones", "").body; !strings.Contains(got, `"authenticator":true`) {
		t.Errorf("phones %s", got)
	}
}

// A phone that a user's record speaks of stays when many others come.
func TestPhonesWithSecretsStay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.app(`{"uri":"` + otpauth + `"}`).want(200)
	for i := range 501 {
		r.twilio("POST", messagesPath+".json", "To", fmt.Sprintf("+1415555%04d", i), "From", sender, "Body", "x").want(201)
	}
	if got := r.tokenLength(); got != 6 {
		t.Errorf("a token of %d digits", got)
	}
}

// However many phones have an app, another one gets its texts.
func TestRoomBesidePhonesWithSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 501 {
		r.api("PUT", fmt.Sprintf("/api/phones/+1415555%04d/app", i), `{"installed":true}`).want(200)
	}
	r.twilio("POST", messagesPath+".json", "To", phone, "From", sender, "Body", "x").want(201)
	if n := len(r.messages(phone)); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}
