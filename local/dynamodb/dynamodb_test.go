//go:build unix

package dynamodb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"latchkey/local/template"
)

var table = template.Table{
	Attributes: []template.Attribute{{Name: "pk", Type: "S"}, {Name: "sk", Type: "S"}},
	Keys:       []template.Key{{Name: "pk", Type: "HASH"}, {Name: "sk", Type: "RANGE"}},
	TTL:        "expires_at",
}

// log is an output that tests can read while it is written.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, o Options) *Engine {
	t.Helper()
	o.ModulesDir = "."
	e, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

type item map[string]map[string]string

func put(t *testing.T, endpoint, pk string) {
	t.Helper()
	err := call(t.Context(), endpoint, "PutItem", map[string]any{
		"TableName": "test", "Item": item{"pk": {"S": pk}, "sk": {"S": "-"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, endpoint, pk string) bool {
	t.Helper()
	var out struct{ Item item }
	err := call(t.Context(), endpoint, "GetItem", map[string]any{
		"TableName": "test", "Key": item{"pk": {"S": pk}, "sk": {"S": "-"}},
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Item["pk"]["S"] == pk
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited 10 s for %s", what)
}

func TestInMemory(t *testing.T) {
	e := start(t, Options{})
	for range 2 { // the second time it is there already
		err := CreateTable(t.Context(), e.Endpoint(), "test", table)
		if err != nil {
			t.Fatal(err)
		}
	}
	put(t, e.Endpoint(), "a")
	if !has(t, e.Endpoint(), "a") || has(t, e.Endpoint(), "b") {
		t.Error("the table does not keep items")
	}
	other := table
	other.Keys, other.Attributes = table.Keys[:1], table.Attributes[:1]
	err := CreateTable(t.Context(), e.Endpoint(), "test", other)
	if !errors.Is(err, ErrOtherTable) {
		t.Errorf("a table with other keys: %v", err)
	}
	pid := e.running.PID()
	e.Close()
	e.Close()
	if syscall.Kill(-pid, 0) == nil {
		t.Error("the child, or something it started, outlives Close")
	}
	_, err = http.Get(e.Endpoint())
	if err == nil {
		t.Error("the port outlives Close")
	}
}

// What was acknowledged survives a kill, at the same address, and the next run.
func TestKillAndPersistence(t *testing.T) {
	folder, out := filepath.Join(t.TempDir(), "new", "data"), &log{}
	e := start(t, Options{DataDir: folder, Log: out})
	endpoint := e.Endpoint()
	err := CreateTable(t.Context(), endpoint, "test", table)
	if err != nil {
		t.Fatal(err)
	}
	for i, pk := range []string{"a", "b", "c"} {
		put(t, endpoint, pk)
		e.Kill()
		poll(t, "the restart", func() bool { return e.Restarts() == i+1 })
		if !has(t, endpoint, pk) {
			t.Fatalf("%s is lost after kill %d", pk, i+1)
		}
	}
	if n := strings.Count(out.String(), "starting it again"); n != 3 {
		t.Errorf("%d lines about restarts, want 3:\n%s", n, out)
	}
	_, err = Start(t.Context(), Options{ModulesDir: ".", DataDir: folder})
	if !errors.Is(err, ErrTaken) {
		t.Errorf("a second run on the folder: %v", err)
	}
	e.Close()
	again := start(t, Options{DataDir: folder})
	if !has(t, again.Endpoint(), "c") {
		t.Error("the next run does not have the data")
	}
}

// A request made while the child is down waits instead of failing.
func TestRequestDuringRestart(t *testing.T) {
	e := start(t, Options{DataDir: t.TempDir()})
	err := CreateTable(t.Context(), e.Endpoint(), "test", table)
	if err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	down := e.running
	e.mu.Unlock()
	e.Kill()
	<-down.Done()
	put(t, e.Endpoint(), "a")
}

func TestCloseDuringRestart(t *testing.T) {
	e := start(t, Options{})
	e.Kill()
	done := make(chan struct{})
	go func() { e.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("Close hangs")
	}
}

func TestFixedPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := taken.Addr().(*net.TCPAddr).Port
	_, err = Start(t.Context(), Options{ModulesDir: ".", Port: port})
	if err == nil {
		t.Fatal("a taken port was accepted")
	}
	taken.Close()
	e := start(t, Options{Port: port})
	if !strings.HasSuffix(e.Endpoint(), taken.Addr().String()) {
		t.Errorf("endpoint %s, want port %d", e.Endpoint(), port)
	}
}

func TestNoNode(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	_, err := Start(t.Context(), Options{ModulesDir: "."})
	sentence(t, err, ErrNoNode, "node was not found")

	script(t, empty, "node", "echo v18; exit 3")
	_, err = Start(t.Context(), Options{ModulesDir: "."})
	sentence(t, err, ErrNoNode, "too old")

	folder := t.TempDir()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "package-lock.json"), string(lock))
	_, err = Start(t.Context(), Options{ModulesDir: folder})
	sentence(t, err, ErrNoNode, "npm was not found")
}

func sentence(t *testing.T, err, want error, part string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one sentence with %q", err, part)
	}
}

// One of several processes installs, and a cut-off installation is done again.
func TestInstallOnce(t *testing.T) {
	bin, folder := t.TempDir(), t.TempDir()
	script(t, bin, "node", "exit 0")
	script(t, bin, "npm", "echo x >>count; sleep 0.1; mkdir -p node_modules")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	write(t, filepath.Join(folder, "package-lock.json"), "{}")
	count := func() int {
		data, _ := os.ReadFile(filepath.Join(folder, "count"))
		return strings.Count(string(data), "x")
	}
	installs := func() {
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				err := install(t.Context(), folder, &log{})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	installs()
	if count() != 1 {
		t.Errorf("%d installations, want 1", count())
	}
	write(t, filepath.Join(folder, "package-lock.json"), "{ }")
	installs()
	if count() != 2 {
		t.Errorf("%d installations after a change of the lock file, want 2", count())
	}
	os.Remove(filepath.Join(folder, "node_modules", stampName))
	script(t, bin, "npm", "echo broken >&2; exit 1")
	out := &log{}
	err := install(t.Context(), folder, out)
	if err == nil || !strings.Contains(out.String(), "dynamodb: broken") {
		t.Errorf("error %v, log %q", err, out)
	}
}

func TestDoesNotStart(t *testing.T) {
	bin := t.TempDir()
	script(t, bin, "node", "echo 'Error: no such thing' >&2; echo Node v0; exit 1")
	t.Setenv("PATH", bin)
	_, err := Start(t.Context(), Options{ModulesDir: "."})
	if err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("error = %v", err)
	}
}

// The installation fetches from the registry that npm is set up for, and nothing newer.
func TestLockFile(t *testing.T) {
	data, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, Resolved, Integrity string }
	}
	err = json.Unmarshal(data, &lock)
	if err != nil {
		t.Fatal(err)
	}
	if lock.Packages["node_modules/dynalite"].Version != "4.0.0" {
		t.Error("dynalite is not pinned to 4.0.0")
	}
	for name, p := range lock.Packages {
		if p.Resolved != "" || name != "" && p.Integrity == "" {
			t.Errorf("%s: resolved %q, integrity %q", name, p.Resolved, p.Integrity)
		}
	}
}

