package flowtest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// deaths runs a test for both vendors and both ways to lose a call, with a
// product for each of the calls at which its function dies. The products are
// made one after the other and then die side by side, since they mostly wait.
func deaths(t *testing.T, calls map[string]int, ready func(*testing.T, *rig.Rig, *rig.Visitor), die func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault)) {
	for _, provider := range []string{"verify", "authy"} {
		for name, fault := range map[string]rig.Fault{"lost": rig.Lost, "unheard": rig.Unheard} {
			if len(calls) == 2 && otherHalf(provider, fault) {
				continue
			}
			t.Run(provider+"/"+name, func(t *testing.T) {
				t.Parallel()
				var rigs []*rig.Rig
				var visitors []*rig.Visitor
				for range calls[provider] {
					r := rig.Start(t, rig.Options{Provider: provider})
					v := r.Visitor(false)
					ready(t, r, v)
					rigs, visitors = append(rigs, r), append(visitors, v)
				}
				together(len(rigs), func(i int) {
					die(t, fmt.Sprintf("call %d", i+1), rigs[i], visitors[i], int64(i+1), fault)
				})
			})
		}
	}
}

// formOf is a login's, with a seed of its own.
func formOf(email string) map[string]string {
	f := credentialsOf(email)
	f["form"] = strings.Repeat("s", 43)
	return f
}

// codeAtLast is a patient person on the code page: asks for a code and enters it.
func codeAtLast(v *rig.Visitor, r *rig.Rig) rig.Answer {
	var a rig.Answer
	for range 3 {
		r.Clock.Advance(2 * time.Minute)
		v.Post("/resend", nil)
		a = v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
		if a.Next == "/account" {
			break
		}
	}
	return a
}

// pushAtLast approves on the phone and waits until the page would.
func pushAtLast(v *rig.Visitor, r *rig.Rig) rig.Answer {
	r.Handset().Decide(adaPhone, "approved")
	var a rig.Answer
	for range 100 {
		a = v.Post("/status", nil)
		if a.Next != "/status" {
			break
		}
		r.Clock.Advance(time.Second)
		time.Sleep(5 * time.Millisecond) // the callback is on its way
	}
	return a
}

// A function that dies anywhere in a login leaves neither a dead end nor a
// second push: the same form, sent again, leads to the waiting page or to one
// that can ask for a code (F-30, I-23, I-25; parity 75, 76).
func TestDyingInLogin(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 10, "authy": 10}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		v.Post("/logout", nil)
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		r.Wire.Break(dieAt(n, fault))
		died := v.Post("/login", formOf(ada))
		r.Wire.Break(nil)
		if died.Status == 500 || died.Status == 0 {
			t.Errorf("%s: %d", what, died.Status)
		}
		a := v.Post("/login", formOf(ada))
		asked := len(r.Handset().Approvals(adaPhone))
		if asked > 1 {
			t.Errorf("%s: %d pushes for one form", what, asked)
		}
		sent := r.Handset().Stats().SMS
		switch a.Next {
		case "/status":
			a = pushAtLast(v, r)
			if a.Next == "/verify" { // whose push it was is lost
				a = codeAtLast(v, r)
			}
		case "/verify":
			if page := v.Get("/verify"); page.Status != 200 || !strings.Contains(page.Body, `action="/resend"`) {
				t.Errorf("%s: the code page is %d and cannot ask for a code", what, page.Status)
			}
			a = codeAtLast(v, r)
		default:
			t.Errorf("%s: the same form is answered %d %q", what, a.Status, a.Next)
			return
		}
		if a.Next != "/account" || v.Get("/account").Status != 200 {
			t.Errorf("%s: not logged in at the end: %d %q, %d pushes and %d texts", what, a.Status, a.Next, asked, sent)
		}
	})
}

// The same for who has neither app nor device, and is texted: once.
func TestDyingInLoginByText(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 12, "authy": 14}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		v.Post("/logout", nil)
		r.Clock.Advance(time.Hour)
	}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		before := r.Handset().Stats().SMS
		r.Wire.Break(dieAt(n, fault))
		v.Post("/login", formOf(ada))
		r.Wire.Break(nil)
		a := v.Post("/login", formOf(ada))
		if a.Status != 303 || a.Next != "/verify" {
			t.Errorf("%s: the same form is answered %d %q", what, a.Status, a.Next)
			return
		}
		texts := r.Handset().Stats().SMS - before
		if texts > 1 || len(r.Handset().Approvals(adaPhone)) > 0 {
			t.Errorf("%s: %d texts for one form, and %d pushes", what, texts, len(r.Handset().Approvals(adaPhone)))
		}
		a = v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
		if a.Next != "/account" {
			a = codeAtLast(v, r)
		}
		if a.Next != "/account" || v.Get("/account").Status != 200 {
			t.Errorf("%s: not logged in at the end: %d %q", what, a.Status, a.Next)
		}
	})
}

