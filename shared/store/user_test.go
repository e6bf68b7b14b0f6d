package store_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/env"
	"latchkey/shared/store"
)

// where the table is must be known, and plain http stays on the
// machine. Nothing is connected to at start.
func TestOpenReadsItsVariables(t *testing.T) {
	for name, c := range map[string]struct {
		vars   map[string]string
		warmed string
		ok     bool
	}{
		"deployed":     {map[string]string{"TABLE_NAME": "t", "AWS_REGION": "eu-west-1"}, "https://dynamodb.eu-west-1.amazonaws.com", true},
		"no region":    {map[string]string{"TABLE_NAME": "t"}, "https://dynamodb.us-east-1.amazonaws.com", true},
		"an engine":    {map[string]string{"TABLE_NAME": "t", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000/"}, "http://127.0.0.1:8000", true},
		"no table":     {map[string]string{}, "https://dynamodb.us-east-1.amazonaws.com", false},
		"far and bare": {map[string]string{"TABLE_NAME": "t", "AWS_ENDPOINT_URL_DYNAMODB": "http://db.example.com"}, "https://dynamodb.us-east-1.amazonaws.com", false},
	} {
		var warmed []string
		cfg := env.Config{Getenv: func(n string) string { return c.vars[n] }, Warm: func(url string, _ int) { warmed = append(warmed, url) }}
		v := env.Read(cfg)
		if store.Open(cfg, v) == nil || (v.Err() == nil) != c.ok || strings.Join(warmed, " ") != c.warmed {
			t.Errorf("%s: %v, warmed %q", name, v.Err(), warmed)
		}
	}
}

func profile() store.Profile {
	return store.Profile{
		Name: "Ada Lovelace", Email: "ada@example.com", Phone: "+14155552671", Country: "US", CallingCode: "1",
		Hash: "$2a$04$hash", Provider: "authy", ProviderRef: "12345",
	}
}

func user(uid string) store.User {
	return store.User{
		Key: store.Hash("ada@example.com"), UID: uid, Epoch: "epoch", Profile: profile(), Role: "user",
		CreatedAt: start, VerifiedAt: start.Add(time.Minute),
	}
}

func TestCreateUser(t *testing.T) {
	t.Parallel()
	b, u := bench.Open(t), user("first")
	wrote, err := b.CreateUser(t.Context(), u)
	if err != nil || !wrote {
		t.Fatalf("%v %v", wrote, err)
	}
	got, err := b.User(t.Context(), u.Key)
	if err != nil || !reflect.DeepEqual(got, u) {
		t.Errorf("read back %v %v", reflect.DeepEqual(got, u), err)
	}
	again := u
	again.Name, again.VerifiedAt = "changed", start.Add(time.Hour)
	wrote, err = b.CreateUser(t.Context(), again)
	if err != nil || wrote {
		t.Errorf("the same sign-up again: %v, %v", wrote, err)
	}
	anew := u // the same old form, whose session was deleted
	anew.Epoch = "another"
	for name, other := range map[string]store.User{"another sign-up": user("second"), "the same form, long after": anew} {
		wrote, err = b.CreateUser(t.Context(), other)
		if !errors.Is(err, store.ErrRefused) || wrote {
			t.Errorf("%s: %v, %v", name, wrote, err)
		}
	}
	got, err = b.User(t.Context(), u.Key)
	if err != nil || !reflect.DeepEqual(got, u) {
		t.Errorf("the first has changed: %v", err)
	}
}

// I: whoever tries, one becomes the user.
func TestCreateUserInParallel(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	found := parallel(30, func(i int) error {
		_, err := b.CreateUser(t.Context(), user(string(rune('a'+i))))
		return err
	})
	if found[nil] != 1 || found[store.ErrRefused] != 29 {
		t.Errorf("%v", found)
	}
}

func TestUserNotFound(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	_, err := b.User(t.Context(), store.Hash("nobody@example.com"))
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// No address and no phone stands in a key, and a user has no time to live.
func TestUserItem(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	_, err := b.CreateUser(t.Context(), user("uid"))
	if err != nil {
		t.Fatal(err)
	}
	it := b.Only(t)
	key, err := json.Marshal([]any{it["pk"], it["sk"]})
	if err != nil || strings.Contains(string(key), "ada") || strings.Contains(string(key), "555") {
		t.Errorf("key %s", key)
	}
	if it["expires_at"] != nil {
		t.Error("the user would be deleted")
	}
}

// A retry of the SDK that meets its own write is no refusal, though it cannot tell
// whose the write was.
func TestCreateUserWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b, u := bench.Open(t), user("first")
	b.Wire.Lose("PutItem", 1)
	wrote, err := b.CreateUser(t.Context(), u)
	if err != nil || wrote || b.Wire.Count("PutItem") != 2 {
		t.Errorf("%v %v after %d puts", wrote, err, b.Wire.Count("PutItem"))
	}
	b.Wire.Lose("PutItem", 1)
	_, err = b.CreateUser(t.Context(), user("second"))
	if !errors.Is(err, store.ErrRefused) {
		t.Errorf("another sign-up whose answer is lost: %v", err)
	}
}

// An unreachable table is neither a refusal nor an empty one, and its error
// shows nothing of the items.
// (parity 35)
func TestTableOutOfReach(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	for _, operation := range []string{"PutItem", "GetItem", "UpdateItem", "BatchGetItem", "DeleteItem"} {
		b.Wire.Lose(operation, 100)
		s := half()
		var err error
		switch operation {
		case "PutItem":
			_, err = b.CreateUser(t.Context(), user("uid"))
		case "GetItem":
			_, err = b.User(t.Context(), user("uid").Key)
		case "UpdateItem":
			_, err = b.ReserveCheck(t.Context(), s, 5, start)
		case "BatchGetItem":
			_, _, err = b.Account(t.Context(), s.Key, s.ID)
		case "DeleteItem":
			err = b.DropSession(t.Context(), s)
		}
		if err == nil || errors.Is(err, store.ErrRefused) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", operation, err)
			continue
		}
		if strings.Contains(err.Error(), "ada") || strings.Contains(err.Error(), "555") {
			t.Errorf("%s: %v", operation, err)
		}
		if n := b.Wire.Count(operation); n < 2 || n > 4 {
			t.Errorf("%s: %d tries", operation, n)
		}
	}
}
