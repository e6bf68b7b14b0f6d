package flowtest

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// thief is somebody with a copy of a visitor's cookie.
func thief(t *testing.T, r *rig.Rig, v *rig.Visitor) *rig.Visitor {
	t.Helper()
	c := r.Visitor(v.JSON)
	c.SetCookie(v.Cookie())
	return c
}

// loseConfirmation lets the user be written, and the session's confirmation
// get lost: the function died in between.
func loseConfirmation() func(rig.Call) rig.Fault {
	var updates atomic.Int64
	return func(c rig.Call) rig.Fault {
		if c.Step == "verify" && c.Name == "UpdateItem" && updates.Add(1) > 1 {
			return rig.Lost
		}
		return rig.None
	}
}

// Between the user and the session only the very code that made the user opens
// it: a wrong one does not, however gone the vendor says it is (I-01, I-05).
func TestWrongCodeAfterACrash(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Post("/signup", rig.Form(ada, adaPhone))
		code := r.Handset().Code(adaPhone)
		bad := thief(t, r, v)
		r.Wire.Break(loseConfirmation())
		if a := v.Post("/verify", map[string]string{"code": code}); a.Status != 503 {
			t.Fatalf("the crash: %d", a.Status)
		}
		r.Wire.Break(nil)
		r.Clock.Advance(10 * time.Second)
		a := bad.Post("/verify", map[string]string{"code": wrong(code)})
		if a.Next == "/account" || bad.Get("/account").Status == 200 {
			t.Fatal("a wrong code signed a thief in")
		}
		expect(t, v.Post("/verify", map[string]string{"code": code}), moved(v), "/account")
	})
}

// After the confirmation a stolen half session is worth a few guesses, however
// many are made at once.
func TestGuessingARepeat(t *testing.T) {
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	v.Post("/signup", rig.Form(ada, adaPhone))
	code := r.Handset().Code(adaPhone)
	bad := thief(t, r, v)
	expect(t, v.Post("/verify", map[string]string{"code": code}), 200, "/account")
	var compared atomic.Int64
	r.Wire.Reset()
	r.Wire.Delay(300 * time.Millisecond) // all guesses are counted before the first ends the repeats
	together(100, func(int) { bad.Post("/verify", map[string]string{"code": wrong(code)}) })
	for _, c := range r.Wire.Calls() {
		if c.Name == "UpdateItem" && c.Status == 200 {
			compared.Add(1) // a repeat counted, or the end of all repeats
		}
	}
	if compared.Load() > 2*60 {
		t.Errorf("%d guesses were compared", compared.Load())
	}
	expect(t, bad.Post("/verify", map[string]string{"code": code}), 401, "no_session")
}

// One form to a number that the vendor refuses reaches the vendor once, and
// takes one from every limit, however often it is sent.
func TestRefusedNumberCostsOnce(t *testing.T) {
	t.Parallel()
	for _, speaksJSON := range []bool{false, true} {
		r := rig.Start(t, rig.Options{Env: map[string]string{"SENDS_PER_DAY": "5", "SENDS_PER_ADDRESS": "3"}})
		v := r.Visitor(speaksJSON)
		form := rig.Form(ada, adaPhone)
		if speaksJSON {
			v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		} else {
			form["form"] = v.Seed()
		}
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Table {
				return rig.None
			}
			return rig.Blocked
		})
		for range 12 {
			if a := v.Post("/signup", form); a.Status != 422 || v.Cookie() != "" {
				t.Fatalf("a number out of reach: %d %s", a.Status, a.Body)
			}
		}
		r.Wire.Break(nil)
		if n := len(r.Wire.Vendors()); n != 1 {
			t.Errorf("%d calls to the vendor, want 1", n)
		}
		expect(t, r.Visitor(true).Post("/signup", rig.Form("bob@example.com", "+14155552672")), 200, "/verify")
	}
}

