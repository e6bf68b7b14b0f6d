package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// A push whose answer was lost, so that its login shows the code page, opens
// nothing when it is approved: not although the approval was written down as
// that login's, and not although the cookie is made to name it (F-11, F-17,
// R-061; parity 87, 129).
func TestLostPushOpensNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Step == "login" && !c.Table {
				return rig.Unheard
			}
			return rig.None
		})
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		r.Wire.Break(nil)
		a := store.Approval{
			Ref: store.Ref{Provider: vendorOf(t), ID: r.Handset().Approvals(adaPhone)[0].ID}, UID: u.UID, Subject: u.ProviderRef,
			Session: strings.Split(w.Cookie(), ".")[1], CreatedAt: r.Clock.Now(), ValidUntil: r.Clock.Now().Add(5 * time.Minute),
		}
		if a.Provider == "verify" {
			a.Subject = u.Factors[0].SID
		}
		named := clone(t, r, w)
		named.SetCookie(w.Cookie() + "." + a.Ref.String())
		tried := func(when string) {
			t.Helper()
			for what, c := range map[string]*rig.Visitor{"the cookie as it was": w, "a cookie that names it": named} {
				if state, _ := status(c); state != "" {
					t.Errorf("%s, %s: status %q", when, what, state)
				}
				outside(t, when+", "+what, c)
			}
		}
		saying(a, "approved").deliver(t, r)
		tried("approved")
		_, err = r.Table.RecordApproval(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		tried("approved and written down")
		askForACode(t, r, w)
		checkAccount(t, w)
	})
}

// Callbacks are lost and the page was closed: the next login learns of the
// denial from the vendor, asks once, and pushes to nobody until an hour after
// it (R-064, R-107, F-21; parity 101, 109).
func TestDenialIsLearntAtLogin(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		waiting(t, r, v)
		pushed := r.Clock.Now()
		r.Clock.Advance(10 * time.Second)
		r.Handset().Decide(adaPhone, "denied")
		for _, after := range []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour} {
			r.Clock.Set(pushed.Add(after))
			r.Wire.Reset()
			unasked(t, r, v)
			asked := 0
			for _, name := range r.Wire.Vendors() {
				if strings.Contains(name, r.Handset().Approvals(adaPhone)[0].ID) {
					asked++
				}
			}
			if want := map[bool]int{true: 1}[after == 5*time.Minute]; asked != want {
				t.Errorf("%s later the vendor was asked %d times, want %d", after, asked, want)
			}
		}
		r.Clock.Set(pushed.Add(time.Hour + 5*time.Minute))
		waiting(t, r, v)
	})
}

// Ten pushes in a day that lead to no login, however patiently they are asked
// for, and then codes only: until the day is over, or until a login is completed
// (R-107, I-20c; parity 145).
func TestPushesPerDay(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		ten := func() {
			for range 10 {
				waiting(t, r, v)
				r.Clock.Advance(16 * time.Minute)
			}
		}
		ten()
		askForACode(t, r, unasked(t, r, v))
		r.Clock.Advance(time.Minute)
		ten()
		unasked(t, r, v)
		r.Clock.Advance(4 * time.Hour)
		unasked(t, r, v)
		r.Clock.Advance(20 * time.Hour)
		waiting(t, r, v)
	})
}
