package session_test

import (
	"errors"
	"testing"

	"latchkey/shared/session"
	"latchkey/shared/store"
)

// A half session that no code can confirm any more is told from others, and is as
// little signed in as they are.
func TestFullOfSpent(t *testing.T) {
	t.Parallel()
	b := open(t)
	tok := token()
	s := b.begin(t, tok)
	s.Ref = "VE1"
	err := b.RecordSend(t.Context(), s)
	for n := 0; n < b.guard.Tries && err == nil; n++ {
		if got := b.full(t, tok.Value()); !errors.Is(got, session.ErrHalf) || errors.Is(got, session.ErrSpent) {
			t.Errorf("after %d codes: %v", n, got)
		}
		_, err = b.ReserveCheck(t.Context(), s, b.guard.Tries, b.Clock.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := b.full(t, tok.Value()); !errors.Is(got, session.ErrHalf) || !errors.Is(got, session.ErrSpent) {
		t.Errorf("after all codes: %v", got)
	}
	tok = session.Derive(seed, store.Hash("ada@example.com"), "another")
	err = b.MarkTaken(t.Context(), b.begin(t, tok))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.full(t, tok.Value()); !errors.Is(got, session.ErrHalf) || !errors.Is(got, session.ErrSpent) {
		t.Errorf("of an address that is taken: %v", got)
	}
}