// Dying while an approved login is confirmed: the same request, sent again with
// the cookie of before, signs in, whether or not a callback ever comes (F-21,
// F-30, I-23, R-078).
func TestDyingInStatus(t *testing.T) {
	t.Parallel()
	for _, callbacks := range []string{"deliver", "drop"} {
		calls := map[string]int{"deliver": 4, "drop": 7}[callbacks]
		t.Run(callbacks, func(t *testing.T) {
			t.Parallel()
			deaths(t, map[string]int{"verify": calls, "authy": calls}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
				member(t, r, v, ada, adaPhone)
				v.Post("/logout", nil)
				r.Handset().Weather(`{"callbacks":"` + callbacks + `"}`)
				expect(t, v.Post("/login", formOf(ada)), 303, "/status")
				r.Handset().Decide(adaPhone, "approved")
				if callbacks == "deliver" {
					awaitStatus(t, r, v, "approved")
				}
				r.Clock.Advance(3 * time.Second)
			}, func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
				r.Wire.Break(dieAt(n, fault))
				v.Post("/status", nil)
				r.Wire.Break(nil)
				r.Clock.Advance(3 * time.Second)
				a := v.Post("/status", nil)
				if a.Next != "/account" || v.Get("/account").Status != 200 {
					t.Errorf("%s: not logged in: %d %q", what, a.Status, a.Next)
				}
				if got := len(r.Handset().Approvals(adaPhone)); got != 1 {
					t.Errorf("%s: %d pushes", what, got)
				}
			})
		})
	}
}

// Dying while a code is checked: the same code, sent again, signs in, or the
// page says that another is needed and sends it (F-30, I-23; parity 112).
func TestDyingInLoginCode(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 5, "authy": 5}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		v.Post("/logout", nil)
		r.Clock.Advance(time.Hour)
		expect(t, v.Post("/login", formOf(ada)), 303, "/verify")
	}, dyingWith(func(r *rig.Rig) string { return r.Handset().Code(adaPhone) }))
}

// The same with the code of an app. Its vendor may have used it up: then the
// next one that the app shows is good (R-048; parity 113).
func TestDyingInLoginToken(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 6, "authy": 5}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		if !strings.Contains(t.Name(), "authy") {
			enrolToken(t, r, v, adaPhone)
		}
		v.Post("/logout", nil)
		r.Clock.Advance(2 * time.Minute)
		expect(t, v.Post("/login", formOf(ada)), 303, "/status")
	}, dyingWith(func(r *rig.Rig) string { return r.Handset().Token(adaPhone) }))
}

// dyingWith enters a code, dies, and enters it again.
func dyingWith(shown func(*rig.Rig) string) func(*testing.T, string, *rig.Rig, *rig.Visitor, int64, rig.Fault) {
	return func(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, n int64, fault rig.Fault) {
		code := map[string]string{"code": shown(r)}
		r.Wire.Break(dieAt(n, fault))
		v.Post("/verify", code)
		r.Wire.Break(nil)
		r.Clock.Advance(10 * time.Second)
		a := v.Post("/verify", code)
		switch {
		case a.Next == "/account":
		case a.Status == 410 && strings.Contains(a.Body, `action="/resend"`):
			a = codeAtLast(v, r)
		case a.Status == 401 && a.Next == "":
			r.Clock.Advance(time.Minute)
			a = v.Post("/verify", map[string]string{"code": shown(r)})
		default:
			t.Errorf("%s: the same code is answered %d %q", what, a.Status, a.Next)
		}
		if a.Next != "/account" || v.Get("/account").Status != 200 {
			t.Errorf("%s: not logged in at the end: %d %q", what, a.Status, a.Next)
		}
	}
}

// stumbles runs a request for each of the table calls that a step makes for it,
// with the answer to that one call lost: the SDK tries again, meets its own
// write, and the visitor notices nothing.
func stumbles(t *testing.T, step string, calls int, ready func(*testing.T, *rig.Rig, *rig.Visitor), request func(what string, r *rig.Rig, v *rig.Visitor)) {
	var rigs []*rig.Rig
	var visitors []*rig.Visitor
	for range calls {
		r := rig.Start(t, rig.Options{})
		v := r.Visitor(false)
		ready(t, r, v)
		rigs, visitors = append(rigs, r), append(visitors, v)
	}
	together(calls, func(i int) {
		var n atomic.Int64
		rigs[i].Wire.Break(func(c rig.Call) rig.Fault {
			if c.Table && c.Step == step && n.Add(1) == int64(i+1) {
				return rig.Unheard
			}
			return rig.None
		})
		request(fmt.Sprintf("%s, lost answer %d", t.Name(), i+1), rigs[i], visitors[i])
		if n.Load() < int64(i+1) {
			t.Errorf("%s makes only %d calls", t.Name(), n.Load())
		}
	})
}

