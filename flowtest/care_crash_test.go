package flowtest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/recovery"
)

// another is a password to change to.
const another = "another horse battery"

// cookies are all that a browser holds, by name.
func cookies(t *testing.T, r *rig.Rig, v *rig.Visitor) []*http.Cookie {
	t.Helper()
	u, err := url.Parse(r.App)
	if err != nil {
		t.Fatal(err)
	}
	return v.Client.Jar.Cookies(u)
}

// window is a copy of a browser with all that it holds at this moment.
func window(t *testing.T, r *rig.Rig, v *rig.Visitor) *rig.Visitor {
	t.Helper()
	u, err := url.Parse(r.App)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Visitor(v.JSON)
	c.Header = v.Header.Clone()
	c.Client.Jar.SetCookies(u, cookies(t, r, v))
	return c
}

// step is the cookie of what a visitor proves beside the session, "" for none.
func step(t *testing.T, r *rig.Rig, v *rig.Visitor) string {
	t.Helper()
	for _, c := range cookies(t, r, v) {
		if strings.HasSuffix(c.Name, "latchkey-step") {
			return c.Value
		}
	}
	return ""
}

// warned counts the texts of a phone that say this.
func warned(r *rig.Rig, phone, words string) int {
	n := 0
	for _, m := range r.Handset().Messages(phone) {
		if strings.Contains(m.Body, words) {
			n++
		}
	}
	return n
}

// What the old phone reads of each change.
const (
	readsMoved    = "changed to another"
	readsUsed     = "recovery code was used"
	readsMade     = "New recovery codes"
	readsPassword = "password of your account was changed"
)

// seeded gives a form a seed of its own, so that it can be sent again.
func seeded(fields map[string]string) map[string]string {
	f := map[string]string{"form": strings.Repeat("s", 43)}
	maps.Copy(f, fields)
	return f
}

// phoneOf is the account's phone, as it is kept.
func phoneOf(t *testing.T, r *rig.Rig) string {
	t.Helper()
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil {
		t.Error(err)
	}
	return string(u.Phone)
}

// Dying while a proof is asked for: the same press again leads on, and asks the
// phone once (F-30, I-25; parity 122).
func TestDyingInProof(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 9}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(20 * time.Minute)
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		form := seeded(map[string]string{"return": "/password"})
		texts := r.Handset().Stats().SMS
		r.Wire.Break(dieAt(n, fault))
		died := v.Post("/login/again", form)
		r.Wire.Break(nil)
		if died.Status == 500 || died.Status == 0 {
			t.Errorf("%s: %d", what, died.Status)
		}
		if v.Get("/account").Status != 200 {
			t.Errorf("%s: the session ended, though nothing is proved", what)
		}
		a := v.Post("/login/again", form)
		asked, sent := len(r.Handset().Approvals(adaPhone)), r.Handset().Stats().SMS-texts
		if asked > 1 || sent > 0 {
			t.Errorf("%s: %d pushes and %d texts for one press", what, asked, sent)
		}
		if a.Next == "/status" {
			a = pushAtLast(v, r)
		}
		if a.Next == "/verify" {
			a = patiently(v, r, adaPhone)
		}
		if a.Next != "/password" || v.Get("/password").Status != 200 {
			t.Errorf("%s: not proved at the end: %d %q", what, a.Status, a.Next)
		}
	})
}

// patiently asks for a code and enters it, until that leads somewhere.
func patiently(v *rig.Visitor, r *rig.Rig, phone string) rig.Answer {
	var a rig.Answer
	for range 3 {
		r.Clock.Advance(2 * time.Minute)
		v.Post("/resend", nil)
		a = v.Post("/verify", map[string]string{"code": r.Handset().Code(phone)})
		if a.Status == 303 && a.Next != "/verify" {
			break
		}
	}
	return a
}

