package flowtest

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// justBefore does something once, right before a step's n-th UpdateItem is sent.
func justBefore(r *rig.Rig, step string, n int64, do func()) {
	var seen atomic.Int64
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Step == step && c.Name == "UpdateItem" && seen.Add(1) == n {
			do()
		}
		return rig.None
	})
}

// Logging out everywhere ends all, also what gave the user another epoch at the
// same moment and meant to live on (R-074, I-13).
func TestEverywhereAgainstRivals(t *testing.T) {
	t.Parallel()
	for name, rival := range map[string]func(t *testing.T, r *rig.Rig, thief *rig.Visitor){
		"another phone": func(t *testing.T, r *rig.Rig, thief *rig.Visitor) {
			expect(t, thief.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 200, "/account")
		},
		"another password": func(t *testing.T, _ *rig.Rig, thief *rig.Visitor) {
			expect(t, thief.Post("/password", map[string]string{"current": password, "password": another}), 200, "/account")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{})
			v := r.Visitor(true)
			signUp(t, r, v, ada, adaPhone)
			thief := clone(t, r, v)
			if name == "another phone" {
				thief = r.Visitor(true)
				r.Clock.Advance(time.Minute)
				expect(t, thief.Post("/login", credentialsOf(ada)), 200, "/verify")
				expect(t, thief.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
				expect(t, thief.Post("/phone", moveTo(newPhone)), 200, "/verify")
			}
			justBefore(r, "logout", 1, func() { rival(t, r, thief) })
			expect(t, everywhere(v), 200, "/")
			r.Wire.Break(nil)
			expect(t, thief.Get("/account"), 401, "no_session")
		})
	}
}

// Who goes back to the page for recovery codes, or sends the code again, loses
// nothing of the move that the code has opened.
func TestRecoveryBesideItsMove(t *testing.T) {
	t.Parallel()
	for _, speaksJSON := range []bool{false, true} {
		r := rig.Start(t, rig.Options{})
		v := r.Visitor(speaksJSON)
		signUp(t, r, v, ada, adaPhone)
		code := map[string]string{"code": recoveryCodes(t, v)[0]}
		r.Clock.Advance(time.Hour)
		v = r.Visitor(speaksJSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, v.Post("/recovery", code), moved(v), "/phone")
		expect(t, v.Post("/phone", number(newPhone)), moved(v), "/verify")
		expect(t, v.Get("/recovery"), moved(v), "/phone")
		expect(t, v.Post("/recovery", code), moved(v), "/phone")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
	}
}

// Others know a session's id, and not its secret: they cannot use up its proofs.
func TestForgedProofs(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	r.Clock.Advance(10 * time.Minute)
	part := strings.Split(v.Cookie(), ".")
	for range 8 {
		forger := r.Visitor(true)
		forger.SetCookie(part[0] + "." + part[1] + "." + strings.Repeat("x", 43))
		expect(t, forger.Post("/login/again", nil), 401, "no_session")
	}
	expect(t, v.Post("/login/again", nil), 200, "/verify")
}

// Whoever finds the lost phone approves nothing with it any more once the account
// has another: not an action that was asked before either, whoever hears of it
// first. The device is removed at the vendor, too.
func TestActionOfALostPhone(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		for _, callbacks := range []string{"deliver", "drop"} {
			t.Run(provider+"/"+callbacks, func(t *testing.T) {
				t.Parallel()
				r := rig.Start(t, rig.Options{Provider: provider})
				v := r.Visitor(true)
				member(t, r, v, ada, adaPhone)
				codes := recoveryCodes(t, v)
				r.Clock.Advance(time.Minute)
				doc := transfer(t, r)
				doc["expires_in"] = 3600
				id, _ := r.Owner().Ask(actionKey, doc).Doc["id"].(string)
				asked := r.Handset().Approvals(adaPhone)[0]
				v = r.Visitor(true)
				v.Post("/login", credentialsOf(ada))
				expect(t, v.Post("/recovery", map[string]string{"code": codes[0]}), 200, "/phone")
				expect(t, v.Post("/phone", number(newPhone)), 200, "/verify")
				r.Wire.Reset()
				expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 200, "/account")
				removed := slices.ContainsFunc(r.Wire.Vendors(), func(c string) bool { return strings.Contains(c, "/Factors/") })
				if provider == "verify" && !removed {
					t.Errorf("the device stays at the vendor: %v", r.Wire.Vendors())
				}
				r.Handset().Weather(`{"callbacks":"` + callbacks + `"}`)
				if slices.ContainsFunc(r.Handset().Approvals(adaPhone), func(a rig.Approval) bool { return a.ID == asked.ID && a.Status == "pending" }) {
					r.Handset().DecideOn(adaPhone, asked.ID, "approved")
				}
				for range 3 {
					r.Clock.Advance(4 * time.Second)
					if a := r.Owner().Look(id); a.Doc["status"] == "approved" {
						t.Errorf("approved by a phone that is lost: %s", a.Body)
					}
				}
				if events := r.Bus.Events(); len(events) > 0 {
					t.Errorf("the owner is told %v", events)
				}
			})
		}
	}
}

// A login that waits when its owner logs out everywhere takes no recovery code any
// more, and uses none up.
func TestRecoveryOfALoginThatIsOver(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	owner := r.Visitor(true)
	signUp(t, r, owner, ada, adaPhone)
	codes := recoveryCodes(t, owner)
	r.Clock.Advance(time.Hour)
	waiting := r.Visitor(true)
	expect(t, waiting.Post("/login", credentialsOf(ada)), 200, "/verify")
	expect(t, everywhere(owner), 200, "/")
	expect(t, waiting.Post("/recovery", map[string]string{"code": codes[0]}), 401, "no_session")
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil || u.RecoveryLeft() != 10 {
		t.Errorf("%d codes left, %v", u.RecoveryLeft(), err)
	}
}

// A proof that was asked for on the phone, and whose keeping failed, is gone on
// with when its button is pressed again: the visitor is not warned of their own
// request as of a stranger's, and none is sent beside it.
func TestFailedProofIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(false)
			member(t, r, v, ada, adaPhone)
			r.Clock.Advance(10 * time.Minute)
			var asked atomic.Bool
			r.Wire.Break(func(c rig.Call) rig.Fault {
				switch {
				case c.Step == "login" && !c.Table:
					asked.Store(true)
				case c.Step == "login" && asked.Load():
					return rig.Lost
				}
				return rig.None
			})
			a := v.Post("/login/again", seeded(nil))
			if n := len(r.Handset().Approvals(adaPhone)); a.Status != 503 || n != 1 {
				t.Fatalf("%d, and %d pushes", a.Status, n)
			}
			_, rest, _ := strings.Cut(a.Body, `name="form" value="`)
			form, _, _ := strings.Cut(rest, `"`)
			r.Wire.Break(nil)
			expect(t, v.Post("/login/again", map[string]string{"form": form}), 303, "/verify")
			if n := len(r.Handset().Approvals(adaPhone)); n != 1 {
				t.Errorf("%d pushes", n)
			}
			if page := v.Get("/verify").Body; strings.Contains(page, "not for this login") || !strings.Contains(page, `name="code"`) {
				t.Errorf("the page warns of the visitor's own request:\n%s", page)
			}
		})
	}
}
