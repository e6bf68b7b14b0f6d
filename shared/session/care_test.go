package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/session"
	"latchkey/shared/store"
)

// step is another token of the same person, for what is proved beside a session.
func step() session.Token {
	return session.Derive(strings.Repeat("t", 43), token().Key, "beside")
}

// beside begins a proof beside a whole session, and returns both as they are.
func (b *gate) beside(t testing.TB) (whole store.Session, rotated session.Token, proof store.Session) {
	t.Helper()
	_, rotated = b.enter(t)
	_, whole, err := b.guard.Full(t.Context(), b.with(rotated.Value()))
	if err != nil {
		t.Fatal(err)
	}
	proof, err = b.CreateSession(t.Context(), b.guard.Beside(whole, step(), store.Proof, profile()))
	if err != nil {
		t.Fatal(err)
	}
	return whole, rotated, proof
}

// What is proved beside a session takes its place, ends it, and lasts no longer
//
func TestConfirmBeside(t *testing.T) {
	t.Parallel()
	b := open(t)
	whole, rotated, proof := b.beside(t)
	b.Clock.Advance(time.Minute)
	got, first, err := b.guard.Confirm(t.Context(), proof, step(), code, store.FactorPush)
	if err != nil || !first {
		t.Fatalf("first %v, %v", first, err)
	}
	_, full, err := b.guard.Full(t.Context(), b.with(got.Value()))
	if err != nil || full.Factor != store.FactorPush || !full.ConfirmedAt.Equal(b.Clock.Now()) || !full.EndsAt.Equal(whole.EndsAt) || full.UID != whole.UID {
		t.Errorf("%+v, %v", full, err)
	}
	_, _, err = b.guard.Full(t.Context(), b.with(rotated.Value()))
	if !errors.Is(err, session.ErrNone) {
		t.Errorf("the session from before: %v", err)
	}
	again, first, err := b.guard.Confirm(t.Context(), proof, step(), code, store.FactorPush)
	if err != nil || first || again != got {
		t.Errorf("a repeat: first %v, %v", first, err)
	}
	_, _, err = b.guard.Confirm(t.Context(), proof, step(), "654321", store.FactorPush)
	if !errors.Is(err, session.ErrNone) {
		t.Errorf("another code: %v", err)
	}
}

// A proof whose session ended meanwhile signs nobody in; of two one does.
func TestConfirmBesideWhatIsOver(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, b *gate, whole store.Session, rotated session.Token){
		"logged out": func(t *testing.T, b *gate, _ store.Session, rotated session.Token) {
			err := b.guard.End(b.with(rotated.Value()), audit.Here)
			if err != nil {
				t.Error(err)
			}
		},
		"idle": func(_ *testing.T, b *gate, _ store.Session, _ session.Token) { b.Clock.Advance(12 * time.Hour) },
		"another proof": func(t *testing.T, b *gate, whole store.Session, _ session.Token) {
			other := session.Derive(strings.Repeat("u", 43), token().Key, "beside")
			s, err := b.CreateSession(t.Context(), b.guard.Beside(whole, other, store.Proof, profile()))
			if err != nil {
				t.Error(err)
			}
			_, _, err = b.guard.Confirm(t.Context(), s, other, code, store.FactorCode)
			if err != nil {
				t.Error(err)
			}
		},
	} {
		b := open(t)
		whole, rotated, proof := b.beside(t)
		end(t, b, whole, rotated)
		got, _, err := b.guard.Confirm(t.Context(), proof, step(), code, store.FactorCode)
		_, _, full := b.guard.Full(t.Context(), b.with(got.Value()))
		if !errors.Is(err, session.ErrNone) || full == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A session outlives the change of epoch that it made itself, also when it died
// before it could say so, and no other change, nor that of another session.
func TestOwnEpoch(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, rotated := b.enter(t)
	u, s, err := b.guard.Full(t.Context(), b.with(rotated.Value()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // one change after the other
		next := session.NextEpoch(s)
		if next == s.Epoch || len(next) != 32 {
			t.Fatalf("%q follows %q", next, s.Epoch)
		}
		err = b.ChangePassword(t.Context(), u, "$2a$04$other"+next, next, "form")
		if err != nil {
			t.Fatal(err)
		}
		u, s, err = b.guard.Full(t.Context(), b.with(rotated.Value()))
		if err != nil || s.Epoch != next || u.Epoch != next {
			t.Fatalf("epoch %q, the user's %q, %v", s.Epoch, u.Epoch, err)
		}
		kept, err := b.Session(t.Context(), s.Key, s.ID)
		if err != nil || kept.Epoch != next {
			t.Errorf("the table says %q, %v", kept.Epoch, err)
		}
	}
	stranger := s
	stranger.Salt = session.Random(32)
	err = b.NewEpoch(t.Context(), u, session.NextEpoch(stranger))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = b.guard.Full(t.Context(), b.with(rotated.Value()))
	if !errors.Is(err, session.ErrNone) {
		t.Errorf("an epoch of another session's: %v", err)
	}
}

// Logging out ends the session and what was begun beside it.
func TestEndBoth(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, rotated, proof := b.beside(t)
	r := b.with(rotated.Value())
	r.Header.Add("Cookie", b.site.CookieName("step")+"="+step().Value())
	err := b.guard.End(r, audit.Here)
	if err != nil {
		t.Fatal(err)
	}
	for what, id := range map[string]string{"session": rotated.ID, "proof": proof.ID} {
		s, err := b.Session(t.Context(), proof.Key, id)
		if err != nil || s.Secret != nil || s.Phone != "" {
			t.Errorf("the %s lives on: %+v, %v", what, s, err)
		}
	}
}
