package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/env"
	"latchkey/shared/recovery"
	"latchkey/shared/store"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

const (
	ada = "ada@example.com"
	uid = "00000000000000000000000000000001"
)

// outcome is what the operator sees.
type outcome struct {
	code        int
	out, stderr string
}

// operate runs the program.
func operate(ctx context.Context, cfg env.Config, args ...string) outcome {
	var out, stderr bytes.Buffer
	code := run(ctx, args, cfg, &out, &stderr)
	return outcome{code, out.String(), stderr.String()}
}

// succeed runs what has to be done without a word on stderr.
func succeed(t *testing.T, cfg env.Config, args ...string) string {
	t.Helper()
	o := operate(t.Context(), cfg, args...)
	if o.code != 0 || o.stderr != "" {
		t.Fatalf("%v: %d %s", args, o.code, o.stderr)
	}
	return o.out
}

// document is what --json prints.
func document(t *testing.T, text string) map[string]any {
	t.Helper()
	var doc map[string]any
	err := json.Unmarshal([]byte(text), &doc)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return doc
}

// What nothing may print.
var secrets = []string{
	"$2a$04$thehashofit", "SECRETSECRETSECRET", "SALTSALTSALT", "PREVIOUSPREVIOUS", "PROOFPROOF", "theepoch", "USERPROOF",
	"+14155552671", "4155552671", ada, "RECOVERYDIGEST", "12345678", "YF0TOKEN",
}

var (
	when = bench.Start
	ref  = store.Ref{Provider: "verify", ID: "YC1"}
)

// person is a table with somebody who has everything: factors, codes, pushes,
// and sessions of every state.
func person(t *testing.T) (*bench.Table, store.User) {
	t.Helper()
	b := bench.Open(t)
	key := store.Hash(ada)
	p := store.Profile{
		Name: "Ada \x1b[2J\u202eLovelace", Email: ada, Phone: "+14155552671", Country: "US", CallingCode: "1",
		Hash: "$2a$04$thehashofit", Provider: "verify", ProviderRef: "12345678",
	}
	u := store.User{
		Key: key, UID: uid, Epoch: "theepoch", Profile: p, Role: "user", Proof: "USERPROOF",
		CreatedAt: when.Add(-time.Hour), VerifiedAt: when.Add(-time.Minute),
	}
	must(t, second(b.CreateUser(t.Context(), u)))
	u.Pushes, u.PushCount = []store.Push{{Session: uid, Ref: ref, At: when, Browser: "Firefox on Linux"}, {Session: uid, At: when}}, 2
	u.PushSince = when
	must(t, b.SwapPushes(t.Context(), u))
	must(t, b.SwapFactors(t.Context(), u, []store.Factor{
		{ID: "f1", Type: "push", SID: "YF1", Active: true, CreatedAt: when}, {ID: "f2", Type: "totp", SID: "YF2", CreatedAt: when},
	}))
	must(t, b.SwapRecovery(t.Context(), u, []store.RecoveryCode{
		{Hash: []byte("RECOVERYDIGEST")}, {Hash: recovery.Digest(uid, "old"), UsedBy: uid, UsedAt: when},
	}, when))
	must(t, second(b.RecordApproval(t.Context(), store.Approval{Ref: ref, Session: uid, UID: uid, Subject: "YF1", CreatedAt: when, ValidUntil: when.Add(time.Hour)})))
	must(t, second(b.RecordDecision(t.Context(), store.Approval{Ref: ref, Decision: "denied", DecidedAt: when, By: "YF1"})))
	sessions(t, b, p)
	for _, lane := range []string{key, key + "/browser"} {
		must(t, b.Try(t.Context(), store.Attempts{Rule: "login", Subject: lane, Free: 5, Longest: time.Minute}, "try", when))
	}
	u, err := b.User(t.Context(), key)
	must(t, err)
	b.Wire.Reset()
	return b, u
}

// sessions begins one of each kind. The last digit of the id says which.
func sessions(t *testing.T, b *bench.Table, p store.Profile) {
	t.Helper()
	half := func(n string, flow store.Flow) store.Session {
		return store.Session{
			Key: store.Hash(ada), ID: strings.Repeat("a", 31) + n, Flow: flow, UID: uid, Epoch: "theepoch",
			Secret: []byte("SECRETSECRETSECRET" + n), Salt: []byte("SALTSALTSALT"),
			CreatedAt: when, ValidUntil: when.Add(30 * time.Minute), Profile: p,
		}
	}
	make := func(s store.Session) { must(t, second(b.CreateSession(t.Context(), s))) }
	confirm := func(s store.Session) {
		next := s
		next.Secret, next.Proof = []byte("PREVIOUSPREVIOUS"), []byte("PROOFPROOF")
		next.ConfirmedAt, next.PreviousTo, next.EndsAt, next.ValidUntil = when, when.Add(time.Minute), when.Add(48*time.Hour), when.Add(12*time.Hour)
		must(t, b.Confirm(t.Context(), s, next))
	}
	whole := half("1", store.Login)
	make(whole)
	confirm(whole)
	waiting := half("2", store.Login)
	waiting.Lanes, waiting.Token = []string{waiting.Key, waiting.Key + "/browser"}, "YF0TOKEN"
	make(waiting)
	waiting.Approval, waiting.Outcome = store.Ref{Provider: "verify", ID: "YC2"}, store.Asked
	must(t, b.RecordSend(t.Context(), waiting))
	must(t, second(b.RecordApproval(t.Context(), store.Approval{Ref: waiting.Approval, Session: waiting.ID, UID: uid, Subject: "YF1", CreatedAt: when, ValidUntil: when.Add(time.Hour)})))
	old := half("3", store.Login)
	old.Epoch = "anotherepoch"
	make(old)
	stranger := half("4", store.Signup)
	stranger.UID, stranger.Epoch = stranger.ID, "theirs"
	make(stranger)
	over := half("5", store.Login)
	over.ValidUntil = when
	make(over)
	left := half("6", store.Login)
	make(left)
	must(t, second(b.EndSession(t.Context(), left, when.Add(-time.Second))))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }
