package flowtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// A session that was stolen a moment after its proof, and nothing else: it takes
// neither the phone nor the codes, and the owner's codes stay good (R-013, R-11A).
func TestStolenFreshSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		paper := recoveryCodes(t, v)
		r.Clock.Advance(14 * time.Minute)
		thief := clone(t, r, v)
		for path, fields := range map[string]map[string]string{"/phone": number(newPhone), "/recovery/codes": {}} {
			for current, want := range map[string]int{"": 422, "wrong horse": 401} {
				a := thief.Post(path, knowing(current, fields))
				if a.Status != want || v.JSON && (want == 401) != (a.Code() == "bad_credentials") || len(codesIn(a)) > 0 {
					t.Errorf("%s with %q: %d %s", path, current, a.Status, a.Body)
				}
				if want == 422 && !strings.Contains(a.Body, "Enter your current password.") || want == 401 && !strings.Contains(a.Body, "not your current password") {
					t.Errorf("%s with %q does not say what is wrong: %s", path, current, a.Body)
				}
			}
		}
		if n := len(r.Handset().Messages(newPhone)); n > 0 || phoneOf(t, r) != adaPhone {
			t.Errorf("%d texts to the thief's phone; the account has %s", n, phoneOf(t, r))
		}
		r.Clock.Advance(time.Hour)
		owner := r.Visitor(v.JSON)
		expect(t, owner.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, owner.Post("/recovery", map[string]string{"code": paper[0]}), moved(v), "/phone")
		if a := owner.Get("/phone"); strings.Contains(a.Body, `name="current"`) {
			t.Error("the page of a lost phone asks for the password once more")
		}
		expect(t, owner.Post("/phone", number(newPhone)), moved(v), "/verify")
	})
}

// guesses are the forms of the three steps that take the current password.
func guesses(v *rig.Visitor) []func(current string) rig.Answer {
	return []func(string) rig.Answer{
		func(current string) rig.Answer {
			return v.Post("/password", knowing(current, map[string]string{"password": another}))
		},
		func(current string) rig.Answer { return v.Post("/phone", seeded(knowing(current, number(newPhone)))) },
		func(current string) rig.Answer { return v.Post("/recovery/codes", knowing(current, nil)) },
	}
}

// Three steps take the password, and count wrong ones together: five, not
// fifteen. The same form sent again is the same try.
func TestGuessesAreCountedTogether(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		thief := guesses(clone(t, r, v))
		for n := range 5 {
			for range 3 {
				a := thief[n%3](fmt.Sprint("wrong horse ", n))
				if a.Status != 401 {
					t.Fatalf("try %d: %d %s", n, a.Status, a.Body)
				}
			}
		}
		for n, guess := range thief {
			for _, current := range []string{"wrong horse battery", password} {
				if a := guess(current); told429(t, a) == 0 {
					t.Errorf("step %d with %q: %d %s", n, current, a.Status, a.Body)
				}
			}
		}
		if phoneOf(t, r) != adaPhone || len(r.Handset().Messages(newPhone)) > 0 || warned(r, adaPhone, "contact us") > 0 {
			t.Error("something changed")
		}
	})
}

// A right password ends the row of wrong ones, and costs nothing itself, however
// often it is asked for.
func TestRightPasswordsAreFree(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		for n := range 4 {
			if a := v.Post("/recovery/codes", knowing(fmt.Sprint("typo ", n), nil)); a.Status != 401 {
				t.Fatalf("typo %d: %d %s", n, a.Status, a.Body)
			}
			r.Clock.Advance(time.Second)
		}
		for n := range 6 {
			recoveryCodes(t, v)
			if n < 2 {
				expect(t, v.Post("/phone", moveTo(fmt.Sprintf("+1415555269%d", n))), moved(v), "/verify")
			}
		}
		if a := v.Post("/recovery/codes", knowing("typo again", nil)); a.Status != 401 {
			t.Errorf("the row did not begin anew: %d %s", a.Status, a.Body)
		}
	})
}

// Who has not brought the password is not told whether a number is the account's.
func TestPhoneIsNotConfirmed(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		for _, current := range []string{"", "wrong horse"} {
			if a := v.Post("/phone", knowing(current, number(adaPhone))); strings.Contains(a.Body, "of your account already") {
				t.Errorf("%q: %s", current, a.Body)
			}
		}
	})
}

