package lambdaruntime

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"latchkey/local/child"
)

// process is one running bootstrap and the Runtime API that only it sees: a listener per
// process tells them apart, since AWS_LAMBDA_RUNTIME_API has room for host and port alone.
type process struct {
	pool       *pool
	binary     string
	generation int
	idleSince  time.Time // guarded by pool.mu
	answered   bool      // guarded by pool.mu

	work  chan *invocation // taken by the pending poll
	ended chan struct{}    // closed when it takes no more work

	mu      sync.Mutex
	running *child.Process // nil until started
	kill    *time.Timer    // pending SIGKILL, of the init limit or of end
	ready   bool           // it polled once
	polling bool           // a poll is pending
	asked   bool           // its end is our wish
	reason  error          // why it was killed, if we did
	current *invocation    // given and not answered
	limit   *time.Timer    // overrun of the last given invocation
}

func newProcess(p *pool, binary string, generation int) *process {
	return &process{
		pool: p, binary: binary, generation: generation,
		work: make(chan *invocation), ended: make(chan struct{}),
	}
}

// errInit is why a process was killed that did not poll in time.
var errInit = errors.New("it was not ready within the time limit")

// run starts the process, and returns when nothing of it is left.
func (c *process) run() {
	cause := c.serve()
	c.mu.Lock()
	close(c.ended)
	if c.reason != nil {
		cause = c.reason
	}
	ready, asked := c.ready, c.asked
	stopTimers(c.kill, c.limit)
	c.finish(c.current, result{err: ErrCrashed})
	c.mu.Unlock()
	c.pool.remove(c, ready, asked, cause)
}

// serve returns how the process ended.
func (c *process) serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for it: %w", err)
	}
	server := &http.Server{Handler: c.api(), ReadHeaderTimeout: 10 * time.Second}
	c.pool.tasks.Go(func() { _ = server.Serve(listener) })
	defer server.Close()

	running, err := c.launch(listener.Addr().String())
	if err != nil {
		return err
	}
	<-running.Done()
	err = running.Err()
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// launch starts the binary, unless the process's end was wished meanwhile.
func (c *process) launch(address string) (*child.Process, error) {
	binary, err := filepath.Abs(c.binary)
	if err != nil {
		return nil, err
	}
	lines := child.NewLines(c.pool.log, c.pool.function.Name+": ")
	cmd := exec.Command(binary)
	cmd.Dir = filepath.Dir(binary)
	cmd.Env = environment(c.pool.function, address, cmd.Dir)
	cmd.Stdout, cmd.Stderr = lines, lines

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked {
		return nil, errors.New("not wanted any more")
	}
	c.running, err = child.Start(cmd)
	if err != nil {
		return nil, err
	}
	c.kill = time.AfterFunc(c.pool.options.InitTimeout, func() { c.fail(errInit) })
	return c.running, nil
}

// end ends the process because the pool wishes it, at once or with a request to end first.
// It does not wait for a running invocation: whoever wants that calls it at the next poll.
func (c *process) end(now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = true
	if c.running == nil {
		return
	}
	if now {
		c.running.Kill()
		return
	}
	stopTimers(c.kill)
	c.running.Terminate()
	c.kill = time.AfterFunc(c.pool.options.Grace, c.running.Kill)
}

// fail kills a process that broke a rule.
func (c *process) fail(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		c.reason = reason
	}
	if c.running != nil {
		c.running.Kill()
	}
}

// lost handles a broken connection. As a rule the process is about to end, and its own end
// tells more than ours would; one that lives on is of no use.
func (c *process) lost() {
	c.mu.Lock()
	running := c.running
	c.mu.Unlock()
	select {
	case <-running.Done():
	case <-time.After(c.pool.options.Grace):
		c.fail(errors.New("killed: it closed its connection"))
	}
}

func stopTimers(timers ...*time.Timer) {
	for _, t := range timers {
		if t != nil {
			t.Stop()
		}
	}
}
