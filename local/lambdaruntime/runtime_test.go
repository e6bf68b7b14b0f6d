//go:build unix

package lambdaruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestInvoke(t *testing.T) {
	t.Setenv("LEAK", "from the shell")
	r, _ := begin(t, Function{Environment: map[string]string{"OWN": "1", "AWS_REGION": "eu-west-1"}, MemoryMB: 256}, Options{})
	a := must(t, r, `{"Text":"hé<>"}`)
	b := must(t, r, `{}`)
	if a.Text != "hé<>" || a.PID != b.PID || a.Request == b.Request || len(a.Request) != 36 {
		t.Errorf("answers %+v and %+v", a, b)
	}
	if a.Left < 15000 || a.Left > 20000 || a.Function != "arn:aws:lambda:us-east-1:123456789012:function:f" {
		t.Errorf("context: %d ms left, %s", a.Left, a.Function)
	}
	env := "\n" + strings.Join(a.Env, "\n") + "\n"
	for _, want := range []string{"OWN=1", "AWS_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_NAME=f", "TZ=:UTC", "_HANDLER=bootstrap"} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("%s is missing in%s", want, env)
		}
	}
	if strings.Contains(env, "LEAK") || strings.Contains(env, "HOME=") {
		t.Errorf("the shell leaks into%s", env)
	}
}

func TestNew(t *testing.T) {
	for _, functions := range [][]Function{{{Name: "f"}}, {{Binary: "b"}}, {{Name: "f", Binary: "b"}, {Name: "f", Binary: "b"}}} {
		_, err := New(functions, Options{})
		if err == nil {
			t.Errorf("%+v were accepted", functions)
		}
	}
	r, _ := begin(t, Function{}, Options{})
	_, err := r.Invoke(t.Context(), "g", nil)
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown function: %v", err)
	}
	if r.Kill("g") != 0 {
		t.Error("killed an unknown function")
	}
	r.Replace("g", "x")
}

func TestParallel(t *testing.T) {
	r, _ := begin(t, Function{}, Options{Max: 3})
	var group sync.WaitGroup
	var mu sync.Mutex
	pids := map[int]bool{}
	for i := range 30 {
		group.Go(func() {
			a, err := do(r, fmt.Sprintf(`{"Do":"sleep","N":10,"Text":"%d"}`, i))
			if err != nil || a.Text != fmt.Sprint(i) {
				t.Errorf("%d: %+v, %v", i, a, err)
			}
			mu.Lock()
			defer mu.Unlock()
			pids[a.PID] = true
		})
	}
	group.Wait()
	if len(pids) < 2 || len(pids) > 3 {
		t.Errorf("%d processes served, want 2 or 3", len(pids))
	}
}

// One caller after another needs one process: the next invocation waits for the poll.
func TestSequence(t *testing.T) {
	r, _ := begin(t, Function{}, Options{})
	pid := must(t, r, `{}`).PID
	for range 200 {
		if got := must(t, r, `{}`).PID; got != pid {
			t.Fatal("a second process was started")
		}
	}
}

func TestFunctionErrors(t *testing.T) {
	r, _ := begin(t, Function{}, Options{})
	first := must(t, r, `{}`)
	_, err := do(r, `{"Do":"error"}`)
	var reported *FunctionError
	if !errors.As(err, &reported) || reported.Message != "on purpose" {
		t.Errorf("returned error: %v", err)
	}
	if a := must(t, r, `{}`); a.PID != first.PID {
		t.Error("a returned error cost the process")
	}
	_, err = do(r, `{"Do":"panic"}`)
	if !errors.As(err, &reported) || reported.Message != "on purpose" {
		t.Errorf("panic: %v", err)
	}
	if a := must(t, r, `{}`); a.PID == first.PID {
		t.Error("a panic left the process alive")
	}
}

func TestCrash(t *testing.T) {
	r, out := begin(t, Function{}, Options{Eager: true})
	_, err := do(r, `{"Do":"exit"}`)
	if !errors.Is(err, ErrCrashed) {
		t.Errorf("exit: %v", err)
	}
	must(t, r, `{}`)
	if !strings.Contains(out.String(), "f: process ended: exit status 3\n") {
		t.Errorf("log %q", out)
	}
}

func TestOverrun(t *testing.T) {
	r, out := begin(t, Function{Timeout: 300 * time.Millisecond}, Options{})
	start := time.Now()
	_, err := do(r, `{"Do":"sleep","N":60000}`)
	if !errors.Is(err, ErrTimeout) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	must(t, r, `{}`)
	poll(t, "a line", func() bool {
		return strings.Contains(out.String(), "f: process ended: killed: not done within 300ms\n")
	})
}

// Who stops waiting does not stop the function.
func TestCallerLeaves(t *testing.T) {
	r, _ := begin(t, Function{}, Options{Max: 1})
	before := must(t, r, `{}`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := r.Invoke(ctx, "f", []byte(`{"Do":"sleep","N":150}`))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	queued, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	_, err = r.Invoke(queued, "f", []byte(`{}`))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while waiting for a process: %v", err)
	}
	if after := must(t, r, `{}`); after.PID != before.PID {
		t.Error("the process did not live on")
	}
}

func TestSizes(t *testing.T) {
	r, _ := begin(t, Function{}, Options{})
	_, err := do(r, `{"Text":"`+strings.Repeat("x", 6<<20)+`"}`)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("large event: %v", err)
	}
	a := must(t, r, `{"Do":"big","N":6200000}`)
	if len(a.Text) != 6200000 {
		t.Errorf("%d bytes of an answer below the limit", len(a.Text))
	}
	_, err = do(r, `{"Do":"big","N":8000000}`)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("large answer: %v", err)
	}
	must(t, r, `{}`)
}