// Dying while a proof takes the session's place: the same request again signs in,
// or another code does; the session from before is dead at the end (I-23, R-078).
func TestDyingInProofConfirmed(t *testing.T) {
	t.Parallel()
	t.Run("push", func(t *testing.T) {
		deaths(t, map[string]int{"verify": 6}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			member(t, r, v, ada, adaPhone)
			r.Clock.Advance(20 * time.Minute)
			expect(t, v.Post("/login/again", seeded(nil)), 303, "/status")
			r.Handset().Decide(adaPhone, "approved")
			awaitStatus(t, r, v, "approved")
		}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
			before := clone(t, r, v)
			r.Wire.Break(dieAt(n, fault))
			v.Post("/status", nil)
			r.Wire.Break(nil)
			r.Clock.Advance(3 * time.Second)
			a := v.Post("/status", nil)
			if a.Next != "/account" || v.Get("/password").Status != 200 {
				t.Errorf("%s: not proved: %d %q", what, a.Status, a.Next)
			}
			if before.Get("/account").Status == 200 || step(t, r, v) != "" {
				t.Errorf("%s: what was before lives on", what)
			}
		})
	})
	t.Run("code", func(t *testing.T) {
		deaths(t, map[string]int{"verify": 6}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			signUp(t, r, v, ada, adaPhone)
			r.Clock.Advance(time.Hour)
			expect(t, v.Post("/login/again", seeded(nil)), 303, "/verify")
		}, dyingWith(func(r *rig.Rig) string { return r.Handset().Code(adaPhone) }))
	})
}

// Dying while a password is changed: the same form again ends well, in the very
// browser that sent it, and the phone is told at most once.
func TestDyingInPassword(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 5}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		form := map[string]string{"current": password, "password": another}
		r.Wire.Break(dieAt(n, fault))
		v.Post("/password", form)
		r.Wire.Break(nil)
		a := v.Post("/password", form)
		if a.Next != "/account" || v.Get("/account").Status != 200 || v.Get("/password").Status != 200 {
			t.Errorf("%s: %d %q", what, a.Status, a.Next)
		}
		if n := warned(r, adaPhone, readsPassword); n > 1 {
			t.Errorf("%s: told %d times", what, n)
		}
		r.Clock.Advance(time.Minute)
		fresh := r.Visitor(false)
		if a := fresh.Post("/login", credentialsOf(ada)); a.Status != 401 {
			t.Errorf("%s: the old password: %d", what, a.Status)
		}
		if a := fresh.Post("/login", map[string]string{"email": ada, "password": another}); a.Next != "/verify" {
			t.Errorf("%s: the new password: %d", what, a.Status)
		}
	})
}

// Dying while a recovery code is used: the same code again leads on, no other is
// lost, and nobody is signed in.
func TestDyingInRecovery(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 5}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		v.Header.Set("X-Code", recoveryCodes(t, v)[0])
		r.Clock.Advance(time.Hour)
		expect(t, v.Post("/login", credentialsOf(ada)), 303, "/verify")
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		code := map[string]string{"code": v.Header.Get("X-Code")}
		r.Wire.Break(dieAt(n, fault))
		v.Post("/recovery", code)
		r.Wire.Break(nil)
		a := v.Post("/recovery", code)
		if a.Next != "/phone" || v.Get("/phone").Status != 200 || v.Get("/account").Status == 200 {
			t.Errorf("%s: %d %q", what, a.Status, a.Next)
		}
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil || u.RecoveryLeft() != 9 || warned(r, adaPhone, readsUsed) > 1 {
			t.Errorf("%s: %d codes left, told %d times, %v", what, u.RecoveryLeft(), warned(r, adaPhone, readsUsed), err)
		}
	})
}

// Dying while codes are made: the same press again shows ten, and those are good.
func TestDyingInCodes(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 5}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		r.Wire.Break(dieAt(n, fault))
		v.Post("/recovery/codes", knowing(password, nil))
		r.Wire.Break(nil)
		goodCodes(t, what, r, recoveryCodes(t, v))
	})
}

// goodCodes checks that these are the account's codes, all of them.
func goodCodes(t *testing.T, what string, r *rig.Rig, codes []string) {
	t.Helper()
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil || len(u.Recovery) != len(codes) || u.RecoveryLeft() != len(codes) {
		t.Errorf("%s: %d of %d codes are left, %v", what, u.RecoveryLeft(), len(u.Recovery), err)
		return
	}
	for i, c := range codes {
		if !slices.Equal(u.Recovery[i].Hash, recovery.Digest(u.UID, c)) {
			t.Errorf("%s: code %d is not the one that was shown", what, i+1)
		}
	}
}

