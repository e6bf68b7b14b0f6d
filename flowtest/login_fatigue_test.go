package flowtest

import (
	"fmt"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// brief are requests of the shortest life that Verify takes, so that ten minutes
// have room for more than are allowed.
func brief() map[string]string { return map[string]string{"APPROVAL_LIFE": "1m"} }

// unasked is a login that asks nobody by push and sends nothing unasked.
func unasked(t *testing.T, r *rig.Rig, v *rig.Visitor) *rig.Visitor {
	t.Helper()
	before := r.Handset().Stats()
	w := r.Visitor(v.JSON)
	expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
	if after := r.Handset().Stats(); after.Approvals != before.Approvals || after.SMS != before.SMS || after.Calls != before.Calls {
		t.Errorf("the phone was asked or texted: %+v, before %+v", after, before)
	}
	return w
}

// askForACode finishes a login with a code that was asked for.
func askForACode(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	t.Helper()
	expect(t, v.Post("/resend", nil), moved(v), "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
}

// Three requests that nobody answers within ten minutes, and no fourth: the
// login goes by code until the first of them is ten minutes old (R-107, I-20c,
// T-26; parity 145).
func TestUnansweredPushes(t *testing.T) {
	t.Parallel()
	eachOnceWith(t, brief(), func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		first := r.Clock.Now()
		for range 3 {
			waiting(t, r, v)
			r.Clock.Advance(time.Minute + time.Second)
		}
		askForACode(t, r, unasked(t, r, v))
		r.Clock.Set(first.Add(10*time.Minute - time.Millisecond))
		unasked(t, r, v)
		r.Clock.Set(first.Add(10 * time.Minute))
		waiting(t, r, v)
		if n := len(r.Handset().Approvals(adaPhone)); n != 4 {
			t.Errorf("%d requests, want 4", n)
		}
	})
}

// What its owner answers in between buys nobody more: who knows the password and
// asks again and again gets three unanswered requests in ten minutes (R-107,
// I-20c, T-26).
func TestUnansweredPushesBesideTheOwners(t *testing.T) {
	t.Parallel()
	eachOnceWith(t, brief(), func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		began := r.Clock.Now()
		unanswered := 0
		for n := range 7 {
			w := r.Visitor(v.JSON)
			a := w.Post("/login", credentialsOf(ada))
			if a.Next == "/status" && n != 2 {
				unanswered++
			}
			if a.Next == "/status" && n == 2 { // the owner's own
				saying(newest(t, r, adaPhone), "approved").deliver(t, r)
				expect(t, w.Post("/status", nil), moved(v), "/account")
			}
			r.Clock.Advance(time.Minute + time.Second)
		}
		if took := r.Clock.Now().Sub(began); unanswered > 3 {
			t.Errorf("%d requests without an answer in %s", unanswered, took)
		}
	})
}

// After a denial nobody is asked by push for an hour, whoever logs in and
// however: a code is the way, and nothing is sent unasked (R-063, R-064, R-107,
// I-20c; parity 109, 111).
func TestNoPushAfterADenial(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v.Post("/logout", nil)
		w := waiting(t, r, v)
		saying(newest(t, r, adaPhone), "denied").deliver(t, r)
		denied := r.Clock.Now()
		outside(t, "denied", w)
		r.Clock.Advance(time.Minute)
		askForACode(t, r, unasked(t, r, v))
		r.Clock.Advance(20 * time.Minute)
		askForACode(t, r, unasked(t, r, v))
		r.Clock.Set(denied.Add(time.Hour - time.Millisecond))
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify") // on a browser that is known, too
		r.Clock.Set(denied.Add(time.Hour))
		waiting(t, r, v)
	})
}

// A push whose answer is lost may have reached the phone: it counts as one that
// nobody answered, and the login goes by code. It opens nothing, and so keeps the
// next one waiting only while its answer may still come (F-11, F-17, R-107;
// parity 75).
func TestLostPushCounts(t *testing.T) {
	t.Parallel()
	eachOnceWith(t, brief(), func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Step == "login" && !c.Table {
				return rig.Unheard
			}
			return rig.None
		})
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		r.Wire.Break(nil)
		if n := len(r.Handset().Approvals(adaPhone)); n != 1 {
			t.Fatalf("%d requests on the phone, want one", n)
		}
		if state, _ := status(w); state != "" {
			t.Errorf("a login without a known request has the status %q", state)
		}
		unasked(t, r, v)
		r.Handset().Decide(adaPhone, "approved")
		outside(t, "an approval that nobody knows of", w)
		for range 2 {
			r.Clock.Advance(15 * time.Second)
			waiting(t, r, v)
			r.Clock.Advance(time.Minute)
		}
		unasked(t, r, v) // three in ten minutes
	})
}

