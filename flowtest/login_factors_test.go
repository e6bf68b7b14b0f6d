package flowtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// factorsOf are Ada's factors as the table has them.
func factorsOf(t *testing.T, r *rig.Rig) []store.Factor {
	t.Helper()
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil {
		t.Fatal(err)
	}
	return u.Factors
}

// untold lets removals not reach the vendor: the factor goes on living there.
func untold(c rig.Call) rig.Fault {
	if c.Step == "factors" && !c.Table && strings.Contains(c.Name, "/Factors/") {
		return rig.Lost
	}
	return rig.None
}

// A factor that was removed logs nobody in, whether or not the vendor could be
// told: no device is asked, no token passes, and a text goes instead
// (R-116, I-04).
func TestRemovedFactor(t *testing.T) {
	t.Parallel()
	for _, fault := range []func(rig.Call) rig.Fault{nil, untold} {
		name := map[bool]string{true: "told", false: "untold"}[fault == nil]
		t.Run(name, func(t *testing.T) {
			verifyingAs(t, fault == nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
				enrol(t, r, v, adaPhone)
				enrolToken(t, r, v, adaPhone)
				r.Clock.Advance(2 * time.Minute)
				r.Wire.Break(fault)
				for _, f := range factorsOf(t, r) {
					expect(t, v.Post("/factors/remove", map[string]string{"id": f.ID}), moved(v), "/factors")
				}
				r.Wire.Break(nil)
				sent := r.Handset().Stats()
				w := r.Visitor(v.JSON)
				expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
				if after := r.Handset().Stats(); after.SMS != sent.SMS+1 || after.Approvals != sent.Approvals {
					t.Errorf("%+v, before %+v: want one text and no push", after, sent)
				}
				if a := w.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}); a.Status != 401 {
					t.Errorf("the token of a removed factor: %d %s", a.Status, a.Next)
				}
			})
		})
	}
}

// Nor does it finish a login that began before: who removes a device because it
// was stolen is rid of it at once, also when the thief has approved already
// (R-116, I-04).
func TestFactorRemovedWhileLoggingIn(t *testing.T) {
	t.Parallel()
	faults := map[string]func(rig.Call) rig.Fault{"told": nil, "untold": untold}
	for _, with := range []string{"token", "device", "device that approved"} {
		for name, fault := range faults {
			t.Run(with+"/"+name, func(t *testing.T) {
				verifyingAs(t, fault == nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
					enrol(t, r, v, adaPhone)
					enrolToken(t, r, v, adaPhone)
					r.Handset().Weather(`{"callbacks":"drop"}`)
					r.Clock.Advance(2 * time.Minute)
					thief := waiting(t, r, v)
					approved := saying(newest(t, r, adaPhone), "approved")
					if with == "device that approved" {
						approved.deliver(t, r)
					}
					r.Wire.Break(fault)
					for _, f := range factorsOf(t, r) {
						expect(t, v.Post("/factors/remove", map[string]string{"id": f.ID}), moved(v), "/factors")
					}
					r.Wire.Break(nil)
					if with == "token" {
						thief.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)})
					} else {
						approved.deliver(t, r)
						thief.Post("/status", nil)
					}
					if a := thief.Get("/account"); a.Status == 200 {
						t.Error("the removed factor signs a thief in")
					}
				})
			})
		}
	}
}

// What a request leaves out is said, and to strangers only that they are: they
// learn nothing of what it takes.
func TestFactorRequestsAreComplete(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v, stranger := r.Visitor(true), r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	for _, path := range []string{"/factors", "/factors/confirm", "/factors/remove"} {
		expect(t, v.Post(path, map[string]string{}), 422, "invalid")
		expect(t, stranger.Post(path, map[string]string{}), 401, "no_session")
	}
}