// A lost answer of the table is nothing to the visitor, and nothing is asked or
// told twice, or not at all (design section 2; F-09).
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	t.Run("login", func(t *testing.T) {
		stumbles(t, "login", 8, func(t *testing.T, r *rig.Rig, v *rig.Visitor) { member(t, r, v, ada, adaPhone) }, func(what string, r *rig.Rig, v *rig.Visitor) {
			a := r.Visitor(false).Post("/login", formOf(ada))
			if a.Next != "/status" || len(r.Handset().Approvals(adaPhone)) != 1 {
				t.Errorf("%s: %d %q, %d pushes", what, a.Status, a.Next, len(r.Handset().Approvals(adaPhone)))
			}
		})
	})
	t.Run("status", func(t *testing.T) {
		stumbles(t, "status", 3, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			member(t, r, v, ada, adaPhone)
			expect(t, v.Post("/login", formOf(ada)), 303, "/status")
			r.Handset().Decide(adaPhone, "approved")
			awaitStatus(t, r, v, "approved")
		}, func(what string, r *rig.Rig, v *rig.Visitor) {
			a := v.Post("/status", nil)
			if a.Next != "/account" || v.Get("/account").Status != 200 {
				t.Errorf("%s: %d %q", what, a.Status, a.Next)
			}
		})
	})
	t.Run("everywhere", func(t *testing.T) {
		stumbles(t, "logout", 2, func(t *testing.T, r *rig.Rig, v *rig.Visitor) { signUp(t, r, v, ada, adaPhone) }, func(what string, r *rig.Rig, v *rig.Visitor) {
			a := v.Post("/logout", map[string]string{"everywhere": "true"})
			if a.Next != "/" || v.Cookie() != "" {
				t.Errorf("%s: %d %q", what, a.Status, a.Next)
			}
		})
	})
}

// The same for factors, of whose changes the user is told by text, once.
func TestLostAnswersOfFactors(t *testing.T) {
	t.Parallel()
	t.Run("add", func(t *testing.T) {
		stumbles(t, "factors", 2, func(t *testing.T, r *rig.Rig, v *rig.Visitor) { signUp(t, r, v, ada, adaPhone) }, func(what string, r *rig.Rig, v *rig.Visitor) {
			a := v.Post("/factors", map[string]string{"type": "totp"})
			if a.Status != 200 || !strings.Contains(a.Body, "<code>") {
				t.Errorf("%s: %d", what, a.Status)
			}
		})
	})
	t.Run("confirm", func(t *testing.T) {
		stumbles(t, "factors", 2, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			signUp(t, r, v, ada, adaPhone)
			_, text := add(t, v, "push")
			r.Handset().App(adaPhone, map[string]any{"enrolment": text})
		}, func(what string, r *rig.Rig, v *rig.Visitor) {
			u, err := r.Table.User(t.Context(), key(ada))
			if err != nil {
				t.Errorf("%s: %v", what, err)
				return
			}
			changed(t, what, r, v, "/factors/confirm", u.Factors[0].ID)
		})
	})
	t.Run("remove", func(t *testing.T) {
		stumbles(t, "factors", 2, func(t *testing.T, r *rig.Rig, v *rig.Visitor) { member(t, r, v, ada, adaPhone) }, func(what string, r *rig.Rig, v *rig.Visitor) {
			u, err := r.Table.User(t.Context(), key(ada))
			if err != nil {
				t.Errorf("%s: %v", what, err)
				return
			}
			changed(t, what, r, v, "/factors/remove", u.Factors[0].ID)
		})
	})
}

// changed makes one change of a factor, again if the answer is that it should
// be, and wants it told by text once.
func changed(t *testing.T, what string, r *rig.Rig, v *rig.Visitor, path, id string) {
	before := len(r.Handset().Messages(adaPhone))
	a := v.Post(path, map[string]string{"id": id})
	if a.Next != "/factors" {
		t.Errorf("%s: %d %q", what, a.Status, a.Next)
		a = v.Post(path, map[string]string{"id": id})
	}
	if texts := len(r.Handset().Messages(adaPhone)) - before; a.Next != "/factors" || texts != 1 {
		t.Errorf("%s: %d %q in the end, %d texts about it", what, a.Status, a.Next, texts)
	}
}
