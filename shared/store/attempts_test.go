package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

func attempts() store.Attempts {
	return store.Attempts{Rule: "login", Subject: "subject-canary", Free: 5, Longest: 15 * time.Minute}
}

// hits is what the one item of the table counts.
func hits(t *testing.T, b *bench.Table) any {
	t.Helper()
	v, _ := b.Only(t)["hits"].(map[string]any)
	return v["N"]
}

// Whoever fails again and again, as soon as may be, waits twice as long each
// time and never longer than the longest; nothing locks for good (R-104,
//
func TestAttemptsWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		free    int
		longest time.Duration
		waits   []time.Duration // after the first, second … try
	}{
		{5, 15 * time.Minute, []time.Duration{
			0, 0, 0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second,
			64 * time.Second, 128 * time.Second, 256 * time.Second, 512 * time.Second, 15 * time.Minute, 15 * time.Minute, 15 * time.Minute,
		}},
		{1, 3 * time.Second, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second, 3 * time.Second}},
		{2, time.Second, []time.Duration{0, time.Second, time.Second, time.Second}},
	} {
		b, now := bench.Open(t), start
		a := attempts()
		a.Free, a.Longest = c.free, c.longest
		tries := 0
		try := func(at time.Time) error {
			tries++
			return b.Try(t.Context(), a, fmt.Sprint("id ", tries), at)
		}
		for i, wait := range c.waits {
			err := try(now)
			if err != nil {
				t.Fatalf("try %d of %v after the wait: %v", i+1, c.longest, err)
			}
			if wait == 0 {
				continue
			}
			if got := after(try(now)); got != wait {
				t.Errorf("try %d of %v: wait %v, want %v", i+1, c.longest, got, wait)
			}
			if got := after(try(now.Add(wait - time.Millisecond))); got != time.Second {
				t.Errorf("try %d of %v, a moment early: wait %v", i+1, c.longest, got)
			}
			now = now.Add(wait)
		}
	}
}

// However many come at once, no more pass than one after the other would.
func TestAttemptsInParallel(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	for i, c := range []struct {
		at   time.Duration
		want int
	}{{0, 5}, {time.Second, 1}, {time.Second, 0}, {3 * time.Second, 1}, {time.Hour, 1}} {
		found := parallel(50, func(n int) error { return b.Try(t.Context(), attempts(), fmt.Sprint(i, " ", n), start.Add(c.at)) })
		if found[nil] != c.want || found[errLimited] != 50-c.want {
			t.Errorf("after %v: %v, want %d", c.at, found, c.want)
		}
	}
}

// A double click is one try, also when no other would be let through.
func TestAttemptsRepeated(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	found := parallel(20, func(int) error { return b.Try(t.Context(), attempts(), "same", start) })
	if found[nil] != 20 || hits(t, b) != "1" {
		t.Errorf("%v, counted %v", found, hits(t, b))
	}
	for i := range 4 {
		err := b.Try(t.Context(), attempts(), fmt.Sprint(i), start)
		if err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]time.Duration{"3": -1, "same": time.Second, "new": time.Second} {
		err := b.Try(t.Context(), attempts(), id, start)
		if after(err) != want || want < 0 && err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if hits(t, b) != "5" {
		t.Errorf("counted %v", hits(t, b))
	}
}

func TestTryWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	b.Wire.Lose("UpdateItem", 1)
	err := b.Try(t.Context(), attempts(), "id", start)
	if err != nil || hits(t, b) != "1" || b.Wire.Count("UpdateItem") != 2 {
		t.Errorf("%v, counted %v", err, hits(t, b))
	}
	b.Wire.Lose("UpdateItem", 100)
	err = b.Try(t.Context(), attempts(), "other", start)
	if err == nil || after(err) >= 0 {
		t.Errorf("without the table a try passes, or is called limited: %v", err)
	}
}

// A success forgets the failures of its own lane, and of no other.
func TestForget(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	neighbour, rule := attempts(), attempts()
	neighbour.Subject, rule.Rule = "neighbour", "other"
	all := []store.Attempts{attempts(), neighbour, rule}
	for _, a := range all {
		for i := range 6 {
			err := b.Try(t.Context(), a, fmt.Sprint(i), start)
			if (after(err) > 0) != (i == 5) {
				t.Fatalf("try %d: %v", i+1, err)
			}
		}
	}
	for range 2 { // forgetting what is forgotten is no fault
		err := b.Forget(t.Context(), attempts().Rule, attempts().Subject)
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range all {
		err := b.Try(t.Context(), a, "again", start)
		if (err == nil) != (i == 0) {
			t.Errorf("%s of %s: %v", a.Rule, a.Subject, err)
		}
	}
}

// Nothing personal is stored, and what is over is deleted.
func TestAttemptsItem(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	err := b.Try(t.Context(), attempts(), "id", start)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(b.Items(t))
	if err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("%s", text)
	}
	v, _ := b.Only(t)["expires_at"].(map[string]any)
	if want := fmt.Sprint(start.Add(36 * time.Hour).Unix()); v["N"] != want {
		t.Errorf("expires_at %v, want %s", v, want)
	}
}

// A shorter life than a day, as a spent token has.
func TestOnceLives(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	for _, c := range []struct {
		by   string
		at   time.Duration
		want error
	}{
		{"a", 0, nil}, {"b", 0, store.ErrRefused}, {"b", 90*time.Second - time.Millisecond, store.ErrRefused}, {"b", 90 * time.Second, nil}, {"a", 91 * time.Second, store.ErrRefused},
	} {
		err := b.Once(t.Context(), "token", "subject", []byte(c.by), 90*time.Second, start.Add(c.at))
		if !errors.Is(err, c.want) {
			t.Errorf("%s after %v: %v, want %v", c.by, c.at, err, c.want)
		}
	}
}
