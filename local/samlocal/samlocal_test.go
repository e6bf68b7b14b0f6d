//go:build unix

package samlocal

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/local/template"
)

// built is the stand-in for sam and docker, built once.
var built = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "standin")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "standin")
	out, err := exec.Command("go", "build", "-o", path, "./testdata/standin").CombinedOutput()
	if err != nil {
		return out, err
	}
	return os.ReadFile(path)
})

// tools are the two commands and what they are told and saw.
type tools struct {
	sam, docker, state string
}

func standins(t *testing.T) tools {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatalf("%v: %s", err, program)
	}
	root := t.TempDir()
	s := tools{filepath.Join(root, "bin", "sam"), filepath.Join(root, "bin", "docker"), filepath.Join(root, "state")}
	for _, folder := range []string{"bin", "state/containers"} {
		err = os.MkdirAll(filepath.Join(root, folder), 0o700)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{s.sam, s.docker} {
		put(t, name, program)
	}
	s.tell(t, "system", "Debian GNU/Linux 12")
	s.tell(t, "bridge", "127.0.0.2")
	return s
}

// put writes a program by another process: a child that a parallel test forks meanwhile would
// hold a file of this one open for writing, and the system would refuse to run it.
func put(t *testing.T, name string, program []byte) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `cat >"$0" && chmod 700 "$0"`, name)
	cmd.Stdin = bytes.NewReader(program)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (s tools) tell(t *testing.T, name, text string) {
	t.Helper()
	err := os.WriteFile(filepath.Join(s.state, name), []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
}

func (s tools) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.state, name))
	return string(text)
}

func (s tools) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.state, name))
	return err == nil
}

type call struct {
	Name      string
	Args, Env []string
}

func (s tools) calls(t *testing.T) []call {
	t.Helper()
	var list []call
	for line := range strings.Lines(s.read("calls")) {
		var c call
		err := json.Unmarshal([]byte(line), &c)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

func (s tools) engine(t *testing.T) *Engine {
	t.Helper()
	e, err := FindEngine(t.Context(), s.docker, "")
	if err != nil {
		t.Fatal(err)
	}
	return e
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

// runner is a run in a folder of its own.
func (s tools) runner(t *testing.T) (*Runner, *log) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	out := &log{}
	r, err := New(t.Context(), Options{
		SAM: s.sam, Engine: s.engine(t), Folder: filepath.Join(t.TempDir(), "sam"), Port: free.Addr().(*net.TCPAddr).Port,
		Region: "us-east-1", Architecture: "x86_64", Parameters: []string{"AllowedCountries=US"},
		Functions: []template.Function{{ID: "HomeFunction", Environment: map[string]string{"TABLE_NAME": "", "LANG": ""}}},
		Environ: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=/home/ada", "LANG=C", "TABLE_NAME=theirs", "GOFLAGS=-mod=mod", "GOARCH=s390x", "TMPDIR=/elsewhere",
			"AWS_ACCESS_KEY_ID=k", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=t", "AWS_PROFILE=p", "AWS_CONFIG_FILE=/home/ada/.aws/config",
			"AWS_REGION=eu-west-1", "SAM_CLI_TELEMETRY=1", "GOOGLE_APPLICATION_CREDENTIALS=g", "DOCKER_CONFIG=/home/ada/.docker", "odd",
		},
		Log: out,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, out
}

// The commands, what they are given, and what is left: nothing.
func TestRun(t *testing.T) {
	t.Parallel()
	s := standins(t)
	r, out := s.runner(t)
	err := r.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = r.Start(map[string]map[string]string{"HomeFunction": {"TABLE_NAME": "latchkey"}})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Ready(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.read("variables") != "{\n  \"Parameters\": {\n    \"TABLE_NAME\": \"latchkey\"\n  }\n}\n" || s.read("variables-mode") != "-rw-------" {
		t.Errorf("variables %s, mode %s", s.read("variables"), s.read("variables-mode"))
	}
	if !strings.Contains(out.String(), "\nsam: Building codeuri\n") {
		t.Errorf("log:\n%s", out)
	}
	s.tell(t, "containers/another", "/home/ada/elsewhere/.aws-sam/build/HomeFunction")
	r.Close()
	if !s.has("ended-politely") || s.has("containers/c0ffee") || !s.has("containers/another") {
		t.Error("the API was not ended, or containers are left, or those of others are not")
	}
	left, _ := filepath.Glob(filepath.Join(r.folder, "*"))
	if len(left) != 2 { // the build and SAM's settings
		t.Errorf("left: %q", left)
	}
	calls := slices.DeleteFunc(s.calls(t), func(c call) bool { return c.Name == "docker" })
	if len(calls) != 2 {
		t.Fatalf("calls %+v", calls)
	}
	want := [][]string{
		{"build", "--parallel", "--template-file", "template.yaml", "--build-dir", r.path("build"), "--config-file", r.path("samconfig.toml"),
			"--parameter-overrides", "Architecture=x86_64 AllowedCountries=US"},
		{"local", "start-api", "--template-file", r.path("build/template.yaml"), "--host", "127.0.0.1", "--port", strconv.Itoa(r.options.Port), "--warm-containers", "LAZY",
			"--add-host", "host.docker.internal:host-gateway", "--env-vars", r.path("env.json"), "--config-file", r.path("samconfig.toml"),
			"--parameter-overrides", "Architecture=x86_64 AllowedCountries=US", "--region", "us-east-1"},
	}
	env := []string{
		"AWS_CONFIG_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "BOTO_CONFIG=/dev/null",
		"DOCKER_CONFIG=/home/ada/.docker", "DOCKER_HOST=unix:///run/standin.sock", "GOARCH=" + runtime.GOARCH, "GOFLAGS=-mod=mod", "HOME=/home/ada",
		"PATH=" + os.Getenv("PATH"), "SAM_CLI_TELEMETRY=0", "TMPDIR=" + r.path("tmp"),
	}
	for i, c := range calls {
		if !slices.Equal(c.Args, want[i]) {
			t.Errorf("sam %q\nwant %q", c.Args, want[i])
		}
		if !slices.Equal(c.Env, env) {
			t.Errorf("environment %q\nwant %q", c.Env, env)
		}
	}
}

// A build or a start that is given up leaves no process behind, not even make's.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*Runner, context.Context) error{
		"build-hangs": func(r *Runner, ctx context.Context) error { return r.Build(ctx) },
		"start-hangs": func(r *Runner, ctx context.Context) error {
			err := r.Start(nil)
			if err != nil {
				return err
			}
			return r.Ready(ctx)
		},
	}
	for name, phase := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := standins(t)
			r, _ := s.runner(t)
			s.tell(t, name, "")
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- phase(r, ctx) }()
			poll(t, name, func() bool { return s.has("hanging") && s.read("hanging") != "" })
			cancel()
			err := <-done
			r.Close()
			if err != context.Canceled {
				t.Errorf("error %v", err)
			}
			poll(t, "the end of make's child", func() bool { return exec.Command("kill", "-0", s.read("hanging")).Run() != nil })
		})
	}
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited too long for %s", what)
}

func TestFails(t *testing.T) {
	t.Parallel()
	cases := []struct{ told, text, want string }{
		{"build-fails", "", "sam build failed (exit status 1): its messages are above"},
		{"dies", "", "sam local start-api ended by itself (exit status 1): Error: no luck today"},
		{"front-dies", "", "sam local start-api ended by itself (exit status 1): Error: the engine went away"},
		{"front", "503", "the app cannot start: mend what the functions name above"},
		{"front", "502", "the front page answers 502 under SAM: its messages are above"},
	}
	for _, c := range cases {
		t.Run(c.told+c.text, func(t *testing.T) {
			t.Parallel()
			s := standins(t)
			r, _ := s.runner(t)
			s.tell(t, c.told, c.text)
			err := r.Build(t.Context())
			if err == nil {
				err = r.Start(nil)
			}
			if err == nil {
				err = r.Ready(t.Context())
			}
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			r.Close()
			if s.has("containers/c0ffee") {
				t.Error("a container is left")
			}
		})
	}
}

// A page that is not there, or another host's, is an answer: the functions are up.
func TestReady(t *testing.T) {
	t.Parallel()
	s := standins(t)
	r, _ := s.runner(t)
	s.tell(t, "front", "421")
	err := r.Start(nil)
	if err == nil {
		err = r.Ready(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
	select {
	case <-r.Ended():
		t.Error("it has ended")
	default:
	}
}

// A file that others could read is replaced, not written into.
func TestVariables(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "env.json")
	err := os.WriteFile(path, []byte("old, and longer than the new one"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	err = writeVariables(path, map[string]map[string]string{
		"A": {"SAME": "1", "OTHER": "a", "EMPTY": "", "LATER": "x"},
		"B": {"SAME": "1", "OTHER": "b", "EMPTY": "", "ONLY": "b"},
		"C": {"SAME": "1", "OTHER": "a", "LATER": ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(path)
	var got map[string]map[string]string
	err = json.Unmarshal(data, &got)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{
		"Parameters": {"SAME": "1", "EMPTY": "", "ONLY": "b"},
		"A":          {"OTHER": "a", "LATER": "x"}, "B": {"OTHER": "b"}, "C": {"OTHER": "a", "LATER": ""},
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	info, _ := os.Stat(path)
	if !bytes.Equal(a, b) || info.Mode() != 0o600 {
		t.Errorf("%s with mode %v, want %s", a, info.Mode(), b)
	}
}

func TestArchitecture(t *testing.T) {
	t.Parallel()
	for goarch, want := range map[string]string{"amd64": "x86_64", "arm64": "arm64", "riscv64": ""} {
		got, err := Architecture(goarch)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", goarch, got, err)
		}
	}
}
