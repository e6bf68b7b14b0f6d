package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/bench"
)

// streak is how long a row of failures is remembered after its newest.
const streak = 12 * time.Hour

// fail makes tries that have to pass, all at one time.
func fail(t *testing.T, b *bench.Table, n int, at time.Time) {
	t.Helper()
	for i := range n {
		err := b.Try(t.Context(), attempts(), fmt.Sprint(i, at), at)
		if err != nil {
			t.Fatalf("try %d at %v: %v", i+1, at, err)
		}
	}
}

// counted fails unless so many tries are counted, and the next one, at the same
// time, has to wait for so long.
func counted(t *testing.T, b *bench.Table, want string, wait time.Duration, at time.Time) {
	t.Helper()
	if got := hits(t, b); got != want {
		t.Errorf("at %v %v are counted, want %s", at, got, want)
	}
	if got := after(b.Try(t.Context(), attempts(), "too early", at)); got != wait {
		t.Errorf("at %v: limited for %v, want %v", at, got, wait)
	}
}

// No time of the day ends a row of failures, noon and midnight as little as any
// other; nor does it end twelve hours after its first.
func TestAttemptsRemembered(t *testing.T) {
	t.Parallel()
	for hour := range 24 {
		b, full := bench.Open(t), start.Add(time.Duration(hour)*time.Hour)
		fail(t, b, 5, full.Add(-time.Second))
		fail(t, b, 1, full)
		counted(t, b, "6", 2*time.Second, full)
	}
	b, now, wait := bench.Open(t), start, time.Second
	fail(t, b, 5, now)
	for n := range 4 {
		counted(t, b, fmt.Sprint(5+n), wait, now)
		now, wait = now.Add(streak-time.Millisecond), 2*wait
		fail(t, b, 1, now)
	}
	counted(t, b, "9", wait, now)
}

// A row is forgotten twelve hours after its newest try, to the millisecond, also
// while its item is still there. What tries were refused meanwhile prolong
// nothing. The new row is as any other: it is counted from one on, in the usual
// single write, and kept for as long.
func TestAttemptsForgotten(t *testing.T) {
	t.Parallel()
	b, newest := bench.Open(t), start.Add(time.Hour)
	fail(t, b, 5, start)
	fail(t, b, 1, newest)
	counted(t, b, "6", 2*time.Second, newest)
	b.Wire.Reset()
	fail(t, b, 1, newest.Add(streak))
	if writes, reads := b.Wire.Count("UpdateItem"), b.Wire.Count("GetItem"); hits(t, b) != "1" || writes != 2 || reads != 1 {
		t.Errorf("%v are counted, after %d writes and %d reads", hits(t, b), writes, reads)
	}
	now := newest.Add(streak + time.Minute)
	b.Wire.Reset()
	fail(t, b, 4, now)
	if writes, reads := b.Wire.Count("UpdateItem"), b.Wire.Count("GetItem"); writes != 4 || reads != 0 {
		t.Errorf("four tries take %d writes and %d reads", writes, reads)
	}
	counted(t, b, "5", time.Second, now)
	v, _ := b.Only(t)["expires_at"].(map[string]any)
	if want := fmt.Sprint(now.Add(36 * time.Hour).Unix()); v["N"] != want {
		t.Errorf("expires_at %v, want %s", v, want)
	}
}

// A single failure is forgotten as a long row is; a moment earlier neither is.
func TestAttemptsForgottenAtOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 6} {
		b, now := bench.Open(t), start
		for range n {
			now = now.Add(time.Second)
			fail(t, b, 1, now)
		}
		now = now.Add(streak - time.Millisecond)
		fail(t, b, 1, now)
		if want := fmt.Sprint(n + 1); hits(t, b) != want {
			t.Errorf("%v are counted a moment too early, want %s", hits(t, b), want)
		}
		fail(t, b, 1, now.Add(streak))
		if hits(t, b) != "1" {
			t.Errorf("%v are counted after twelve hours", hits(t, b))
		}
	}
}

