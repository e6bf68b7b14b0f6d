package flowtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

const (
	bob      = "bob@example.com"
	bobPhone = "+14155552672"
)

// closed checks that a visitor reaches nothing of an account.
func closed(t *testing.T, what string, v *rig.Visitor) {
	t.Helper()
	for _, path := range []string{"/account", "/password", "/phone", "/recovery/codes", "/factors", "/login/again"} {
		if a := v.Get(path); a.Status == 200 {
			t.Errorf("%s opens %s", what, path)
		}
	}
	for path, fields := range map[string]map[string]string{
		"/password": {"current": password, "password": another}, "/phone": moveTo(newPhone), "/recovery/codes": knowing(password, nil), "/login/again": nil,
	} {
		if a := v.Post(path, fields); a.Status < 400 && a.Next != "/verify" && a.Next != "/status" && !strings.HasPrefix(a.Next, "/login") {
			t.Errorf("%s: POST %s is answered %d %q", what, path, a.Status, a.Next)
		}
	}
}

// holding is somebody with this cookie value, as the session's and as the step's.
func holding(t *testing.T, r *rig.Rig, v *rig.Visitor, value string) *rig.Visitor {
	t.Helper()
	c := r.Visitor(v.JSON)
	c.SetCookie(value)
	c.Header.Set("Cookie", "latchkey-step="+value)
	return c
}

// A half session that was stolen opens nothing, whichever flow it is of and
// whichever cookie it comes in (I-01).
func TestStolenHalfSessionsInCare(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(10 * time.Minute)
		expect(t, v.Post("/phone", moveTo("+14155552690")), moved(v), "/verify")
		closed(t, "a move", holding(t, r, v, step(t, r, v)))
		expect(t, v.Post("/login/again", nil), moved(v), "/verify")
		closed(t, "a proof", holding(t, r, v, step(t, r, v)))
		r.Clock.Advance(10 * time.Minute)
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		closed(t, "a login", holding(t, r, v, w.Cookie()))
		if phoneOf(t, r) != adaPhone || r.Visitor(v.JSON).Post("/login", credentialsOf(ada)).Status == 401 {
			t.Error("the account changed")
		}
	})
}

// What one person proves beside another's session is worth something for the
// first one's account alone.
func TestStepBesideAnothersSession(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		mallory := r.Visitor(v.JSON)
		signUp(t, r, mallory, bob, bobPhone)
		mixed := func() *rig.Visitor {
			c := window(t, r, mallory)
			c.SetCookie(v.Cookie())
			return c
		}
		expect(t, mallory.Post("/phone", moveTo(newPhone)), moved(v), "/verify")
		c := mixed()
		expect(t, c.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
		if a := c.Get("/account"); phoneOf(t, r) != adaPhone || a.Status != 200 || strings.Contains(a.Body, ada) {
			t.Errorf("a stranger's move changed the account: %s", a.Body)
		}
		checkAccount(t, v)

		r.Clock.Advance(10 * time.Minute)
		v.Post("/login/again", nil)
		thief := r.Visitor(v.JSON) // has Ada's step, a session of his own, and a code from his own phone
		expect(t, thief.Post("/login", credentialsOf(bob)), moved(v), "/verify")
		own := r.Handset().Code(newPhone)
		expect(t, thief.Post("/verify", map[string]string{"code": own}), moved(v), "/account")
		thief.Header.Set("Cookie", "latchkey-step="+step(t, r, v))
		if a := thief.Post("/verify", map[string]string{"code": own}); a.Next == "/account" {
			t.Error("another's code proves it")
		}
		thief.Header.Del("Cookie")
		if a := thief.Get("/account"); strings.Contains(a.Body, ada) {
			t.Error("the thief is in")
		}
	})
}

