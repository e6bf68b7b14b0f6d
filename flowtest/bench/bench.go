// Package bench gives a test a table of its own: fresh, in one of two real engines
// that all tests of a binary share, opened as a step opens it, with a clock and a
// wire that are the test's. It is for tests alone.
//
// It must not know the steps, nor what an item means.
package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/local/dynamodb"
	"latchkey/local/template"
	"latchkey/shared/env"
	"latchkey/shared/store"
)

var (
	// An engine has one thread. Tables take turns, so that tests side by side have two.
	engines = [...]func() (*dynamodb.Engine, error){sync.OnceValues(newEngine), sync.OnceValues(newEngine)}
	stack   = sync.OnceValues(func() (*template.Template, error) {
		return template.Read(filepath.Join(Root(), "template.yaml"))
	})
	tables atomic.Int64
)

// newEngine starts an engine with nothing in it.
func newEngine() (*dynamodb.Engine, error) {
	return dynamodb.Start(context.Background(), dynamodb.Options{
		ModulesDir: filepath.Join(Root(), "local", "dynamodb"), Log: io.Discard,
	})
}

// Main runs a test binary's tests and ends the engines that they shared.
func Main(m *testing.M) int {
	debug.SetGCPercent(400) // whole products come and go here: memory is cheaper than collecting it
	code := m.Run()
	for i := range min(int(tables.Load()), len(engines)) {
		e, err := engines[i]()
		if err == nil {
			e.Close() //nolint:errcheck // the process ends
		}
	}
	return code
}

// Root is the project's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Template is the project's template, read once for all tests: none may change
// it.
func Template(t testing.TB) *template.Template {
	t.Helper()
	tmpl, err := stack()
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// Table is one table and what surrounds it.
type Table struct {
	*store.Table
	Clock *Clock            // stands at Start until it is moved
	Wire  *Wire             // what the table is asked through
	Vars  map[string]string // the variables of Config; they lead to the table

	endpoint, name string
}

// Open makes an empty table with the template's keys.
func Open(t testing.TB) *Table {
	t.Helper()
	n := tables.Add(1)
	e, err := engines[int(n-1)%len(engines)]()
	if err != nil {
		t.Fatal(err)
	}
	b := &Table{Clock: NewClock(Start), Wire: NewWire(), endpoint: e.Endpoint(), name: fmt.Sprintf("table%d", n)}
	err = dynamodb.CreateTable(t.Context(), b.endpoint, b.name, Template(t).Table)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Wire.base.CloseIdleConnections)
	b.Vars = map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": b.endpoint, "TABLE_NAME": b.name,
		"AWS_REGION": dynamodb.Region, "AWS_ACCESS_KEY_ID": dynamodb.AccessKey, "AWS_SECRET_ACCESS_KEY": dynamodb.AccessKey,
	}
	cfg := b.Config()
	v := env.Read(cfg)
	b.Table = store.Open(cfg, v)
	err = v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Set changes variables, each given as NAME=value.
func (b *Table) Set(vars ...string) {
	for _, s := range vars {
		name, value, _ := strings.Cut(s, "=")
		b.Vars[name] = value
	}
}

// Config is what a step of this table is started with. Its log is dropped.
func (b *Table) Config() env.Config {
	return env.Config{
		Getenv: func(name string) string { return b.Vars[name] },
		Now:    b.Clock.Now, HTTP: &http.Client{Transport: b.Wire.From("test")}, Log: slog.New(slog.DiscardHandler),
	}
}

// Start is when the clocks of all benches begin.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Clock is a time that stands still until the test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock is a clock that stands at this time.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is the current time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to a time.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
