package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

const id = "0123456789abcdef0123456789abcdef"

// half is a sign-up's session as its form makes it.
func half() store.Session {
	p := profile()
	p.Hash, p.ProviderRef = "", ""
	return store.Session{
		Key: store.Hash("ada@example.com"), ID: id, Flow: store.Signup, UID: id, Epoch: "epoch",
		Secret: []byte("hash of the secret"), Salt: []byte("salt"),
		CreatedAt: start, ValidUntil: start.Add(30 * time.Minute), Profile: p,
	}
}

// sent is that session once a code was sent.
func sent() store.Session {
	s := half()
	s.ProviderRef = "12345"
	return s
}

// full is what Confirm makes of a half session.
func full(s store.Session, at time.Time) store.Session {
	s.Secret, s.Proof = []byte("hash of the next"), []byte("proof")
	s.ConfirmedAt, s.PreviousTo, s.EndsAt, s.ValidUntil = at, at.Add(30*time.Second), at.Add(7*24*time.Hour), at.Add(12*time.Hour)
	return s
}

func create(t testing.TB, b *bench.Table, s store.Session) {
	t.Helper()
	_, err := b.CreateSession(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, b *bench.Table) store.Session {
	t.Helper()
	s, err := b.Session(t.Context(), half().Key, id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCreateSession(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	got, err := b.CreateSession(t.Context(), s)
	if err != nil || !reflect.DeepEqual(got, s) || !reflect.DeepEqual(read(t, b), s) {
		t.Fatalf("%v %v", err, read(t, b).ID)
	}
	other := s
	other.Salt, other.Name = []byte("another"), "changed"
	got, err = b.CreateSession(t.Context(), other)
	if !errors.Is(err, store.ErrRefused) || !reflect.DeepEqual(got, s) {
		t.Errorf("a repeat: %v, %q", err, got.Name)
	}
	got, err = b.CreateSession(t.Context(), s)
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("the very same: %v", err)
	}
	other.ID = strings.Repeat("f", 32)
	create(t, b, other)
	_, err = b.Session(t.Context(), s.Key, strings.Repeat("e", 32))
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no session: %v", err)
	}
}

func TestCreateSessionWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	b.Wire.Lose("PutItem", 1)
	got, err := b.CreateSession(t.Context(), s)
	if err != nil || !reflect.DeepEqual(got, s) || b.Wire.Count("PutItem") != 2 {
		t.Errorf("%v after %d puts", err, b.Wire.Count("PutItem"))
	}
	other := s
	other.Salt = []byte("another")
	b.Wire.Lose("PutItem", 1)
	_, err = b.CreateSession(t.Context(), other)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("a repeat whose answer is lost: %v", err)
	}
}

// a hundred tries at once are five.
func TestReserveCheckInParallel(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	create(t, b, sent())
	found := parallel(100, func(int) error {
		_, err := b.ReserveCheck(t.Context(), half(), 5, start)
		return err
	})
	if found[nil] != 5 || found[store.ErrRefused] != 95 {
		t.Errorf("%v", found)
	}
	if s := read(t, b); s.Checks != 5 {
		t.Errorf("%d checks", s.Checks)
	}
}

func TestReserveCheck(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	create(t, b, sent())
	forged, other := half(), half()
	forged.Secret = []byte("forged")
	other.ID = strings.Repeat("f", 32)
	for name, c := range map[string]struct {
		s  store.Session
		at time.Time
	}{
		"another secret": {forged, start}, "another id": {other, start},
		"at its end": {half(), half().ValidUntil}, "after its end": {half(), half().ValidUntil.Add(time.Hour)},
	} {
		_, err := b.ReserveCheck(t.Context(), c.s, 5, c.at)
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	last := half().ValidUntil.Add(-time.Millisecond)
	s, err := b.ReserveCheck(t.Context(), half(), 1, last)
	if err != nil || s.Checks != 1 || !s.CheckAt.Equal(last) || s.Email != "ada@example.com" {
		t.Errorf("in the last moment: %+v, %v", s.Checks, err)
	}
	_, err = b.ReserveCheck(t.Context(), half(), 1, start)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("beyond the tries: %v", err)
	}
	_, err = b.ReserveCheck(t.Context(), half(), 2, start)
	if err != nil {
		t.Errorf("one more is allowed: %v", err)
	}
	err = b.Confirm(t.Context(), half(), full(half(), start))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []store.Session{half(), full(half(), start)} {
		_, err = b.ReserveCheck(t.Context(), s, 5, start)
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("a confirmed session: %v", err)
		}
	}
}

