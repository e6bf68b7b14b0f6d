package authy_test

import (
	"net/http"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/authy"
	"latchkey/shared/otp"
)

// At a login the app is enough, until the person asks for a message: that goes
// out to who has the app as well. At a sign-up it always does (parity 45, 46,
// 114).
func TestInsist(t *testing.T) {
	const ignored = `{"success":true,"message":"Ignored: SMS is not needed for smartphones.","ignored":true}`
	for name, c := range map[string]struct {
		view   func(*authy.Client) otp.Codes
		insist bool
		force  string
		app    bool
	}{
		"login":          {(*authy.Client).Login, false, "false", true},
		"login, asked":   {(*authy.Client).Login, true, "true", false},
		"sign-up":        {(*authy.Client).Signup, false, "true", false},
		"sign-up, asked": {(*authy.Client).Signup, true, "true", false},
	} {
		for _, channel := range []otp.Channel{otp.SMS, otp.Call} {
			var force []string
			d := door(t, func(w http.ResponseWriter, r *http.Request) {
				force = append(force, r.URL.Query().Get("force"))
				if c.app {
					doortest.Answers(200, ignored)(w, r)
					return
				}
				doortest.Answers(200, `{"success":true,"message":"SMS token was sent","cellphone":"+57-XXX-XXX-XX12"}`)(w, r)
			})
			to := known
			to.Insist = c.insist
			sent, err := c.view(d).Send(t.Context(), to, channel)
			if err != nil || sent.App != c.app || len(force) != 1 || force[0] != c.force {
				t.Errorf("%s, %s: %+v %v, force %v", name, channel, sent, err, force)
			}
		}
	}
	// A vendor that sends nothing although it was told to has not sent.
	to := known
	to.Insist = true
	sent, err := door(t, doortest.Answers(200, ignored)).Login().Send(t.Context(), to, otp.SMS)
	if doortest.Outcome(err) != "unavailable" || sent.App {
		t.Errorf("insisting in vain: %+v %v", sent, err)
	}
}