// A move that was begun comes to nothing once the session that began it is over,
// or the account is another than then; so does a proof.
func TestBegunAndThenOver(t *testing.T) {
	t.Parallel()
	over := map[string]func(t *testing.T, r *rig.Rig, v *rig.Visitor){
		"logout":            func(t *testing.T, _ *rig.Rig, v *rig.Visitor) { expect(t, v.Post("/logout", nil), 200, "/") },
		"logout everywhere": func(t *testing.T, _ *rig.Rig, v *rig.Visitor) { expect(t, everywhere(v), 200, "/") },
		"password": func(t *testing.T, _ *rig.Rig, v *rig.Visitor) {
			expect(t, v.Post("/password", map[string]string{"current": password, "password": another}), 200, "/account")
		},
		"another move": func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			expect(t, v.Post("/phone", moveTo("+14155552690")), 200, "/verify")
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code("+14155552690")}), 200, "/account")
		},
		"a proof": func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			r.Clock.Advance(time.Minute)
			expect(t, v.Post("/login/again", nil), 200, "/verify")
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
		},
	}
	for name, end := range over {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{})
			v := r.Visitor(true)
			signUp(t, r, v, ada, adaPhone)
			mover, prover := clone(t, r, v), clone(t, r, v)
			r.Clock.Advance(time.Minute)
			expect(t, mover.Post("/phone", moveTo(newPhone)), 200, "/verify")
			expect(t, prover.Post("/login/again", nil), 200, "/verify")
			code := r.Handset().Code(adaPhone)
			end(t, r, v)
			before := phoneOf(t, r)
			a := mover.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)})
			lives := name == "password" // which its session outlives
			if a.Status != 401 || phoneOf(t, r) != before || !lives && mover.Get("/account").Status == 200 {
				t.Errorf("the move went on: %d %s, the phone is %s", a.Status, a.Body, phoneOf(t, r))
			}
			if name != "a proof" { // that used this very code up
				a = prover.Post("/verify", map[string]string{"code": code})
			}
			if a.Status != 401 || !lives && prover.Get("/account").Status == 200 {
				t.Errorf("the proof went on: %d %s", a.Status, a.Body)
			}
		})
	}
}

// The same of a move that a recovery code opened: without its login it is over.
func TestLostThenLoggedOut(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	codes := recoveryCodes(t, v)
	r.Clock.Advance(time.Hour)
	v = r.Visitor(true)
	expect(t, v.Post("/login", credentialsOf(ada)), 200, "/verify")
	texted := r.Handset().Code(adaPhone)
	expect(t, v.Post("/recovery", map[string]string{"code": codes[0]}), 200, "/phone")
	mover, found := clone(t, r, v), clone(t, r, v)
	expect(t, mover.Post("/phone", number(newPhone)), 200, "/verify")
	expect(t, found.Post("/verify", map[string]string{"code": texted}), 200, "/account") // the phone turns up
	expect(t, mover.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 401, "no_session")
	r.Clock.Advance(time.Hour)
	v = r.Visitor(true)
	expect(t, v.Post("/login", credentialsOf(ada)), 200, "/verify")
	expect(t, v.Post("/recovery", map[string]string{"code": codes[1]}), 200, "/phone")
	mover = clone(t, r, v)
	expect(t, mover.Post("/phone", number("+14155552690")), 200, "/verify")
	expect(t, v.Post("/logout", nil), 200, "/")
	expect(t, mover.Post("/verify", map[string]string{"code": r.Handset().Code("+14155552690")}), 401, "no_session")
	if phoneOf(t, r) != adaPhone {
		t.Errorf("the phone is %s", phoneOf(t, r))
	}
}

// Whoever proves anew stays signed in no longer than before.
func TestProofDoesNotProlong(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"SESSION_TOTAL": "2h"}})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	r.Clock.Advance(110 * time.Minute)
	expect(t, v.Post("/login/again", nil), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	r.Clock.Advance(9 * time.Minute)
	if a := v.Get("/password"); a.Status != 200 {
		t.Errorf("in time: %d %s", a.Status, a.Body)
	}
	expect(t, v.Post("/login/again", nil), 200, "/verify")
	r.Clock.Advance(2 * time.Minute)
	expect(t, v.Get("/account"), 401, "no_session")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 401, "no_session")
}

