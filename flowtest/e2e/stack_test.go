//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/local/lockfile"
)

// How long things may take. The first is the slowest computer's; the others
// are promises.
const (
	patience = 60 * time.Second
	endLimit = 5 * time.Second  // from SIGTERM to the end
	answered = 11 * time.Second // any request
)

// freshFor is how long a proof is good for the example's transfers: short, so that
// one can wait for its end, and long enough to fill in a form.
const freshFor = 10 * time.Second

// wait is between two sends of a code here, long enough to be seen.
const wait = 3 * time.Second

// stack is one project folder and what runs in it.
type stack struct {
	app, phone string // addresses
	provider   string

	t       *testing.T
	shop    *workshop
	env     []string
	root    string
	cmd     *exec.Cmd
	out     *output // of all runs
	told    *output // standard output of this run
	done    chan struct{}
	hidden  secrets
	people  atomic.Int64
	stopped bool

	transport http.RoundTripper // of the visitors; nil: the default one
}

// newStack runs latchkey with a vendor, and with more variables of the environment,
// until the test ends.
func (w *workshop) newStack(t *testing.T, provider string, more ...string) *stack {
	t.Helper()
	s := &stack{t: t, provider: provider, shop: w, root: w.project(t), out: &output{}}
	waits := strings.Repeat(","+wait.String(), 5)[1:]
	s.env = append(os.Environ(), "PORT=0", "PHONE_PORT=0", "PROVIDER="+provider, "PUBLIC_URL=", "AWS_ENDPOINT_URL_DYNAMODB=", "TABLE_NAME=",
		"TWILIO_API_URL=", "TWILIO_VERIFY_URL=", "AUTHY_API_URL=", "CHANNELS=", "CONFIRMATION_TEXT=",
		"BCRYPT_COST=4", "SEND_WAITS="+waits, "SIGNUP_SENDS_PER_DAY=10", "APPROVAL_LIFE=", "BANK_FRESH="+freshFor.String())
	s.env = append(s.env, more...)
	t.Cleanup(func() {
		if !s.stopped {
			s.stop()
		}
		if folder := os.Getenv("LOGS"); folder != "" {
			err := os.WriteFile(filepath.Join(folder, provider+".log"), []byte(s.out.String()), 0o600)
			if err != nil {
				t.Error(err)
			}
		}
	})
	s.start()
	return s
}

// start returns when the front page is there.
func (s *stack) start() {
	s.t.Helper()
	s.shop.turn.Lock()
	defer s.shop.turn.Unlock()
	s.told, s.done, s.stopped = &output{}, make(chan struct{}), false
	s.cmd = exec.Command(s.shop.runner)
	s.cmd.Dir, s.cmd.Env = s.root, s.env
	s.cmd.Stdout, s.cmd.Stderr = both{s.told, s.out}, s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // the session of all it starts
	err := s.cmd.Start()
	if err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = s.cmd.Wait(); close(s.done) }()
	until(s.t, "the addresses", patience, func() bool {
		select {
		case <-s.done:
			s.t.Fatalf("the run ended: %v\n%s", s.cmd.ProcessState, s.out.tail(8<<10))
		default:
		}
		n, _ := fmt.Sscanf(s.told.String(), "App    %s\nPhone  %s\n", &s.app, &s.phone)
		return n == 2
	})
	until(s.t, "the front page", patience, func() bool {
		res, err := http.Get(s.app + "/")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// stop ends the run as Ctrl-C does, and looks at what is left of it.
func (s *stack) stop() {
	s.t.Helper()
	s.stopped = true
	s.hideKeys()
	if len(s.processes("")) < 3 { // the runner, the engine, a function
		s.t.Errorf("the search for processes finds only %v", s.processes(""))
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(endLimit):
		s.t.Errorf("the run did not end within %v", endLimit)
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("exit status %d", code)
	}
	if left := s.processes(""); len(left) > 0 {
		s.t.Errorf("left behind: %v", left)
	}
	lock, err := lockfile.Try(filepath.Join(s.root, ".local", "run.lock"))
	if err != nil {
		s.t.Errorf("the folder is still locked: %v", err)
		return
	}
	lock.Release()
}

// processes are the ids of the stack's processes whose command line holds this
// part: those of its session, and any other that names its folder.
func (s *stack) processes(part string) map[int]string {
	found := map[int]string{}
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, folder := range folders {
		var pid, session int
		fmt.Sscan(filepath.Base(folder), &pid)
		stat, _ := os.ReadFile(filepath.Join(folder, "stat"))
		command, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		line := strings.ReplaceAll(string(command), "\x00", " ")
		// After the name in brackets: state, parent, group, session.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 4 || fields[0] == "Z" {
			continue
		}
		fmt.Sscan(fields[3], &session)
		ours := session == s.cmd.Process.Pid || strings.Contains(line, s.root)
		if ours && strings.Contains(line, part) {
			found[pid] = line
		}
	}
	return found
}

// visitor is a program that gives up on a request when the promise is broken.
func (s *stack) visitor(t *testing.T, speaksJSON bool) *rig.Visitor {
	v := rig.NewVisitor(t, s.app, speaksJSON)
	v.Client.Timeout, v.Client.Transport = answered, s.transport
	return v
}

func (s *stack) handset(t *testing.T) *rig.Handset { return rig.NewHandset(t, s.phone) }

// both writes to two outputs.
type both [2]*output

// Write never fails.
func (b both) Write(p []byte) (int, error) {
	for _, o := range b {
		_, _ = o.Write(p)
	}
	return len(p), nil
}

// output collects what processes write.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String is all of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (o *output) tail(n int) string {
	text := o.String()
	return text[max(0, len(text)-n):]
}

// until polls, and fails the test when it takes too long.
func until(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited more than %v for %s", limit, what)
}
