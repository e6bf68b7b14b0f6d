package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

func history() store.History {
	s := time.Second
	return store.History{
		Rule: "sends", Subject: "+14155552671", Waits: []time.Duration{30 * s, 40 * s, 60 * s, 90 * s, 120 * s}, Window: 10 * time.Minute, PerDay: 10,
	}
}

// times are moments after the start.
func times(seconds ...int) []time.Time {
	var ts []time.Time
	for _, s := range seconds {
		ts = append(ts, start.Add(time.Duration(s)*time.Second))
	}
	return ts
}

// 30, 40, 60, 90, 120 s, then none until ten minutes have passed.
func TestNext(t *testing.T) {
	day := 24 * 3600
	for _, c := range []struct {
		name   string
		times  []time.Time
		now    int
		perDay int
		want   int // -1: at once
	}{
		{"none", nil, 0, 10, -1},
		{"one", times(0), 0, 10, 30},
		{"two", times(0, 30), 30, 10, 70},
		{"three", times(0, 30, 70), 70, 10, 130},
		{"four", times(0, 30, 70, 130), 130, 10, 220},
		{"five: until ten minutes after the first", times(0, 30, 70, 130, 220), 220, 10, 600},
		{"five, the last late", times(0, 30, 70, 130, 590), 590, 10, 710},
		{"ten minutes after the first the second is the first", times(0, 30, 70, 130, 220), 600, 10, 310},
		{"one, long ago", times(0), 600, 10, -1},
		{"one, a moment less long ago", times(0), 599, 10, 30},
		{"a day's four", times(0, 3600, 7200, 10800), 10800, 4, day},
		{"a day's four, and the first is over", times(0, 3600, 7200, 10800), day, 4, -1},
		{"a day's four, a moment before", times(0, 3600, 7200, 10800), day - 1, 4, day},
		{"more than a day's", times(0, 3600, 7200, 10800, 14400), 14400, 4, day + 3600},
		{"a day's one", times(0), 1, 1, day},
	} {
		h := history()
		h.PerDay = c.perDay
		now := start.Add(time.Duration(c.now) * time.Second)
		got := h.Next(store.Sends{Times: c.times}, now)
		want := start.Add(time.Duration(c.want) * time.Second)
		if c.want < 0 && got.After(now) || c.want >= 0 && !got.Equal(want) {
			t.Errorf("%s: in %v, want %d s", c.name, got.Sub(start), c.want)
		}
	}
}

// The same against the table, with a clock that moves second by second.
func TestUseOverTenMinutes(t *testing.T) {
	t.Parallel()
	b, h := bench.Open(t), history()
	var taken []int
	var known store.Sends
	for second := 0; second <= 730; second += 5 {
		now := start.Add(time.Duration(second) * time.Second)
		next := h.Next(known, now)
		s, fresh, err := b.Use(t.Context(), h, fmt.Sprint(second), known, now)
		if err != nil && after(err) != next.Sub(now) {
			t.Fatalf("at %d s: %v, want %v", second, err, next.Sub(now))
		}
		if fresh {
			taken, known = append(taken, second), s
		}
	}
	if want := []int{0, 30, 70, 130, 220, 600}; len(taken) < 6 || !slices.Equal(taken[:6], want) {
		t.Errorf("taken at %v, want to begin with %v", taken, want)
	}
	for i := range taken[5:] {
		if taken[i+5]-taken[i] < 600 {
			t.Errorf("taken at %v: six within ten minutes", taken)
		}
	}
}

// Who knows nothing is told as much as who knows.
func TestUseWithoutKnowledge(t *testing.T) {
	t.Parallel()
	b, h := bench.Open(t), history()
	for i, c := range []struct{ second, wait int }{{0, -1}, {29, 1}, {30, -1}, {31, 39}, {70, -1}, {130, -1}, {220, -1}, {221, 379}, {599, 1}, {600, -1}} {
		s, fresh, err := b.Use(t.Context(), h, fmt.Sprint(i), store.Sends{}, start.Add(time.Duration(c.second)*time.Second))
		wait := time.Duration(c.wait) * time.Second
		if c.wait < 0 && (err != nil || !fresh || len(s.Times) == 0) || c.wait >= 0 && (after(err) != wait || fresh) {
			t.Errorf("at %d s: fresh %v, %v", c.second, fresh, err)
		}
	}
}

func TestUsePerDay(t *testing.T) {
	t.Parallel()
	b, h := bench.Open(t), history()
	h.PerDay = 4
	for i := range 4 {
		_, fresh, err := b.Use(t.Context(), h, fmt.Sprint(i), store.Sends{}, start.Add(time.Duration(i)*time.Hour))
		if err != nil || !fresh {
			t.Fatalf("use %d: %v", i+1, err)
		}
	}
	for hours, want := range map[int]time.Duration{4: 20 * time.Hour, 23: time.Hour} {
		_, fresh, err := b.Use(t.Context(), h, "more", store.Sends{}, start.Add(time.Duration(hours)*time.Hour))
		if fresh || after(err) != want {
			t.Errorf("after %d hours: %v, want %v", hours, err, want)
		}
	}
	for _, hours := range []int{24, 25, 80} {
		_, fresh, err := b.Use(t.Context(), h, fmt.Sprint(hours), store.Sends{}, start.Add(time.Duration(hours)*time.Hour))
		if err != nil || !fresh {
			t.Errorf("after %d hours: %v", hours, err)
		}
	}
}