// Strangers who sign up with somebody's phone use up their own codes, never
// those that its owner logs in with: not by the phone, and not by what the phone
// shares with others (R-112, T-15, I-30).
func TestSignUpsLeaveLogins(t *testing.T) {
	t.Parallel()
	for cap, env := range map[string]map[string]string{
		"phone": {}, "prefix": {"SENDS_PER_PREFIX": "6"}, "country": {"SENDS_PER_COUNTRY": "6"}, "day": {"SENDS_PER_DAY": "6"},
		"address": {"SENDS_PER_ADDRESS": "6"},
	} {
		t.Run(cap, func(t *testing.T) {
			eachOnceWith(t, env, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
				signUp(t, r, v, ada, adaPhone)
				var last rig.Answer
				for n := range 8 {
					r.Clock.Advance(3 * time.Minute)
					phone := adaPhone
					if n > 4 && cap != "phone" {
						phone = fmt.Sprintf("+1415555%04d", 3000+n)
					}
					last = r.Visitor(true).Post("/signup", rig.Form(fmt.Sprintf("stranger%d@example.com", n), phone))
				}
				if last.Status != 429 {
					t.Fatalf("the %s is not used up: %d", cap, last.Status)
				}
				texts := len(r.Handset().Messages(adaPhone))
				w := r.Visitor(v.JSON)
				expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
				r.Clock.Advance(30 * time.Second)
				expect(t, w.Post("/resend", nil), moved(v), "/verify")
				if n := len(r.Handset().Messages(adaPhone)) - texts; n != 2 {
					t.Errorf("%d texts, want 2", n)
				}
				expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
			})
		})
	}
}

// A phone is sent six codes for logins in a day, however the logins go; then the
// next day (R-102, T-28; parity 114, 138).
func TestLoginTextsPerDay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		began, texts := r.Clock.Now(), r.Handset().Stats().SMS
		for range 6 {
			w := r.Visitor(v.JSON)
			expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
			expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
			r.Clock.Advance(20 * time.Minute)
		}
		for range 3 {
			w := r.Visitor(v.JSON)
			a := w.Post("/login", credentialsOf(ada))
			if v.JSON {
				expect(t, a, 429, "wait")
				if wait, left := told429(t, a), began.Add(24*time.Hour).Sub(r.Clock.Now()); wait != left {
					t.Errorf("told to wait %s, want %s", wait, left)
				}
			} else {
				expect(t, a, 303, "/verify")
			}
			a = w.Post("/resend", nil)
			if v.JSON && a.Status != 429 {
				t.Errorf("a seventh text by resend: %d", a.Status)
			}
			r.Clock.Advance(time.Hour)
		}
		if n := r.Handset().Stats().SMS - texts; n != 6 {
			t.Errorf("%d texts in a day, want 6", n)
		}
		r.Clock.Set(began.Add(24 * time.Hour))
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	})
}

// Someone who has an account of their own gains no texts by many accounts on one
// phone: the phone is what counts (R-102, T-28).
func TestTextsArePerPhone(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		const bob = "bob@example.com"
		for _, email := range []string{ada, bob} {
			signUp(t, r, r.Visitor(v.JSON), email, adaPhone)
			r.Clock.Advance(time.Hour)
		}
		texts := r.Handset().Stats().SMS
		for n := range 10 {
			for _, email := range []string{ada, bob} {
				w := r.Visitor(v.JSON).From(fmt.Sprintf("203.0.113.%d", n))
				w.Post("/login", credentialsOf(email))
				r.Clock.Advance(10 * time.Minute)
			}
		}
		if n := r.Handset().Stats().SMS - texts; n != 6 {
			t.Errorf("%d texts to one phone in a few hours, want 6", n)
		}
	})
}
