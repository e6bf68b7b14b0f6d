package budget_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/phone"
	"latchkey/shared/store"
)

// alarms is a log that can be read.
type alarms struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to it.
func (a *alarms) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.b.Write(p)
}

func (a *alarms) text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.b.String()
}

func (a *alarms) count() int { return strings.Count(a.text(), `"msg":"alarm:`) }

// guarded is a budget of strangers' texts whose log is kept. The windows are of
// twelve hours, and bench.Start is the beginning of one.
func guarded(t testing.TB, set ...string) (*bench.Table, *budget.Budget, *alarms) {
	t.Helper()
	b, log := bench.Open(t), &alarms{}
	b.Set(set...)
	cfg := b.Config()
	cfg.Log = slog.New(slog.NewJSONHandler(log, nil))
	v := env.Read(cfg)
	l := budget.New(cfg, v, b.Table, store.Signup)
	err := v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return b, l, log
}

// ranged is the n-th send, to a phone of its own of a prefix.
func ranged(n int, prefix string) budget.Send {
	return send(n, fmt.Sprintf("%s%04d", prefix, n), here)
}

// wave makes sends to a prefix and proves so many in a hundred of those that are
// let through, evenly. It returns how many were.
func wave(t testing.TB, l *budget.Budget, prefix string, from, sends, percent int, now time.Time) int {
	t.Helper()
	through := 0
	for n := from; n < from+sends; n++ {
		s := ranged(n, prefix)
		err := l.Wide(t.Context(), s, now)
		if after(err) > 0 {
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		through++
		if through*percent/100 > (through-1)*percent/100 {
			l.Proved(t.Context(), s.Phone, s.Country, now)
		}
	}
	return through
}

const attacked, calm = "+1415555", "+1415666"

// A prefix whose texts are proved by too few is blocked from the text after the
// bound on, for the pause; others are not, and what was refused counts nowhere
//
func TestGuardBlocksAPrefix(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set                    []string
		percent, want, refused int
	}{
		"nobody proves":              {nil, 0, 20, 1},
		"a quarter proves":           {nil, 25, 20, 1},
		"a mixture of 35 %":          {nil, 35, 24, 0},
		"10 %, and 5 are enough":     {[]string{"GUARD_RATIO=5"}, 10, 24, 0},
		"another volume":             {[]string{"GUARD_SENDS=3"}, 0, 3, 1},
		"the prefixes' guard is off": {[]string{"GUARD_SENDS=0"}, 0, 24, 0},
	} {
		_, l, log := guarded(t, c.set...)
		if got := wave(t, l, attacked, 0, 24, c.percent, start); got != c.want || log.count() != c.refused {
			t.Errorf("%s: %d of 24 through, want %d; %s", name, got, c.want, log.text())
		}
		if got := wave(t, l, calm, 0, 2, 0, start); got != 2 {
			t.Errorf("%s: another prefix: %d of 2", name, got)
		}
	}
}

// A country is blocked as a whole, whatever its prefixes, and no other is.
func TestGuardBlocksACountry(t *testing.T) {
	t.Parallel()
	_, l, log := guarded(t, "GUARD_COUNTRY_SENDS=8", "GUARD_COUNTRY_RATIO=10")
	through := 0
	for n := range 12 {
		through += wave(t, l, fmt.Sprintf("+1415%03d", n), n, 1, 0, start)
	}
	if through != 8 || log.count() != 1 || !strings.Contains(log.text(), `"subject":"US"`) {
		t.Errorf("%d through, %s", through, log.text())
	}
	s := send(1, "+447400123456", here)
	s.Country = "GB"
	err := l.Wide(t.Context(), s, start)
	if err != nil {
		t.Errorf("another country: %v", err)
	}
}