// A recovery code is guessed five times in a login, and works for nobody else,
// not twice, and not after new ones were made.
func TestRecoveryCodesOfNoUse(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		other := r.Visitor(v.JSON)
		signUp(t, r, other, bob, bobPhone)
		old, bobs := recoveryCodes(t, v), recoveryCodes(t, other)
		codes := recoveryCodes(t, v)
		r.Clock.Advance(time.Hour)
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		for _, typed := range []string{"", "7k3m", "correct horse battery", strings.Repeat("7", 600)} {
			if a := v.Post("/recovery", map[string]string{"code": typed}); a.Status != 422 {
				t.Errorf("%.20q: %d", typed, a.Status) // and no try is lost
			}
		}
		for i, typed := range []string{old[0], bobs[0], "0000-0000-0000-0000", old[9], bobs[5]} {
			a := v.Post("/recovery", map[string]string{"code": typed})
			if a.Status != 401 || v.JSON && (a.Code() != "wrong_code" || a.Doc["tries_left"] != float64(4-i)) {
				t.Errorf("code %d: %d %s", i, a.Status, a.Body)
			}
		}
		r.Clock.Advance(10 * time.Second)
		a := v.Post("/recovery", map[string]string{"code": codes[0]})
		if a.Next == "/phone" || v.JSON && a.Code() != "used_up" || v.Get("/phone").Status == 200 {
			t.Errorf("the sixth try: %d %q", a.Status, a.Next)
		}
		if a := v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}); a.Next == "/account" {
			t.Error("five codes of one kind, and then another five of the other")
		}
	})
}

// Logins that guess recovery codes are slowed down as all that fail.
func TestGuessingRecoveryIsSlowed(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	for n := range 6 {
		v := r.Visitor(true)
		a := v.Post("/login", credentialsOf(ada))
		if n < 5 && a.Doc["next"] != "/verify" && v.Post("/recovery", map[string]string{"code": "0000-0000-0000-0000"}).Code() != "wrong_code" || n == 5 && a.Code() != "wait" {
			t.Errorf("login %d: %d %s", n, a.Status, a.Body)
		}
	}
}

// Without the password there is no way to where recovery codes are taken.
func TestLostNeedsThePassword(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		codes := recoveryCodes(t, v)
		stranger := r.Visitor(v.JSON)
		stranger.Post("/signup", rig.Form(ada, bobPhone)) // a half session under the same address
		prover := window(t, r, v)
		r.Clock.Advance(10 * time.Minute)
		expect(t, prover.Post("/login/again", nil), moved(v), "/verify")
		for what, w := range map[string]*rig.Visitor{"nobody": r.Visitor(v.JSON), "a sign-up": stranger, "a session": v, "a proof": prover} {
			a := w.Post("/recovery", map[string]string{"code": codes[0]})
			signedIn := what == "a session" || what == "a proof"
			if a.Next == "/phone" || signedIn != (a.Next == "/account") {
				t.Errorf("%s: %d %q", what, a.Status, a.Next)
			}
		}
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil || u.RecoveryLeft() != 10 {
			t.Errorf("%d codes left, %v", u.RecoveryLeft(), err)
		}
	})
}

// For a day after the phone was changed nothing of weight changes, but for who
// has lost the new phone and kept a code (R-11A).
func TestCoolingDown(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		codes := recoveryCodes(t, v)
		expect(t, v.Post("/phone", moveTo(newPhone)), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
		cool := func() {
			t.Helper()
			for path, fields := range map[string]map[string]string{
				"/password": {"current": password, "password": another}, "/phone": moveTo(bobPhone), "/recovery/codes": knowing(password, nil),
			} {
				a := v.Post(path, fields)
				wait, _ := a.Doc["retry_after"].(float64)
				if a.Status != 403 || v.JSON && (a.Code() != "cooling" || wait < 1 || wait > 24*3600) || a.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %d %s", path, a.Status, a.Body)
				}
			}
		}
		cool()
		if a := v.Get("/recovery/codes"); a.Status != 200 {
			t.Errorf("how many codes are left: %d", a.Status)
		}
		r.Clock.Advance(24*time.Hour - 2*time.Minute)
		lost := r.Visitor(v.JSON)
		expect(t, lost.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		r.Clock.Advance(2*time.Minute - time.Second)
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
		cool()
		expect(t, lost.Post("/recovery", map[string]string{"code": codes[0]}), moved(v), "/phone")
		expect(t, lost.Post("/phone", number(bobPhone)), moved(v), "/verify")
		expect(t, lost.Post("/verify", map[string]string{"code": r.Handset().Code(bobPhone)}), moved(v), "/account")
		r.Clock.Advance(time.Second)
		v = lost
		cool() // which began anew
	})
}

// Who has stolen a session guesses neither the password nor the second factor for
// long, and the owner's other sessions are not slowed down by it.
func TestGuessingWithAStolenSession(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		thief := clone(t, r, v)
		for n := range 6 {
			a := thief.Post("/password", map[string]string{"current": fmt.Sprint("wrong horse ", n), "password": another})
			if n < 5 && a.Status != 401 || n == 5 && told429(t, a) == 0 {
				t.Errorf("password %d: %d", n, a.Status)
			}
		}
		if a := thief.Post("/password", map[string]string{"current": password, "password": another}); a.Status != 429 {
			t.Errorf("the right one at once: %d", a.Status)
		}
		r.Clock.Advance(time.Hour)
		owner := r.Visitor(v.JSON)
		expect(t, owner.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, owner.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		presses := 0
		for range 12 {
			a := thief.Post("/login/again", nil)
			if told429(t, a) > 0 && strings.Contains(a.Body, "too many tries") {
				break
			}
			presses++
			for n := range 5 {
				thief.Post("/verify", map[string]string{"code": fmt.Sprintf("91827%d", n)})
			}
		}
		if presses != 5 {
			t.Errorf("%d rows of five codes at once, want five", presses)
		}
		if a := thief.Post("/login/again", nil); !v.JSON && !strings.Contains(a.Body, "too many tries") {
			t.Errorf("the page does not say why: %d %s", a.Status, a.Body)
		}
		r.Clock.Advance(time.Second)
		if a := owner.Post("/login/again", nil); a.Status == 429 && strings.Contains(a.Body, "too many tries") {
			t.Errorf("the owner pays for it: %d", a.Status)
		}
	})
}

// A proof that succeeds begins the count of its tries anew.
func TestProofsThatSucceedAreFree(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"LOGIN_SENDS_PER_DAY": "10"}})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	for range 8 {
		r.Clock.Advance(10 * time.Minute)
		expect(t, v.Post("/login/again", nil), 200, "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	}
}

// A used code is no good to the login that used it once that one is gone: the same form
// begins one with the same id again.
func TestUsedRecoveryCodeAtAnEqualLogin(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		code := map[string]string{"code": recoveryCodes(t, v)[0]}
		r.Clock.Advance(time.Hour)
		v = r.Visitor(true)
		v.Header.Set("Idempotency-Key", strings.Repeat("k", 40))
		expect(t, v.Post("/login", credentialsOf(ada)), 200, "/status")
		expect(t, v.Post("/recovery", code), 200, "/phone")
		r.Clock.Advance(72 * time.Hour)
		for _, it := range r.Query("U#" + key(ada)) {
			sk, _ := it["sk"].(map[string]any)["S"].(string)
			id, ok := strings.CutPrefix(sk, "S#")
			if ok {
				r.Expire(key(ada), id)
			}
		}
		if a := v.Post("/login", credentialsOf(ada)); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if a := v.Post("/recovery", code); a.Status != 401 {
			t.Errorf("a used code: %d %s", a.Status, a.Body)
		}
	})
}
