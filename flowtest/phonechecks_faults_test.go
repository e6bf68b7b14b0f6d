package flowtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// A vendor that fails is told apart from a code that does; the same request
// later is a new try, and a try that never reached the vendor proves nothing.
// (parity 125)
func TestPhoneChecksInBadWeather(t *testing.T) {
	t.Parallel()
	for api, status := range map[string]int{"500": 503, "429": 429} {
		for _, provider := range []string{"verify", "authy"} {
			t.Run(provider+"/"+api, func(t *testing.T) {
				t.Parallel()
				r, v := checking(t, provider, nil)
				v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
				r.Handset().Weather(`{"api":"` + api + `"}`)
				for range 2 {
					a := v.Post("/phone-checks", aCheck(adaPhone))
					if a.Status != status || a.Doc["retry_after"].(float64) < 30 || a.Doc["id"] != nil {
						t.Errorf("%d %s", a.Status, a.Body)
					}
				}
				r.Handset().Weather(`{"api":"ok"}`)
				r.Clock.Advance(time.Minute)
				id := begun(t, v.Post("/phone-checks", aCheck(adaPhone)))
				code := r.Handset().Code(adaPhone)
				r.Handset().Weather(`{"api":"` + api + `"}`)
				if a := tryCode(v, id, code); a.Status != status || a.Doc["verified"] != nil {
					t.Errorf("%d %s", a.Status, a.Body)
				}
				r.Handset().Weather(`{"api":"ok"}`)
				proved(t, tryCode(v, id, code), adaPhone)
			})
		}
	}
	r, v := checking(t, "", nil)
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Table {
			return rig.None
		}
		return rig.Blocked
	})
	a := v.Post("/phone-checks", aCheck(adaPhone))
	if a.Status != 422 {
		t.Fatalf("a blocked number: %d %s", a.Status, a.Body)
	}
	refusedJSON(t, a, "phone")
}

// The vendor's word counts also when the table cannot keep it: the code is used
// up, and to refuse it would cost the person another text.
func TestProvedWithoutTheTable(t *testing.T) {
	t.Parallel()
	r, v := checking(t, "", nil)
	id := begun(t, v.Post("/phone-checks", aCheck(adaPhone)))
	code := r.Handset().Code(adaPhone)
	r.Wire.Reset()
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Table && len(r.Wire.Vendors()) > 0 {
			return rig.Lost
		}
		return rig.None
	})
	proved(t, tryCode(v, id, code), adaPhone)
	r.Wire.Break(nil)
	r.Clock.Advance(10 * time.Second)
	expect(t, tryCode(v, id, code), 410, "expired")
}

// A function that dies anywhere leaves no dead end: the same request, sent
// again, gets there, or a new one where the vendor has used the code up.
// (parity 125)
func TestDyingInAPhoneCheck(t *testing.T) {
	t.Parallel()
	for provider, fault := range map[string]rig.Fault{"verify": rig.Unheard, "authy": rig.Lost} {
		for n := range int64(10) {
			t.Run(fmt.Sprintf("%s/%d", provider, n+1), func(t *testing.T) {
				t.Parallel()
				r, v := checking(t, provider, nil)
				v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
				r.Wire.Break(dieAt(n+1, fault))
				a := v.Post("/phone-checks", aCheck(adaPhone))
				r.Wire.Break(nil)
				if a.Status != 200 {
					a = insist(t, r, v)
				}
				id := begun(t, a)
				if n < 3 { // a code makes no more calls
					r.Wire.Break(dieAt(n+1, fault))
					tryCode(v, id, r.Handset().Code(adaPhone))
					r.Wire.Break(nil)
					r.Clock.Advance(10 * time.Second)
				}
				a = tryCode(v, id, r.Handset().Code(adaPhone))
				if a.Status == 410 {
					v.Header.Set("Idempotency-Key", strings.Repeat("l", 32))
					a = tryCode(v, begun(t, insist(t, r, v)), r.Handset().Code(adaPhone))
				}
				proved(t, a, adaPhone)
			})
		}
	}
}

// insist sends the same request, when the one before it is surely dead, until
// there is a check.
func insist(t *testing.T, r *rig.Rig, v *rig.Visitor) rig.Answer {
	t.Helper()
	for range 6 {
		r.Clock.Advance(20 * time.Second)
		a := v.Post("/phone-checks", aCheck(adaPhone))
		if a.Status == 200 {
			return a
		}
	}
	t.Fatalf("no check after six requests\n%s", r.Log)
	return rig.Answer{}
}
