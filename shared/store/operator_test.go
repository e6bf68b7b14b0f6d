package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

// All sessions under one email are read, over however many pages, oldest first;
// nobody else's, and not the user.
func TestSessions(t *testing.T) {
	t.Parallel()
	b, _ := made(t)
	const many = 105
	for i := range many { // one after the other: the engine has other tests to serve
		s := half()
		s.ID, s.CreatedAt = fmt.Sprintf("%032x", i*7919%many), start.Add(time.Duration(i)*time.Second)
		create(t, b, s)
	}
	stranger := half()
	stranger.Key = store.Hash("bob@example.com")
	create(t, b, stranger)
	b.Wire.Reset()
	list, err := b.Sessions(t.Context(), half().Key)
	if err != nil || len(list) != many || b.Wire.Count("Query") != 3 {
		t.Fatalf("%d sessions, %d pages, %v", len(list), b.Wire.Count("Query"), err)
	}
	for i, s := range list {
		want := half()
		want.ID, want.CreatedAt = fmt.Sprintf("%032x", i*7919%many), start.Add(time.Duration(i)*time.Second)
		if !reflect.DeepEqual(s, want) {
			t.Fatalf("session %d: %+v", i, s)
		}
	}
	list, err = b.Sessions(t.Context(), store.Hash("nobody@example.com"))
	if err != nil || len(list) != 0 {
		t.Errorf("nobody's: %d, %v", len(list), err)
	}
}

func TestSetRole(t *testing.T) {
	t.Parallel()
	b, want := made(t)
	another, gone := want, want
	another.UID, gone.Key = "another", store.Hash("nobody@example.com")
	for name, u := range map[string]store.User{"another user": another, "nobody": gone} {
		if got := b.SetRole(t.Context(), u, "auditor"); !errors.Is(got, store.ErrRefused) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if len(b.Items(t)) != 1 || stored(t, b).Role != "user" {
		t.Error("something was written")
	}
	err := b.SetRole(t.Context(), want, "auditor")
	want.Role = "auditor"
	if got := stored(t, b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %+v", err, got)
	}
}

// A reset is one write, also when its answer is lost, and leaves all else.
func TestReset(t *testing.T) {
	t.Parallel()
	b, want := made(t)
	for _, err := range []error{b.SwapFactors(t.Context(), want, factors), b.SwapRecovery(t.Context(), want, codes, start)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	one := []store.RecoveryCode{{Hash: []byte("new")}}
	for version := 1; version < 3; version++ { // after the first, there are no factors to take away
		u, next := stored(t, b), fmt.Sprint("epoch", version)
		b.Wire.Lose("UpdateItem", 1)
		err := b.Reset(t.Context(), u, next, one, start.Add(time.Hour))
		if err != nil || b.Wire.Count("UpdateItem") != 2 {
			t.Errorf("with a lost answer: %v", err)
		}
		b.Wire.Break(nil)
		want.Epoch, want.Factors, want.FactorsVersion = next, nil, version+1
		want.Recovery, want.RecoveryVersion, want.RecoveryAt = one, version+1, start.Add(time.Hour)
		if got := stored(t, b); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v", got)
		}
	}
}

// removals are what is refused to whom the user has changed under.
func removals(t *testing.T, b *bench.Table) map[string]func(store.User) error {
	return map[string]func(store.User) error{
		"reset":  func(u store.User) error { return b.Reset(t.Context(), u, "next", codes, start) },
		"remove": func(u store.User) error { return b.RemoveUser(t.Context(), u) },
	}
}

func TestResetAndRemoveAreCompared(t *testing.T) {
	t.Parallel()
	b, old := made(t)
	err := b.SwapFactors(t.Context(), old, factors)
	if err != nil {
		t.Fatal(err)
	}
	now := stored(t, b)
	signedOut, later := now, now
	signedOut.Epoch, later.FactorsVersion = "another", 2
	for name, f := range removals(t, b) {
		for what, u := range map[string]store.User{"older factors": old, "another epoch": signedOut, "later factors": later} {
			if got := f(u); !errors.Is(got, store.ErrRefused) {
				t.Errorf("%s, %s: %v", name, what, got)
			}
		}
	}
	another, codesLater := now, now
	another.UID, codesLater.RecoveryVersion = "another", 1
	for what, u := range map[string]store.User{"another user": another, "other codes": codesLater} {
		if got := b.Reset(t.Context(), u, "next", codes, start); !errors.Is(got, store.ErrRefused) {
			t.Errorf("reset, %s: %v", what, got)
		}
	}
	if got := b.RemoveUser(t.Context(), another); got != nil { // that one is gone
		t.Errorf("remove, another user: %v", got)
	}
	if !reflect.DeepEqual(stored(t, b), now) || len(b.Items(t)) != 1 {
		t.Errorf("something was written: %+v", b.Items(t))
	}
}

// What is removed is gone, whether or not it was there, and nothing else is.
func TestRemove(t *testing.T) {
	t.Parallel()
	b, u := made(t)
	create(t, b, half())
	a := store.Approval{Ref: ref, Session: id, UID: "uid", Subject: "YF1", CreatedAt: start, ValidUntil: start.Add(time.Minute)}
	_, err := b.RecordApproval(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for left, remove := range []func() error{
		func() error { return b.RemoveApproval(t.Context(), ref) },
		func() error { return b.RemoveSession(t.Context(), half()) },
		func() error { return b.RemoveUser(t.Context(), u) },
	} {
		for range 2 {
			b.Wire.Lose("DeleteItem", 1)
			err := remove()
			if err != nil || len(b.Items(t)) != 2-left {
				t.Errorf("%d: %v, %d left", left, err, len(b.Items(t)))
			}
		}
	}
}