// One person's factor is nothing to another: it can be neither confirmed nor
// removed, nor told from one that does not exist.
func TestSomebodyElsesFactor(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		const bobPhone = "+14155552672"
		bob := r.Visitor(v.JSON)
		signUp(t, r, bob, "bob@example.com", bobPhone)
		pending, uri := add(t, v, "totp")
		r.Handset().App(bobPhone, map[string]any{"uri": uri})
		enrol(t, r, v, adaPhone)
		before := r.Dump()
		r.Wire.Reset()
		for _, id := range []string{pending, factorsOf(t, r)[1].ID, strings.Repeat("0", 32), "../" + pending} {
			a := bob.Post("/factors/confirm", map[string]string{"id": id, "code": r.Handset().Token(bobPhone)})
			if a.Status != 404 {
				t.Errorf("confirming %q: %d", id, a.Status)
			}
			expect(t, bob.Post("/factors/remove", map[string]string{"id": id}), moved(v), "/factors")
		}
		if got := r.Wire.Vendors(); len(got) > 0 {
			t.Errorf("vendors asked: %v", got)
		}
		if r.Dump() != before {
			t.Error("the table changed")
		}
		if list := bob.Get("/factors").Body; strings.Contains(list, pending) {
			t.Error("the list shows another person's factor")
		}
	})
}

// Five at most, confirmed or not; one that was not confirmed in ten minutes makes
// room (contract).
func TestMostFactors(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		enrol(t, r, v, adaPhone)
		var last string
		for n := range 4 {
			last, _ = add(t, v, []string{"totp", "push"}[n%2])
		}
		for _, kind := range []string{"totp", "push"} {
			r.Wire.Reset()
			a := v.Post("/factors", map[string]string{"type": kind})
			if a.Status != 422 || len(r.Wire.Vendors()) > 0 {
				t.Errorf("a sixth: %d, vendor calls %v", a.Status, r.Wire.Vendors())
			}
		}
		expect(t, v.Post("/factors/remove", map[string]string{"id": last}), moved(v), "/factors")
		add(t, v, "totp")
		r.Clock.Advance(10 * time.Minute)
		add(t, v, "totp")
		if list := factorsOf(t, r); len(list) != 2 || !list[0].Active {
			t.Errorf("%+v, want the confirmed one and the new one", list)
		}
	})
}

// A change needs a second factor of the last fifteen minutes, whatever the
// session did since; another login makes it fresh (R-077, R-013; parity 120).
func TestFactorsNeedAFreshFactor(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		enrol(t, r, v, adaPhone)
		pending, uri := add(t, v, "totp")
		r.Handset().App(adaPhone, map[string]any{"uri": uri})
		r.Clock.Advance(14 * time.Minute) // and the minute since the sign-up
		if a := v.Post("/factors/remove", map[string]string{"id": "0"}); a.Next != "/factors" {
			t.Errorf("after fifteen minutes: %d %s", a.Status, a.Code())
		}
		r.Clock.Advance(time.Millisecond)
		checkAccount(t, v) // use of the session is no proof
		before := factorsOf(t, r)
		for path, fields := range map[string]map[string]string{
			"/factors":         {"type": "push"},
			"/factors/confirm": {"id": pending, "code": r.Handset().Token(adaPhone)},
			"/factors/remove":  {"id": before[0].ID},
		} {
			r.Wire.Reset()
			a := v.Post(path, fields)
			if v.JSON {
				expect(t, a, 403, "reauth")
			} else {
				expect(t, a, 303, "/login/again?return=%2Ffactors")
			}
			if got := r.Wire.Vendors(); len(got) > 0 {
				t.Errorf("%s: vendors asked: %v", path, got)
			}
		}
		if after := factorsOf(t, r); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%+v, before %+v", after, before)
		}
		if a := v.Get("/factors"); a.Status != 200 {
			t.Errorf("the list: %d", a.Status)
		}
		again := r.Visitor(v.JSON)
		logIn(t, r, again, ada, adaPhone)
		expect(t, again.Post("/factors/remove", map[string]string{"id": pending}), moved(v), "/factors")
	})
}

// Every change of how one logs in is told to the phone, once, in words without a
// code; what changes nothing is not.
func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		texts := len(r.Handset().Messages(adaPhone))
		told := func(what string, want int, does string) {
			t.Helper()
			list := r.Handset().Messages(adaPhone)
			if len(list)-texts != want {
				t.Errorf("%s: %d texts, want %d", what, len(list)-texts, want)
			}
			last := list[len(list)-1].Body
			if want == 1 && (!strings.Contains(last, does) || strings.ContainsAny(last, "0123456789")) {
				t.Errorf("%s: %q", what, last)
			}
			texts = len(list)
		}
		id, text := add(t, v, "push")
		told("a pending device", 0, "")
		r.Handset().App(adaPhone, map[string]any{"enrolment": text})
		for _, want := range []int{1, 0} { // and its repeat
			expect(t, v.Post("/factors/confirm", map[string]string{"id": id}), moved(v), "/factors")
			told("a device", want, "added")
		}
		enrolToken(t, r, v, adaPhone)
		told("an authenticator", 1, "added")
		other, _ := add(t, v, "totp")
		expect(t, v.Post("/factors/remove", map[string]string{"id": other}), moved(v), "/factors")
		told("a pending authenticator, removed", 0, "")
		for _, f := range factorsOf(t, r) {
			for _, want := range []int{1, 0} {
				expect(t, v.Post("/factors/remove", map[string]string{"id": f.ID}), moved(v), "/factors")
				told("a removal", want, "removed")
			}
		}
	})
}