// Dying while another phone is asked for: the same form again leads to the code
// page, and one text went out at most; the account's phone is as it was.
func TestDyingInPhone(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 12}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		form := seeded(moveTo(newPhone))
		r.Wire.Break(dieAt(n, fault))
		v.Post("/phone", form)
		r.Wire.Break(nil)
		a := v.Post("/phone", form)
		if a.Next != "/verify" && a.Status == 429 { // the dead one took the phone's next send
			r.Clock.Advance(time.Minute)
			a = v.Post("/phone", form)
		}
		if sent := len(r.Handset().Messages(newPhone)); a.Next != "/verify" || sent > 1 {
			t.Errorf("%s: the same form is answered %d %q, %d texts", what, a.Status, a.Next, sent)
		}
		if phoneOf(t, r) != adaPhone || v.Get("/account").Status != 200 {
			t.Errorf("%s: the account changed before anything was proved", what)
		}
		a = v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)})
		if a.Next != "/account" {
			a = patiently(v, r, newPhone)
		}
		if a.Next != "/account" || v.Get("/account").Status != 200 || phoneOf(t, r) != newPhone {
			t.Errorf("%s: not moved at the end: %d %q", what, a.Status, a.Next)
		}
	})
}

// Dying while the new phone is proved: the same code again, or another, ends with
// the new phone and one session, and the old phone hears of it (I-23).
func TestDyingInMove(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 7, "authy": 7}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		expect(t, v.Post("/phone", moveTo(newPhone)), 303, "/verify")
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		before := clone(t, r, v)
		code := map[string]string{"code": r.Handset().Code(newPhone)}
		r.Wire.Break(dieAt(n, fault))
		v.Post("/verify", code)
		r.Wire.Break(nil)
		if n <= 3 && phoneOf(t, r) != adaPhone {
			t.Errorf("%s: a phone that nobody proved", what)
		}
		r.Clock.Advance(10 * time.Second)
		a := v.Post("/verify", code)
		if a.Next != "/account" {
			a = patiently(v, r, newPhone)
		}
		if a.Next != "/account" || v.Get("/account").Status != 200 || phoneOf(t, r) != newPhone || before.Get("/account").Status == 200 {
			t.Errorf("%s: not moved at the end: %d %q", what, a.Status, a.Next)
		}
		told := warned(r, adaPhone, readsMoved)
		if told > 1 || told == 0 && n < 6 || warned(r, newPhone, readsMoved) > 0 {
			t.Errorf("%s: the old phone is told %d times, the new one %d", what, told, warned(r, newPhone, readsMoved))
		}
	})
}

// A lost answer of the table is nothing to the visitor, and the phone is told of
// each change once, no more and no less (F-09).
func TestLostAnswersInCare(t *testing.T) {
	t.Parallel()
	signedUp := func(t *testing.T, r *rig.Rig, v *rig.Visitor) { signUp(t, r, v, ada, adaPhone) }
	once := func(what string, r *rig.Rig, a rig.Answer, next, words string) {
		if a.Next != next || warned(r, adaPhone, words) != 1 {
			t.Errorf("%s: %d %q, told %d times", what, a.Status, a.Next, warned(r, adaPhone, words))
		}
	}
	t.Run("password", func(t *testing.T) {
		stumbles(t, "password", 4, signedUp, func(what string, r *rig.Rig, v *rig.Visitor) {
			once(what, r, v.Post("/password", map[string]string{"current": password, "password": another}), "/account", readsPassword)
			if v.Get("/account").Status != 200 {
				t.Errorf("%s: signed out", what)
			}
		})
	})
	t.Run("codes", func(t *testing.T) {
		stumbles(t, "recovery", 4, signedUp, func(what string, r *rig.Rig, v *rig.Visitor) {
			goodCodes(t, what, r, recoveryCodes(t, v))
			once(what, r, rig.Answer{}, "", readsMade)
		})
	})
	t.Run("recovery", func(t *testing.T) {
		stumbles(t, "recovery", 4, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			signUp(t, r, v, ada, adaPhone)
			v.Header.Set("X-Code", recoveryCodes(t, v)[0])
			r.Clock.Advance(time.Hour)
			expect(t, v.Post("/login", credentialsOf(ada)), 303, "/verify")
		}, func(what string, r *rig.Rig, v *rig.Visitor) {
			once(what, r, v.Post("/recovery", map[string]string{"code": v.Header.Get("X-Code")}), "/phone", readsUsed)
		})
	})
	t.Run("move", func(t *testing.T) {
		stumbles(t, "verify", 5, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			signUp(t, r, v, ada, adaPhone)
			expect(t, v.Post("/phone", moveTo(newPhone)), 303, "/verify")
		}, func(what string, r *rig.Rig, v *rig.Visitor) {
			a := v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)})
			if a.Next != "/account" || phoneOf(t, r) != newPhone || warned(r, adaPhone, readsMoved) > 1 {
				t.Errorf("%s: %d %q, told %d times", what, a.Status, a.Next, warned(r, adaPhone, readsMoved))
			}
		})
	})
}
