package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/recovery"
	"latchkey/shared/store"
)

// clean fails if a text holds what opens something, or who the person is.
func clean(t *testing.T, what, text string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(s))) {
			t.Errorf("%s shows %s:\n%s", what, s, text)
		}
	}
	if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, `\u001b`) {
		t.Errorf("%s hands on what a terminal obeys:\n%q", what, text)
	}
}

// What is shown is what a help desk needs, and nothing that opens anything
//
func TestShow(t *testing.T) {
	t.Parallel()
	b, u := person(t)
	before := b.Items(t)
	text := succeed(t, b.Config(), "user", "show", "  ADA@Example.COM ")
	clean(t, "text", text)
	for _, want := range []string{
		"Ada \ufffd[2J\ufffdLovelace, a…@example.com, +•• ••• •••71", "reference        " + u.Key + "." + uid, "role             user",
		"codes come by    verify", "1 left, made 2026-03-01 12:00:00Z", "device, added 2026-03-01 12:00:00Z, confirmed",
		"authenticator app, added 2026-03-01 12:00:00Z, never confirmed",
		"2026-03-01 12:00:00Z for Firefox on Linux, decision: denied", "decision: unknown",
		strings.Repeat("a", 31) + "1, login, confirmed", "last used 2026-03-01 12:00:00Z, ends 2026-03-02 00:00:00Z",
		strings.Repeat("a", 31) + "2, login, half", "last used never", "4 more that open nothing here",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	text = succeed(t, b.Config(), "user", "show", "--json", ada)
	clean(t, "document", text)
	doc := document(t, text)
	states := map[string]any{}
	for _, s := range doc["sessions"].([]any) {
		v := s.(map[string]any)
		states[v["id"].(string)[31:]] = v["state"]
	}
	want := map[string]any{
		"1": "confirmed", "2": "half", "3": "ended with all others", "4": "a sign-up that is not this account's", "5": "over", "6": "logged out",
	}
	if !reflect.DeepEqual(states, want) {
		t.Errorf("%v", states)
	}
	if doc["user"] != u.Key+"."+uid || doc["recovery_codes_left"] != 1.0 || len(doc["factors"].([]any)) != 2 || len(doc["pushes"].([]any)) != 2 {
		t.Errorf("%v", doc)
	}
	if !reflect.DeepEqual(b.Items(t), before) {
		t.Error("looking changes something")
	}
}

func TestRole(t *testing.T) {
	t.Parallel()
	b, want := person(t)
	clean(t, "role", succeed(t, b.Config(), "user", "role", ada, "auditor"))
	want.Role = "auditor"
	if got := stored(t, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	doc := document(t, succeed(t, b.Config(), "user", "role", "--json", ada, "a_b-9"))
	if doc["role"] != "a_b-9" || doc["was"] != "auditor" || stored(t, b).Role != "a_b-9" {
		t.Errorf("%v", doc)
	}
}

func stored(t *testing.T, b *bench.Table) store.User {
	t.Helper()
	u, err := b.User(t.Context(), store.Hash(ada))
	must(t, err)
	return u
}

func TestLogout(t *testing.T) {
	t.Parallel()
	b, want := person(t)
	clean(t, "logout", succeed(t, b.Config(), "user", "logout", ada))
	got := stored(t, b)
	if got.Epoch == want.Epoch || len(got.Epoch) != 32 {
		t.Errorf("epoch %q", got.Epoch)
	}
	want.Epoch = got.Epoch
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// One code is left, which is the one that was printed; factors and epoch are
// gone; all else stays.
func TestReset(t *testing.T) {
	t.Parallel()
	b, want := person(t)
	text := succeed(t, b.Config(), "user", "reset", ada)
	clean(t, "reset", text)
	code := codeIn(t, text)
	got := stored(t, b)
	for _, say := range []string{
		"device, added", "YF1, YF2", "Entities/" + uid + "/Factors/YF1", "$VERIFY_SERVICE_SID", "by other means", "void",
	} {
		if !strings.Contains(text, say) {
			t.Errorf("no %q in\n%s", say, text)
		}
	}
	if got.Epoch == want.Epoch || strings.Contains(b.Dump(t), code) {
		t.Error("the epoch is the old one, or the table holds the code")
	}
	want.Epoch, want.Factors, want.FactorsVersion = got.Epoch, nil, 2
	want.Recovery, want.RecoveryVersion, want.RecoveryAt = []store.RecoveryCode{{Hash: recovery.Digest(uid, code)}}, 2, when
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	b.Set("VERIFY_SERVICE_SID=VA" + strings.Repeat("0", 32))
	doc := document(t, succeed(t, b.Config(), "user", "reset", "--json", ada))
	again, _ := doc["recovery_code"].(string)
	if again == code || doc["remains"].(map[string]any)["service"] != "VA"+strings.Repeat("0", 32) {
		t.Errorf("%v", doc)
	}
	if got := stored(t, b).Recovery; len(got) != 1 || !bytes.Equal(got[0].Hash, recovery.Digest(uid, again)) {
		t.Errorf("%+v", got)
	}
}

// codeIn is the recovery code that was printed.
func codeIn(t *testing.T, text string) string {
	t.Helper()
	for _, word := range strings.Fields(text) {
		code, ok := recovery.Clean(word)
		if ok && code == word {
			return code
		}
	}
	t.Fatalf("no code in %s", text)
	return ""
}

// Nobody can take Authy's app away but the phone's owner and Authy.
func TestResetAtAuthy(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	must(t, second(b.CreateUser(t.Context(), store.User{Key: store.Hash(ada), UID: uid, Epoch: "e", Profile: store.Profile{
		Name: "Ada", Email: ada, Phone: "+14155552671", Provider: "authy", ProviderRef: "12345",
	}})))
	text := succeed(t, b.Config(), "user", "reset", ada)
	if !strings.Contains(text, "Authy app of user 12345 is still asked") || strings.Contains(text, "Verify") {
		t.Errorf("%s", text)
	}
	text = succeed(t, b.Config(), "user", "delete", ada)
	if !strings.Contains(text, "user 12345. Accounts with one phone share it") {
		t.Errorf("%s", text)
	}
}

// When somebody else changes the account meanwhile, it is read again; the change
// of the other stays or, for a factor added by who should be locked out, goes.
func TestMeanwhile(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"role " + ada + " admin", "reset " + ada, "logout " + ada} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			b, u := person(t)
			var met atomic.Bool
			b.Wire.Break(func(c bench.Call) bench.Fault {
				if c.Name == "UpdateItem" && met.CompareAndSwap(false, true) {
					u.Epoch = meddle(t, b, u)
				}
				return bench.None
			})
			succeed(t, b.Config(), append([]string{"user"}, strings.Fields(args)...)...)
			got := stored(t, b)
			switch {
			case !met.Load():
				t.Error("nothing happened meanwhile")
			case strings.HasPrefix(args, "role") && (got.Role != "admin" || len(got.Factors) != 1 || got.Epoch != u.Epoch),
				strings.HasPrefix(args, "logout") && (got.Epoch == u.Epoch || len(got.Factors) != 1),
				strings.HasPrefix(args, "reset") && (got.Epoch == u.Epoch || len(got.Factors) != 0 || got.RecoveryLeft() != 1):
				t.Errorf("%+v", got)
			}
		})
	}
}

