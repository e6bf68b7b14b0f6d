//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

type echo struct {
	Version string
	Env     []string
	Event   struct {
		Body            string
		IsBase64Encoded bool
		Headers         map[string]string
	}
}

func get(t *testing.T, url string) echo {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != 200 {
		t.Fatalf("%s: %d %s", url, response.StatusCode, body)
	}
	var e echo
	_ = json.Unmarshal(body, &e)
	return e
}

func TestRun(t *testing.T) {
	root := project(t)
	p := launch(t, root, "PROVIDER=authy", "BCRYPT_COST=4", "SECRET_THING=x", "TWILIO_AUTH_TOKEN=mine")
	p.ready(t)
	e := get(t, p.app+"/")
	env := map[string]string{}
	for _, line := range e.Env {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	want := map[string]string{
		"PUBLIC_URL": p.app, "TABLE_NAME": "latchkey", "PROVIDER": "authy", "BCRYPT_COST": "4", "SENDS_PER_DAY": "1000000",
	}
	for name, value := range want {
		if env[name] != value {
			t.Errorf("%s = %q, want %q", name, env[name], value)
		}
	}
	if _, leaked := env["SECRET_THING"]; leaked || env["TWILIO_AUTH_TOKEN"] == "mine" || len(env["TWILIO_AUTH_TOKEN"]) != 32 || env["AUTHY_API_KEY"] != "" {
		t.Errorf("environment %v", env)
	}
	get(t, p.phone+"/")
	for _, base := range []string{p.app, p.phone} {
		get(t, strings.Replace(base, "localhost", "127.0.0.1", 1)+"/")
	}
	response, err := http.PostForm(p.app+"/echo", map[string][]string{"a": {"b"}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	vendor, err := http.Get(env["TWILIO_VERIFY_URL"] + "/v2/Services")
	if err != nil || vendor.StatusCode == 200 {
		t.Errorf("the vendors do not ask for credentials: %v", err)
	}
	if len(leftOver(root)) < 2 { // a function and the engine
		t.Fatal("the search for what is left behind finds nothing")
	}

	second := launch(t, root)
	second.refused(t, "running already in this folder")

	start := time.Now()
	_ = p.cmd.Process.Signal(os.Interrupt)
	p.wait(t, 3*time.Second)
	if p.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("exit status %v", p.cmd.ProcessState)
	}
	t.Logf("ended within %v", time.Since(start))
	if left := leftOver(root); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}

	again := launch(t, root)
	again.ready(t)
	if strings.Contains(again.stderr.String(), "build:") {
		t.Errorf("unchanged functions were built again:\n%s", again.stderr)
	}
}

func TestRebuild(t *testing.T) {
	root := project(t)
	source := filepath.Join(root, "functions/echo/echo.go")
	original, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, root)
	p.ready(t)
	if v := get(t, p.app+"/").Version; v != "one" {
		t.Fatalf("version %q", v)
	}
	write(t, source, strings.Replace(string(original), `"one"`, `"two`, 1))
	poll(t, "the compiler's message", func() bool { return strings.Contains(p.stderr.String(), "the functions built before go on") })
	if !strings.Contains(p.stderr.String(), "echo.go:12") || get(t, p.app+"/").Version != "one" {
		t.Errorf("after a failed build:\n%s", p.stderr)
	}
	write(t, source, strings.Replace(string(original), `"one"`, `"three"`, 1))
	poll(t, "the new code", func() bool { return get(t, p.app+"/").Version == "three" })
	later := time.Now().Add(time.Second)
	err = os.Chtimes(filepath.Join(root, "template.yaml"), later, later)
	if err != nil {
		t.Fatal(err)
	}
	poll(t, "a word about the template", func() bool { return strings.Contains(p.stderr.String(), "restart make run to apply it") })
}

func TestDoesNotCompile(t *testing.T) {
	root := project(t)
	write(t, filepath.Join(root, "functions/echo/echo.go"), "package echo\n\nbroken\n")
	p := launch(t, root)
	p.wait(t, 60*time.Second)
	text := p.stderr.String()
	if p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(text, "echo.go:3") || !strings.HasSuffix(text, "messages are above\n") {
		t.Errorf("exit %d: %s", p.cmd.ProcessState.ExitCode(), text)
	}
}

