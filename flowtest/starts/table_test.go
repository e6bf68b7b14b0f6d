package starts

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

const tableName = "people"

// person is somebody who is signed in, and the table that says so.
type person struct {
	id     string // of user and session
	cookie string // as a browser sends it
	answer []byte // the table's to a read of user and session
}

// signIn makes a user and a whole session as the product does, in a real table,
// and keeps how they lie there.
func signIn(t testing.TB) *person {
	t.Helper()
	b := bench.Open(t)
	b.Clock.Set(time.Now()) // a function in a process of its own has no other clock
	cfg := b.Config()
	vars := env.Read(cfg)
	site := web.Bare(cfg, vars)
	guard := session.NewGuard(cfg, vars, b.Table, site)
	err := vars.Err()
	if err != nil {
		t.Fatal(err)
	}
	profile := store.Profile{
		Name: "Ada Lovelace", Email: "ada@example.com", Phone: "+14155552671", Country: "US", CallingCode: "1",
		Hash: "$2a$10$" + strings.Repeat("0", 53), Provider: "verify",
	}
	token := session.Derive(session.NewSeed(), store.Hash(profile.Email), "form")
	half := guard.New(token, store.Signup, profile)
	now := b.Clock.Now()
	_, err = b.CreateUser(t.Context(), store.User{
		Key: token.Key, UID: half.UID, Epoch: half.Epoch, Profile: profile, Role: "user", CreatedAt: now, VerifiedAt: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.CreateSession(t.Context(), half)
	if err != nil {
		t.Fatal(err)
	}
	whole, _, err := guard.Confirm(t.Context(), half, token, "123456", store.FactorCode)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{id: half.ID, cookie: site.CookieName("session") + "=" + whole.Value()}
	p.answer = marshal(t, map[string]any{"Responses": map[string]any{tableName: b.Items(t)}, "UnprocessedKeys": map[string]any{}})
	return p
}

// ServeHTTP is DynamoDB as far as a warm request asks it: one BatchGetItem for
// this person's items. Any other request, such as the one that only connects, is
// answered with nothing.
func (p *person) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := []byte(`{"Responses":{},"UnprocessedKeys":{}}`)
	asked, err := io.ReadAll(r.Body)
	if err == nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchGetItem") && strings.Contains(string(asked), p.id) {
		answer = p.answer
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer)))
	w.Write(answer) //nolint:errcheck // the function is gone
}

// RoundTrip is ServeHTTP without a connection, for what is measured in this
// process: only a function's own work counts then, not the server's.
func (p *person) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// variables are what a function is told of the table at an address.
func variables(table string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": table, "TABLE_NAME": tableName,
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
	}
}

// event is a recorded event with this person's cookie in it.
func (p *person) event(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	err = json.Unmarshal(text, &e)
	if err != nil {
		t.Fatal(err)
	}
	cookies, _ := e["cookies"].([]any)
	e["cookies"] = append(cookies, p.cookie)
	return marshal(t, e)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
