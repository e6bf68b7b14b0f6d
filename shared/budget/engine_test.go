package budget_test

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
	"latchkey/shared/store"
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
	cfg      env.Config
	vars     map[string]string // to be changed before the bench is used further
}

func open(t testing.TB) *bench {
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
	b.vars, b.cfg = vars, env.Config{
		Getenv: func(name string) string { return vars[name] },
		HTTP:   outbound.Client(b.wire), Log: slog.New(slog.DiscardHandler),
	}
	v := env.Read(b.cfg)
	b.Table = store.Open(b.cfg, v)
	err = v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return b
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