func TestUseInParallel(t *testing.T) {
	t.Parallel()
	b, h := bench.Open(t), history()
	fresh := func(id func(int) string, subject string) (n, same, limited int) {
		h.Subject = subject
		freshes := make(chan bool, 20)
		found := parallel(20, func(i int) error {
			_, fresh, err := b.Use(t.Context(), h, id(i), store.Sends{}, start)
			if err == nil {
				freshes <- fresh
			}
			return err
		})
		close(freshes)
		for f := range freshes {
			if f {
				n++
			} else {
				same++
			}
		}
		return n, same, found[errLimited]
	}
	n, same, limited := fresh(func(i int) string { return fmt.Sprint(i) }, "+14155552671")
	if n != 1 || same != 0 || limited != 19 {
		t.Errorf("20 ids: %d fresh, %d repeats, %d limited", n, same, limited)
	}
	n, same, limited = fresh(func(int) string { return "one" }, "+14155552672")
	if n != 1 || same != 19 || limited != 0 {
		t.Errorf("one id 20 times: %d fresh, %d repeats, %d limited", n, same, limited)
	}
}

// A repeat is one while its wait runs; afterwards it is another use.
func TestUseRepeated(t *testing.T) {
	t.Parallel()
	b, h := bench.Open(t), history()
	first, _, err := b.Use(t.Context(), h, "one", store.Sends{}, start)
	if err != nil {
		t.Fatal(err)
	}
	got, fresh, err := b.Use(t.Context(), h, "one", store.Sends{}, start.Add(29*time.Second))
	if err != nil || fresh || got.Version != first.Version || len(got.Times) != 1 {
		t.Errorf("a repeat: fresh %v, %v, %v", fresh, got, err)
	}
	got, fresh, err = b.Use(t.Context(), h, "one", store.Sends{}, start.Add(30*time.Second))
	if err != nil || !fresh || len(got.Times) != 2 {
		t.Errorf("after the wait: fresh %v, %v, %v", fresh, got, err)
	}
}

// When what is known still holds, one call is enough; when not, the table
// decides.
func TestUseKnown(t *testing.T) {
	t.Parallel()
	b, h := bench.Open(t), history()
	first, _, err := b.Use(t.Context(), h, "one", store.Sends{}, start)
	if err != nil {
		t.Fatal(err)
	}
	b.Wire.Reset()
	second, fresh, err := b.Use(t.Context(), h, "two", first, start.Add(30*time.Second))
	if err != nil || !fresh || b.Wire.Count("PutItem") != 1 || b.Wire.Count("GetItem") != 0 {
		t.Errorf("known: fresh %v, %v, %d puts and %d gets", fresh, err, b.Wire.Count("PutItem"), b.Wire.Count("GetItem"))
	}
	_, fresh, err = b.Use(t.Context(), h, "three", first, start.Add(45*time.Second))
	if fresh || after(err) != 25*time.Second {
		t.Errorf("known too little: fresh %v, %v", fresh, err)
	}
	_, fresh, err = b.Use(t.Context(), h, "three", second, start.Add(70*time.Second))
	if err != nil || !fresh {
		t.Errorf("known again: fresh %v, %v", fresh, err)
	}
}

func TestUnuse(t *testing.T) {
	t.Parallel()
	b, h := bench.Open(t), history()
	first, _, err := b.Use(t.Context(), h, "one", store.Sends{}, start)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Unuse(t.Context(), h, "another", first, start)
	if err != nil {
		t.Fatal(err)
	}
	_, fresh, err := b.Use(t.Context(), h, "two", store.Sends{}, start)
	if fresh || after(err) != 30*time.Second {
		t.Errorf("somebody else's use is taken back: %v", err)
	}
	for range 2 { // twice is once
		err = b.Unuse(t.Context(), h, "one", first, start)
		if err != nil {
			t.Fatal(err)
		}
	}
	second, fresh, err := b.Use(t.Context(), h, "two", store.Sends{}, start)
	if err != nil || !fresh || len(second.Times) != 1 {
		t.Errorf("after taking back: fresh %v, %v, %v", fresh, second.Times, err)
	}
	err = b.Unuse(t.Context(), h, "one", first, start) // no longer the newest
	if err != nil {
		t.Fatal(err)
	}
	_, fresh, err = b.Use(t.Context(), h, "three", store.Sends{}, start)
	if fresh || after(err) != 30*time.Second {
		t.Errorf("an old use takes the newest back: %v", err)
	}
	err = b.Unuse(t.Context(), h, "", store.Sends{}, start)
	if err != nil {
		t.Errorf("nothing: %v", err)
	}
}
