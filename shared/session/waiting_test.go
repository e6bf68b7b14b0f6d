package session_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/shared/session"
	"latchkey/shared/store"
)

var ref = store.Ref{Provider: "authy", ID: "9af1c0de-0000-4000-8000-000000000001"}

// wait writes a login that waits for an approval, and returns the token that its
// browser holds.
func (b *gate) wait(t testing.TB) (session.Token, store.Approval) {
	t.Helper()
	tok := token()
	s := b.login(t, tok)
	s.Approval, s.Outcome = ref, store.Asked
	err := b.RecordSend(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return named(tok, ref), b.ask(t, ref, s.ID, s.UID)
}

// login writes a user and a half session of a login to it.
func (b *gate) login(t testing.TB, tok session.Token) store.Session {
	t.Helper()
	s := b.guard.New(tok, store.Login, profile())
	s.UID, s.Lanes, s.Number = "uid", []string{tok.Key}, "42"
	_, err := b.CreateUser(t.Context(), store.User{Key: s.Key, UID: s.UID, Epoch: s.Epoch, Profile: profile()})
	if err != nil {
		t.Fatal(err)
	}
	s, err = b.CreateSession(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// named is a token that also names an approval.
func named(tok session.Token, r store.Ref) session.Token {
	tok.Ref = r.String()
	return tok
}

// ask writes an approval.
func (b *gate) ask(t testing.TB, r store.Ref, id, uid string) store.Approval {
	t.Helper()
	a := store.Approval{Ref: r, Session: id, UID: uid, Subject: "12345", CreatedAt: b.Clock.Now(), ValidUntil: b.Clock.Now().Add(5 * time.Minute)}
	_, err := b.RecordApproval(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A poll is one round trip; without the hint, or with a wrong one, it finds the
// session's own approval with another, and never another's.
func TestWaiting(t *testing.T) {
	t.Parallel()
	b := open(t)
	tok, own := b.wait(t)
	theirs := b.ask(t, store.Ref{Provider: "authy", ID: "theirs"}, strings.Repeat("f", 32), "uid")
	for name, c := range map[string]struct {
		ref   store.Ref
		calls int
	}{
		"its own": {ref, 1}, "no hint": {store.Ref{}, 2}, "another's": {theirs.Ref, 2}, "one that is not there": {store.Ref{Provider: "verify", ID: "none"}, 2},
	} {
		b.Wire.Reset()
		w, err := b.guard.Waiting(t.Context(), b.with(named(tok, c.ref).Value()))
		if err != nil || w.Half.ID != tok.ID || w.User.UID != "uid" || !reflect.DeepEqual(w.Approval, own) || w.Token != named(tok, c.ref) {
			t.Errorf("%s: %v %+v %v", name, w.Half.ID, w.Approval, err)
		}
		if n := len(b.Wire.Calls()); n != c.calls {
			t.Errorf("%s: %d calls, want %d", name, n, c.calls)
		}
	}
}

// An approval of another session, or of an earlier user of this address, is
// none: not even the session's own item makes it one. Nor is one that names the
// session but that the session does not: the vendor's answer to it was lost, and
// what was shown since is another way in.
func TestWaitingForAnothersApproval(t *testing.T) {
	t.Parallel()
	own := token().ID
	for name, c := range map[string]struct{ id, uid string }{
		"another session": {strings.Repeat("f", 32), "uid"}, "another user": {own, "another"}, "nobody yet": {}, "its own, unknown to it": {own, "uid"},
	} {
		b := open(t)
		tok := token()
		s := b.login(t, tok)
		if c.id == "" { // only the callback was here
			_, err := b.RecordDecision(t.Context(), store.Approval{Ref: ref, Decision: "approved", By: "12345", DecidedAt: b.Clock.Now()})
			if err != nil {
				t.Fatal(err)
			}
		} else {
			b.ask(t, ref, c.id, c.uid)
		}
		w, err := b.guard.Waiting(t.Context(), b.with(named(tok, ref).Value()))
		if err != nil || w.Approval != (store.Approval{}) {
			t.Errorf("%s, by the cookie alone: %+v %v", name, w.Approval, err)
		}
		s.Approval, s.Outcome = ref, store.Asked
		err = b.RecordSend(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		w, err = b.guard.Waiting(t.Context(), b.with(named(tok, ref).Value()))
		if believed := c.id == own && c.uid == "uid"; err != nil || (w.Approval != store.Approval{}) != believed {
			t.Errorf("%s: %+v %v", name, w.Approval, err)
		}
	}
}

// A login whose user was deleted, or has another epoch by now, waits for
// nothing.
func TestWaitingForAUserWhoIsGone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*store.Session){
		"another user":  func(s *store.Session) { s.UID = "earlier" },
		"another epoch": func(s *store.Session) { s.Epoch = strings.Repeat("0", 32) },
	} {
		b := open(t)
		tok := token()
		b.login(t, tok)
		tok.ID = strings.Repeat("e", 32)
		s := b.guard.New(tok, store.Login, profile())
		u, err := b.User(t.Context(), s.Key)
		if err != nil {
			t.Fatal(err)
		}
		s.UID, s.Epoch, s.Lanes, s.Number = u.UID, u.Epoch, []string{s.Key}, "42"
		change(&s)
		s, err = b.CreateSession(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		s.Approval, s.Outcome = ref, store.Asked
		err = b.RecordSend(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		b.ask(t, ref, s.ID, s.UID)
		_, err = b.guard.Waiting(t.Context(), b.with(named(tok, ref).Value()))
		if !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whose cookie is not the session's learns nothing of the approval; who is
// confirmed or too late is told so.
func TestWaitingIsGuarded(t *testing.T) {
	t.Parallel()
	b := open(t)
	tok, _ := b.wait(t)
	waiting := func(value string) error {
		t.Helper()
		w, err := b.guard.Waiting(t.Context(), b.with(value))
		if err != nil && !reflect.DeepEqual(w, session.Waiting{}) {
			t.Errorf("%v, and yet %v %+v", err, w.Half.ID, w.Approval)
		}
		return err
	}
	for name, value := range strangers(token()) {
		if got := waiting(value); !errors.Is(got, session.ErrNone) {
			t.Errorf("%s: %v", name, got)
		}
		if got := waiting(value + "." + ref.String()); !errors.Is(got, session.ErrNone) {
			t.Errorf("%s, with the approval: %v", name, got)
		}
	}
	b.Clock.Set(start.Add(30 * time.Minute))
	if got := waiting(tok.Value()); !errors.Is(got, session.ErrOver) {
		t.Errorf("too late: %v", got)
	}
	b.Clock.Set(start)
	s, err := b.Session(t.Context(), tok.Key, tok.ID)
	if err != nil {
		t.Fatal(err)
	}
	rotated, first, err := b.guard.Confirm(t.Context(), s, tok, "proof", store.FactorCode)
	if err != nil || !first || rotated.Ref != "" {
		t.Fatalf("%v %v %q", first, err, rotated.Ref)
	}
	if got := waiting(tok.Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("the old cookie: %v", got)
	}
	if got := waiting(rotated.Value()); !errors.Is(got, session.ErrConfirmed) {
		t.Errorf("the new cookie: %v", got)
	}
	again, _, err := b.guard.Repeat(t.Context(), tok, "proof")
	if err != nil || again != rotated {
		t.Errorf("a repeat: %v", err)
	}
	b.Wire.Lose("BatchGetItem", 100)
	for _, known := range []error{session.ErrNone, session.ErrOver, session.ErrConfirmed} {
		if got := waiting(tok.Value()); got == nil || errors.Is(got, known) {
			t.Errorf("without the table: %v", got)
		}
	}
}
