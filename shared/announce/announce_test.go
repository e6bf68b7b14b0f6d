package announce_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/flowtest/rig"
	"latchkey/shared/announce"
	"latchkey/shared/env"
	"latchkey/shared/push"
	"latchkey/shared/store"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// open is a bus's client; vars are given as NAME=value.
func open(b *bench.Table, address string, vars ...string) *announce.Bus {
	b.Set(append(vars, "AWS_ENDPOINT_URL_EVENTBRIDGE="+address)...)
	cfg := b.Config()
	return announce.Open(cfg, env.Read(cfg))
}

// decided is an action in the table, and its approval.
func decided(t *testing.T, b *bench.Table, d push.Decision) (store.Action, store.Approval) {
	t.Helper()
	now := b.Clock.Now()
	a := store.Action{
		ID: strings.Repeat("ab", 32), User: store.Hash("ada@example.com"), UID: strings.Repeat("0", 32), Subject: "12345", Digest: []byte("x"),
		Reference: "transfer \"1\" €", CreatedAt: now, ValidUntil: now.Add(time.Minute),
	}
	_, err := b.CreateAction(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	a.Ref = store.Ref{Provider: "authy", ID: "1"}
	p := a.Approval()
	p.Decision, p.DecidedAt, p.By = d, now.Add(time.Second), a.Subject
	return a, p
}

// toldAt is when it was noted that the owner was told.
func toldAt(t *testing.T, b *bench.Table, a store.Action) time.Time {
	t.Helper()
	now, err := b.Action(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return now.ToldAt
}

// The event as a rule matches it and a consumer reads it; and it is noted.
func TestTell(t *testing.T) {
	t.Parallel()
	for bus, vars := range map[string][]string{"default": nil, "owners": {"EVENT_BUS=owners"}} {
		b, wire := bench.Open(t), rig.NewBus(t)
		a, p := decided(t, b, push.Approved)
		err := open(b, wire.URL, vars...).Tell(t.Context(), b.Table, a, p, b.Clock.Now())
		want := []rig.Event{{Bus: bus, Source: "latchkey", DetailType: "Approval decided", Time: p.DecidedAt, Detail: map[string]any{
			"id": a.ID, "user": a.User + "." + a.UID, "uid": a.UID, "reference": a.Reference, "decision": "approved", "decided_at": p.DecidedAt.Format(time.RFC3339),
		}}}
		if err != nil || !reflect.DeepEqual(wire.Events(), want) {
			t.Errorf("%v\n%+v, want\n%+v", err, wire.Events(), want)
		}
		if !toldAt(t, b, a).Equal(b.Clock.Now()) {
			t.Errorf("noted at %v", toldAt(t, b, a))
		}
	}
}

// What is not decided, does not count, or was told already is not told.
func TestNothingToTell(t *testing.T) {
	t.Parallel()
	b, wire := bench.Open(t), rig.NewBus(t)
	bus := open(b, wire.URL)
	action, approved := decided(t, b, push.Approved)
	for name, change := range map[string]func(a *store.Action, p *store.Approval){
		"told":              func(a *store.Action, _ *store.Approval) { a.ToldAt = b.Clock.Now() },
		"pending":           func(_ *store.Action, p *store.Approval) { p.Decision = "" },
		"expired":           func(_ *store.Action, p *store.Approval) { p.Decision = push.Expired },
		"by somebody else":  func(_ *store.Action, p *store.Approval) { p.By = "99999" },
		"via something":     func(_ *store.Action, p *store.Approval) { p.Via = strings.Repeat("cd", 32) },
		"too late":          func(_ *store.Action, p *store.Approval) { p.DecidedAt = p.ValidUntil },
		"nobody's approval": func(_ *store.Action, p *store.Approval) { *p = store.Approval{} },
	} {
		a, p := action, approved
		change(&a, &p)
		err := bus.Tell(t.Context(), b.Table, a, p, b.Clock.Now())
		if err != nil || len(wire.Events()) != 0 || !toldAt(t, b, action).IsZero() {
			t.Errorf("%s: %v %+v", name, err, wire.Events())
		}
	}
}

// A bus that fails for a moment is tried again, one that stays down is not noted
// as told, and neither is one that takes the request and not the event.
func TestBusFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failures int64
		ok       bool
	}{"for a moment": {2, true}, "for long": {100, false}} {
		b, wire := bench.Open(t), rig.NewBus(t)
		var calls atomic.Int64
		flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) <= c.failures {
				http.Error(w, `{"__type":"InternalException"}`, http.StatusInternalServerError)
				return
			}
			wire.ServeHTTP(w, r)
		}))
		t.Cleanup(flaky.Close)
		a, p := decided(t, b, push.Denied)
		err := open(b, flaky.URL).Tell(t.Context(), b.Table, a, p, b.Clock.Now())
		if (err == nil) != c.ok || (len(wire.Events()) == 1) != c.ok || toldAt(t, b, a).IsZero() == c.ok || calls.Load() > 3 {
			t.Errorf("%s: %v after %d calls, %+v", name, err, calls.Load(), wire.Events())
		}
	}
	b, wire := bench.Open(t), rig.NewBus(t)
	wire.Refuse("NotAuthorizedForSourceException")
	a, p := decided(t, b, push.Denied)
	err := open(b, wire.URL).Tell(t.Context(), b.Table, a, p, b.Clock.Now())
	if err == nil || !strings.Contains(err.Error(), "NotAuthorizedForSourceException") || strings.Contains(err.Error(), "canary") || !toldAt(t, b, a).IsZero() {
		t.Errorf("refused: %v", err)
	}
}

// A bus that says nothing does not hold a request for longer than it may.
func TestBusHangs(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() { close(over); silent.Close() })
	a, p := decided(t, b, push.Denied)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := open(b, silent.URL).Tell(ctx, b.Table, a, p, b.Clock.Now())
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// Without another address it is the region's own, which is not alike in all of
// AWS's partitions; it is connected to before the first request.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"": "https://events.us-east-1.amazonaws.com", "eu-west-1": "https://events.eu-west-1.amazonaws.com", "cn-north-1": "https://events.cn-north-1.amazonaws.com.cn",
	} {
		got := ""
		cfg := env.Config{
			Getenv: func(name string) string { return map[string]string{"AWS_REGION": region}[name] },
			HTTP:   http.DefaultClient, Warm: func(url string, _ int) { got = url },
		}
		vars := env.Read(cfg)
		if announce.Open(cfg, vars); got != want || vars.Err() != nil {
			t.Errorf("%q: %s %v", region, got, vars.Err())
		}
	}
}
