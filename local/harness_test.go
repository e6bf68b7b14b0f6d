//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests here start the runner as make does, in a small project of their own.

// program is the runner, built once.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("latchkey-local-%d", os.Getpid()))
	output, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	os.Remove(filepath.Join(os.TempDir(), fmt.Sprintf("latchkey-local-%d", os.Getpid())))
	os.Exit(code)
}

// project is a folder with a template and one function that echoes.
func project(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = os.CopyFS(root, os.DirFS("testdata/project"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, name), string(data))
	}
	modules, err := filepath.Abs("dynamodb")
	if err != nil {
		t.Fatal(err)
	}
	err = os.Mkdir(filepath.Join(root, "local"), 0o700)
	if err != nil {
		t.Fatal(err)
	}
	err = os.Symlink(modules, filepath.Join(root, engineCode))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left := leftOver(root)
		if len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
	return root
}

// leftOver lists the command lines of processes that belong to a project.
func leftOver(root string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var left []string
	for _, file := range files {
		data, _ := os.ReadFile(file)
		folder, _ := os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		if bytes.Contains(data, []byte(root)) || folder == root { // the latter also while it lets go of its files
			left = append(left, string(data))
		}
	}
	return left
}

// process is a started runner.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *output
	done           chan struct{}
	app, phone     string // addresses, once ready
}

func launch(t *testing.T, root string, env ...string) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return launchCommand(t, exec.Command(path), root, env...)
}

func launchCommand(t *testing.T, cmd *exec.Cmd, root string, env ...string) *process {
	t.Helper()
	p := &process{cmd: cmd, stdout: &output{}, stderr: &output{}, done: make(chan struct{})}
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PORT=0", "PHONE_PORT=0", "PROVIDER=", "PUBLIC_URL=", "AWS_ENDPOINT_URL_DYNAMODB=", "TABLE_NAME=")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	err := cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		p.wait(t, 10*time.Second)
	})
	return p
}

func (p *process) wait(t *testing.T, limit time.Duration) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		_ = p.cmd.Process.Kill()
		t.Errorf("the run did not end within %v:\n%s", limit, p.stderr)
	}
}

// ready waits for the two addresses.
func (p *process) ready(t *testing.T) {
	t.Helper()
	poll(t, "the addresses", func() bool {
		select {
		case <-p.done:
			t.Fatalf("the run ended:\n%s", p.stderr)
		default:
		}
		return strings.Count(p.stdout.String(), "\n") >= 2
	})
	n, err := fmt.Sscanf(p.stdout.String(), "App    %s\nPhone  %s\n", &p.app, &p.phone)
	if n != 2 || err != nil || strings.Count(p.stdout.String(), "\n") != 2 {
		t.Fatalf("stdout %q", p.stdout)
	}
}

// refused waits for a run that cannot start: one sentence, exit status 1.
func (p *process) refused(t *testing.T, part string) {
	t.Helper()
	p.wait(t, 60*time.Second)
	text := p.stderr.String()
	if p.cmd.ProcessState.ExitCode() != 1 || strings.Count(text, "\n") != 1 || !strings.Contains(text, part) || p.stdout.String() != "" {
		t.Errorf("exit %d, stdout %q, stderr %q; want 1 and a sentence with %q", p.cmd.ProcessState.ExitCode(), p.stdout, text, part)
	}
}

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited too long for %s", what)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	err := os.WriteFile(path, []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
}
