package flowtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// What a step may cost: the table's round trips in sequence and the calls to
// vendors (design section 3).
//
// The table answers slowly here, so that calls made side by side are seen to
// overlap, and nothing else runs beside this test.
// (parity 41, 42)
func TestCosts(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		r.Wire.Delay(40 * time.Millisecond)
		send, check := []string{"/Verifications"}, "/VerificationCheck"
		if strings.Contains(t.Name(), "authy") {
			send, check = []string{"/users/new", "/sms/"}, "/verify/"
		}
		measure := func(what string, depth int, vendors []string, request func()) {
			t.Helper()
			r.Wire.Reset()
			request()
			if got := r.Wire.Depth(); got != depth {
				t.Errorf("%s: %d round trips, want %d: %v", what, got, depth, r.Wire.Calls())
			}
			got := r.Wire.Vendors()
			if !slices.EqualFunc(got, vendors, strings.Contains) {
				t.Errorf("%s: vendor calls %v, want %v", what, got, vendors)
			}
		}
		measure("front page", 0, nil, func() { v.Get("/") })
		measure("empty form", 0, nil, func() { v.Get("/signup") })
		measure("sign-up", 3, send, func() { v.Post("/signup", rig.Form(ada, adaPhone)) })
		measure("code page", 1, nil, func() { v.Get("/verify") })
		r.Clock.Advance(time.Minute)
		measure("resend", 3, send[len(send)-1:], func() { v.Post("/resend", nil) })
		code := r.Handset().Code(adaPhone)
		measure("malformed code", 1, nil, func() { v.Post("/verify", map[string]string{"code": "12"}) })
		measure("wrong code", 1, []string{check}, func() { v.Post("/verify", map[string]string{"code": wrong(code)}) })
		measure("right code", 3, []string{check, "/Messages.json"}, func() { v.Post("/verify", map[string]string{"code": code}) })
		measure("account", 1, nil, func() { v.Get("/account") })
		measure("front page, signed in", 1, nil, func() { v.Get("/") })
		r.Clock.Advance(16 * time.Minute)
		measure("account after a while", 2, nil, func() { v.Get("/account") })
		measure("account again", 1, nil, func() { v.Get("/account") })
	})
}