func TestKill(t *testing.T) {
	r, _ := begin(t, Function{}, Options{})
	must(t, r, `{}`)
	poll(t, "its end", func() bool { return idle(r) == 1 })
	failed := make(chan error)
	go func() {
		_, err := do(r, `{"Do":"sleep","N":60000}`)
		failed <- err
	}()
	poll(t, "the invocation", func() bool { return idle(r) == 0 })
	time.Sleep(20 * time.Millisecond) // on its way into the process
	if n := r.Kill("f"); n != 1 {
		t.Errorf("killed %d processes, want 1", n)
	}
	if err := <-failed; !errors.Is(err, ErrCrashed) {
		t.Errorf("error = %v", err)
	}
	for range 20 { // an idle process that was killed is never handed out
		must(t, r, `{}`)
		r.Kill("f")
	}
}

func TestReplace(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	err = os.WriteFile(other, data, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	r, out := begin(t, Function{}, Options{Eager: true})
	first := must(t, r, `{}`)
	poll(t, "its end", func() bool { return idle(r) == 1 })
	slow := make(chan reply)
	go func() {
		a, err := do(r, `{"Do":"sleep","N":200}`)
		if err != nil {
			t.Error(err)
		}
		slow <- a
	}()
	poll(t, "the invocation", func() bool { return idle(r) == 0 })
	r.Replace("f", other)
	second := must(t, r, `{}`)
	if a := <-slow; a.PID != first.PID {
		t.Error("a running invocation was moved")
	}
	third := must(t, r, `{}`)
	if second.PID == first.PID || third.PID == first.PID {
		t.Error("the old binary still serves")
	}
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", third.PID))
	if err == nil && link != other {
		t.Errorf("new processes run %s", link)
	}
	poll(t, "the old process's end", func() bool { return syscall.Kill(first.PID, 0) != nil })
	if strings.Contains(out.String(), "process ended") {
		t.Errorf("a wished end was reported: %s", out)
	}
}

func TestInitFails(t *testing.T) {
	r, out := begin(t, Function{Environment: map[string]string{"INIT": "exit"}}, Options{Eager: true})
	poll(t, "two tries", func() bool { return strings.Count(out.String(), "did not start: exit status 7; next try in ") >= 2 })
	if !strings.Contains(out.String(), "next try in 250ms") || !strings.Contains(out.String(), "next try in 500ms") || !strings.Contains(out.String(), "f: cannot start\n") {
		t.Errorf("log %q", out)
	}
	_, err := do(r, `{}`)
	if !errors.Is(err, ErrCrashed) {
		t.Errorf("error = %v", err)
	}
	path, _ := binary()
	r.pools["f"].function.Environment["INIT"] = ""
	r.Replace("f", path)
	must(t, r, `{}`)
}

func TestNoBinary(t *testing.T) {
	r, _ := begin(t, Function{Binary: filepath.Join(t.TempDir(), "nothing")}, Options{})
	_, err := do(r, `{}`)
	if !errors.Is(err, ErrCrashed) {
		t.Errorf("error = %v", err)
	}
}

func TestInitHangs(t *testing.T) {
	r, _ := begin(t, Function{Environment: map[string]string{"INIT": "hang"}}, Options{InitTimeout: 200 * time.Millisecond})
	_, err := do(r, `{}`)
	if !errors.Is(err, ErrCrashed) || !errors.Is(err, errInit) {
		t.Errorf("error = %v", err)
	}
}

func TestCloseWithWork(t *testing.T) {
	r, out := begin(t, Function{Environment: map[string]string{"SIGTERM": "1"}}, Options{Max: 1})
	must(t, r, `{}`)
	var group sync.WaitGroup
	for range 2 { // one runs, one waits
		group.Go(func() {
			_, err := do(r, `{"Do":"sleep","N":60000}`)
			if !errors.Is(err, ErrCrashed) && !errors.Is(err, ErrClosed) {
				t.Errorf("error = %v", err)
			}
		})
	}
	poll(t, "both", func() bool { p := r.pools["f"]; p.mu.Lock(); defer p.mu.Unlock(); return len(p.waiting) == 1 })
	r.Close()
	group.Wait()
	_, err := do(r, `{}`)
	if !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if !strings.Contains(out.String(), "f: told to end") {
		t.Errorf("no polite end: %q", out)
	}
}

func TestIdleProcessesEnd(t *testing.T) {
	r, _ := begin(t, Function{}, Options{IdleAfter: 100 * time.Millisecond})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { must(t, r, `{"Do":"sleep","N":100}`) })
	}
	group.Wait()
	if len(processes(r)) < 2 {
		t.Fatal("no spare processes to retire")
	}
	poll(t, "one process", func() bool { return len(processes(r)) == 1 })
	must(t, r, `{}`)
}

func TestLog(t *testing.T) {
	r, out := begin(t, Function{Environment: map[string]string{"HELLO": "no newline"}}, Options{})
	long := strings.Repeat("y", 40<<10)
	must(t, r, `{"Do":"print","Text":"one\ntwo"}`)
	must(t, r, `{"Do":"print","Text":"`+long+`"}`)
	r.Close()
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "f: no newlineone" || lines[1] != "f: two" || len(lines[2]) > 17<<10 || !strings.HasSuffix(lines[2], "(cut)") {
		t.Errorf("%d lines: %.200q", len(lines), lines)
	}
}

func TestBackOff(t *testing.T) {
	for faults, want := range map[int]time.Duration{1: 250 * time.Millisecond, 3: time.Second, 100: 30 * time.Second} {
		if got := backOff(faults); got != want {
			t.Errorf("after %d: %v, want %v", faults, got, want)
		}
	}
}
