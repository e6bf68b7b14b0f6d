package budget_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/phone"
	"latchkey/shared/store"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// start is the time at which every test begins.
var start = bench.Start

// limits opens a budget whose variables are the given "NAME=value".
func limits(t testing.TB, b *bench.Table, flow store.Flow, set ...string) *budget.Budget {
	t.Helper()
	b.Set(set...)
	cfg := b.Config()
	v := env.Read(cfg)
	l := budget.New(cfg, v, b.Table, flow)
	err := v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// send is the n-th send to a phone from an address.
func send(n int, number, address string) budget.Send {
	return budget.Send{ID: fmt.Sprintf("send %d", n), Phone: phone.Number(number), Country: "US", Address: address}
}

// after is how long an error says to wait; -1 if it does not say so.
func after(err error) time.Duration {
	var limited *store.Limited
	if errors.As(err, &limited) {
		return limited.After
	}
	return -1
}

const (
	ada, bob, eve = "+14155552671", "+14165552672", "+14175552673"
	here, there   = "192.0.2.1", "192.0.2.2"
)

// narrow is Narrow's short answer: "fresh", "repeat", "wait" or the fault.
func narrow(t testing.TB, l *budget.Budget, s budget.Send, now time.Time) string {
	t.Helper()
	_, fresh, err := l.Narrow(t.Context(), s, now)
	if fresh && err != nil {
		t.Errorf("%s: taken, and refused: %v", s.ID, err) // it would be released once more
	}
	switch {
	case after(err) > 0:
		return "wait"
	case err != nil:
		return err.Error()
	case fresh:
		return "fresh"
	}
	return "repeat"
}

// Refused takes nothing: neither from the address that asked, nor from the
// phone that was asked for.
func TestRefusedNarrowTakesNothing(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup, "SENDS_PER_ADDRESS=2")
	for i, c := range []struct {
		number, address, want string
	}{
		{ada, here, "fresh"},
		{ada, here, "wait"}, {ada, here, "wait"}, {ada, here, "wait"}, // the phone's wait: the address pays nothing
		{bob, here, "fresh"},
		{eve, here, "wait"}, {eve, here, "wait"}, // the address is at its end: the phone pays nothing
		{eve, there, "fresh"},
	} {
		if got := narrow(t, l, send(i, c.number, c.address), start); got != c.want {
			t.Errorf("%d: %s from %s: %s, want %s", i, c.number, c.address, got, c.want)
		}
	}
}

func TestNarrowRepeat(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup, "SENDS_PER_ADDRESS=2")
	s := send(1, ada, here)
	for i, want := range []string{"fresh", "repeat", "repeat", "repeat"} {
		if got := narrow(t, l, s, start); got != want {
			t.Errorf("time %d: %s, want %s", i, got, want)
		}
	}
	if got := narrow(t, l, send(2, bob, here), start); got != "fresh" {
		t.Errorf("repeats cost the address something: %s", got)
	}
}

// Two presses of one button are one send, and two phones' sends are two.
func TestNarrowInParallel(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup)
	for name, c := range map[string]struct {
		id     func(int) int
		number string
		want   string
	}{
		"one id": {func(int) int { return 1 }, ada, "1 fresh, 19 repeats, 0 wait"},
		"20 ids": {func(i int) int { return i }, bob, "1 fresh, 0 repeats, 19 wait"},
	} {
		var mu sync.Mutex
		var wg sync.WaitGroup
		found := map[string]int{}
		for i := range 20 {
			wg.Go(func() {
				got := narrow(t, l, send(c.id(i), c.number, here), start)
				mu.Lock()
				found[got]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if got := fmt.Sprintf("%d fresh, %d repeats, %d wait", found["fresh"], found["repeat"], found["wait"]); got != c.want {
			t.Errorf("%s: %v, want %s", name, found, c.want)
		}
	}
	// Of all these the address paid for two.
	for i := range 28 {
		if got := narrow(t, l, send(i, fmt.Sprintf("+1416555%04d", i), here), start); got != "fresh" {
			t.Fatalf("send %d from the address: %s", i+3, got)
		}
	}
	if got := narrow(t, l, send(99, ada, here), start); got != "wait" {
		t.Errorf("the 31st: %s", got)
	}
}

// one client of IPv6 has a whole network of addresses.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false}, {"192.0.2.1", "::ffff:192.0.2.1", true}, {"192.0.2.1", "::ffff:192.0.2.2", false},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true}, {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"2001:DB8:1:2::1", "2001:db8:1:2:0::9", true}, {"fe80::1%eth0", "fe80::2%eth1", true},
		{"nonsense", "nonsense", true}, {"nonsense", "other", false}, {"", "", true},
	} {
		l := limits(t, bench.Open(t), store.Signup, "SENDS_PER_ADDRESS=1")
		if got := narrow(t, l, send(i, ada, c.a), start); got != "fresh" {
			t.Fatalf("%q: %s", c.a, got)
		}
		want := map[bool]string{true: "wait", false: "fresh"}[c.same]
		if got := narrow(t, l, send(i, bob, c.b), start); got != want {
			t.Errorf("%q after %q: %s, want %s", c.b, c.a, got, want)
		}
	}
}

