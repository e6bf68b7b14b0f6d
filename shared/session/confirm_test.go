package session_test

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/shared/session"
	"latchkey/shared/store"
)

// Two new sessions share nothing that must be random, and say what they are.
func TestNew(t *testing.T) {
	t.Parallel()
	b, tok := open(t), token()
	s, other := b.guard.New(tok, store.Login, profile()), b.guard.New(tok, store.Login, profile())
	if reflect.DeepEqual(s.Salt, other.Salt) || s.Epoch == other.Epoch || len(s.Salt) != 32 || len(s.Epoch) != 32 {
		t.Errorf("salts %x %x, epochs %s %s", s.Salt, other.Salt, s.Epoch, other.Epoch)
	}
	if s.Key != tok.Key || s.ID != tok.ID || s.UID != tok.ID || s.Flow != store.Login || !reflect.DeepEqual(s.Secret, tok.Hash()) || s.Confirmed() ||
		!s.CreatedAt.Equal(start) || !s.ValidUntil.Equal(start.Add(30*time.Minute)) || s.Profile != profile() {
		t.Errorf("%+v", s)
	}
}

// Fifty at once: one is first, all get one cookie.
func TestConfirmInParallel(t *testing.T) {
	t.Parallel()
	b := open(t)
	s := b.begin(t, token())
	var mu sync.Mutex
	var wg sync.WaitGroup
	firsts, values := 0, map[string]int{}
	for range 50 {
		wg.Go(func() {
			got, first, err := b.guard.Confirm(t.Context(), s, token(), code, store.FactorCode)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if first {
				firsts++
			}
			values[got.Value()]++
		})
	}
	wg.Wait()
	if firsts != 1 || len(values) != 1 || values[token().Value()] != 0 {
		t.Errorf("%d first, %d cookies", firsts, len(values))
	}
}

// a repeat gets the same cookie while it can be one; a thief of the old
// cookie does not know the code, and an old one is of no use.
func TestRepeat(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, rotated := b.enter(t)
	forged := token()
	forged.Secret = session.Derive(seed, forged.Key, "forged").Secret
	other := token()
	other.ID = strings.Repeat("f", 32)
	for _, c := range []struct {
		name  string
		tok   session.Token
		code  string
		after time.Duration
		ok    bool
	}{
		{"forged", forged, code, 0, false},
		{"other session", other, code, 0, false},
		{"the new cookie", rotated, code, 0, false},
		{"at once", token(), code, 0, true},
		{"again", token(), code, 0, true},
		{"within 30 s", token(), code, 30*time.Second - time.Millisecond, true},
		{"at 30 s", token(), code, 30 * time.Second, false},
		{"later", token(), code, time.Hour, false},
		{"wrong code", token(), "123457", 0, false}, // and nothing passes after it: TestWrongCodeEndsRepeats
	} {
		b.Clock.Set(start.Add(c.after))
		got, _, err := b.guard.Repeat(t.Context(), c.tok, c.code)
		if c.ok && (err != nil || got != rotated) || !c.ok && (!errors.Is(err, session.ErrNone) || got != (session.Token{})) {
			t.Errorf("%s: %v", c.name, err)
		}
		// Confirm, called with what was read before, says the same.
		s, err := b.Session(t.Context(), token().Key, token().ID)
		if err != nil {
			t.Fatal(err)
		}
		s.Secret = c.tok.Hash()
		got, first, err := b.guard.Confirm(t.Context(), s, c.tok, c.code, store.FactorCode)
		if first || c.ok && (err != nil || got != rotated) || !c.ok && (!errors.Is(err, session.ErrNone) || got != (session.Token{})) {
			t.Errorf("%s, by Confirm: first %v, %v", c.name, first, err)
		}
	}
	b.Clock.Set(start)
	if got := b.full(t, rotated.Value()); got != nil {
		t.Errorf("after all that the session is %v", got)
	}
}

// one wrong code, which only a thief brings, ends the repeats, also for who
// knows the right one.
func TestWrongCodeEndsRepeats(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"123457", "", code + " "} {
		b := open(t)
		_, rotated := b.enter(t)
		for _, c := range []struct {
			code string
			want error
		}{{code, nil}, {wrong, session.ErrNone}, {code, session.ErrNone}} {
			_, _, err := b.guard.Repeat(t.Context(), token(), c.code)
			if !errors.Is(err, c.want) {
				t.Errorf("%q: %v, want %v", c.code, err, c.want)
			}
		}
		if got := b.full(t, rotated.Value()); got != nil {
			t.Errorf("after %q the session itself is %v", wrong, got)
		}
	}
}

// a confirmation is answered again sixty times, and no more.
func TestRepeatsAreCounted(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.enter(t)
	for i := range 62 {
		_, _, err := b.guard.Repeat(t.Context(), token(), code)
		if (err == nil) != (i < 60) || err != nil && !errors.Is(err, session.ErrNone) {
			t.Errorf("repeat %d: %v", i+1, err)
		}
	}
}

func TestRepeatOfNothing(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, _, err := b.guard.Repeat(t.Context(), token(), code)
	if !errors.Is(err, session.ErrNone) {
		t.Errorf("no session: %v", err)
	}
	b.begin(t, token())
	_, _, err = b.guard.Repeat(t.Context(), token(), code)
	if !errors.Is(err, session.ErrNone) {
		t.Errorf("a half session: %v", err)
	}
}

// A half session that is over is not confirmed any more.
func TestConfirmTooLate(t *testing.T) {
	t.Parallel()
	b := open(t)
	s := b.begin(t, token())
	b.Clock.Set(s.ValidUntil)
	got, first, err := b.guard.Confirm(t.Context(), s, token(), code, store.FactorCode)
	if first || !errors.Is(err, session.ErrNone) || got != (session.Token{}) {
		t.Errorf("first %v, %v", first, err)
	}
}

// The SDK's retry meets its own write: the visitor is signed in all the same.
func TestConfirmWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := open(t)
	s := b.begin(t, token())
	b.Wire.Lose("UpdateItem", 1)
	got, _, err := b.guard.Confirm(t.Context(), s, token(), code, store.FactorCode)
	if err != nil || got != token().Rotated(s.Salt) || b.Wire.Count("UpdateItem") != 3 { // confirm, its retry, the repeat
		t.Errorf("%v after %d updates", err, b.Wire.Count("UpdateItem"))
	}
	if got := b.half(t, got.Value()); !errors.Is(got, session.ErrConfirmed) {
		t.Errorf("the cookie is %v", got)
	}
}

// Durations are settings, and hold.
func TestSettings(t *testing.T) {
	t.Parallel()
	b := open(t, "HALF_SESSION=2m", "SESSION_IDLE=1h", "SESSION_TOTAL=90m", "SESSION_TOUCH=1m", "MAX_CHECKS=3")
	if b.guard.Tries != 3 {
		t.Errorf("%d tries", b.guard.Tries)
	}
	s, rotated := b.enter(t)
	if !s.ValidUntil.Equal(start.Add(2 * time.Minute)) {
		t.Errorf("half until %v", s.ValidUntil)
	}
	for _, c := range []struct {
		at   time.Duration
		want error
	}{{time.Hour - time.Second, nil}, {90*time.Minute - time.Second, nil}, {90 * time.Minute, session.ErrNone}} {
		b.Clock.Set(start.Add(c.at))
		if got := b.full(t, rotated.Value()); !errors.Is(got, c.want) {
			t.Errorf("after %v: %v, want %v", c.at, got, c.want)
		}
	}
}
