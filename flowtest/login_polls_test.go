package flowtest

import (
	"fmt"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// However many pages wait for one approval, and however they ask, the vendor is
// asked at most once in three seconds; and not before three seconds have
// passed, since a callback is on its way (parity 103, 132; R-164, F-21, T-36).
func TestStormOfPolls(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		storm := func(want int) {
			t.Helper()
			r.Wire.Reset()
			together(100, func(i int) {
				c := clone(t, r, v)
				a := rig.Answer{}
				if i%10 == 0 {
					a = c.Post("/status", nil)
				} else {
					a = c.Get("/status")
				}
				if a.Status >= 500 {
					t.Errorf("poll %d: %d %s", i, a.Status, a.Body)
				}
			})
			if got := asksOf(r); got != want {
				t.Errorf("at %s the vendor was asked %d times, want %d", r.Clock.Now().Format("04:05.000"), got, want)
			}
		}
		storm(0)
		r.Clock.Advance(2999 * time.Millisecond)
		storm(0)
		r.Clock.Advance(time.Millisecond)
		storm(1)
		storm(0)
		r.Clock.Advance(2999 * time.Millisecond)
		storm(0)
		r.Clock.Advance(time.Millisecond)
		storm(1)
		r.Handset().Decide(adaPhone, "approved")
		r.Clock.Advance(3 * time.Second)
		r.Wire.Reset()
		awaitStatus(t, r, v, "approved")
		if got := asksOf(r); got != 1 {
			t.Errorf("the vendor was asked %d times, want once", got)
		}
		r.Clock.Advance(time.Minute)
		r.Wire.Reset()
		v.Get("/status") // what is decided is asked no more
		if got := asksOf(r); got != 0 {
			t.Errorf("the vendor was asked %d times about a decided request", got)
		}
		expect(t, v.Post("/status", nil), moved(v), "/account")
	})
}

// A vendor out of order is asked no oftener, and the page goes on waiting
// (parity 107; F-21).
func TestPollsInBadWeather(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		for _, api := range []string{"500", "429"} {
			r.Handset().Weather(fmt.Sprintf(`{"api":%q}`, api))
			r.Clock.Advance(3 * time.Second)
			r.Wire.Reset()
			for range 5 {
				if state, _ := status(v); state != "pending" {
					t.Errorf("%s: status %q", api, state)
				}
			}
			if got := asksOf(r); got != 1 {
				t.Errorf("%s: the vendor was asked %d times, want once", api, got)
			}
			outside(t, api, v)
		}
		r.Handset().Weather(`{"api":"ok"}`)
		r.Handset().Decide(adaPhone, "approved")
		r.Clock.Advance(3 * time.Second)
		awaitStatus(t, r, v, "approved")
		expect(t, v.Post("/status", nil), moved(v), "/account")
	})
}
