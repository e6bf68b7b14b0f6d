package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/push"
	"latchkey/shared/store"
)

const (
	asked    = "12345" // whom we asked
	somebody = "99999"
	other    = "fedcba9876543210fedcba9876543210" // another session
)

var ref = store.Ref{Provider: "authy", ID: "9af1c0de-0000-4000-8000-000000000001"}

// own is what a login writes of the approval that it asked for.
func own() store.Approval {
	return store.Approval{Ref: ref, Session: id, UID: id, Subject: asked, CreatedAt: start, ValidUntil: start.Add(5 * time.Minute)}
}

// told is what a callback says of it.
func told(decision push.Decision, by, via string, at time.Duration) store.Approval {
	return store.Approval{Ref: ref, Decision: decision, By: by, Via: via, DecidedAt: start.Add(at)}
}

// write makes one of the two upserts: a decision, or the login's own.
func write(t *testing.T, b *bench.Table, a store.Approval) error {
	t.Helper()
	if a.Decision != "" {
		_, err := b.RecordDecision(t.Context(), a)
		return err
	}
	_, err := b.RecordApproval(t.Context(), a)
	return err
}

// What counts is one explicit decision, in time, by whom we asked and for the
// session that asked, whichever of the two upserts is first (F-24, R-046,
// R-061; parity 129, 131).
func TestApprovalInAnyOrder(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	approved, denied := told("approved", asked, "", time.Second), told("denied", asked, "", time.Second)
	elsewhere := own()
	elsewhere.Session = other
	no := store.ErrRefused
	for name, c := range map[string]struct {
		writes []store.Approval
		errs   []error
		want   push.Decision
	}{
		"asked, then told":              {[]store.Approval{own(), approved}, []error{nil, nil}, "approved"},
		"told, then asked":              {[]store.Approval{approved, own()}, []error{nil, nil}, "approved"},
		"denied":                        {[]store.Approval{own(), denied}, []error{nil, nil}, "denied"},
		"denied early":                  {[]store.Approval{denied, own()}, []error{nil, nil}, "denied"},
		"only asked":                    {[]store.Approval{own()}, []error{nil}, ""},
		"only told":                     {[]store.Approval{approved}, []error{nil}, ""},
		"told twice":                    {[]store.Approval{own(), approved, approved}, []error{nil, nil, no}, "approved"},
		"asked twice":                   {[]store.Approval{own(), approved, own()}, []error{nil, nil, nil}, "approved"},
		"approved after a denial":       {[]store.Approval{own(), denied, approved}, []error{nil, nil, no}, "denied"},
		"denied after an approval":      {[]store.Approval{own(), approved, denied}, []error{nil, nil, no}, "approved"},
		"both before we asked":          {[]store.Approval{denied, approved, own()}, []error{nil, no, nil}, "denied"},
		"by somebody else":              {[]store.Approval{own(), told("approved", somebody, "", 0)}, []error{nil, no}, ""},
		"by somebody else, early":       {[]store.Approval{told("approved", somebody, "", 0), own()}, []error{nil, nil}, ""},
		"by somebody else, then by us":  {[]store.Approval{own(), told("denied", somebody, "", 0), approved}, []error{nil, no, nil}, "approved"},
		"early by somebody, then by us": {[]store.Approval{told("denied", somebody, "", 0), own(), approved}, []error{nil, nil, nil}, "approved"},
		"by nobody":                     {[]store.Approval{own(), told("approved", " ", "", 0)}, []error{nil, no}, ""},
		"via this session":              {[]store.Approval{own(), told("approved", asked, id, 0)}, []error{nil, nil}, "approved"},
		"via this session, early":       {[]store.Approval{told("approved", asked, id, 0), own()}, []error{nil, nil}, "approved"},
		"via another":                   {[]store.Approval{own(), told("approved", asked, other, 0)}, []error{nil, no}, ""},
		"via another, early":            {[]store.Approval{told("approved", asked, other, 0), own()}, []error{nil, nil}, ""},
		"via another, then ours":        {[]store.Approval{own(), told("denied", asked, other, 0), approved}, []error{nil, no, nil}, "approved"},
		"another session's":             {[]store.Approval{own(), elsewhere, approved}, []error{nil, no, nil}, "approved"},
		"in the last moment":            {[]store.Approval{own(), told("approved", asked, "", 5*time.Minute-time.Millisecond)}, []error{nil, nil}, "approved"},
		"too late":                      {[]store.Approval{own(), told("approved", asked, "", 5*time.Minute)}, []error{nil, nil}, ""},
		"denied too late":               {[]store.Approval{own(), told("denied", asked, "", 6*time.Minute)}, []error{nil, nil}, "denied"},
		"too late, and asked later":     {[]store.Approval{told("approved", asked, "", 6*time.Minute), own()}, []error{nil, nil}, ""},
	} {
		for i, a := range c.writes {
			a.ID = name
			err := write(t, b, a)
			if !errors.Is(err, c.errs[i]) || c.errs[i] == nil && err != nil {
				t.Errorf("%s, write %d: %v, want %v", name, i+1, err, c.errs[i])
			}
		}
		a, err := b.Approval(t.Context(), store.Ref{Provider: ref.Provider, ID: name})
		if err != nil || a.Answer() != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, a.Answer(), c.want, err)
		}
		if a.Session == other {
			t.Errorf("%s: it went over to another session", name)
		}
	}
}

