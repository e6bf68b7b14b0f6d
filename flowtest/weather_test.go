package flowtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// Each hostile weather while signing up, and the way on when it clears
// (parity 48, 62, 135, 142, 146; R-162).
func TestWeather(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		for api, status := range map[string]int{"429": 429, "500": 503, "slow:3s": 200} {
			for _, speaksJSON := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/json=%v", provider, api, speaksJSON), func(t *testing.T) {
					t.Parallel()
					r := rig.Start(t, rig.Options{Provider: provider})
					storm(t, r, r.Visitor(speaksJSON), api, status)
				})
			}
		}
	}
}

func storm(t *testing.T, r *rig.Rig, v *rig.Visitor, api string, status int) {
	t.Helper()
	form := rig.Form(ada, adaPhone)
	if v.JSON {
		v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
	} else {
		form["form"] = v.Seed()
	}
	r.Handset().Weather(`{"api":"` + api + `"}`)
	a := timed(t, v, "/signup", form)
	if v.JSON && a.Status != status || !v.JSON && a.Next != "/verify" {
		t.Errorf("sign-up: %d %q", a.Status, a.Next)
	}
	if status != 200 && !v.JSON && !strings.Contains(v.Get("/verify").Body, "could not send") {
		t.Error("the visitor is not told that nothing was sent")
	}
	a = timed(t, v, "/verify", map[string]string{"code": "123456"})
	if a.Status == 200 || a.Next == "/account" {
		t.Errorf("a code passes in bad weather: %d", a.Status)
	}
	r.Clock.Advance(time.Minute)
	timed(t, v, "/resend", nil)
	r.Handset().Weather(`{"api":"ok"}`)
	r.Clock.Advance(10 * time.Minute)
	expect(t, v.Post("/resend", nil), moved(v), "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
}

// timed holds a request to its budget.
func timed(t *testing.T, v *rig.Visitor, path string, fields map[string]string) rig.Answer {
	t.Helper()
	began := time.Now()
	a := v.Post(path, fields)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%s took %s", path, took)
	}
	if a.Status == 500 || a.Status == 0 {
		t.Errorf("%s: %d %s", path, a.Status, a.Body)
	}
	return a
}

// A text that never arrives costs a wait, not the sign-up.
func TestLostText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		r.Handset().Weather(`{"sms":"drop"}`)
		expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), moved(v), "/verify")
		if n := len(r.Handset().Messages(adaPhone)); n != 0 {
			t.Fatalf("%d messages in a storm", n)
		}
		r.Handset().Weather(`{"sms":"deliver"}`)
		r.Clock.Advance(30 * time.Second)
		expect(t, v.Post("/resend", nil), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	})
}

// The table out of reach: everything says so in time, nothing is sent, and
// what was there before is there afterwards (F-09, parity 35).
func TestTableOutOfReach(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Post("/signup", rig.Form(ada, adaPhone))
		code := map[string]string{"code": r.Handset().Code(adaPhone)}
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Table {
				return rig.Lost
			}
			return rig.None
		})
		for path, fields := range map[string]map[string]string{
			"/signup": rig.Form("bob@example.com", "+14155552672"), "/verify": code, "/resend": nil,
		} {
			a := timed(t, v, path, fields)
			if a.Status != 503 || v.JSON && (a.Code() != "unavailable" || a.Header.Get("Retry-After") == "") {
				t.Errorf("%s: %d %s", path, a.Status, a.Code())
			}
		}
		for _, path := range []string{"/verify", "/account"} {
			if a := v.Get(path); a.Status != 503 {
				t.Errorf("%s: %d", path, a.Status)
			}
		}
		for _, path := range []string{"/", "/signup"} {
			if a := v.Get(path); a.Status != 200 {
				t.Errorf("%s needs no table, and answers %d", path, a.Status)
			}
		}
		if s := r.Handset().Stats(); s.SMS != 1 || s.Checks != 0 {
			t.Errorf("vendors were asked without the table: %+v", s)
		}
		r.Wire.Break(nil)
		expect(t, v.Post("/verify", code), moved(v), "/account")
	})
}