// One form is one guess: what it brings as the new password is not compared. Only
// the form that changed the password is answered as it was.
func TestOneFormOneGuess(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		thief := clone(t, r, v)
		form := func(current, next string) map[string]string {
			return map[string]string{"current": current, "password": next}
		}
		if a := thief.Post("/password", form("wrong horse 3", password)); a.Status != 401 || v.JSON && a.Code() != "bad_credentials" {
			t.Errorf("wrong, and right as the new one: %d %s", a.Status, a.Body)
		}
		expect(t, v.Post("/password", form(password, another)), moved(v), "/account")
		if a := thief.Post("/password", form("wrong horse 4", another)); a.Status != 401 {
			t.Errorf("the same after a change: %d %s", a.Status, a.Body)
		}
		if a := thief.Post("/password", form(password, "one more horse")); a.Status != 401 {
			t.Errorf("another form with the old one: %d %s", a.Status, a.Body)
		}
		expect(t, v.Post("/password", form(password, another)), moved(v), "/account") // the answer was lost
		if n := warned(r, adaPhone, readsPassword); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// before runs something once, right before a step's n-th UpdateItem is sent.
func before(r *rig.Rig, step string, n int, do func()) {
	var mu sync.Mutex
	seen := 0
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Step != step || c.Name != "UpdateItem" {
			return rig.None
		}
		mu.Lock()
		seen++
		now := seen == n
		mu.Unlock()
		if now {
			do()
		}
		return rig.None
	})
}

// A session that ends while its password is changed does not live on, and is not
// told that nothing happened: the new password is the one to log in with.
func TestPasswordWhileTheSessionEnds(t *testing.T) {
	t.Parallel()
	ends := map[string]func(t *testing.T, r *rig.Rig, other *rig.Visitor){
		"logged out": func(t *testing.T, _ *rig.Rig, other *rig.Visitor) {
			expect(t, other.Post("/logout", nil), moved(other), "/")
		},
		"proved anew": func(t *testing.T, r *rig.Rig, other *rig.Visitor) {
			expect(t, other.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(other), "/account")
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
				signUp(t, r, v, ada, adaPhone)
				other := window(t, r, v)
				r.Clock.Advance(time.Minute)
				expect(t, other.Post("/login/again", nil), moved(v), "/verify")
				before(r, "password", 2, func() { end(t, r, other) }) // the first counts the try
				a := v.Post("/password", map[string]string{"current": password, "password": another})
				r.Wire.Break(nil)
				if v.JSON {
					expect(t, a, 401, "no_session")
					lacking(t, "the refusal", a.Body, "Your password is changed. Log in with the new one.")
				} else {
					expect(t, a, 303, "/login")
					lacking(t, "the login", v.Get("/login").Body, "Your password is changed. Log in with the new one.")
				}
				if a := v.Get("/account"); a.Status == 200 {
					t.Error("the session lives on")
				}
				r.Clock.Advance(time.Hour)
				w := r.Visitor(v.JSON)
				expect(t, w.Post("/login", map[string]string{"email": ada, "password": another}), moved(v), "/verify")
				if n := warned(r, adaPhone, readsPassword); n != 1 {
					t.Errorf("told %d times", n)
				}
			})
		})
	}
}

// A phone is told of ten changes a day, however often somebody makes them: who earns
// by texts to a number could be told without end. What is not told is done.
func TestNoticesAreFew(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	r.Clock.Advance(time.Minute)
	told := func() int { return len(r.Handset().Messages(adaPhone)) }
	for day, proofs := range []int{0, 1} {
		if proofs > 0 {
			r.Clock.Advance(24 * time.Hour)
			expect(t, v.Post("/login", credentialsOf(ada)), 200, "/verify")
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}), 200, "/account")
			r.Clock.Advance(2 * time.Minute) // a token is spent
		}
		before := told()
		for range 6 {
			recoveryCodes(t, v)
			r.Clock.Advance(time.Second)
			enrolToken(t, r, v, adaPhone)
			r.Clock.Advance(30 * time.Second)
		}
		if n := told() - before; n != 10 {
			t.Errorf("day %d: %d texts of twelve changes", day+1, n)
		}
	}
	change := map[string]string{"current": password, "password": another}
	expect(t, v.Post("/password", change), 200, "/account")
	if body := r.Handset().Messages(adaPhone)[told()-1].Body; strings.Contains(body, "password") {
		t.Errorf("the eleventh of a day is told: %q", body)
	}
}
