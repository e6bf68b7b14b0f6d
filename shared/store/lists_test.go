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

// made is a table with its user.
func made(t testing.TB) (*bench.Table, store.User) {
	t.Helper()
	b, u := bench.Open(t), user("uid")
	_, err := b.CreateUser(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return b, u
}

func stored(t testing.TB, b *bench.Table) store.User {
	t.Helper()
	u, err := b.User(t.Context(), user("uid").Key)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var (
	pushes = []store.Push{
		{Session: id, At: start, Browser: "Firefox on Linux"}, // the vendor's answer is not known
		{Session: other, Ref: ref, At: start.Add(time.Minute), Browser: "A browser"},
	}
	factors = []store.Factor{
		{ID: "f1", Type: "push", SID: "YF1", Active: true, CreatedAt: start},
		{ID: "f2", Type: "totp", SID: "YF2", Tries: 3, CreatedAt: start.Add(time.Second)},
		{ID: "f3", Type: "push", CreatedAt: start},
	}
	codes = []store.RecoveryCode{
		{Hash: []byte("one")}, {Hash: []byte("two"), UsedBy: id, UsedAt: start.Add(time.Hour)}, {Hash: []byte("three")},
	}
)

// swap is one of the lists' swaps.
type swap func(*bench.Table, store.User) error

func swaps(t *testing.T) map[string]swap {
	return map[string]swap{
		"pushes": func(b *bench.Table, u store.User) error {
			u.Pushes, u.PushCount, u.PushSince = pushes, 2, start
			return b.SwapPushes(t.Context(), u)
		},
		"factors":  func(b *bench.Table, u store.User) error { return b.SwapFactors(t.Context(), u, factors) },
		"recovery": func(b *bench.Table, u store.User) error { return b.SwapRecovery(t.Context(), u, codes, start) },
	}
}

// The lists are read back as they were, each with its own version, and all else
// of the user stays.
func TestListsRoundTrip(t *testing.T) {
	t.Parallel()
	b, want := made(t)
	want.Pushes, want.PushCount, want.PushSince = pushes, 2, start
	err := b.SwapPushes(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	want.PushesVersion = 1
	if got := stored(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	err = b.SwapFactors(t.Context(), want, factors)
	if err != nil {
		t.Fatal(err)
	}
	want.Factors, want.FactorsVersion = factors, 1
	if got := stored(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	err = b.SwapFactors(t.Context(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	want.Factors, want.FactorsVersion = nil, 2
	if got := stored(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := b.ForgetPushes(t.Context(), want.Key, "another"); !errors.Is(got, store.ErrRefused) {
		t.Errorf("another user's pushes are forgotten: %v", got)
	}
	err = b.ForgetPushes(t.Context(), want.Key, want.UID)
	if err != nil {
		t.Fatal(err)
	}
	want.PushCount, want.PushSince = 0, time.Time{}
	if got := stored(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// Who read an older list changes nothing; nor does who read another user, or
// one of before "sign out everywhere".
func TestSwapIsCompared(t *testing.T) {
	t.Parallel()
	for name, swap := range swaps(t) {
		b, u := made(t)
		gone, elsewhere, signedOut := u, u, u
		gone.Key, elsewhere.UID, signedOut.Epoch = store.Hash("nobody@example.com"), "another", "another"
		for what, u := range map[string]store.User{"no user": gone, "another user": elsewhere, "another epoch": signedOut} {
			if got := swap(b, u); !errors.Is(got, store.ErrRefused) {
				t.Errorf("%s of %s: %v", name, what, got)
			}
		}
		if len(b.Items(t)) != 1 || !reflect.DeepEqual(stored(t, b), u) {
			t.Errorf("%s: something was written", name)
		}
		for version := range 3 {
			u.PushesVersion, u.FactorsVersion, u.RecoveryVersion = version, version, version
			if got := swap(b, u); got != nil {
				t.Errorf("%s, version %d: %v", name, version, got)
			}
			if got := swap(b, u); !errors.Is(got, store.ErrRefused) {
				t.Errorf("%s, version %d again: %v", name, version, got)
			}
		}
	}
}

// Recovery codes are read back in their order, with which of them were used, and
// all else of the user stays.
func TestRecoveryRoundTrip(t *testing.T) {
	t.Parallel()
	b, want := made(t)
	if want.RecoveryLeft() != 0 {
		t.Error("a new user has codes")
	}
	err := b.SwapRecovery(t.Context(), want, codes, start)
	if err != nil {
		t.Fatal(err)
	}
	want.Recovery, want.RecoveryVersion, want.RecoveryAt = codes, 1, start
	got := stored(t, b)
	if !reflect.DeepEqual(got, want) || got.RecoveryLeft() != 2 {
		t.Errorf("%d left: %+v", got.RecoveryLeft(), got)
	}
	err = b.SwapRecovery(t.Context(), want, nil, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want.Recovery, want.RecoveryVersion, want.RecoveryAt = nil, 2, start.Add(time.Hour)
	if got := stored(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestSwapInParallel(t *testing.T) {
	t.Parallel()
	for name, swap := range swaps(t) {
		b, u := made(t)
		found := parallel(20, func(int) error { return swap(b, u) })
		if found[nil] != 1 || found[store.ErrRefused] != 19 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// A new epoch is written once for its maker, and for nobody who holds an older
// one.
func TestNewEpoch(t *testing.T) {
	t.Parallel()
	b, u := made(t)
	another := u
	another.UID = "another"
	if got := b.NewEpoch(t.Context(), another, "next"); !errors.Is(got, store.ErrRefused) {
		t.Errorf("another user: %v", got)
	}
	b.Wire.Lose("UpdateItem", 1)
	err := b.NewEpoch(t.Context(), u, "next")
	if err != nil || b.Wire.Count("UpdateItem") != 2 {
		t.Errorf("with a lost answer: %v", err)
	}
	b.Wire.Break(nil)
	want := u
	want.Epoch = "next"
	if got := stored(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := b.NewEpoch(t.Context(), u, "third"); !errors.Is(got, store.ErrRefused) || stored(t, b).Epoch != "next" {
		t.Errorf("with the old epoch: %v", got)
	}
	gone := u
	gone.Key = store.Hash("nobody@example.com")
	if got := b.NewEpoch(t.Context(), gone, "next"); !errors.Is(got, store.ErrRefused) || len(b.Items(t)) != 1 {
		t.Errorf("nobody: %v", got)
	}
	found := parallel(20, func(i int) error { return b.NewEpoch(t.Context(), want, fmt.Sprint(i)) })
	if found[nil] != 1 || found[store.ErrRefused] != 19 {
		t.Errorf("%v", found)
	}
}

// A stronger hash never overwrites another password's (parity 29).
func TestRehash(t *testing.T) {
	t.Parallel()
	b, u := made(t)
	changed, another := u, u
	changed.Hash, another.UID = "$2a$04$other", "another"
	for name, u := range map[string]store.User{"changed meanwhile": changed, "another user": another} {
		if got := b.Rehash(t.Context(), u, "$2a$12$hash"); !errors.Is(got, store.ErrRefused) || stored(t, b).Hash != "$2a$04$hash" {
			t.Errorf("%s: %v", name, got)
		}
	}
	err := b.Rehash(t.Context(), u, "$2a$12$hash")
	want := u
	want.Hash = "$2a$12$hash"
	if got := stored(t, b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %+v", err, got)
	}
}
