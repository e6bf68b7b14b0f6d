package store_test

import (
	"errors"
	"reflect"
	"testing"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	absent := func(what string) {
		t.Helper()
		_, _, err := b.Account(t.Context(), half().Key, id)
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	absent("nothing")
	create(t, b, half())
	u, s, err := b.Account(t.Context(), half().Key, id)
	if err != nil || !reflect.DeepEqual(u, store.User{}) || !reflect.DeepEqual(s, half()) {
		t.Errorf("no user: %v %v %v", u.UID, s.ID, err)
	}
	_, err = b.CreateUser(t.Context(), user(id))
	if err != nil {
		t.Fatal(err)
	}
	b.Wire.Reset()
	u, s, err = b.Account(t.Context(), half().Key, id)
	if err != nil || !reflect.DeepEqual(u, user(id)) || !reflect.DeepEqual(s, half()) {
		t.Errorf("%v %v %v", u.UID == id, s.ID, err)
	}
	if b.Wire.Count("BatchGetItem") != 1 || b.Wire.Count("GetItem") != 0 {
		t.Error("more than one round trip")
	}
	err = b.DropSession(t.Context(), half())
	if err != nil {
		t.Fatal(err)
	}
	absent("no session")
}

func TestDropSession(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	create(t, b, s)
	forged := s
	forged.Secret = []byte("forged")
	err := b.DropSession(t.Context(), forged)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("with another secret: %v", err)
	}
	s.Outcome = store.Unreachable
	err = b.RecordSend(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	err = b.DropSession(t.Context(), s)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("once a vendor was asked: %v", err)
	}
	err = b.Confirm(t.Context(), s, full(s, start))
	if err != nil {
		t.Fatal(err)
	}
	err = b.DropSession(t.Context(), s) // the confirmed session has no outcome any more
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("once confirmed: %v", err)
	}
}
