//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests here start the runner as make sam-local does, with stand-ins for sam and docker.

// samTools is a folder with the stand-ins in bin, and what they are told and saw in state.
func samTools(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, folder := range []string{"bin", "state/containers"} {
		err := os.MkdirAll(filepath.Join(root, folder), 0o700)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sam", "docker"} {
		out, err := exec.Command("go", "build", "-o", filepath.Join(root, "bin", name), "./samlocal/testdata/standin").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	write(t, filepath.Join(root, "state/system"), "Debian GNU/Linux 12")
	write(t, filepath.Join(root, "state/bridge"), "127.0.0.2")
	return root
}

func launchSAM(t *testing.T, tools, root string, env ...string) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	env = append([]string{"PATH=" + filepath.Join(tools, "bin") + ":" + os.Getenv("PATH"), "DOCKER_HOST="}, env...)
	return launchCommand(t, exec.Command(path, "sam"), root, env...)
}

func exists(parts ...string) bool {
	_, err := os.Stat(filepath.Join(parts...))
	return err == nil
}

// What functions of the template would be told, and by which addresses.
func TestSAM(t *testing.T) {
	t.Parallel()
	root, tools := project(t), samTools(t)
	p := launchSAM(t, tools, root, "PROVIDER=authy", "BCRYPT_COST=4", "TWILIO_AUTH_TOKEN=mine", "AWS_PROFILE=mine", "SECRET_ARN=theirs")
	p.ready(t)
	var document struct{ Parameters map[string]string }
	data, err := os.ReadFile(filepath.Join(tools, "state/variables"))
	if err != nil {
		t.Fatal(err)
	}
	err = json.Unmarshal(data, &document)
	if err != nil || strings.Contains(string(data), "mine") || strings.Contains(string(data), "TWILIO_AUTH_TOKEN") {
		t.Fatalf("%v: %s", err, data)
	}
	for name, want := range map[string]string{"PUBLIC_URL": p.app, "TABLE_NAME": "latchkey", "PROVIDER": "authy", "BCRYPT_COST": "4", "SENDS_PER_DAY": "1000000"} {
		if document.Parameters[name] != want {
			t.Errorf("%s = %q, want %q", name, document.Parameters[name], want)
		}
	}
	address := document.Parameters[verifyURL]
	if !strings.HasPrefix(address, "http://host.docker.internal:") {
		t.Fatalf("%s = %q", verifyURL, address)
	}
	inside := strings.Replace(address, "host.docker.internal", "127.0.0.2", 1)
	response, err := http.Get(inside + "/v2/Services")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode == http.StatusOK {
		t.Error("the vendors do not ask for credentials")
	}
	get(t, p.phone+"/")
	onlyNear(t, root)

	launch(t, root).refused(t, "running already in this folder")
	launchSAM(t, tools, root).refused(t, "running already in this folder")

	_ = p.cmd.Process.Signal(os.Interrupt)
	p.wait(t, 10*time.Second)
	if p.cmd.ProcessState.ExitCode() != 0 || !exists(tools, "state/ended-politely") || exists(tools, "state/containers/c0ffee") {
		t.Errorf("exit status %v, and something is left: %s", p.cmd.ProcessState, p.stderr)
	}
	if left := leftOver(root); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	for _, file := range []string{".local/env", ".local/sam/env.json", ".local/sam/tmp", ".aws-sam"} {
		if exists(root, file) {
			t.Errorf("%s is left", file)
		}
	}
}

// onlyNear fails if a process of the run listens on all interfaces, and if none listens where
// containers reach it.
func onlyNear(t *testing.T, root string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	sockets := map[string]string{} // local addresses by inode
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, _ := os.ReadFile(file)
		for line := range strings.Lines(string(data)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == "0A" { // LISTEN
				host, _, _ := strings.Cut(fields[1], ":")
				sockets["socket:["+fields[9]+"]"] = host
			}
		}
	}
	heard := map[string]int{}
	folders, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, folder := range folders {
		where, _ := os.Readlink(folder)
		if where != root && where != filepath.Join(root, engineCode) {
			continue
		}
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(folder), "fd/*"))
		for _, file := range files {
			inode, _ := os.Readlink(file)
			if sockets[inode] != "" {
				heard[sockets[inode]]++
			}
		}
	}
	const loopback, loopback6, bridge = "0100007F", "00000000000000000000000001000000", "0200007F"
	if heard[loopback] == 0 || heard[bridge] == 0 {
		t.Errorf("the search for what listens finds too little: %v", heard)
	}
	delete(heard, loopback)
	delete(heard, loopback6)
	delete(heard, bridge)
	if len(heard) > 0 {
		t.Errorf("a run listens at %v", heard)
	}
}