func TestCreateTableElsewhere(t *testing.T) {
	answers := map[string]string{"CreateTable": `{}`, "DescribeTable": `{"Table":{"TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]}}`, "UpdateTimeToLive": `{}`}
	var called []string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		called = append(called, operation)
		w.WriteHeader(status)
		w.Write([]byte(answers[operation]))
	}))
	defer server.Close()
	err := CreateTable(t.Context(), server.URL, "test", table)
	if err != nil || strings.Join(called, " ") != "CreateTable DescribeTable UpdateTimeToLive" {
		t.Errorf("%v after %v", err, called)
	}
	for answer, want := range map[string]string{
		`<html>`:                         "the engine answered 400 Bad Request",
		`{"__type":"a#b","message":"c"}`: "b: c",
	} {
		status, answers["CreateTable"] = 400, answer
		err = CreateTable(t.Context(), server.URL, "test", table)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	status, answers["CreateTable"], answers["DescribeTable"] = 200, `{}`, `{"Table":{"TableStatus":"CREATING"}}`
	err = CreateTable(ctx, server.URL, "test", table)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a table that is never ready: %v", err)
	}
}

func script(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	write(t, path, "#!/bin/sh\n"+text+"\n")
	err := os.Chmod(path, 0o755)
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	err := os.WriteFile(path, []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
}
