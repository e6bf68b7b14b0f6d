//go:build unix

package lambdaruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the bootstrap under testdata, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("latchkey-bootstrap-%d", os.Getpid()))
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", path, "./testdata/bootstrap")
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	path, err := binary()
	if err == nil {
		os.Remove(path)
	}
	os.Exit(code)
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

// begin runs one function called f.
func begin(t *testing.T, f Function, o Options) (*Runtime, *log) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if f.Binary == "" {
		f.Binary = path
	}
	if f.Timeout == 0 {
		f.Timeout = 20 * time.Second
	}
	f.Name = "f"
	out := &log{}
	o.Log = out
	r, err := New([]Function{f}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pids := processes(r)
		r.Close()
		for _, pid := range pids {
			if syscall.Kill(pid, 0) == nil {
				t.Errorf("process %d outlives Close", pid)
			}
		}
	})
	return r, out
}

func processes(r *Runtime) []int {
	p := r.pools["f"]
	p.mu.Lock()
	defer p.mu.Unlock()
	var pids []int
	for c := range p.all {
		c.mu.Lock()
		if c.running != nil {
			pids = append(pids, c.running.PID())
		}
		c.mu.Unlock()
	}
	return pids
}

func idle(r *Runtime) int {
	p := r.pools["f"]
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

type reply struct {
	PID                     int
	Text, Request, Function string
	Env                     []string
	Left                    int64
}

func do(r *Runtime, event string) (reply, error) {
	var a reply
	body, err := r.Invoke(context.Background(), "f", []byte(event))
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(body, &a)
}

func must(t *testing.T, r *Runtime, event string) reply {
	t.Helper()
	a, err := do(r, event)
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	return a
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
