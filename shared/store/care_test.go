package store_test

import (
	"errors"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

// A move that a recovery code opened needs its login: there, unconfirmed, and
// marked. It ends that, and may do so again; nobody else may.
func TestEndParentOfALostPhone(t *testing.T) {
	t.Parallel()
	at := start.Add(time.Minute)
	for name, c := range map[string]struct {
		before func(b *bench.Table, s store.Session) error
		want   error
	}{
		"marked":   {func(b *bench.Table, s store.Session) error { _, err := b.MarkLost(t.Context(), s); return err }, nil},
		"unmarked": {func(*bench.Table, store.Session) error { return nil }, store.ErrRefused},
		"confirmed since": {func(b *bench.Table, s store.Session) error {
			_, err := b.MarkLost(t.Context(), s)
			next := s
			next.Secret, next.Proof, next.ConfirmedAt, next.ValidUntil, next.EndsAt = []byte("next"), []byte("proof"), at, at.Add(time.Hour), at.Add(time.Hour)
			return errors.Join(err, b.Confirm(t.Context(), s, next))
		}, store.ErrRefused},
		"logged out": {func(b *bench.Table, s store.Session) error {
			_, err := b.MarkLost(t.Context(), s)
			_, ended := b.EndSession(t.Context(), s, at)
			return errors.Join(err, ended)
		}, store.ErrRefused},
	} {
		b, s := bench.Open(t), login()
		s.Checks = 2
		create(t, b, s)
		err := c.before(b, s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		move := store.Session{Key: s.Key, ID: other, Parent: s.ID, UID: s.UID, Epoch: s.Epoch, Lost: true}
		foreign, earlier := move, move
		foreign.UID, earlier.Epoch = "another", "another"
		for _, m := range []store.Session{foreign, earlier} {
			err = b.EndParent(t.Context(), m, at)
			if !errors.Is(err, store.ErrRefused) {
				t.Errorf("%s, for another user or epoch: %v", name, err)
			}
		}
		for range 2 {
			err = b.EndParent(t.Context(), move, at)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if c.want != nil {
			continue
		}
		if got := read(t, b); got.Secret != nil || got.Phone != "" || got.Lost {
			t.Errorf("%s: what is left: %+v", name, got)
		}
		move.ID = "another"
		err = b.EndParent(t.Context(), move, at)
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("another move: %v", err)
		}
	}
}

// Of equal requests that mark a login as lost one is first, also when it did not
// hear so; on one that is over none is.
func TestMarkLost(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), login()
	create(t, b, s)
	s.Checks = 1
	b.Wire.Lose("UpdateItem", 1)
	first, err := b.MarkLost(t.Context(), s)
	b.Wire.Break(nil)
	if err != nil || !first || !read(t, b).Lost {
		t.Errorf("first %v, %v", first, err)
	}
	s.Checks = 2
	first, err = b.MarkLost(t.Context(), s)
	if err != nil || first {
		t.Errorf("an equal one: first %v, %v", first, err)
	}
	_, err = b.EndSession(t.Context(), s, start)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.MarkLost(t.Context(), s)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("on one that is over: %v", err)
	}
}

// A phone and a password change for the epoch that was read, and once.
func TestCareWantsTheEpoch(t *testing.T) {
	t.Parallel()
	b, u := bench.Open(t), user("uid")
	_, err := b.CreateUser(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	s := login()
	s.Flow, s.Phone = store.Move, "+14155552699"
	for _, want := range []error{nil, store.ErrRefused} {
		err = b.MovePhone(t.Context(), s, "second", "proof", start)
		if !errors.Is(err, want) {
			t.Errorf("moving: %v, want %v", err, want)
		}
	}
	got, err := b.User(t.Context(), u.Key)
	if err != nil || got.Phone != s.Phone || got.MovedFrom != u.Phone || got.MovedBy != s.ID || got.Epoch != "second" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, of := range []store.User{u, {Key: u.Key, UID: "uid", Epoch: "second", Profile: store.Profile{Hash: "other"}}} {
		err = b.ChangePassword(t.Context(), of, "hash", "third", "form")
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("of an old epoch or another hash: %v", err)
		}
	}
	for _, want := range []error{nil, store.ErrRefused} {
		err = b.ChangePassword(t.Context(), got, "hash", "third", "form")
		if !errors.Is(err, want) {
			t.Errorf("another password: %v, want %v", err, want)
		}
	}
	got, err = b.User(t.Context(), u.Key)
	if err != nil || got.Hash != "hash" || got.Epoch != "third" || got.PasswordBy != "form" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A change of the epoch is outlived by the whole session that made it: not by one
// whose secret is another, that is not confirmed, or that has ended since.
func TestAdoptEpoch(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	create(t, b, s)
	next, forged := full(s, start), s
	forged.Secret = []byte("forged")
	adopt := func(what string, of store.Session, want error) {
		t.Helper()
		err := b.AdoptEpoch(t.Context(), of, "second")
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	adopt("half", s, store.ErrRefused)
	err := b.Confirm(t.Context(), s, next)
	if err != nil {
		t.Fatal(err)
	}
	adopt("another secret", forged, store.ErrRefused)
	adopt("the secret from before", s, store.ErrRefused)
	if got := read(t, b); got.Epoch != s.Epoch {
		t.Errorf("the epoch is %q", got.Epoch)
	}
	adopt("whole", next, nil)
	if got := read(t, b); got.Epoch != "second" {
		t.Errorf("the epoch is %q", got.Epoch)
	}
	_, err = b.EndSession(t.Context(), next, start)
	if err != nil {
		t.Fatal(err)
	}
	adopt("ended", next, store.ErrRefused)
}
