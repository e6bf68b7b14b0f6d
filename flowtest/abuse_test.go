package flowtest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// asDeployed are the limits of a stack where nobody has set any.
func asDeployed() map[string]string {
	return map[string]string{
		"SENDS_PER_ADDRESS": "", "SENDS_PER_PREFIX": "", "SIGNUPS_PER_EMAIL": "", "GUARD_SENDS": "", "GUARD_COUNTRY_SENDS": "",
	}
}

// sweep is how many requests an attack has: some more than are let through where
// time is short, and ten thousand where there are twenty minutes for it
// (go test -timeout 40m -run Abused ./flowtest).
func sweep(t *testing.T, short int) int {
	t.Helper()
	deadline, limited := t.Deadline()
	switch {
	case testing.Short():
		return short
	case limited && time.Until(deadline) < 20*time.Minute:
		return 1000
	}
	return 10000
}

// ranges is over how many prefixes an attack spreads its phones. None of them is
// the one that ada's phone is in.
const ranges = 100

func spread(n int) string { return fmt.Sprintf("+1415%03d%04d", 620+n%ranges, n/ranges) }

// bot is the n-th network of an attack.
func bot(n int) string { return fmt.Sprintf("198.18.%d.%d", n/250, n%250) }

// barrage makes n requests, a few at a time, and returns how often each status was
// the answer.
func barrage(n int, request func(n int) rig.Answer) map[int]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var next atomic.Int64
	found := map[int]int{}
	for range 4 {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				a := request(i)
				mu.Lock()
				found[a.Status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return found
}

// shared is what has been taken of the wide limits of strangers' texts, each in
// all: of prefixes, country, stack, and what the guard has counted.
func shared(t *testing.T, r *rig.Rig) map[string]int {
	t.Helper()
	now, day := r.Clock.Now(), 24*time.Hour
	taken := map[string]int{}
	add := func(name string, c store.Counter) {
		n, err := r.Table.Hits(t.Context(), c, now)
		if err != nil {
			t.Fatal(err)
		}
		taken[name] += n
	}
	for _, phone := range append(phonesOf(ranges), adaPhone) {
		add("prefix", store.Counter{Rule: "prefix-signup", Subject: phone[:len(phone)-4], Window: time.Hour})
	}
	add("country", store.Counter{Rule: "country-signup", Subject: "US", Window: day})
	add("stack", store.Counter{Rule: "stack-signup", Window: day})
	tallies, err := r.Table.Tallies(t.Context(), 12*time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tallies {
		name := "guard's country"
		if strings.Contains(x.Subject, "#") {
			name = "guard's prefixes"
		}
		taken[name] += x.Sends
	}
	return taken
}

func phonesOf(n int) []string {
	var list []string
	for i := range n {
		list = append(list, spread(i))
	}
	return list
}

const (
	victim = "victim@example.com"
	// inRoundFigures is how a sign-up is told of whatever limit it met.
	inRoundFigures = "We cannot send another code just yet. If one was sent to this phone a moment ago, use it; otherwise try again later."
)

// Three attacks by sign-ups, each stopped by the narrowest limit that sees it:
// one address with ever new emails, one email from ever new addresses, and one
// range of numbers that nobody proves, from ever new addresses. What is refused
// takes nothing that others share, and is told the same sentence whatever limit
// it met. At once afterwards somebody else in the same country signs up and logs
// in, and who has a phone in the attacked range logs in; ten minutes later the
// email's owner signs up (R-101, R-103, R-111, R-115, T-02, I-12, I-30).
func TestAbusedSignUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n, through int
		request    func(r *rig.Rig, n int) rig.Answer
		alarms     int
	}{
		"one address": {sweep(t, 45), 30, func(r *rig.Rig, n int) rig.Answer {
			return r.Visitor(true).From("198.51.100.1").Post("/signup", rig.Form(fmt.Sprintf("bot%d@example.com", n), spread(n)))
		}, 0},
		"one email": {sweep(t, 20), 10, func(r *rig.Rig, n int) rig.Answer {
			return r.Visitor(true).From(bot(n)).Post("/signup", rig.Form(victim, spread(n)))
		}, 0},
		"one range": {min(sweep(t, 30), 200), 19, func(r *rig.Rig, n int) rig.Answer { // the member's own text is the twentieth
			phone, v := fmt.Sprintf("+1415555%04d", n), r.Visitor(true).From(bot(n))
			a := v.Post("/signup", rig.Form(fmt.Sprintf("bot%d@example.com", n), phone))
			if a.Status == 200 && n%50 == 1 {
				v.Post("/verify", map[string]string{"code": r.Handset().Code(phone)})
			}
			return a
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Env: asDeployed()})
			v := r.Visitor(true)
			signUp(t, r, v, ada, adaPhone)
			r.Clock.Advance(time.Minute)
			texts := r.Handset().Stats().SMS
			found := barrage(c.n, func(n int) rig.Answer {
				a := c.request(r, n)
				if a.Status == 429 && (!strings.HasPrefix(a.Doc["detail"].(string), inRoundFigures) || int(a.Doc["retry_after"].(float64))%30 != 0) {
					t.Errorf("limited in other words: %s", a.Body)
				}
				return a
			})
			if found[200] != c.through || found[429] != c.n-c.through {
				t.Errorf("answers %v, want %d through and the rest limited", found, c.through)
			}
			for limit, n := range shared(t, r) {
				if n != c.through+1 {
					t.Errorf("%s: %d are taken, want %d", limit, n, c.through+1)
				}
			}
			if got := r.Handset().Stats().SMS - texts; got < c.through || got > 2*c.through { // a proof is followed by a text
				t.Errorf("%d texts of %d sign-ups", got, c.through)
			}
			if got := strings.Count(r.Log.String(), `"msg":"alarm:`); got != c.alarms {
				t.Errorf("%d alarms, want %d", got, c.alarms)
			}
			bystanders(t, r)
			if name == "one email" {
				r.Clock.Advance(10 * time.Minute)
				signUp(t, r, r.Visitor(true).From("203.0.113.9"), victim, "+14157782671")
			}
		})
	}
}

