package flowtest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// Who uses up the checks of a texted code does not keep the owner out who has an
// authenticator: one form takes both, and each is judged by itself (parity 113;
// I-30, T-11).
func TestLimitedTextLeavesTheToken(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		enrolToken(t, r, v, adaPhone)
		r.Clock.Advance(2 * time.Minute)
		stranger := r.Visitor(v.JSON)
		expect(t, stranger.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, stranger.Post("/resend", nil), moved(v), "/verify")
		code := r.Handset().Code(adaPhone)
		for range 5 {
			if a := stranger.Post("/verify", map[string]string{"code": wrong(code)}); a.Status != 401 && a.Status != 429 {
				t.Fatalf("a wrong code: %d", a.Status)
			}
		}
		r.Clock.Advance(time.Minute)
		owner := r.Visitor(v.JSON)
		expect(t, owner.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, owner.Post("/resend", nil), moved(v), "/verify")
		if a := owner.Post("/verify", map[string]string{"code": code}); a.Status != 429 {
			t.Fatalf("the text's checks are not used up: %d %s", a.Status, a.Code())
		}
		expect(t, owner.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}), moved(v), "/account")
		checkAccount(t, owner)
	})
}

// removals are the vendor's ids of the factors that it was told to remove.
func removals(r *rig.Rig) []string {
	var list []string
	for _, c := range r.Wire.Calls() {
		_, sid, factor := strings.Cut(c.Name, "/Factors/")
		if c.Step == "factors" && factor && c.Status == 204 {
			list = append(list, sid)
		}
	}
	return list
}

// A second device takes the first one's place, and so does a second app, here and
// at the vendor; before it is confirmed the first one stays in use.
func TestSecondFactorReplacesTheFirst(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		const old = "+14155552699" // a phone's app is one at a time, so the first is on another
		phones := []string{old, adaPhone}
		for i, phone := range phones {
			before := factorsOf(t, r)
			id, text := add(t, v, "push")
			app, uri := add(t, v, "totp")
			r.Handset().App(phone, map[string]any{"enrolment": text, "uri": uri})
			for _, f := range before {
				if !slices.Contains(factorsOf(t, r), f) {
					t.Fatalf("%s %s is gone before another is confirmed", f.Type, f.ID)
				}
			}
			r.Wire.Reset()
			expect(t, v.Post("/factors/confirm", map[string]string{"id": id}), moved(v), "/factors")
			expect(t, v.Post("/factors/confirm", map[string]string{"id": app, "code": r.Handset().Token(phone)}), moved(v), "/factors")
			now := factorsOf(t, r)
			if len(now) != 2 || now[0].ID != id || now[1].ID != app || !now[0].Active || !now[1].Active {
				t.Fatalf("factors %+v, want the two of phone %d", now, i+1)
			}
			var replaced []string
			for _, f := range before {
				replaced = append(replaced, f.SID)
			}
			if got := removals(r); !slices.Equal(got, replaced) {
				t.Errorf("removed at the vendor: %v, want %v", got, replaced)
			}
		}
		r.Clock.Advance(2 * time.Minute)
		w := waiting(t, r, v)
		if n := len(r.Handset().Approvals(old)); n != 0 {
			t.Errorf("the first device was asked %d times", n)
		}
		if a := w.Post("/verify", map[string]string{"code": r.Handset().Token(old)}); a.Next == "/account" {
			t.Error("the first app's token signs in")
		}
		r.Handset().Decide(adaPhone, "approved")
		awaitStatus(t, r, w, "approved")
		expect(t, w.Post("/status", nil), moved(v), "/account")
	})
}

// abreast holds the first writes of the factors' step back until there are n of
// them, so that each was decided on without the others.
func abreast(r *rig.Rig, n int) { abreastIn(r, "factors", n) }

// abreastIn is abreast, for any step.
func abreastIn(r *rig.Rig, step string, n int) {
	var mu sync.Mutex
	waiting := 0
	all := make(chan struct{})
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Step != step || c.Name != "UpdateItem" {
			return rig.None
		}
		mu.Lock()
		waiting++
		if waiting == n {
			close(all)
		}
		mu.Unlock()
		select {
		case <-all:
		case <-time.After(2 * time.Second): // the test says what is missing
		}
		return rig.None
	})
}

// Two browsers change factors at the same moment, each without knowing of the
// other: both changes are made (F-31, I-25).
func TestFactorsChangedAtOnce(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		enrol(t, r, v, adaPhone)
		other := r.Visitor(v.JSON)
		logIn(t, r, other, ada, adaPhone)
		first := factorsOf(t, r)[0]
		kinds := func() (list []string) {
			for _, f := range factorsOf(t, r) {
				list = append(list, f.Type)
			}
			slices.Sort(list)
			return list
		}
		answers := make([]rig.Answer, 2)
		abreast(r, 2)
		together(2, func(i int) {
			answers[i] = []*rig.Visitor{v, other}[i].Post("/factors", map[string]string{"type": []string{"push", "totp"}[i]})
		})
		r.Wire.Break(nil)
		if got := kinds(); answers[0].Status != 200 || answers[1].Status != 200 || !slices.Equal(got, []string{"push", "push", "totp"}) {
			t.Errorf("both adding: %d and %d, factors %v", answers[0].Status, answers[1].Status, got)
		}
		pending := slices.IndexFunc(factorsOf(t, r), func(f store.Factor) bool { return f.Type == "totp" })
		abreast(r, 2)
		together(2, func(i int) {
			answers[i] = []*rig.Visitor{v, other}[i].Post("/factors/remove", map[string]string{"id": []string{first.ID, factorsOf(t, r)[pending].ID}[i]})
		})
		r.Wire.Break(nil)
		if got := factorsOf(t, r); answers[0].Next != "/factors" || answers[1].Next != "/factors" || len(got) != 1 || got[0].Active || got[0].Type != "push" {
			t.Errorf("both removing: %d and %d, factors %+v", answers[0].Status, answers[1].Status, got)
		}
	})
}