func TestRefused(t *testing.T) {
	root := project(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	six, err := net.Listen("tcp", "[::1]:0")
	if err == nil {
		defer six.Close()
		sixPort := fmt.Sprint(six.Addr().(*net.TCPAddr).Port)
		launch(t, root, "PORT="+sixPort).refused(t, "port "+sixPort+" is in use")
	}
	launch(t, root, "PORT="+port).refused(t, "port "+port+" is in use: stop what uses it, or set PORT to another one")
	launch(t, root, "PHONE_PORT="+port).refused(t, "set PHONE_PORT to another one")
	launch(t, root, "PORT=abc").refused(t, `PORT is "abc"`)
	launch(t, root, "PROVIDER=other").refused(t, `PROVIDER is "other"`)
	launch(t, root, "AUTHY_API_URL=https://authy.example.com").refused(t, "AUTHY_API_URL replaces the simulator")
	launch(t, t.TempDir()).refused(t, "no template.yaml")
	write(t, filepath.Join(root, "template.yaml"), "a: [")
	launch(t, root).refused(t, "reading template.yaml: yaml: line 1")
}

func TestToolsMissing(t *testing.T) {
	root := project(t)
	empty := t.TempDir()
	launch(t, root, "PATH="+empty).refused(t, "was not found on the PATH")
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	err = os.Symlink(goTool, filepath.Join(empty, "go"))
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, root, "PATH="+empty)
	p.wait(t, 60*time.Second)
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "build: echo" })
	if p.cmd.ProcessState.ExitCode() != 1 || len(lines) != 1 || !strings.Contains(lines[0], "install Node.js 20 or newer") {
		t.Errorf("exit %d: %q", p.cmd.ProcessState.ExitCode(), lines)
	}
	p = launch(t, root, "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1")
	p.wait(t, 60*time.Second)
	if !strings.Contains(p.stderr.String(), "nothing answers at AWS_ENDPOINT_URL_DYNAMODB (http://127.0.0.1:1)") {
		t.Errorf("no engine at the address: %s", p.stderr)
	}
}

// Whatever happens to the runner, nothing of it is left.
func TestDeaths(t *testing.T) {
	root := project(t)
	t.Run("killed", func(t *testing.T) {
		p := launch(t, root)
		p.ready(t)
		_ = p.cmd.Process.Kill()
		poll(t, "the end of all", func() bool { return len(leftOver(root)) == 0 })
	})
	t.Run("parent killed", func(t *testing.T) {
		path, err := program()
		if err != nil {
			t.Fatal(err)
		}
		p := launchCommand(t, exec.Command("/bin/sh", "-c", `"$0" & wait`, path), root)
		p.cmd.WaitDelay = time.Second
		p.ready(t)
		_ = p.cmd.Process.Kill()
		poll(t, "the end of all", func() bool { return len(leftOver(root)) == 0 })
		again := launch(t, root)
		again.ready(t) // the folder is free
	})
	t.Run("while it starts", func(t *testing.T) {
		for _, wait := range []time.Duration{50, 150, 400} {
			err := os.RemoveAll(filepath.Join(root, binFolder))
			if err != nil {
				t.Fatal(err)
			}
			p := launch(t, root)
			time.Sleep(wait * time.Millisecond)
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
			p.wait(t, 3*time.Second)
			_, err = os.Stat(filepath.Join(root, binFolder, ".work"))
			if err == nil {
				t.Error("the build's working files are left")
			}
			// A signal can come before the program can take any.
			status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
			if p.cmd.ProcessState.ExitCode() != 0 && status.Signal() != syscall.SIGTERM {
				t.Errorf("after %v ms: %v\n%s", int(wait), p.cmd.ProcessState, p.stderr)
			}
		}
	})
	t.Run("twice", func(t *testing.T) {
		p := launch(t, root)
		p.ready(t)
		_ = p.cmd.Process.Signal(os.Interrupt)
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.wait(t, time.Second)
		poll(t, "the end of all", func() bool { return len(leftOver(root)) == 0 })
	})
}