// A factor's secret is shown where it is made and nowhere else: not on the list,
// not in the table, not in the log (R-070, R-131, I-29).
func TestFactorSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		var secrets []string
		id, uri := add(t, v, "totp")
		_, secret, _ := strings.Cut(uri, "secret=")
		secret, _, _ = strings.Cut(secret, "&")
		_, enrolment := add(t, v, "push")
		token := enrolment[strings.Index(enrolment, `"token":"`)+9:]
		secrets = append(secrets, secret, token[:strings.Index(token, `"`)])
		for _, s := range secrets {
			if len(s) < 16 {
				t.Fatalf("that is no secret: %q", s)
			}
		}
		r.Handset().App(adaPhone, map[string]any{"uri": uri})
		look := func(when string) {
			t.Helper()
			for where, text := range map[string]string{
				"the list": v.Get("/factors").Body, "the account": v.Get("/account").Body, "the table": r.Dump(), "the log": r.Log.String(),
				"a refusal": v.Post("/factors/confirm", map[string]string{"id": id, "code": "12"}).Body,
			} {
				for _, s := range secrets {
					if strings.Contains(text, s) {
						t.Errorf("%s %s shows a secret", when, where)
					}
				}
			}
		}
		look("while it is pending")
		expect(t, v.Post("/factors/confirm", map[string]string{"id": id, "code": r.Handset().Token(adaPhone)}), moved(v), "/factors")
		look("once it is confirmed")
	})
}

// With Authy there is nothing to enrol: its app is the factor (contract).
func TestFactorsAreNotOffered(t *testing.T) {
	t.Parallel()
	for kind, speaksJSON := range map[string]bool{"form": false, "json": true} {
		t.Run("authy/"+kind, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: "authy"})
			v := r.Visitor(speaksJSON)
			signUp(t, r, v, ada, adaPhone)
			r.Clock.Advance(time.Hour) // freshness is not asked for what is not offered
			r.Wire.Reset()
			for path, fields := range map[string]map[string]string{
				"/factors": {"type": "totp"}, "/factors/confirm": {"id": "1", "code": "123456"}, "/factors/remove": {"id": "1"},
			} {
				a := v.Post(path, fields)
				if v.JSON {
					expect(t, a, 409, "not_offered")
				} else {
					expect(t, a, 303, "/factors")
				}
			}
			a := v.Get("/factors")
			if a.Status != 200 || v.JSON && !strings.Contains(a.Body, `"factors":[]`) || strings.Contains(a.Body, "Add a device") {
				t.Errorf("the list: %d %s", a.Status, a.Body)
			}
			if got := r.Wire.Vendors(); len(got) > 0 {
				t.Errorf("vendors asked: %v", got)
			}
		})
	}
}

// Of many presses at once those that find no place leave nothing at the vendor, where
// a person may have so many.
func TestFactorsAtOnceLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	windows := make([]*rig.Visitor, 12)
	for i := range windows {
		windows[i] = clone(t, r, v)
	}
	r.Wire.Reset()
	together(len(windows), func(i int) { windows[i].Post("/factors", map[string]string{"type": "totp"}) })
	made, removed := 0, 0
	for _, call := range r.Wire.Vendors() {
		switch {
		case strings.Contains(call, "/Factors/"):
			removed++
		case strings.HasSuffix(call, "/Factors"):
			made++
		}
	}
	if kept := len(factorsOf(t, r)); made-removed != kept || kept > 5 {
		t.Errorf("%d made and %d removed at the vendor, %d kept: %v", made, removed, kept, r.Wire.Vendors())
	}
}
