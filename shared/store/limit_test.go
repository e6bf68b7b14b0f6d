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

// after is how long an error says to wait; -1 if it does not say so.
func after(err error) time.Duration {
	var limited *store.Limited
	if errors.As(err, &limited) {
		return limited.After
	}
	return -1
}

func counter() store.Counter {
	return store.Counter{Rule: "address", Subject: "192.0.2.1", Max: 3, Window: time.Hour}
}

func TestCount(t *testing.T) {
	t.Parallel()
	b, c := bench.Open(t), counter()
	at := start.Add(10 * time.Minute)
	for i := range 3 {
		err := b.Count(t.Context(), c, at)
		if err != nil {
			t.Fatalf("hit %d: %v", i+1, err)
		}
	}
	err := b.Count(t.Context(), c, at)
	if after(err) != 50*time.Minute {
		t.Errorf("beyond the limit: %v", err)
	}
	err = b.Count(t.Context(), c, start.Add(time.Hour-time.Second))
	if after(err) != time.Second {
		t.Errorf("a second before the window's end: %v", err)
	}
	other, rule := c, c
	other.Subject, rule.Rule = "192.0.2.2", "prefix"
	for name, err := range map[string]error{
		"the next window": b.Count(t.Context(), c, start.Add(time.Hour)), "another subject": b.Count(t.Context(), other, at), "another rule": b.Count(t.Context(), rule, at),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// as many as may, whoever comes at once.
func TestCountInParallel(t *testing.T) {
	t.Parallel()
	b, c := bench.Open(t), counter()
	found := parallel(40, func(int) error { return b.Count(t.Context(), c, start) })
	if found[nil] != 3 || found[errLimited] != 37 {
		t.Errorf("%v", found)
	}
}

func TestUncount(t *testing.T) {
	t.Parallel()
	b, c := bench.Open(t), counter()
	for range 2 { // below zero there is nothing to give back, and nothing is made
		err := b.Uncount(t.Context(), c, start)
		if err != nil || len(b.Items(t)) != 0 {
			t.Fatalf("%v %v", err, b.Items(t))
		}
	}
	for range 3 {
		err := b.Count(t.Context(), c, start)
		if err != nil {
			t.Fatal(err)
		}
	}
	err := b.Uncount(t.Context(), c, start)
	if err != nil {
		t.Fatal(err)
	}
	if b.Count(t.Context(), c, start) != nil || after(b.Count(t.Context(), c, start)) < 0 {
		t.Error("one hit back is not one hit more")
	}
	for range 10 {
		err := b.Uncount(t.Context(), c, start)
		if err != nil {
			t.Fatal(err)
		}
	}
	found := parallel(10, func(int) error { return b.Count(t.Context(), c, start) })
	if found[nil] != 3 {
		t.Errorf("%v after everything was given back", found)
	}
}

// No address and no phone is stored, and what is over is deleted a day later.
func TestLimitItems(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	err := b.Count(t.Context(), counter(), start)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := b.Only(t)["expires_at"].(map[string]any)
	if want := fmt.Sprint(start.Add(25 * time.Hour).Unix()); v["N"] != want {
		t.Errorf("expires_at %v, want %s", v, want)
	}
	_, _, err = b.Use(t.Context(), history(), "id", store.Sends{}, start)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Once(t.Context(), "key", "subject-canary", []byte("digest"), 24*time.Hour, start)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(b.Items(t))
	if err != nil || strings.Contains(string(text), "192.0.2.1") || strings.Contains(string(text), "5552671") || strings.Contains(string(text), "canary") {
		t.Errorf("%s", text)
	}
	for _, it := range b.Items(t) {
		if it["expires_at"] == nil {
			t.Errorf("%v stays for ever", it)
		}
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	once := func(subject, use string, at time.Time) error {
		return b.Once(t.Context(), "key", subject, []byte(use), 24*time.Hour, at)
	}
	for _, c := range []struct {
		subject, use string
		at           time.Duration
		want         error
	}{
		{"s", "a", 0, nil}, {"s", "a", time.Hour, nil}, {"s", "b", time.Hour, store.ErrRefused}, {"other", "b", 0, nil},
		{"s", "b", 24 * time.Hour, store.ErrRefused}, // the repeat moved the day on
		{"s", "b", 25 * time.Hour, nil}, {"s", "a", 25 * time.Hour, store.ErrRefused},
	} {
		err := once(c.subject, c.use, start.Add(c.at))
		if !errors.Is(err, c.want) {
			t.Errorf("%s for %s after %v: %v, want %v", c.subject, c.use, c.at, err, c.want)
		}
	}
	found := parallel(20, func(i int) error { return once("parallel", fmt.Sprint(i), start) })
	if found[nil] != 1 || found[store.ErrRefused] != 19 {
		t.Errorf("%v", found)
	}
	b.Wire.Lose("PutItem", 1)
	err := once("lost", "a", start)
	if err != nil {
		t.Errorf("with a lost answer: %v", err)
	}
}

func TestLimitedNamesTheWait(t *testing.T) {
	if got := (&store.Limited{After: 90 * time.Second}).Error(); !strings.Contains(got, "1m30s") {
		t.Errorf("%q", got)
	}
}

// The SDK's retry that meets its own write is not another request: nobody else
// would make the send.
func TestUseWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	b.Wire.Lose("PutItem", 1)
	s, fresh, err := b.Use(t.Context(), history(), "first", store.Sends{}, start)
	if err != nil || !fresh || len(s.Times) != 1 {
		t.Errorf("first use: %v, fresh %v, %v", s, fresh, err)
	}
	again, fresh, err := b.Use(t.Context(), history(), "first", store.Sends{}, start)
	if err != nil || fresh || again.Version != s.Version {
		t.Errorf("an equal request: %v, fresh %v, %v", again, fresh, err)
	}
}
