package main

import (
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

// keep puts items into the table that no deletion of Ada's may touch.
func keep(t *testing.T, b *bench.Table) {
	t.Helper()
	bob := store.Hash("bob@example.com")
	must(t, second(b.CreateUser(t.Context(), store.User{Key: bob, UID: "bob", Epoch: "e", Profile: store.Profile{Name: "Bob", Email: "bob@example.com"}})))
	must(t, second(b.CreateSession(t.Context(), store.Session{Key: bob, ID: "s", UID: "bob", Secret: []byte("s"), Salt: []byte("s"), CreatedAt: when, ValidUntil: when})))
	must(t, second(b.RecordApproval(t.Context(), store.Approval{Ref: store.Ref{Provider: "verify", ID: "YC9"}, Session: "s", UID: "bob", CreatedAt: when, ValidUntil: when})))
	must(t, b.Try(t.Context(), store.Attempts{Rule: "login", Subject: bob, Free: 5, Longest: time.Minute}, "try", when))
	sends := store.History{Rule: "sends-login", Subject: "+14155552671", Waits: []time.Duration{time.Minute}, Window: time.Hour, PerDay: 4}
	_, _, err := b.Use(t.Context(), sends, "id", store.Sends{}, when)
	must(t, err)
}

const (
	all  = 11 // items that person made
	kept = 5  // items that keep made
)

// Without --yes it only says what it would do; with it, everything that is Ada's
// is gone and nothing else. What remains at the vendor is said both times.
func TestDelete(t *testing.T) {
	t.Parallel()
	b, _ := person(t)
	keep(t, b)
	before := b.Items(t)
	for _, text := range []string{succeed(t, b.Config(), "user", "delete", ada), succeed(t, b.Config(), "user", "delete", "--json", ada)} {
		clean(t, "plan", text)
		for _, want := range []string{b.Vars["TABLE_NAME"], uid, "YF1"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
	if !reflect.DeepEqual(b.Items(t), before) {
		t.Error("something was written without --yes")
	}
	text := succeed(t, b.Config(), "user", "delete", ada, "--yes")
	clean(t, "deletion", text)
	for _, want := range []string{"sessions: 6", "Entities/" + uid + "\"", "YF1, YF2", "\nDeleted.\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	gone(t, b)
	if o := operate(t.Context(), b.Config(), "user", "delete", "--yes", ada); o.code != 1 || !strings.Contains(o.stderr, "no account of") {
		t.Errorf("again: %+v", o)
	}
}

// gone fails unless only what keep made is left.
func gone(t *testing.T, b *bench.Table) {
	t.Helper()
	items := b.Items(t)
	if len(items) != kept {
		t.Errorf("%d items are left, want %d: %v", len(items), kept, items)
	}
	for _, it := range items {
		text := fmt.Sprint(it)
		if strings.Contains(text, uid) || strings.Contains(text, ada) || strings.Contains(text, "U#"+store.Hash(ada)) || strings.Contains(text, "login#"+store.Hash(store.Hash(ada))) {
			t.Errorf("left: %s", text)
		}
	}
}

func TestDeleteDocument(t *testing.T) {
	t.Parallel()
	b, u := person(t)
	keep(t, b)
	doc := document(t, succeed(t, b.Config(), "user", "delete", "--json", "--yes", "--", ada))
	left, _ := doc["remains"].(map[string]any)
	if doc["deleted"] != true || doc["sessions"] != 6.0 || doc["user"] != u.Key+"."+uid || left["identity"] != uid || fmt.Sprint(left["factors"]) != "[YF1 YF2]" {
		t.Errorf("%v", doc)
	}
	gone(t, b)
}

// Wherever it dies, nobody is signed in any more from the first write on, what
// remains at the vendor is known until it was said, and a repeat finishes.
func TestDyingInDelete(t *testing.T) {
	t.Parallel()
	b, _ := person(t)
	succeed(t, b.Config(), "user", "delete", ada, "--yes")
	calls := len(b.Wire.Calls())
	if calls < 15 {
		t.Fatalf("only %d calls", calls)
	}
	for n := range calls { // dead after n calls
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			b, before := person(t)
			keep(t, b)
			o := dying(t, b, n, bench.Unheard, "user", "delete", ada, "--yes")
			if o.code != failed {
				t.Errorf("dead, and well: %+v", o)
			}
			known(t, b, before, o.out)
			o = operate(t.Context(), b.Config(), "user", "delete", ada, "--yes")
			if o.code != done && !strings.Contains(o.stderr, "no account of") { // all of it was done
				t.Errorf("repeating: %+v", o)
			}
			gone(t, b)
		})
	}
}

// known fails if, after a deletion died, a session of the account still opens
// it although something was deleted, or if nobody can tell any more what the
// vendor has.
func known(t *testing.T, b *bench.Table, before store.User, said string) {
	t.Helper()
	items := b.Items(t)
	u, err := b.User(t.Context(), before.Key)
	switch {
	case err != nil && !strings.Contains(said, "YF1, YF2"):
		t.Errorf("the account is gone, and what remains at the vendor was not said: %q", said)
	case err == nil && !reflect.DeepEqual(u.Factors, before.Factors):
		t.Errorf("factors %+v", u.Factors)
	case err == nil && u.Epoch == before.Epoch && len(items) != all+kept:
		t.Errorf("%d items are left, and the sessions among them are alive", len(items))
	}
}

// A login that begins while the account is deleted leaves nothing behind; who
// signs up with the address anew at that moment keeps the session.
func TestDeleteMeanwhile(t *testing.T) {
	t.Parallel()
	b, u := person(t)
	keep(t, b)
	s := store.Session{Key: u.Key, Flow: store.Login, UID: uid, Secret: []byte("s"), Salt: []byte("s"), CreatedAt: when, ValidUntil: when.Add(time.Minute)}
	late, anew := s, s
	late.ID = strings.Repeat("b", 32)
	anew.ID = strings.Repeat("c", 32)
	anew.UID, anew.Flow = anew.ID, store.Signup
	var queries atomic.Int64
	b.Wire.Break(func(c bench.Call) bench.Fault {
		if c.Name == "Query" && queries.Add(1) == 2 { // the first one saw neither
			for _, s := range []store.Session{late, anew} {
				_, err := b.CreateSession(t.Context(), s)
				if err != nil {
					t.Error(err)
				}
			}
		}
		return bench.None
	})
	succeed(t, b.Config(), "user", "delete", ada, "--yes")
	left, err := b.Sessions(t.Context(), u.Key)
	if err != nil || len(left) != 1 || left[0].ID != anew.ID {
		t.Errorf("%v %+v", err, left)
	}
}

// When a factor is added by a login that begins while the account is deleted,
// the account stays until what remains at the vendor was said anew.
func TestDeleteWithOneFactorMore(t *testing.T) {
	t.Parallel()
	b, _ := person(t)
	keep(t, b)
	var met atomic.Bool
	b.Wire.Break(func(c bench.Call) bench.Fault {
		if c.Name == "Query" && met.CompareAndSwap(false, true) {
			u, err := b.User(t.Context(), store.Hash(ada))
			if err != nil {
				t.Error(err)
			}
			err = b.SwapFactors(t.Context(), u, []store.Factor{{ID: "f9", Type: "push", SID: "YF9", CreatedAt: when}})
			if err != nil {
				t.Error(err)
			}
		}
		return bench.None
	})
	o := operate(t.Context(), b.Config(), "user", "delete", ada, "--yes")
	if o.code != 1 || !strings.Contains(o.stderr, "run the same command again") || strings.Contains(o.out, "\nDeleted") {
		t.Errorf("%+v", o)
	}
	if text := succeed(t, b.Config(), "user", "delete", ada, "--yes"); !strings.Contains(text, "these factors: YF9.") {
		t.Errorf("%s", text)
	}
	gone(t, b)
}
