package session_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
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

// refused is the code of a refusal, "" for none.
func refused(t *testing.T, err error) string {
	t.Helper()
	var p *web.Problem
	if err != nil && !errors.As(err, &p) {
		t.Fatal(err)
	}
	if p == nil {
		return ""
	}
	return p.Code
}

// The account is changed by who gave the second factor a quarter of an hour ago at
// most, and whose phone was not changed for a day (R-013, R-077, R-11A).
func TestOwner(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after, moved time.Duration // since the proof; since the phone was changed, 0 for never
		want         string
	}{
		"at once": {0, 0, ""}, "fresh to the second": {15 * time.Minute, 0, ""}, "too old": {15*time.Minute + time.Second, 0, "reauth"},
		"cooling": {time.Minute, 24*time.Hour - time.Second, "cooling"}, "settled": {time.Minute, 24 * time.Hour, ""},
	} {
		b := open(t)
		care := session.NewCare(env.Read(b.Config()), b.guard)
		s, rotated := b.enter(t)
		if c.moved > 0 {
			err := b.MovePhone(t.Context(), s, s.Epoch, "proof", start.Add(c.after-c.moved))
			if err != nil {
				t.Fatal(err)
			}
		}
		b.Clock.Set(start.Add(c.after))
		_, _, err := care.Owner(httptest.NewRecorder(), b.with(rotated.Value()), "/password")
		_, _, moving := care.Mover(httptest.NewRecorder(), b.with(rotated.Value()), "/phone")
		if refused(t, err) != c.want || refused(t, moving) != c.want {
			t.Errorf("%s: %v, and of a phone %v", name, err, moving)
		}
	}
}

// Without a whole session the phone is replaced only at a login for which a
// recovery code stands, of this user and this epoch.
func TestMoverWhosePhoneIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost   bool
		change func(*store.Session)
		want   string
	}{
		"lost": {true, func(*store.Session) {}, ""}, "not lost": {false, func(*store.Session) {}, "no_session"},
		"another user's": {true, func(s *store.Session) { s.UID = "another" }, "no_session"}, "of another epoch": {true, func(s *store.Session) { s.Epoch = "another" }, "no_session"},
		"a sign-up's": {true, func(s *store.Session) { s.Flow = store.Signup }, "no_session"},
	} {
		b := open(t)
		care := session.NewCare(env.Read(b.Config()), b.guard)
		tok := token()
		s := b.guard.New(tok, store.Login, profile())
		s.UID = "uid"
		_, err := b.CreateUser(t.Context(), store.User{Key: s.Key, UID: s.UID, Epoch: s.Epoch, Profile: profile()})
		if err != nil {
			t.Fatal(err)
		}
		c.change(&s)
		s, err = b.CreateSession(t.Context(), s)
		if err == nil && c.lost {
			s.Checks = 1
			_, err = b.MarkLost(t.Context(), s)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := care.Mover(httptest.NewRecorder(), b.with(tok.Value()), "/phone")
		if refused(t, err) != c.want || (err == nil) != got.Lost {
			t.Errorf("%s: %v", name, err)
		}
		_, _, err = care.Owner(httptest.NewRecorder(), b.with(tok.Value()), "/password")
		if refused(t, err) != "no_session" {
			t.Errorf("%s, for all else: %v", name, err)
		}
	}
}
