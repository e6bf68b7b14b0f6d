package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/local/dynamodb"
	"latchkey/local/template"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// The tests run against a real engine, one for all of them, and each has a
// table of its own.
var (
	root   = filepath.Join("..", "..")
	engine = sync.OnceValues(func() (*dynamodb.Engine, error) {
		return dynamodb.Start(context.Background(), dynamodb.Options{ModulesDir: filepath.Join(root, "local", "dynamodb"), Log: io.Discard})
	})
	tables  atomic.Int64
	started atomic.Bool
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started.Load() {
		e, err := engine()
		if err == nil {
			e.Close()
		}
	}
	os.Exit(code)
}

// start is the time at which every test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is one table and the wire to it.
type bench struct {
	*store.Table
	wire     *wire
	endpoint string
	name     string
	guard    *session.Guard
	site     *web.Site
	now      time.Time // of the guard; the tests move it
}

func open(t testing.TB, set ...string) *bench {
	t.Helper()
	started.Store(true)
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := template.Read(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{wire: &wire{base: http.DefaultTransport}, endpoint: e.Endpoint(), name: fmt.Sprintf("test%d", tables.Add(1))}
	err = dynamodb.CreateTable(t.Context(), b.endpoint, b.name, tmpl.Table)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": b.endpoint, "TABLE_NAME": b.name, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	}
	for _, s := range set {
		name, value, _ := strings.Cut(s, "=")
		vars[name] = value
	}
	b.now = start
	cfg := env.Config{
		Getenv: func(name string) string { return vars[name] }, Now: func() time.Time { return b.now },
		HTTP: outbound.Client(b.wire), Log: slog.New(slog.DiscardHandler),
	}
	v := env.Read(cfg)
	b.Table, b.site = store.Open(cfg, v), web.New(cfg, v)
	b.guard = session.NewGuard(cfg, v, b.Table, b.site)
	err = v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call makes one raw call of the engine.
func (b *bench) call(t testing.TB, operation, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.endpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("X-Amz-Date", "20260101T000000Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature="+strings.Repeat("0", 64))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", operation, res.Status, answer, err)
	}
	return string(answer)
}

// dump is the whole table as it lies there, with binary values in base64.
func (b *bench) dump(t testing.TB) string {
	t.Helper()
	return b.call(t, "Scan", fmt.Sprintf(`{"TableName":%q,"ConsistentRead":true}`, b.name))
}

// wire counts the calls of each operation and can lose answers.
type wire struct {
	base http.RoundTripper

	mu    sync.Mutex
	calls map[string]int
	lose  map[string]int // answers still to be lost
}

var errLost = errors.New("the answer was lost")

// loseAnswers lets the next n calls of an operation happen unheard.
func (w *wire) loseAnswers(operation string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = map[string]int{operation: n}
	w.calls = nil
}

func (w *wire) count(operation string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[operation]
}

// RoundTrip makes the call, and forgets its answer if it is to be lost.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	res, err := w.base.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls == nil {
		w.calls = map[string]int{}
	}
	w.calls[operation]++
	if err == nil && w.lose[operation] > 0 {
		w.lose[operation]--
		res.Body.Close()
		return nil, errLost
	}
	return res, err
}
