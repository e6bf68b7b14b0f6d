package store_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

// login is a login's session as its form makes it.
func login() store.Session {
	s := half()
	s.Flow, s.UID, s.Lanes = store.Login, "uid", []string{s.Key, s.Key + "@net"}
	s.Number, s.Token = "42", "YF2"
	s.Rival = store.Push{Session: other, Ref: ref, At: start, Browser: "Safari on iPhone"}
	return s
}

// All that a login's session has of its own is read back, and leaves it once it
// is confirmed.
func TestLoginSession(t *testing.T) {
	t.Parallel()
	b, s := bench.Open(t), login()
	create(t, b, s)
	if got := read(t, b); !reflect.DeepEqual(got, s) {
		t.Errorf("%+v", got)
	}
	s.Approval, s.Outcome = ref, store.Asked
	s.Rival.At, s.Rival.Browser = start.Add(time.Second), "Edge on Windows"
	err := b.RecordSend(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, b); !reflect.DeepEqual(got, s) {
		t.Errorf("%+v", got)
	}
	unaware := login()
	unaware.Outcome, unaware.Rival = store.Asked, store.Push{}
	err = b.RecordSend(t.Context(), unaware) // knows neither approval nor rival
	if err != nil || !reflect.DeepEqual(read(t, b), s) {
		t.Errorf("%v %+v", err, read(t, b))
	}
	err = b.Confirm(t.Context(), s, full(s, start))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"number", "token", "lanes", "rival", "phone", "provider", "provider_ref"} {
		if v := b.Only(t)[name]; v != nil {
			t.Errorf("%s is still there: %v", name, v)
		}
	}
	if got := read(t, b); !got.Confirmed() || got.UID != "uid" || !reflect.DeepEqual(got.Attempt, store.Attempt{Approval: ref}) {
		t.Errorf("%+v", got)
	}
}

// ended is what an ended session is still good for: nothing but its id.
func ended(t *testing.T, b *bench.Table) {
	t.Helper()
	it := b.Only(t)
	for _, name := range []string{"secret", "previous", "proof", "approval", "phone", "email", "name", "provider_ref", "lanes", "token"} {
		if it[name] != nil {
			t.Errorf("an ended session keeps its %s", name)
		}
	}
	s := login()
	_, err := b.ReserveCheck(t.Context(), s, 5, start)
	_, again := b.EndSession(t.Context(), s, start)
	for name, err := range map[string]error{
		"ReserveCheck": err, "RecordSend": b.RecordSend(t.Context(), s), "Confirm": b.Confirm(t.Context(), s, full(s, start)),
		"EndSession": again, "Touch": b.Touch(t.Context(), full(s, start), start.Add(time.Hour), start),
	} {
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s of an ended session: %v", name, err)
		}
	}
	_, err = b.CreateSession(t.Context(), anew(s))
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("the same form makes it anew: %v", err)
	}
}

// anew is what the same form makes another time.
func anew(s store.Session) store.Session {
	s.Salt = []byte("another salt")
	return s
}

// Only its bearer ends a session, half or full, and it does not come back
// (parity 119; R-074).
func TestEndSession(t *testing.T) {
	t.Parallel()
	for _, confirmed := range []bool{false, true} {
		b, s := bench.Open(t), login()
		forged := s
		forged.Secret = []byte("forged")
		if _, got := b.EndSession(t.Context(), s, start); !errors.Is(got, store.ErrRefused) || len(b.Items(t)) != 0 {
			t.Errorf("none: %v", got)
		}
		create(t, b, s)
		bearer := s
		if confirmed {
			bearer = full(s, start)
			err := b.Confirm(t.Context(), s, bearer)
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, got := b.EndSession(t.Context(), forged, start); !errors.Is(got, store.ErrRefused) {
			t.Errorf("with another secret: %v", got)
		}
		if got := read(t, b); string(got.Secret) != string(bearer.Secret) {
			t.Error("with another secret it was ended")
		}
		b.Wire.Lose("UpdateItem", 1)
		_, err := b.EndSession(t.Context(), bearer, start)
		if err != nil && !errors.Is(err, store.ErrRefused) { // its own retry
			t.Errorf("confirmed %v: %v", confirmed, err)
		}
		b.Wire.Break(nil)
		ended(t, b)
	}
}

// Whose answer to the confirmation was lost may log out with the secret from
// before, and for as long as that one is answered: a thief of a half session's
// cookie has nothing in it later.
func TestEndSessionWithTheSecretFromBefore(t *testing.T) {
	t.Parallel()
	for at, want := range map[time.Duration]error{0: nil, 30*time.Second - time.Millisecond: nil, 30 * time.Second: store.ErrRefused, time.Hour: store.ErrRefused} {
		b, s := bench.Open(t), login()
		create(t, b, s)
		err := b.Confirm(t.Context(), s, full(s, start))
		if err != nil {
			t.Fatal(err)
		}
		over, err := b.EndSession(t.Context(), s, start.Add(at))
		if !errors.Is(err, want) || want == nil && (err != nil || !over.Confirmed() || over.UID != s.UID) {
			t.Errorf("after %v: %v, want %v", at, err, want)
		}
	}
}