// Wherever a run is when it is told to end, it does, and nothing is left of it.
func TestSAMEnds(t *testing.T) {
	t.Parallel()
	root, tools := project(t), samTools(t)
	for _, told := range []string{"engine-hangs", "build-hangs", "start-hangs"} {
		t.Run(told, func(t *testing.T) {
			write(t, filepath.Join(tools, "state", told), "")
			p := launchSAM(t, tools, root)
			poll(t, told, func() bool { return exists(tools, "state/hanging") })
			_ = p.cmd.Process.Signal(os.Interrupt)
			p.wait(t, 15*time.Second)
			if p.cmd.ProcessState.ExitCode() != 0 || p.stdout.String() != "" {
				t.Errorf("exit %v, stdout %s\n%s", p.cmd.ProcessState, p.stdout, p.stderr)
			}
			pid, _ := os.ReadFile(filepath.Join(tools, "state/hanging"))
			poll(t, "the end of the tool's child", func() bool { return exec.Command("kill", "-0", string(pid)).Run() != nil })
			_ = os.Remove(filepath.Join(tools, "state/hanging"))
			_ = os.Remove(filepath.Join(tools, "state", told))
		})
	}
	t.Run("twice", func(t *testing.T) {
		write(t, filepath.Join(tools, "state/ignores"), "")
		p := launchSAM(t, tools, root)
		p.ready(t)
		_ = p.cmd.Process.Signal(os.Interrupt)
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.wait(t, 5*time.Second)
		poll(t, "the end of all", func() bool { return len(leftOver(root)) == 0 })
		if p.cmd.ProcessState.ExitCode() != exitInterrupted || !exists(tools, "state/containers/c0ffee") {
			t.Errorf("exit %v", p.cmd.ProcessState)
		}
		_ = os.Remove(filepath.Join(tools, "state/ignores"))
	})
	t.Run("the next removes what that left", func(t *testing.T) {
		write(t, filepath.Join(tools, "state/dies"), "")
		p := launchSAM(t, tools, root)
		p.wait(t, 60*time.Second)
		text := p.stderr.String()
		if p.cmd.ProcessState.ExitCode() != 1 || !strings.HasSuffix(text, "sam local start-api ended by itself (exit status 1): Error: no luck today\n") {
			t.Errorf("exit %v: %s", p.cmd.ProcessState, text)
		}
		if exists(tools, "state/containers/c0ffee") {
			t.Error("a container of the run before is left")
		}
	})
}

func TestSAMRefused(t *testing.T) {
	t.Parallel()
	root, tools := project(t), samTools(t)
	write(t, filepath.Join(tools, "state/engine-down"), "Cannot connect to the Docker daemon")
	launchSAM(t, tools, root).refused(t, "the Docker engine is not running")
	_ = os.Remove(filepath.Join(tools, "state/engine-down"))
	write(t, filepath.Join(tools, "state/bridge"), "192.0.2.1")
	p := launchSAM(t, tools, root)
	p.wait(t, 60*time.Second)
	if p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(p.stderr.String(), "a rootless or remote Docker engine does not do") {
		t.Errorf("a bridge that is not this machine's: exit %v\n%s", p.cmd.ProcessState, p.stderr)
	}
	launchSAM(t, tools, t.TempDir()).refused(t, "no template.yaml")
	_ = os.Remove(filepath.Join(tools, "bin/docker"))
	launchSAM(t, tools, root, "PATH="+filepath.Join(tools, "bin")).refused(t, "docker was not found on the PATH")
	_ = os.Remove(filepath.Join(tools, "bin/sam"))
	launchSAM(t, tools, root, "PATH="+filepath.Join(tools, "bin")).refused(t, "sam was not found on the PATH")
}