// meddle gives the account a new epoch and another list of factors.
func meddle(t *testing.T, b *bench.Table, u store.User) string {
	t.Helper()
	next := fmt.Sprintf("%s-%d", u.Epoch, u.FactorsVersion)
	err := b.NewEpoch(context.WithoutCancel(t.Context()), u, next)
	if err != nil {
		t.Error(err)
	}
	u.Epoch = next
	err = b.SwapFactors(context.WithoutCancel(t.Context()), u, []store.Factor{{ID: "f9", Type: "push", SID: "YF9", Active: true, CreatedAt: when}})
	if err != nil {
		t.Error(err)
	}
	return next
}

// Who changes it all the time is told of, and the program ends.
func TestMeanwhileForever(t *testing.T) {
	t.Parallel()
	b, u := person(t)
	var busy atomic.Bool
	var n atomic.Int64
	b.Wire.Break(func(c bench.Call) bench.Fault {
		if c.Name == "UpdateItem" && busy.CompareAndSwap(false, true) {
			next := fmt.Sprint("e", n.Add(1))
			err := b.NewEpoch(t.Context(), u, next)
			if err != nil {
				t.Error(err)
			}
			u.Epoch = next
			busy.Store(false)
		}
		return bench.None
	})
	o := operate(t.Context(), b.Config(), "user", "reset", ada)
	if o.code != 1 || o.out != "" || !strings.Contains(o.stderr, "changed by somebody else") || n.Load() != attempts {
		t.Errorf("%+v after %d", o, n.Load())
	}
	if got := stored(t, b); len(got.Factors) != 2 || got.RecoveryLeft() != 1 {
		t.Errorf("half of it was done: %+v", got)
	}
}

// A code is printed only when it is in the table; an answer that was lost is no
// code, and a repeat is another.
func TestDyingInReset(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		for _, fault := range []bench.Fault{bench.Lost, bench.Unheard} {
			b, u := person(t)
			o := dying(t, b, n+1, fault, "user", "reset", ada)
			got := stored(t, b)
			if o.code == 0 {
				if n < 2 || !bytes.Equal(got.Recovery[0].Hash, recovery.Digest(uid, codeIn(t, o.out))) {
					t.Errorf("%d/%d: %+v", n, fault, o)
				}
				continue
			}
			if o.out != "" {
				t.Errorf("%d/%d: %s", n, fault, o.out)
			}
			whole := len(got.Factors) == 0 && got.Epoch != u.Epoch && len(got.Recovery) == 1
			untouched := reflect.DeepEqual(got, u)
			if !whole && !untouched {
				t.Errorf("%d/%d: half reset: %+v", n, fault, got)
			}
			code := codeIn(t, succeed(t, b.Config(), "user", "reset", ada))
			if got := stored(t, b); !bytes.Equal(got.Recovery[0].Hash, recovery.Digest(uid, code)) {
				t.Errorf("%d/%d: the code is void", n, fault)
			}
		}
	}
}

// dying kills the program at its n-th call to the table, which meets the fault.
func dying(t *testing.T, b *bench.Table, n int, fault bench.Fault, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.Wire.Reset()
	var calls atomic.Int64
	b.Wire.Break(func(bench.Call) bench.Fault {
		if calls.Add(1) < int64(n) {
			return bench.None
		}
		if fault == bench.Unheard && calls.Load() == int64(n) {
			go afterCall(ctx, b, n, cancel)
			return fault
		}
		cancel()
		return bench.Lost
	})
	o := operate(ctx, b.Config(), args...)
	b.Wire.Break(nil)
	return o
}

// afterCall kills as soon as the n-th call was served, never before: an engine on
// a laptop does not survive a request that is broken off.
func afterCall(ctx context.Context, b *bench.Table, n int, kill func()) {
	for ctx.Err() == nil && len(b.Wire.Calls()) < n {
		time.Sleep(time.Millisecond)
	}
	kill()
}
