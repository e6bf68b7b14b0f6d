package flowtest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// dieAt kills the function at its n-th call: that one meets the fault, and no
// later one leaves any more.
func dieAt(n int64, fault rig.Fault) func(rig.Call) rig.Fault {
	var calls atomic.Int64
	return func(rig.Call) rig.Fault {
		switch c := calls.Add(1); {
		case c < n:
			return rig.None
		case c == n:
			return fault
		}
		return rig.Lost
	}
}

// persevere is a patient person: sends the form again, asks for another code,
// types what the phone shows, until there is an account.
func persevere(t *testing.T, r *rig.Rig, v *rig.Visitor, form map[string]string) {
	t.Helper()
	at := v.Get("/verify")
	for range 8 {
		if at.Status != 200 {
			r.Clock.Advance(20 * time.Second)
			a := v.Post("/signup", form)
			if a.Next == "/account" {
				return
			}
			at = v.Get("/verify")
			continue
		}
		code := r.Handset().Code(adaPhone)
		if code != "" {
			a := v.Post("/verify", map[string]string{"code": code})
			if a.Next == "/account" {
				return
			}
		}
		r.Clock.Advance(time.Minute)
		v.Post("/resend", nil)
		at = v.Get("/verify")
	}
	t.Errorf("a patient person found no way in: %d\n%s", at.Status, r.Log)
}

func oneUser(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	t.Helper()
	if a := v.Get("/account"); a.Status != 200 {
		t.Errorf("not signed in at the end: %d", a.Status)
	}
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil || u.Name != "Ada Lovelace" || u.VerifiedAt.IsZero() {
		t.Errorf("user %v, %v", u.Name, err)
	}
}

// otherHalf reports what a short run leaves out: it loses answers with one vendor
// and requests with the other.
func otherHalf(provider string, fault rig.Fault) bool {
	return testing.Short() && (provider == "verify") != (fault == rig.Unheard)
}

// A function that dies anywhere in sign-up leaves no dead end (F-30, I-23).
// (parity 43, 134)
func TestDyingInSignUp(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		for _, fault := range []rig.Fault{rig.Lost, rig.Unheard} {
			if otherHalf(provider, fault) {
				continue
			}
			for n := range int64(10) {
				t.Run(fmt.Sprintf("%s/fault%d/%d", provider, fault, n+1), func(t *testing.T) {
					t.Parallel()
					r := rig.Start(t, rig.Options{Provider: provider})
					v := r.Visitor(false)
					form := rig.Form(ada, adaPhone)
					form["form"] = v.Seed()
					r.Wire.Break(dieAt(n+1, fault))
					v.Post("/signup", form)
					r.Wire.Break(nil)
					persevere(t, r, v, form)
					oneUser(t, r, v)
				})
			}
		}
	}
}

// The same for the code. Once the user is written, the next try with the same
// code ends signed in.
// (parity 55)
func TestDyingInVerify(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		for _, fault := range []rig.Fault{rig.Lost, rig.Unheard} {
			if otherHalf(provider, fault) {
				continue
			}
			for n := range int64(5) {
				t.Run(fmt.Sprintf("%s/fault%d/%d", provider, fault, n+1), func(t *testing.T) {
					t.Parallel()
					r := rig.Start(t, rig.Options{Provider: provider})
					v := r.Visitor(false)
					form := rig.Form(ada, adaPhone)
					form["form"] = v.Seed()
					v.Post("/signup", form)
					code := map[string]string{"code": r.Handset().Code(adaPhone)}
					r.Wire.Break(dieAt(n+1, fault))
					v.Post("/verify", code)
					r.Wire.Break(nil)
					_, err := r.Table.User(t.Context(), key(ada))
					if err == nil {
						expect(t, v.Post("/verify", code), 303, "/account")
					} else {
						persevere(t, r, v, form)
					}
					oneUser(t, r, v)
				})
			}
		}
	}
}

// The user and the session are durable before the confirmation text is asked
// for, and its failing or hanging only changes what the visitor is told
// (parity 52, 65, 66, 67, 136; I-22, I-31).
func TestConfirmationTextComesLast(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]rig.Fault{"sent": rig.None, "refused": rig.Lost, "hanging": rig.Hanging, "unheard": rig.Unheard} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{})
			v := r.Visitor(false)
			v.Post("/signup", rig.Form(ada, adaPhone))
			var texts atomic.Int64
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if !strings.HasSuffix(c.Name, "/Messages.json") {
					return rig.None
				}
				texts.Add(1)
				u, err := r.Table.User(t.Context(), key(ada))
				if err != nil || u.VerifiedAt.IsZero() {
					t.Errorf("texting before the user is durable: %v", err)
				}
				s, err := r.Table.Session(t.Context(), key(ada), u.UID)
				if err != nil || !s.Confirmed() {
					t.Errorf("texting before the session is confirmed: %v", err)
				}
				return fault
			})
			began := time.Now()
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 303, "/account")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("answered after %s", took)
			}
			want := "meant to text you"
			if fault == rig.None {
				want = "We sent you a text"
			}
			if a := v.Get("/account"); !strings.Contains(a.Body, want) {
				t.Errorf("the account page does not say %q", want)
			}
			if texts.Load() != 1 {
				t.Errorf("%d attempts to text, want 1", texts.Load())
			}
		})
	}
}