// wide is Wide's short answer.
func wide(t testing.TB, l *budget.Budget, number, country string) string {
	t.Helper()
	s := send(1, number, here)
	s.Country = country
	err := l.Wide(t.Context(), s, start)
	switch {
	case after(err) > 0:
		return "wait"
	case err != nil:
		return err.Error()
	}
	return "ok"
}

// What is refused by one shared limit takes nothing of the others.
func TestRefusedWideGivesBack(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup, "SENDS_PER_PREFIX=1", "SENDS_PER_COUNTRY=2", "SENDS_PER_DAY=3")
	for i, c := range []struct{ number, country, want string }{
		{"+14155550001", "US", "ok"},
		{"+14155550002", "US", "wait"}, {"+14155559999", "US", "wait"}, // one range
		{"+14155560002", "US", "ok"},   // another, and the country has one left
		{"+14155570002", "US", "wait"}, // the country
		{"+14155580002", "CA", "ok"},   // the prefixes and the day paid for none of the refused
		{"+447400123456", "GB", "wait"},
	} {
		if got := wide(t, l, c.number, c.country); got != c.want {
			t.Errorf("%d: %s: %s, want %s", i, c.number, got, c.want)
		}
	}
	// The country's refusal gave the prefix back, the day's both.
	l = limits(t, bench.Open(t), store.Signup, "SENDS_PER_PREFIX=1", "SENDS_PER_COUNTRY=1", "SENDS_PER_DAY=9")
	for i, c := range []struct{ number, country, want string }{
		{"+14155550001", "US", "ok"}, {"+14155560001", "US", "wait"}, {"+14155560001", "CA", "ok"},
	} {
		if got := wide(t, l, c.number, c.country); got != c.want {
			t.Errorf("%d: %s: %s, want %s", i, c.number, got, c.want)
		}
	}
}

// A number for tests takes nothing of what is shared and gives nothing back of
// what others took, until its day is over; what belongs to phone and address it
// takes like any other.
func TestNumbersForTests(t *testing.T) {
	t.Parallel()
	const reviewer, beside = "+14155550100", "+14155550101" // of one range
	l := limits(t, bench.Open(t), store.Signup, "SENDS_PER_ADDRESS=2", "SENDS_PER_PREFIX=1", "SENDS_PER_COUNTRY=1", "SENDS_PER_DAY=1",
		"PUBLIC_URL=http://localhost:3000", "TEST_NUMBERS="+reviewer+"=424242 until "+start.UTC().Format(time.DateOnly))
	for i, c := range []struct{ number, want string }{
		{reviewer, "fresh"}, {reviewer, "wait"}, {beside, "fresh"}, {ada, "wait"}, // the address is at its end
	} {
		if got := take(t, l, send(i, c.number, here), start); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
	l.ReleaseWide(t.Context(), send(5, reviewer, there), start)
	if got := wide(t, l, bob, "US"); got != "wait" {
		t.Errorf("after a release of nothing: %s, want wait", got)
	}
	if got := take(t, l, send(6, reviewer, there), start.Add(time.Minute)); got != "fresh" {
		t.Errorf("a minute later: %s, want fresh", got)
	}
	tomorrow := start.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	for i, c := range []struct{ number, want string }{{reviewer, "fresh"}, {beside, "wait"}} {
		if got := take(t, l, send(7+i, c.number, there), tomorrow); got != c.want {
			t.Errorf("a day later, %s: %s, want %s", c.number, got, c.want)
		}
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup, "SENDS_PER_ADDRESS=1", "SENDS_PER_PREFIX=1", "SENDS_PER_COUNTRY=1", "SENDS_PER_DAY=1")
	s := send(1, ada, here)
	for i := range 3 {
		sends, fresh, err := l.Narrow(t.Context(), s, start)
		if err != nil || !fresh {
			t.Fatalf("time %d: fresh %v, %v", i, fresh, err)
		}
		err = l.Wide(t.Context(), s, start)
		if err != nil {
			t.Fatalf("time %d: %v", i, err)
		}
		l.ReleaseWide(t.Context(), s, start)
		l.Release(t.Context(), s, sends, start)
	}
}

// a stranger's sign-ups leave a phone its logins.
func TestFlowsAreApart(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	for flow, perDay := range map[store.Flow]int{store.Signup: 4, store.Login: 6} {
		l := limits(t, b, flow)
		for i := range perDay {
			if got := narrow(t, l, send(i, ada, here), start.Add(time.Duration(i)*time.Hour)); got != "fresh" {
				t.Errorf("%s %d: %s", flow, i+1, got)
			}
		}
		_, _, err := l.Narrow(t.Context(), send(99, ada, here), start.Add(7*time.Hour))
		if after(err) != 17*time.Hour {
			t.Errorf("%s %d: %v", flow, perDay+1, err)
		}
	}
}

// what Next announces is what Narrow holds.
func TestNextIsHeld(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Login, "SEND_WAITS=10s,20s", "SEND_WINDOW=1m")
	now := start
	for i, wait := range []time.Duration{10 * time.Second, 50 * time.Second} {
		sends, fresh, err := l.Narrow(t.Context(), send(i, ada, here), now)
		if err != nil || !fresh {
			t.Fatalf("send %d: %v", i, err)
		}
		if got := l.Next(sends, now).Sub(now); got != wait {
			t.Errorf("send %d: next in %v, want %v", i, got, wait)
		}
		_, _, err = l.Narrow(t.Context(), send(99, ada, here), now.Add(wait-time.Second))
		if after(err) != time.Second {
			t.Errorf("send %d, a second early: %v", i, err)
		}
		now = now.Add(wait)
	}
}