// bystanders are somebody in another range, who signs up and logs in, and ada,
// who logs in.
func bystanders(t *testing.T, r *rig.Rig) {
	t.Helper()
	honest := r.Visitor(true).From("203.0.113.7")
	signUp(t, r, honest, "bob@example.com", "+14157772671")
	r.Clock.Advance(time.Minute)
	for email, phone := range map[string]string{"bob@example.com": "+14157772671", ada: adaPhone} {
		w := r.Visitor(true).From("203.0.113.8")
		expect(t, w.Post("/login", credentialsOf(email)), 200, "/verify")
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(phone)}), 200, "/account")
	}
}

// Two attacks by logins: one address with ever new emails, and one email from
// ever new addresses. No vendor is asked, and the owner gets in on a browser
// that was used before (R-101, R-104, T-22, T-23).
func TestAbusedLogin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		through, short int // guesses that are looked at; requests where time is short
		aside          int // guesses more, from networks that were not there before
		request        func(r *rig.Rig, n int) rig.Answer
	}{
		"one address": {60, 70, 0, func(r *rig.Rig, n int) rig.Answer {
			return r.Visitor(true).From("198.51.100.1").Post("/login", failing(fmt.Sprintf("nobody%d@example.com", n)))
		}},
		"one email": {5, 20, 100, func(r *rig.Rig, n int) rig.Answer {
			return r.Visitor(true).From(bot(n)).Post("/login", failing(ada))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Env: asDeployed()})
			v := r.Visitor(true).From("203.0.113.7")
			signUp(t, r, v, ada, adaPhone)
			r.Clock.Advance(time.Minute)
			r.Wire.Reset()
			n := sweep(t, c.short)
			found := barrage(n, func(n int) rig.Answer { return c.request(r, n) })
			if found[401]+found[429] != n || found[401] < c.through || found[401] > c.through+c.aside {
				t.Errorf("answers %v of %d", found, n)
			}
			if got := r.Wire.Vendors(); len(got) > 0 {
				t.Errorf("the vendor was asked: %v", got[0])
			}
			expect(t, v.Post("/logout", nil), 200, "/")
			expect(t, v.Post("/login", credentialsOf(ada)), 200, "/verify")
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
		})
	}
}

// A form that comes again is the same sign-up under its email, also after the
// phone's wait, and gives nothing of that one back.
func TestRepeatsUnderOneEmail(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"SIGNUPS_PER_EMAIL": "1"}})
	v, w := r.Visitor(true), r.Visitor(true)
	v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
	for range 2 {
		expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
		r.Clock.Advance(31 * time.Second)
	}
	if a := w.Post("/signup", rig.Form(ada, "+14158885555")); a.Status != 429 {
		t.Errorf("another sign-up under the email: %d", a.Status)
	}
}
