package store_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/push"
	"latchkey/shared/store"
)

const found = "00112233445566778899aabbccddeeff" // what a request's key leads to

// action is one as it is created; random is the second half of its id.
func action(random string) store.Action {
	return store.Action{
		ID: found + random, User: half().Key, UID: id, Subject: asked, Digest: []byte("digest"), Reference: "transfer 1",
		CreatedAt: start, ValidUntil: start.Add(5 * time.Minute),
	}
}

// One of many equal requests creates the action, and the others get that one.
func TestCreateActionInParallel(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	got := make([]store.Action, 30)
	outcomes := parallel(len(got), func(i int) error {
		var err error
		got[i], err = b.CreateAction(t.Context(), action(strings.Repeat(string("0123456789abcdef"[i%16]), 30)+string("ab"[i/16])+"c"))
		return err
	})
	if outcomes[nil] != 1 || outcomes[store.ErrRefused] != 29 {
		t.Errorf("%v", outcomes)
	}
	for _, a := range got {
		if !reflect.DeepEqual(a, got[0]) {
			t.Errorf("%+v, another got %+v", a, got[0])
		}
	}
}

// The SDK's retry that meets its own write has created the action.
func TestCreateActionWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	b.Wire.Lose("PutItem", 1)
	a, err := b.CreateAction(t.Context(), action(id))
	if err != nil || !reflect.DeepEqual(a, action(id)) || b.Wire.Count("PutItem") != 2 {
		t.Errorf("%+v %v", a, err)
	}
}

// Half an id, or another action's under the same key, reads nothing.
func TestActionIsReadByItsWholeID(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	_, err := b.CreateAction(t.Context(), action(id))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{found, found + other, found + id + "0", "", "0", id, other + id} {
		_, err := b.Action(t.Context(), c)
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", c, err)
		}
	}
	got, err := b.Action(t.Context(), found+id)
	if err != nil || !reflect.DeepEqual(got, action(id)) {
		t.Errorf("%+v %v", got, err)
	}
}

// A user and the action under a key come in one round trip, and what is not
// there is zero.
func TestActing(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	check := func(u store.User, a store.Action) {
		t.Helper()
		b.Wire.Reset()
		gotUser, gotAction, err := b.Acting(t.Context(), half().Key, found)
		if err != nil || !reflect.DeepEqual(gotUser, u) || !reflect.DeepEqual(gotAction, a) || len(b.Wire.Calls()) != 1 {
			t.Errorf("%q %+v %v after %d calls", gotUser.UID, gotAction, err, len(b.Wire.Calls()))
		}
	}
	check(store.User{}, store.Action{})
	_, err := b.CreateAction(t.Context(), action(id))
	if err != nil {
		t.Fatal(err)
	}
	check(store.User{}, action(id))
	u := user(id)
	_, err = b.CreateUser(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	check(u, action(id))
	err = b.DropAction(t.Context(), action(id))
	if err != nil {
		t.Fatal(err)
	}
	check(u, store.Action{})
}

// What becomes of an action is written on it and nowhere else: no write makes
// one, and none touches another that came under the same key.
func TestActionsLife(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	a := action(id)
	a.Ref = ref
	later := 2 * time.Second
	writes := map[string]func(store.Action) error{
		"asked": func(a store.Action) error { return b.AskedAction(t.Context(), a, start.Add(time.Second)) },
		"told":  func(a store.Action) error { return b.ToldAction(t.Context(), a, start.Add(later)) },
		"drop":  func(a store.Action) error { return b.DropAction(t.Context(), a) },
	}
	for name, write := range writes {
		err := write(a)
		if !errors.Is(err, store.ErrRefused) || len(b.Items(t)) != 0 {
			t.Errorf("%s, none there: %v, %v", name, err, b.Items(t))
		}
	}
	_, err := b.CreateAction(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	stranger := action(other)
	stranger.Ref = store.Ref{Provider: "authy", ID: "another"}
	for name, write := range writes {
		err := write(stranger)
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s, another's: %v", name, err)
		}
	}
	for i, name := range []string{"asked", "told", "told"} {
		err := writes[name](a)
		if err != nil {
			t.Errorf("write %d, %s: %v", i+1, name, err)
		}
		later = time.Duration(i+1) * 2 * time.Second // the first time stays
	}
	if err := writes["drop"](a); !errors.Is(err, store.ErrRefused) {
		t.Errorf("dropped after asking: %v", err)
	}
	want := a
	want.AskedAt, want.ToldAt = start.Add(time.Second), start.Add(2*time.Second)
	got, err := b.Action(t.Context(), a.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v, %v", got, want, err)
	}
}

// That the vendor's answer is lost is kept without a ref; who tells the owner of
// the decision knows it, and keeps it then.
func TestActionWhoseRefComesLate(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	a := action(id)
	_, err := b.CreateAction(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	err = b.AskedAction(t.Context(), a, start)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Action(t.Context(), a.ID)
	if err != nil || got.Ref != (store.Ref{}) || !got.AskedAt.Equal(start) {
		t.Errorf("asked: %+v %v", got, err)
	}
	a.Ref = ref
	err = b.ToldAction(t.Context(), a, start)
	if err != nil {
		t.Fatal(err)
	}
	got, err = b.Action(t.Context(), a.ID)
	if err != nil || got.Ref != ref {
		t.Errorf("told: %+v %v", got, err)
	}
}

// Whoever of the asker and the callback comes second sees both halves, so that
// exactly one of them knows that there is something to tell.
func TestTheSecondUpsertSeesBoth(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	mine := own()
	mine.Session, mine.Action = found+id, true
	decided := told("approved", asked, mine.Session, time.Second)
	for name, first := range map[string]bool{"asked first": true, "told first": false} {
		mine.ID, decided.ID = name, name
		var before, after store.Approval
		var err1, err2 error
		if first {
			before, err1 = b.RecordApproval(t.Context(), mine)
			after, err2 = b.RecordDecision(t.Context(), decided)
		} else {
			before, err1 = b.RecordDecision(t.Context(), decided)
			after, err2 = b.RecordApproval(t.Context(), mine)
		}
		if err1 != nil || err2 != nil || before.Action && before.Answer() != "" {
			t.Errorf("%s: %+v %v %v", name, before, err1, err2)
		}
		if !after.Action || after.Answer() != push.Approved || after.Session != mine.Session {
			t.Errorf("%s: the second sees %+v", name, after)
		}
		read, err := b.Approval(t.Context(), mine.Ref)
		if err != nil || !reflect.DeepEqual(read, after) {
			t.Errorf("%s: returned %+v, and it is %+v, %v", name, after, read, err)
		}
	}
	login := own()
	got, err := b.RecordApproval(t.Context(), login)
	if err != nil || got.Action {
		t.Errorf("a login's: %+v %v", got, err)
	}
}

func TestIsAction(t *testing.T) {
	for session, want := range map[string]bool{
		found + id: true, id: false, "": false, found + id + "0": false, found + strings.ToUpper(other): false, found + id[1:] + "\n": false,
	} {
		if store.IsAction(session) != want {
			t.Errorf("%q: %v", session, !want)
		}
	}
}