// No update makes an item, whatever it is called with.
func TestUpdatesCreateNothing(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	s.ResendAt, s.Ref = start, "ref"
	_, reserve := b.ReserveCheck(t.Context(), s, 5, start)
	for name, err := range map[string]error{
		"RecordSend": b.RecordSend(t.Context(), s), "MarkTaken": b.MarkTaken(t.Context(), s), "Confirm": b.Confirm(t.Context(), s, full(s, start)),
		"Touch": b.Touch(t.Context(), s, start, start), "DropSession": b.DropSession(t.Context(), s), "ReserveCheck": reserve,
	} {
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
	if items := b.Items(t); len(items) != 0 {
		t.Errorf("%v", items)
	}
}

func TestConfirmInParallel(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	create(t, b, half())
	found := parallel(50, func(i int) error {
		next := full(half(), start)
		next.Proof = fmt.Appendf(nil, "proof %d", i)
		return b.Confirm(t.Context(), half(), next)
	})
	if found[nil] != 1 || found[store.ErrRefused] != 49 {
		t.Errorf("%v", found)
	}
}

// The old secret stays for repeats, the profile and what belonged to the code
// leave.
func TestConfirm(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	create(t, b, s)
	s.Hash, s.Ref, s.ResendAt = "$2a$04$hash", "ref", start.Add(30*time.Second)
	s.Sends = store.Sends{Times: []time.Time{start}, Version: 1}
	err := b.RecordSend(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ReserveCheck(t.Context(), s, 5, start)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]time.Time{"at its end": s.ValidUntil, "later": s.ValidUntil.Add(time.Second)} {
		err = b.Confirm(t.Context(), s, full(s, c))
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	forged := s
	forged.Secret = []byte("forged")
	err = b.Confirm(t.Context(), forged, full(forged, start))
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("with another secret: %v", err)
	}
	at := s.ValidUntil.Add(-time.Millisecond)
	next := full(s, at)
	err = b.Confirm(t.Context(), s, next)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, b)
	if !got.Confirmed() || string(got.Secret) != string(next.Secret) || string(got.Previous) != string(s.Secret) || string(got.Proof) != "proof" ||
		!got.PreviousTo.Equal(next.PreviousTo) || !got.EndsAt.Equal(next.EndsAt) || !got.ValidUntil.Equal(next.ValidUntil) || !got.TouchedAt.Equal(at) || got.Epoch != "epoch" {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"name", "email", "phone", "country", "calling_code", "hash", "sends", "code_ref", "check_at", "resend_at"} {
		if v := b.Only(t)[name]; v != nil {
			t.Errorf("%s is still there: %v", name, v)
		}
	}
	for _, s := range []store.Session{s, next} {
		err = b.Confirm(t.Context(), s, full(s, start))
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("once more: %v", err)
		}
	}
}

// The SDK's retry meets its own write. That it was refused is true of the
// table; who asks compares (session.Guard).
func TestConfirmWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	create(t, b, half())
	b.Wire.Lose("UpdateItem", 1)
	err := b.Confirm(t.Context(), half(), full(half(), start))
	if !errors.Is(err, store.ErrRefused) || !read(t, b).Confirmed() || b.Wire.Count("UpdateItem") != 2 {
		t.Errorf("%v, confirmed %v", err, read(t, b).Confirmed())
	}
}

// What a send does not know stays as it is.
func TestRecordSendLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	create(t, b, s)
	first := s
	first.Hash, first.Ref, first.ProviderRef, first.ResendAt, first.ByApp = "$2a$04$hash", "ref", "12345", start.Add(30*time.Second), true
	first.Sends = store.Sends{Times: []time.Time{start}, Version: 3}
	err := b.RecordSend(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, b); !reflect.DeepEqual(got, first) {
		t.Errorf("%+v", got)
	}
	second := s // knows nothing of hash and references
	second.ResendAt = start.Add(time.Minute)
	err = b.RecordSend(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	want := first
	want.ResendAt, want.ByApp = second.ResendAt, false
	if got := read(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	forged := first
	forged.Secret, forged.Ref = []byte("forged"), "forged"
	err = b.RecordSend(t.Context(), forged)
	if !errors.Is(err, store.ErrRefused) || read(t, b).Ref != "ref" {
		t.Errorf("with another secret: %v", err)
	}
	err = b.Confirm(t.Context(), s, full(s, start))
	if err != nil {
		t.Fatal(err)
	}
	err = b.RecordSend(t.Context(), first)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("once confirmed: %v", err)
	}
}

func TestMarkTaken(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	create(t, b, sent())
	err := b.MarkTaken(t.Context(), s)
	if err != nil || !read(t, b).Taken || read(t, b).Email != s.Email {
		t.Errorf("%v, taken %v", err, read(t, b).Taken)
	}
	_, err = b.ReserveCheck(t.Context(), s, 5, start)
	if !errors.Is(err, store.ErrRefused) || read(t, b).Checks != 0 {
		t.Errorf("another code is tried: %v", err)
	}
}

func TestTouch(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	create(t, b, s)
	err := b.Touch(t.Context(), s, start.Add(time.Hour), start)
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("unconfirmed: %v", err)
	}
	next := full(s, start)
	err = b.Confirm(t.Context(), s, next)
	if err != nil {
		t.Fatal(err)
	}
	now := start.Add(20 * time.Minute)
	err = b.Touch(t.Context(), next, now.Add(12*time.Hour), now)
	got := read(t, b)
	if err != nil || !got.TouchedAt.Equal(now) || !got.ValidUntil.Equal(now.Add(12*time.Hour)) || !got.EndsAt.Equal(next.EndsAt) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, err := range map[string]error{
		"with the old secret": b.Touch(t.Context(), s, now, now), "at its end": b.Touch(t.Context(), next, now, got.ValidUntil),
	} {
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// the engine may delete only what has long been over.
func TestTimeToLive(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), half()
	create(t, b, s)
	for _, end := range []time.Time{s.ValidUntil, full(s, start).EndsAt} {
		v, _ := b.Only(t)["expires_at"].(map[string]any)
		if want := fmt.Sprint(end.Add(24 * time.Hour).Unix()); v["N"] != want {
			t.Errorf("expires_at %v, want %s", v, want)
		}
		err := b.Confirm(t.Context(), s, full(s, start))
		if err != nil && !errors.Is(err, store.ErrRefused) {
			t.Fatal(err)
		}
	}
}
