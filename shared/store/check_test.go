package store_test

import (
	"errors"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

// A check is proved once, by who holds its secret and in time; then nothing can
// be tried any more.
func TestProve(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	proof, until := []byte("proof"), start.Add(30*time.Second)
	err := b.Prove(t.Context(), sent(), proof, until, start)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("a check that is not there: %v", err)
	}
	create(t, b, sent())
	stranger := sent()
	stranger.Secret = []byte("another secret")
	for name, err := range map[string]error{
		"a stranger": b.Prove(t.Context(), stranger, proof, until, start),
		"too late":   b.Prove(t.Context(), sent(), proof, until, sent().ValidUntil),
	} {
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	won := parallel(5, func(int) error { return b.Prove(t.Context(), sent(), proof, until, start) })
	if won[nil] != 1 || won[store.ErrRefused] != 4 {
		t.Errorf("five at once: %v", won)
	}
	s := read(t, b)
	if string(s.Proof) != "proof" || !s.ValidUntil.Equal(until) || s.Phone != sent().Phone || s.Confirmed() {
		t.Errorf("proved: %v until %v, phone %v", s.Proof, s.ValidUntil, s.Phone)
	}
	_, err = b.ReserveCheck(t.Context(), sent(), 5, start)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("a try after the proof: %v", err)
	}
}