// All that is written is read back, and the engine keeps it a day longer.
func TestApprovalRoundTrip(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	_, err := b.Approval(t.Context(), ref)
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	keeps := func(want time.Time) {
		t.Helper()
		v, _ := b.Only(t)["expires_at"].(map[string]any)
		if v["N"] != fmt.Sprint(want.Add(24*time.Hour).Unix()) {
			t.Errorf("expires_at %v, want a day after %v", v, want)
		}
	}
	decided := told("approved", asked, id, 2*time.Second)
	err = write(t, b, decided)
	if err != nil {
		t.Fatal(err)
	}
	keeps(decided.DecidedAt)
	err = write(t, b, own())
	if err != nil {
		t.Fatal(err)
	}
	keeps(own().ValidUntil)
	want := own()
	want.Decision, want.DecidedAt, want.By, want.Via = decided.Decision, decided.DecidedAt, decided.By, decided.Via
	got, err := b.Approval(t.Context(), ref)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestApprovalIsOpen(t *testing.T) {
	t.Parallel()
	decided := own()
	decided.Decision, decided.By, decided.DecidedAt = "denied", asked, start
	for name, c := range map[string]struct {
		a    store.Approval
		at   time.Duration
		want bool
	}{
		"at once": {own(), 0, true}, "in the last moment": {own(), 5*time.Minute - time.Millisecond, true}, "at its end": {own(), 5 * time.Minute, false},
		"decided": {decided, 0, false}, "none": {store.Approval{}, 0, false},
	} {
		if c.a.Open(start.Add(c.at)) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

// One of many contradicting callbacks decides, while the login's own write comes
// in between, and it stays (F-22, F-23).
func TestDecideInParallel(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	found := parallel(41, func(i int) error {
		switch {
		case i == 20:
			return write(t, b, own())
		case i%2 == 0:
			return write(t, b, told("approved", asked, id, 0))
		}
		return write(t, b, told("denied", asked, id, 0))
	})
	if found[nil] != 2 || found[store.ErrRefused] != 39 {
		t.Errorf("%v", found)
	}
	first, err := b.Approval(t.Context(), ref)
	if err != nil || first.Answer() == "" {
		t.Fatalf("%+v %v", first, err)
	}
	for _, d := range []push.Decision{push.Approved, push.Denied} {
		err := write(t, b, told(d, asked, "", time.Second))
		if !errors.Is(err, store.ErrRefused) {
			t.Errorf("%s afterwards: %v", d, err)
		}
	}
	again, err := b.Approval(t.Context(), ref)
	if err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("%+v became %+v, %v", first, again, err)
	}
}

// The SDK's retry that meets its own write changes nothing.
func TestApprovalWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	b.Wire.Lose("UpdateItem", 1)
	err := write(t, b, own())
	if err != nil || b.Wire.Count("UpdateItem") != 2 {
		t.Errorf("our own: %v after %d writes", err, b.Wire.Count("UpdateItem"))
	}
	b.Wire.Lose("UpdateItem", 1)
	err = write(t, b, told("approved", asked, "", 0))
	a, read := b.Approval(t.Context(), ref)
	if !errors.Is(err, store.ErrRefused) || read != nil || a.Answer() != "approved" {
		t.Errorf("a decision: %v, %q", err, a.Answer())
	}
}

// however many poll, one asks the vendor, and the next not before its
// time (parity 132).
func TestLease(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	lease := func(at time.Duration) error {
		return b.Lease(t.Context(), ref, 3*time.Second, start.Add(at))
	}
	if got := lease(0); !errors.Is(got, store.ErrRefused) || len(b.Items(t)) != 0 {
		t.Fatalf("no approval: %v", got)
	}
	err := write(t, b, own())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at time.Duration
		ok int
	}{{4 * time.Second, 1}, {4 * time.Second, 0}, {7*time.Second - time.Millisecond, 0}, {7 * time.Second, 1}, {5*time.Minute - time.Millisecond, 1}, {5 * time.Minute, 0}, {time.Hour, 0}} {
		found := parallel(30, func(int) error { return lease(c.at) })
		if found[nil] != c.ok || found[store.ErrRefused] != 30-c.ok {
			t.Errorf("after %v: %v, want %d", c.at, found, c.ok)
		}
	}
	a, err := b.Approval(t.Context(), ref)
	if err != nil || !reflect.DeepEqual(a, own()) {
		t.Errorf("asking changed it: %+v %v", a, err)
	}
	err = write(t, b, told("denied", asked, "", 20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if got := lease(2 * time.Minute); !errors.Is(got, store.ErrRefused) {
		t.Errorf("decided: %v", got)
	}
	b.Wire.Lose("UpdateItem", 100)
	if got := lease(0); got == nil || errors.Is(got, store.ErrRefused) {
		t.Errorf("without the table: %v", got)
	}
}

// A session, its user and its approval come in one round trip.
func TestWaiting(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	err := write(t, b, own())
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, err = b.Waiting(t.Context(), half().Key, id, ref)
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no session: %v", err)
	}
	create(t, b, half())
	var there store.User
	for range 2 { // without the user, and with it
		for name, c := range map[string]struct {
			ref  store.Ref
			want store.Approval
		}{
			"both": {ref, own()}, "no approval named": {store.Ref{}, store.Approval{}},
			"one that is not there": {store.Ref{Provider: "authy", ID: "none"}, store.Approval{}}, "of another vendor": {store.Ref{Provider: "verify", ID: ref.ID}, store.Approval{}},
		} {
			b.Wire.Reset()
			u, s, a, err := b.Waiting(t.Context(), half().Key, id, c.ref)
			if err != nil || !reflect.DeepEqual(u, there) || !reflect.DeepEqual(s, half()) || !reflect.DeepEqual(a, c.want) {
				t.Errorf("%s: %q %+v %v", name, u.UID, a, err)
			}
			if len(b.Wire.Calls()) != 1 {
				t.Errorf("%s: %d calls", name, len(b.Wire.Calls()))
			}
		}
		there = user(id)
		_, err = b.CreateUser(t.Context(), there)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestApprovals(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	second := own()
	second.ID = "second"
	for _, a := range []store.Approval{own(), second} {
		err := write(t, b, a)
		if err != nil {
			t.Fatal(err)
		}
	}
	b.Wire.Reset()
	got, err := b.Approvals(t.Context(), ref, second.Ref, store.Ref{Provider: "authy", ID: "none"})
	if err != nil || !reflect.DeepEqual(got, map[store.Ref]store.Approval{ref: own(), second.Ref: second}) || len(b.Wire.Calls()) != 1 {
		t.Errorf("%v %v", got, err)
	}
}

func TestRef(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]store.Ref{
		"": {}, "authy": {}, "authy:uuid": {Provider: "authy", ID: "uuid"}, "verify:YC1": {Provider: "verify", ID: "YC1"}, "a:b:c": {Provider: "a", ID: "b:c"},
	} {
		got := store.ParseRef(text)
		if got != want || got != (store.Ref{}) && got.String() != text || got == (store.Ref{}) && got.String() != "" {
			t.Errorf("%q is %+v, and %q again", text, got, got.String())
		}
	}
}

// FuzzRef reads whatever a cookie names: what is read is written alike, or is none.
func FuzzRef(f *testing.F) {
	for _, s := range []string{"", "authy:uuid", "verify:YC1", "a:b:c", ":", ":x", "x:", "A#b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := store.ParseRef(text)
		if got == (store.Ref{}) {
			if got.String() != "" || strings.Trim(text, ":") != "" && strings.Contains(text, ":") {
				t.Errorf("%q is none", text)
			}
			return
		}
		if got.String() != text || store.ParseRef(got.String()) != got || strings.Contains(got.Provider, ":") {
			t.Errorf("%q is %+v", text, got)
		}
	})
}