// A block lasts for the pause through the end of its window; then the prefix
// starts anew, and so does the judgement.
func TestGuardAfterThePause(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{time.Hour, 12*time.Hour - time.Second} {
		_, l, log := guarded(t, "GUARD_SENDS=4")
		from := start.Add(at)
		if got := wave(t, l, attacked, 0, 6, 0, from); got != 4 {
			t.Fatalf("at %s: %d", at, got)
		}
		err := l.Wide(t.Context(), ranged(90, attacked), from.Add(12*time.Hour-time.Minute))
		if after(err) != time.Minute {
			t.Errorf("at %s, a minute before the end: %v", at, err)
		}
		if got := wave(t, l, attacked, 100, 6, 0, from.Add(12*time.Hour)); got != 4 || log.count() != 2 {
			t.Errorf("at %s, after the pause: %d through, %s", at, got, log.text())
		}
	}
}

// Whoever comes at once: what is blocked is blocked once, with one alarm, and
// no more get through than came in between.
func TestGuardInParallel(t *testing.T) {
	b, l, log := guarded(t, "GUARD_COUNTRY_SENDS=0")
	if got := wave(t, l, attacked, 0, 10, 0, start); got != 10 {
		t.Fatal(got)
	}
	n := 50
	if testing.Short() {
		n = 20
	}
	var through atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { through.Add(int64(wave(t, l, attacked, 100+i, 1, 0, start))) })
	}
	wg.Wait()
	if through.Load() != 10 || log.count() != 1 {
		t.Errorf("%d of %d through, want 10; %s", through.Load(), n, log.text())
	}
	for _, x := range tallies(t, b) {
		if x.Sends != 20 || x.Proofs != 0 {
			t.Errorf("what was refused is counted: %+v", x)
		}
	}
}

func tallies(t testing.TB, b *bench.Table) []store.Tally {
	t.Helper()
	list, err := b.Tallies(t.Context(), 12*time.Hour, start)
	if err != nil || len(list) == 0 {
		t.Fatalf("%v %v", list, err)
	}
	return list
}

// What another limit refuses is no send to the guard, nor what the guard refuses
// one to the others; and fifty presses of one button at once block nobody,
// however many of them there seem to be for a moment.
func TestGuardCountsSends(t *testing.T) {
	b, l, _ := guarded(t, "SENDS_PER_COUNTRY=5", "GUARD_SENDS=3", "GUARD_RATIO=100")
	if got := wave(t, l, attacked, 0, 10, 0, start); got != 3 {
		t.Errorf("%d", got)
	}
	if got := wave(t, l, calm, 0, 10, 100, start); got != 2 {
		t.Errorf("the country paid for what the guard refused: %d", got)
	}
	want := map[string]int{"US": 5, "US#" + attacked: 3, "US#" + calm: 2}
	for _, x := range tallies(t, b) {
		if x.Sends != want[x.Subject] {
			t.Errorf("%+v, want %d", x, want[x.Subject])
		}
	}
	b, l, log := guarded(t, "GUARD_SENDS=3", "GUARD_RATIO=100")
	if got := fresh(t, l, func(n int) budget.Send { return send(n, ada, here) }); got != 1 || log.count() != 0 {
		t.Errorf("twenty at once: %d sends, %s", got, log.text())
	}
	if got := take(t, l, ranged(1, ada[:8]), start); got != "fresh" {
		t.Errorf("the next in that prefix: %s", got)
	}
	for _, x := range tallies(t, b) {
		if x.Sends != 2 {
			t.Errorf("%+v, want 2", x)
		}
	}
}

