package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

const byCall = `name="channel" value="call"`

// late is a stack that offers calls when it should, as no other rig does.
func late() map[string]string { return map[string]string{"CALL_AFTER": "", "PHONE_CHECKS": "on"} }

// uncalled is a request for a call that is refused like a channel that is off.
func uncalled(t *testing.T, r *rig.Rig, v *rig.Visitor, path string) {
	t.Helper()
	before := len(r.Wire.Vendors())
	a := v.Post(path, map[string]string{"channel": "call"})
	switch {
	case v.JSON:
		expect(t, a, 422, "invalid")
	case path == "/resend":
		expect(t, a, 303, "/verify")
	case a.Status != 422:
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if calls := r.Wire.Vendors(); len(calls) != before {
		t.Errorf("the vendor was asked: %v", calls[before:])
	}
}

// offers holds the code page to having the button for a call, or not, and to
// having the others always.
func offers(t *testing.T, r *rig.Rig, v *rig.Visitor, call bool) {
	t.Helper()
	person := clone(t, r, v)
	person.JSON = false
	page := person.Get("/verify").Body
	if strings.Contains(page, byCall) != call || !strings.Contains(page, `name="channel" value="sms"`) {
		t.Errorf("the code page lacks the text, or offers a call when it should not; want %v", call)
	}
}

// The third text shows the call, the second does not, at a sign-up and
// at a login, where the texts of the day's earlier logins count, too.
func TestCallsLate(t *testing.T) {
	t.Parallel()
	eachOnceWith(t, late(), func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), moved(v), "/verify")
		for range 2 {
			r.Clock.Advance(time.Minute)
			offers(t, r, v, false)
			uncalled(t, r, v, "/resend")
			expect(t, v.Post("/resend", nil), moved(v), "/verify")
		}
		offers(t, r, v, true)
		r.Clock.Advance(time.Minute)
		expect(t, v.Post("/resend", map[string]string{"channel": "call"}), moved(v), "/verify")
		if s := r.Handset().Stats(); s.SMS != 3 || s.Calls != 1 {
			t.Errorf("%+v, want three texts and a call", s)
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")

		for n := 1; n <= 3; n++ {
			r.Clock.Advance(time.Hour)
			w := r.Visitor(v.JSON)
			expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
			offers(t, r, w, n == 3)
		}
		r.Clock.Advance(30 * time.Hour)
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		offers(t, r, w, false)
	})
}

// Where nothing is known of what the phone was sent before, there is no call: at
// a proof anew, and at a check for the owner's back end.
func TestNoFirstCall(t *testing.T) {
	t.Parallel()
	eachOnceWith(t, late(), func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(20 * time.Minute)
		person := clone(t, r, v)
		person.JSON = false
		if page := person.Get("/login/again").Body; strings.Contains(page, byCall) || !strings.Contains(page, `action="/login/again"`) {
			t.Error("the page of the proof offers a call, or is none")
		}
		uncalled(t, r, v, "/login/again")
		shop := r.Visitor(true).Signed(shop)
		call := aCheck("+14155552672")
		call["channel"] = "call"
		expect(t, shop.Post("/phone-checks", call), 422, "invalid")
		if s := r.Handset().Stats(); s.Calls != 0 {
			t.Errorf("%+v, want no call", s)
		}
	})
}