// However many come at once when a row is forgotten, as many pass as are free.
func TestForgottenInParallel(t *testing.T) {
	t.Parallel()
	b, now := bench.Open(t), start
	fail(t, b, 5, now)
	for i := range 5 {
		now = now.Add(streak)
		found := parallel(20, func(n int) error { return b.Try(t.Context(), attempts(), fmt.Sprint(i, " ", n), now) })
		if found[nil] != 5 || found[errLimited] != 15 || hits(t, b) != "5" {
			t.Errorf("%v, counted %v", found, hits(t, b))
		}
	}
}

// The try that begins a row anew is one try, however often it is sent; also when
// it was the forgotten row's newest, which nobody remembers any more.
func TestForgottenRepeated(t *testing.T) {
	t.Parallel()
	b, now := bench.Open(t), start
	fail(t, b, 4, now)
	for range 3 {
		found := parallel(20, func(int) error { return b.Try(t.Context(), attempts(), "same", now) })
		if found[nil] != 20 {
			t.Errorf("%v", found)
		}
		now = now.Add(streak)
	}
	if hits(t, b) != "1" {
		t.Errorf("counted %v", hits(t, b))
	}
}

// meanwhile calls f before every update of the table that is not f's own, with
// the number of that update, and lets it happen as f says.
func meanwhile(b *bench.Table, f func(n int64) bench.Fault) {
	var calls atomic.Int64
	var busy atomic.Bool
	b.Wire.Reset()
	b.Wire.Break(func(c bench.Call) bench.Fault {
		if c.Name != "UpdateItem" || !busy.CompareAndSwap(false, true) {
			return bench.None
		}
		defer busy.Store(false)
		return f(calls.Add(1))
	})
}

// The SDK's own retry of the write that begins a row anew counts once.
func TestAnewWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	fail(t, b, 5, start)
	meanwhile(b, func(n int64) bench.Fault {
		if n == 2 { // the first one is refused
			return bench.Unheard
		}
		return bench.None
	})
	fail(t, b, 1, start.Add(streak))
	if hits(t, b) != "1" {
		t.Errorf("counted %v", hits(t, b))
	}
}

// Who comes too late to begin a row anew counts in the one that another began;
// who finds it gone, in none.
func TestAnewAfterAnother(t *testing.T) {
	t.Parallel()
	now := start.Add(streak)
	for what, c := range map[string]struct {
		others int
		want   string
		wait   time.Duration
	}{"room": {3, "4", -1}, "full": {5, "5", time.Second}, "forgotten": {0, "1", -1}} {
		b := bench.Open(t)
		fail(t, b, 5, start)
		meanwhile(b, func(n int64) bench.Fault {
			switch {
			case n == 2 && c.others > 0:
				fail(t, b, c.others, now)
			case n == 2:
				err := b.Forget(t.Context(), attempts().Rule, attempts().Subject)
				if err != nil {
					t.Error(err)
				}
			}
			return bench.None
		})
		err := b.Try(t.Context(), attempts(), "late", now)
		if after(err) != c.wait || c.wait < 0 && err != nil || hits(t, b) != c.want {
			t.Errorf("%s: %v, counted %v", what, err, hits(t, b))
		}
	}
}

// Who is never the fastest gives up, and is told to come back.
func TestAnewGivesUp(t *testing.T) {
	t.Parallel()
	b, now := bench.Open(t), start.Add(2*streak)
	fail(t, b, 5, start)
	meanwhile(b, func(n int64) bench.Fault {
		if n%2 == 0 { // others, whose clocks are far behind, change the row and leave it forgotten
			fail(t, b, 1, start.Add(time.Duration(n)*time.Hour))
		}
		return bench.None
	})
	err := b.Try(t.Context(), attempts(), "slow", now)
	if after(err) != time.Second || hits(t, b) != "8" || b.Wire.Count("GetItem") != 3 {
		t.Errorf("%v, counted %v after %d reads", err, hits(t, b), b.Wire.Count("GetItem"))
	}
}

// A success forgets the whole row, on whichever side of noon its tries were.
func TestForgetAtAnyTime(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	fail(t, b, 5, start.Add(-time.Second))
	fail(t, b, 1, start)
	err := b.Forget(t.Context(), attempts().Rule, attempts().Subject)
	if err != nil || len(b.Items(t)) != 0 {
		t.Errorf("%v, left %v", err, b.Items(t))
	}
	fail(t, b, 5, start)
	counted(t, b, "5", time.Second, start)
}