// Of two limits the longer is told, and a fault before both.
func TestWorst(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	l := limits(t, b, store.Signup, "SENDS_PER_ADDRESS=1")
	now := start.Add(20 * time.Minute)
	if got := narrow(t, l, send(1, ada, here), now); got != "fresh" {
		t.Fatal(got)
	}
	_, _, err := l.Narrow(t.Context(), send(2, ada, here), now)
	if after(err) != 40*time.Minute {
		t.Errorf("phone 30 s, address 40 min: %v", err)
	}
	b.Wire.Lose("UpdateItem", 100)
	_, _, err = l.Narrow(t.Context(), send(3, ada, here), now)
	if err == nil || after(err) >= 0 {
		t.Errorf("phone 30 s, address unknown: %v", err)
	}
}

// without the table nothing is sent.
func TestFailsClosed(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	l := limits(t, b, store.Signup)
	for _, operation := range []string{"PutItem", "UpdateItem"} {
		b.Wire.Lose(operation, 100)
		_, _, err := l.Narrow(t.Context(), send(1, ada, here), start)
		if err == nil || after(err) >= 0 {
			t.Errorf("%s out of reach: %v", operation, err)
		}
	}
	b.Wire.Lose("UpdateItem", 100)
	err := l.Wide(t.Context(), send(1, ada, here), start)
	if err == nil || after(err) >= 0 {
		t.Errorf("%v", err)
	}
}

func TestVariablesHaveBounds(t *testing.T) {
	for set, ok := range map[string]bool{
		"": true, "SEND_WAITS=1s": true, "SEND_WAITS=0s": false, "SEND_WAITS=30s,61m": false, "SEND_WAITS=,": false,
		"SEND_WINDOW=2m": true, "SEND_WINDOW=1m": true, "SEND_WINDOW=59s": false, "SIGNUP_SENDS_PER_DAY=10": true, "SIGNUP_SENDS_PER_DAY=11": false, "SIGNUP_SENDS_PER_DAY=0": false,
		"LOGIN_SENDS_PER_DAY=0": true, "SENDS_PER_ADDRESS=0": false, "SENDS_PER_PREFIX=0": false, "SENDS_PER_COUNTRY=-1": false, "SENDS_PER_DAY=none": false,
	} {
		name, value, _ := strings.Cut(set, "=")
		cfg := env.Config{Getenv: func(n string) string {
			if n == name {
				return value
			}
			return ""
		}}
		v := env.Read(cfg)
		budget.New(cfg, v, nil, store.Signup)
		if (v.Err() == nil) != ok {
			t.Errorf("%s: %v", set, v.Err())
		}
	}
}
