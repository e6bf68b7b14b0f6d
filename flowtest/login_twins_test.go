package flowtest

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// Equal forms at once buy no push beyond the day's: the count is kept with the
// list that names them (R-107, F-31).
func TestEqualFormsAtTheDaysEnd(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{
		"PUSHES_PER_DAY": "2", "APPROVAL_LIFE": "1m", "LOGIN_FREE_TRIES": "100", "LOGINS_PER_ADDRESS": "100000",
	}})
	silent(t, r, r.Visitor(false))
	for round := range 8 {
		form := once(r.Visitor(false), ada, string(rune('a'+round)))
		together(8, func(int) { r.Visitor(false).Post("/login", form) })
		r.Clock.Advance(11 * time.Minute)
	}
	if n := len(r.Handset().Approvals(adaPhone)); n != 2 {
		t.Errorf("%d pushes, want the two of a day", n)
	}
}

// An equal form that arrives while the first one, which found no app to ask, is
// being texted leaves nothing behind: the next login is warned of nobody, and
// texted (F-31, R-092).
func TestEqualFormWhileTexting(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Provider: "authy"})
	signUp(t, r, r.Visitor(false), ada, adaPhone)
	r.Clock.Advance(time.Hour)
	form := once(r.Visitor(false), ada, "f")
	texting, second := make(chan struct{}), make(chan struct{})
	var texts atomic.Int64
	r.Wire.Break(func(c rig.Call) rig.Fault {
		switch {
		case c.Step == "login" && strings.Contains(c.Name, "/sms/") && texts.Add(1) == 1:
			close(texting)
			<-second
		case c.Step == "login" && c.Name == "PutItem" && texts.Load() == 1:
			close(second)
		}
		return rig.None
	})
	done := make(chan rig.Answer)
	go func() { done <- r.Visitor(false).Post("/login", form) }()
	<-texting
	expect(t, r.Visitor(false).Post("/login", form), 303, "/verify")
	expect(t, <-done, 303, "/verify")
	r.Wire.Break(nil)
	r.Clock.Advance(time.Minute)
	before := r.Handset().Stats().SMS
	v := r.Visitor(false)
	expect(t, v.Post("/login", credentialsOf(ada)), 303, "/verify")
	if strings.Contains(v.Get("/verify").Body, "Another login") || r.Handset().Stats().SMS != before+1 {
		t.Error("the next login is warned of a push that never was")
	}
}

// What went wrong the first time is not answered for ever: sent again when its
// wait is over, the form leads to the page where a code can be asked for (F-11,
// I-23, R-092; parity 116).
func TestLoginAgainAfterAFault(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		v = r.Visitor(v.JSON)
		form := once(v, ada, "k")
		r.Handset().Weather(`{"api":"500"}`)
		v.Post("/login", form)
		r.Handset().Weather(`{"api":"ok"}`)
		for range 4 {
			r.Clock.Advance(2 * time.Minute)
			expect(t, v.Post("/login", form), moved(v), "/verify")
		}
		before := r.Handset().Stats().SMS
		expect(t, v.Post("/resend", nil), moved(v), "/verify")
		if n := r.Handset().Stats().SMS - before; n != 1 {
			t.Errorf("%d texts, want one", n)
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	})
}

// A denial stops the pushes however late it is heard of: by a callback after the
// end, or at the next login although the table's answer is lost (F-21, F-26,
// parity 109).
func TestDenialHeardLate(t *testing.T) {
	t.Parallel()
	for name, hear := range map[string]func(*testing.T, *rig.Rig){
		"by callback": func(t *testing.T, r *rig.Rig) { saying(newest(t, r, adaPhone), "denied").deliver(t, r) },
		"at the next login": func(_ *testing.T, r *rig.Rig) {
			var asked, lost atomic.Bool
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if c.Step == "login" && !c.Table {
					asked.Store(true)
				}
				if asked.Load() && c.Name == "UpdateItem" && !lost.Swap(true) {
					return rig.Unheard
				}
				return rig.None
			})
		},
	} {
		for _, provider := range []string{"verify", "authy"} {
			t.Run(name+"/"+provider, func(t *testing.T) {
				t.Parallel()
				r := rig.Start(t, rig.Options{Provider: provider})
				v := r.Visitor(false)
				silent(t, r, v)
				waiting(t, r, v)
				r.Clock.Advance(5*time.Minute - time.Second)
				r.Handset().Decide(adaPhone, "denied")
				r.Clock.Advance(2 * time.Second)
				hear(t, r)
				unasked(t, r, v)
			})
		}
	}
}

// Signing out everywhere ends the logins that wait: what their browser still
// holds is refused, and a new login from there works (R-075, I-04).
func TestSignedOutWhileWaiting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		push := waiting(t, r, v)
		r.Clock.Advance(time.Minute)
		text := r.Visitor(v.JSON)
		expect(t, text.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, text.Post("/resend", nil), moved(v), "/verify")
		if v.JSON {
			expect(t, v.Do("POST", "/logout", "application/json", `{"everywhere":true}`), 200, "/")
		} else {
			expect(t, v.Post("/logout", map[string]string{"everywhere": "true"}), 303, "/")
		}
		before := r.Handset().Stats().Checks
		for _, a := range []rig.Answer{
			push.Post("/status", nil), push.Get("/status"), text.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}),
		} {
			if v.JSON && a.Code() != "no_session" || !v.JSON && a.Next != "/login" {
				t.Errorf("of before: %d %q %s", a.Status, a.Next, a.Code())
			}
		}
		if r.Handset().Stats().Checks != before {
			t.Error("the vendor was asked about a dead login's code")
		}
		a := push.Post("/login", credentialsOf(ada))
		expect(t, a, moved(v), "/verify") // the push of before is still on the phone
		r.Clock.Advance(time.Minute)
		askForACode(t, r, push)
	})
}

// A factor is added once although the table's answer is lost, and no more than
// five although several are added at once (R-077, F-09).
func TestAddingIsCounted(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(false)
	signUp(t, r, v, ada, adaPhone)
	var lost atomic.Bool
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Step == "factors" && c.Name == "UpdateItem" && !lost.Swap(true) {
			return rig.Unheard
		}
		return rig.None
	})
	add(t, v, "totp")
	if n := len(factorsOf(t, r)); n != 1 || !lost.Load() {
		t.Errorf("%d factors, want one", n)
	}
	for range 2 {
		abreast(r, 4)
		together(4, func(int) { clone(t, r, v).Post("/factors", map[string]string{"type": "totp"}) })
	}
	r.Wire.Break(nil)
	if n := len(factorsOf(t, r)); n != 5 {
		t.Errorf("%d factors, want five", n)
	}
}
