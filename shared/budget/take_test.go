package budget_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/budget"
	"latchkey/shared/store"
)

// take is Take's short answer, as narrow's.
func take(t testing.TB, l *budget.Budget, s budget.Send, now time.Time) string {
	t.Helper()
	_, fresh, err := l.Take(t.Context(), s, now)
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

// What refuses gives back to all the others, narrow ones and wide ones, in both
// directions; a repeat pays nothing.
func TestTake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   []string
		sends []budget.Send
		want  []string
	}{
		"a repeat pays nothing": {
			[]string{"SENDS_PER_ADDRESS=2", "SENDS_PER_DAY=2"},
			[]budget.Send{send(1, ada, here), send(1, ada, here), send(1, ada, here), send(2, bob, here), send(3, eve, here)},
			[]string{"fresh", "repeat", "repeat", "fresh", "wait"},
		},
		"the phone refuses: the day and the address get theirs back": {
			[]string{"SENDS_PER_ADDRESS=2", "SENDS_PER_DAY=2"},
			[]budget.Send{send(1, ada, here), send(2, ada, here), send(3, ada, here), send(4, bob, here)},
			[]string{"fresh", "wait", "wait", "fresh"},
		},
		"the address refuses: the phone and the day get theirs back": {
			[]string{"SENDS_PER_ADDRESS=1", "SENDS_PER_DAY=2"},
			[]budget.Send{send(1, ada, here), send(2, bob, here), send(3, bob, here), send(4, bob, there)},
			[]string{"fresh", "wait", "wait", "fresh"},
		},
		"the range refuses: phone, address, country and day get theirs back": {
			[]string{"SENDS_PER_PREFIX=1", "SENDS_PER_ADDRESS=2", "SENDS_PER_COUNTRY=2", "SENDS_PER_DAY=2"},
			[]budget.Send{send(1, ada, here), send(2, "+14155550000", here), send(3, "+14155550000", here), send(4, bob, here)},
			[]string{"fresh", "wait", "wait", "fresh"},
		},
		"the day refuses": {
			[]string{"SENDS_PER_DAY=1"},
			[]budget.Send{send(1, ada, here), send(2, bob, here), send(3, eve, there)},
			[]string{"fresh", "wait", "wait"},
		},
	} {
		l := limits(t, bench.Open(t), store.Login, c.set...)
		var got []string
		for _, s := range c.sends {
			got = append(got, take(t, l, s, start))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// After a refusal by what is shared, the phone's history is as it was: who waits
// is not made to wait longer.
func TestRefusedTakeLeavesNoHistory(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	l := limits(t, b, store.Login, "SENDS_PER_DAY=1")
	if got := take(t, l, send(1, bob, there), start); got != "fresh" {
		t.Fatal(got)
	}
	sends, fresh, err := l.Take(t.Context(), send(2, ada, here), start)
	if fresh || after(err) != 12*time.Hour {
		t.Errorf("%v %v", fresh, err)
	}
	tomorrow := start.Add(12 * time.Hour)
	again := send(3, ada, here)
	again.Known = sends // is out of date by now, and found out to be
	if got := take(t, l, again, tomorrow); got != "fresh" {
		t.Errorf("the next day: %s", got)
	}
	sends, _, err = l.Narrow(t.Context(), send(3, ada, here), tomorrow)
	if err != nil || len(sends.Times) != 1 || l.Next(sends, tomorrow) != tomorrow.Add(30*time.Second) {
		t.Errorf("%v %v", sends, err)
	}
}

// All limits are asked side by side, so that one round trip is enough.
func TestTakeIsOneRoundTrip(t *testing.T) {
	b := bench.Open(t)
	l := limits(t, b, store.Login)
	b.Wire.Reset()
	b.Wire.Delay(40 * time.Millisecond)
	if got := take(t, l, send(1, ada, here), start); got != "fresh" {
		t.Fatal(got)
	}
	if b.Wire.Depth() != 1 || len(b.Wire.Calls()) != 5 {
		t.Errorf("%d round trips, %v", b.Wire.Depth(), b.Wire.Calls())
	}
}

// Two presses of one button are one send; of those who come at once, never more
// are let through than the limits allow, and what they took of each other is
// given back.
func TestTakeInParallel(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Login)
	if got := fresh(t, l, func(int) budget.Send { return send(1, ada, here) }); got != 1 {
		t.Errorf("one form: %d sends", got)
	}
	if got := fresh(t, l, func(i int) budget.Send { return send(100+i, ada, here) }); got != 0 {
		t.Errorf("the same phone: %d sends", got)
	}
	l = limits(t, bench.Open(t), store.Login, "SENDS_PER_DAY=3")
	other := func(i int) budget.Send { return send(200+i, fmt.Sprintf("+1416555%04d", i), here) }
	got := fresh(t, l, other)
	for i := range 4 { // who was refused because of others that were refused may come again
		if take(t, l, other(20+i), start) == "fresh" {
			got++
		}
	}
	if got != 3 {
		t.Errorf("other phones: %d sends of a day's three", got)
	}
}

// fresh is how many of twenty at once are let through.
func fresh(t testing.TB, l *budget.Budget, s func(int) budget.Send) int {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	n := 0
	for i := range 20 {
		wg.Go(func() {
			_, fresh, err := l.Take(t.Context(), s(i), start)
			mu.Lock()
			defer mu.Unlock()
			if fresh && err == nil {
				n++
			}
		})
	}
	wg.Wait()
	return n
}

// Without the table nothing is let through.
func TestTakeFailsClosed(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"UpdateItem", "PutItem"} {
		b := bench.Open(t)
		l := limits(t, b, store.Login)
		b.Wire.Lose(operation, 1000)
		_, fresh, err := l.Take(t.Context(), send(1, ada, here), start)
		if fresh || err == nil || after(err) >= 0 {
			t.Errorf("without %s: fresh %v, %v", operation, fresh, err)
		}
	}
}

// nothing that a sign-up takes is a login's: not the phone's, the
// address's, the range's, the country's, nor the day's.
func TestFlowsShareNoLimit(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	set := []string{"SENDS_PER_ADDRESS=1", "SENDS_PER_PREFIX=1", "SENDS_PER_COUNTRY=1", "SENDS_PER_DAY=1"}
	for _, flow := range []store.Flow{store.Signup, store.Login} {
		l := limits(t, b, flow, set...)
		if got := take(t, l, send(1, ada, here), start); got != "fresh" {
			t.Errorf("%s: %s", flow, got)
		}
		if got := take(t, l, send(2, bob, there), start); got != "wait" {
			t.Errorf("%s, beyond: %s", flow, got)
		}
	}
}
