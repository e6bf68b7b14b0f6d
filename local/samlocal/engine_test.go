//go:build unix

package samlocal

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func sentence(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one sentence with %q", err, part)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	nothing := filepath.Join(t.TempDir(), "nothing")
	_, err := FindSAM(nothing)
	sentence(t, err, "install the AWS SAM CLI")
	_, err = FindEngine(t.Context(), nothing, "")
	sentence(t, err, "install Docker")
	for said, want := range map[string]string{
		"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?":                 "the Docker engine is not running: start",
		"permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: connect: no": "this user may not use the Docker engine",
	} {
		s := standins(t)
		s.tell(t, "engine-down", said)
		_, err = FindEngine(t.Context(), s.docker, "")
		sentence(t, err, want)
	}
	s := standins(t)
	s.tell(t, "system", "") // as older commands answer that reach nobody
	_, err = FindEngine(t.Context(), s.docker, "")
	sentence(t, err, "the Docker engine is not running")
}

// An engine that does not answer is given up with the run, and leaves no process.
func TestEngineHangs(t *testing.T) {
	t.Parallel()
	s := standins(t)
	s.tell(t, "engine-hangs", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := FindEngine(ctx, s.docker, ""); done <- err }()
	poll(t, "the question", func() bool { return s.has("hanging") && s.read("hanging") != "" })
	cancel()
	err := <-done
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	poll(t, "its end", func() bool { return exec.Command("kill", "-0", s.read("hanging")).Run() != nil })
}

// SAM is led to the engine that the docker command uses, unless the developer names one.
func TestEngineAddress(t *testing.T) {
	t.Parallel()
	s := standins(t)
	if e := s.engine(t); e.address != "unix:///run/standin.sock" || e.desktop != (runtime.GOOS != "linux") {
		t.Errorf("%+v", e)
	}
	e, err := FindEngine(t.Context(), s.docker, "tcp://engine:2375")
	if err != nil || e.address != "" {
		t.Errorf("%+v, %v", e, err)
	}
	list := environ(Options{Engine: e, Environ: []string{"DOCKER_HOST=tcp://engine:2375"}}, "/f")
	if !slices.Contains(list, "DOCKER_HOST=tcp://engine:2375") {
		t.Errorf("environment %q", list)
	}
	s.tell(t, "system", "Docker Desktop")
	if !s.engine(t).desktop {
		t.Error("Docker Desktop on Linux is taken for an engine of this machine")
	}
}

func TestBridge(t *testing.T) {
	t.Parallel()
	s := standins(t)
	e := s.engine(t)
	for _, c := range []struct{ said, want string }{
		{"127.0.0.2", "127.0.0.2"}, {"fd00::1 172.18.0.1", "172.18.0.1"}, {"", ""}, {"<no value>", ""},
	} {
		s.tell(t, "bridge", c.said)
		got, err := e.bridge(t.Context())
		want := c.want
		if want == "" { // what the machine of the test has
			want = interfaceAddress("docker0")
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", c.said, got, err)
		}
	}
	if interfaceAddress("lo") != "127.0.0.1" && runtime.GOOS == "linux" {
		t.Error("the address of an interface is not found")
	}
	if interfaceAddress("none such") != "" {
		t.Error("an interface that there is not has an address")
	}
}