// With a guard Take refuses as without, and gives back the same.
func TestGuardTakes(t *testing.T) {
	t.Parallel()
	_, l, _ := guarded(t, "SENDS_PER_ADDRESS=2", "SENDS_PER_DAY=2", "GUARD_SENDS=1")
	other := "+1415999"
	for i, c := range []struct {
		s    budget.Send
		want string
	}{
		{ranged(1, attacked), "fresh"}, {ranged(1, attacked), "repeat"},
		{ranged(2, attacked), "wait"},             // the guard: phone, address and day get theirs back
		{send(3, attacked+"0001", there), "wait"}, // the phone: nothing wide is touched
		{ranged(2, other), "fresh"},
		{ranged(4, calm), "wait"}, // the day, and the address
	} {
		if got := take(t, l, c.s, start); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}

// A login's phone is its owner's: no login is a send to the guard, and none is
// refused by it.
func TestGuardLeavesLogins(t *testing.T) {
	t.Parallel()
	b, l, _ := guarded(t, "GUARD_SENDS=1", "GUARD_COUNTRY_SENDS=1")
	if got := wave(t, l, attacked, 0, 5, 0, start); got != 1 {
		t.Fatal(got)
	}
	logins := limits(t, b, store.Login)
	for n := range 5 {
		if got := take(t, logins, ranged(n, attacked), start); got != "fresh" {
			t.Errorf("login %d: %s", n, got)
		}
	}
	for _, x := range tallies(t, b) {
		if x.Sends != 1 {
			t.Errorf("%+v", x)
		}
	}
}

// Without the table nothing is sent, and nothing is blocked either; a proof that
// cannot be counted is one line.
func TestGuardFails(t *testing.T) {
	t.Parallel()
	b, l, log := guarded(t, "GUARD_SENDS=1")
	if got := wave(t, l, attacked, 0, 1, 0, start); got != 1 {
		t.Fatal(got)
	}
	writes := 0
	var mu sync.Mutex
	b.Wire.Break(func(c bench.Call) bench.Fault {
		mu.Lock()
		defer mu.Unlock()
		writes++
		if writes > 5 { // prefix, country, stack and the guard's two are counted; the block is lost
			return bench.Lost
		}
		return bench.None
	})
	err := l.Wide(t.Context(), ranged(1, attacked), start)
	if err == nil || after(err) > 0 || log.count() != 0 {
		t.Errorf("%v %s", err, log.text())
	}
	l.Proved(t.Context(), phone.Number(ada), "US", start)
	if n := strings.Count(log.text(), "a proved phone is not counted"); n != 2 { // of the prefix, of the country
		t.Errorf("%d lines: %s", n, log.text())
	}
	if strings.Contains(log.text(), ada) {
		t.Error("the log shows a phone")
	}
	b.Wire.Break(nil)
	err = l.Wide(t.Context(), ranged(2, attacked), start)
	if after(err) != 12*time.Hour || log.count() != 1 {
		t.Errorf("the next: %v %s", err, log.text())
	}
}

// The guard's updates are made beside the others: no round trip is added to a
// sign-up's, and none to a proof.
func TestGuardIsOneRoundTrip(t *testing.T) {
	b, l, _ := guarded(t)
	b.Wire.Delay(40 * time.Millisecond)
	b.Wire.Reset()
	if got := wave(t, l, attacked, 0, 1, 0, start); got != 1 || b.Wire.Depth() != 1 || len(b.Wire.Calls()) != 5 {
		t.Errorf("%d, %d round trips, %v", got, b.Wire.Depth(), b.Wire.Calls())
	}
	b.Wire.Reset()
	l.Proved(t.Context(), phone.Number(ada), "US", start)
	if b.Wire.Depth() != 1 || len(b.Wire.Calls()) != 2 {
		t.Errorf("%d round trips, %v", b.Wire.Depth(), b.Wire.Calls())
	}
}

func TestGuardVariables(t *testing.T) {
	for set, ok := range map[string]bool{
		"GUARD_SENDS=0": true, "GUARD_SENDS=-1": false, "GUARD_RATIO=0": false, "GUARD_RATIO=100": true, "GUARD_RATIO=101": false,
		"GUARD_COUNTRY_SENDS=0": true, "GUARD_COUNTRY_SENDS=x": false, "GUARD_COUNTRY_RATIO=0": false, "GUARD_COUNTRY_RATIO=1": true,
		"GUARD_PAUSE=1h": true, "GUARD_PAUSE=48h": true, "GUARD_PAUSE=59m": false, "GUARD_PAUSE=49h": false,
		"SIGNUPS_PER_EMAIL=1": true, "SIGNUPS_PER_EMAIL=0": false, "SIGNUPS_PER_EMAIL=1001": false,
	} {
		name, value, _ := strings.Cut(set, "=")
		cfg := env.Config{Getenv: func(n string) string { return map[string]string{name: value}[n] }}
		v := env.Read(cfg)
		budget.New(cfg, v, nil, store.Signup)
		if (v.Err() == nil) != ok {
			t.Errorf("%s: %v", set, v.Err())
		}
	}
}