// What a number shares with others, its prefix, its country and the stack's day, is
// used up by whoever signs up: then nobody is texted, and no session begins (R-103,
//
func TestSignUpsBeyondWhatIsShared(t *testing.T) {
	t.Parallel()
	for _, limit := range []string{"SENDS_PER_PREFIX", "SENDS_PER_COUNTRY", "SENDS_PER_DAY"} {
		r := rig.Start(t, rig.Options{Env: map[string]string{limit: "1"}})
		expect(t, r.Visitor(true).Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
		for range 2 { // the refusal itself costs nobody anything
			v := r.Visitor(true)
			a := v.Post("/signup", rig.Form(bob, bobPhone))
			if a.Status != 429 || a.Code() != "wait" || v.Cookie() != "" || len(r.Handset().Messages(bobPhone)) != 0 {
				t.Errorf("%s: %d %s, %d texts", limit, a.Status, a.Body, len(r.Handset().Messages(bobPhone)))
			}
		}
	}
}

// A half session for a registered address and one for an unknown address cost
// the same everywhere (T-01, I-2A).
func TestHalfSessionsTellNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, clone(t, r, v), ada, adaPhone)
		cost := func(email, phone string) []string {
			c := clone(t, r, r.Visitor(v.JSON))
			c.Post("/signup", rig.Form(email, phone))
			var calls []string
			for _, path := range []string{"/", "/signup", "/verify", "/account"} {
				r.Wire.Reset()
				a := c.Get(path)
				names := []string{path, a.Next, a.Code()}
				for _, call := range r.Wire.Calls() {
					names = append(names, call.Name)
				}
				calls = append(calls, strings.Join(names, " "))
			}
			return calls
		}
		known, unknown := cost(ada, "+14155552672"), cost("bob@example.com", "+14155552673")
		for i := range known {
			if known[i] != unknown[i] {
				t.Errorf("%q and %q", known[i], unknown[i])
			}
		}
	})
}

// One key, one answer, also a bad one (I-25); but whoever waits as long as was
// asked and tries again gets the code.
func TestRepeatOfAFailure(t *testing.T) {
	t.Parallel()
	for api, status := range map[string]int{"500": 503, "429": 429} {
		r := rig.Start(t, rig.Options{})
		v := r.Visitor(true)
		v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		r.Handset().Weather(`{"api":"` + api + `"}`)
		first := v.Post("/signup", rig.Form(ada, adaPhone))
		r.Handset().Weather(`{"api":"ok"}`)
		again := v.Post("/signup", rig.Form(ada, adaPhone))
		if first.Status != status || again.Status != status || first.Code() != again.Code() {
			t.Errorf("%s: %d %s, then %d %s", api, first.Status, first.Code(), again.Status, again.Code())
		}
		wait, _ := again.Doc["retry_after"].(float64)
		r.Clock.Advance(time.Duration(wait) * time.Second)
		together(3, func(int) { v.Post("/signup", rig.Form(ada, adaPhone)) }) // two may still hear the old answer
		expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
		if n := len(r.Handset().Messages(adaPhone)); n != 1 {
			t.Errorf("%s: %d texts after the wait, want 1", api, n)
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	}
}

// A double click with an address that is taken is told so twice.
func TestTakenTwiceAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, clone(t, r, v), ada, adaPhone)
		v.Post("/signup", rig.Form(ada, "+14155552672"))
		code := map[string]string{"code": r.Handset().Code("+14155552672")}
		together(4, func(int) {
			if a := clone(t, r, v).Post("/verify", code); a.Status != 409 {
				t.Errorf("%d %s", a.Status, a.Code())
			}
		})
	})
}

// What the session is of no use for any more is not texted about, and another
// window's confirmation is no fault (parity 47).
func TestResendIsNotWasted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Post("/signup", rig.Form(ada, adaPhone))
		r.Clock.Advance(time.Minute)
		other := thief(t, r, v)
		code := map[string]string{"code": r.Handset().Code(adaPhone)}
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Step == "resend" && !c.Table {
				other.Post("/verify", code) // while the resend is on its way
			}
			return rig.None
		})
		expect(t, v.Post("/resend", nil), moved(v), "/account")
		r.Wire.Break(nil)
		if v.JSON || !strings.Contains(t.Name(), "authy") {
			return
		}
		v = r.Visitor(false)
		v.Post("/signup", rig.Form("bob@example.com", "+14155552672"))
		for range 4 {
			r.Clock.Advance(time.Minute)
			v.Post("/resend", map[string]string{"channel": "whatsapp"})
		}
		expect(t, v.Post("/resend", map[string]string{"channel": "sms"}), 303, "/verify")
		if n := len(r.Handset().Messages("+14155552672")); n != 2 {
			t.Errorf("%d texts, want 2: a way that the vendor lacks used up the others", n)
		}
	})
}
