// Package child starts the programs of a laptop run so that none of them outlives it: each
// in a process group of its own, ended as a group, and on Linux killed by the kernel when
// the runner itself dies. It knows nothing of what the programs do.
package child

import (
	"errors"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// pipeDelay bounds how long the output of an ended program is still awaited: a grandchild
// that inherited the pipe must not hold up the end.
const pipeDelay = 500 * time.Millisecond

// Process is a started program. Its methods may be called from any goroutine.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; written before done is closed

	mu     sync.Mutex
	reaped bool
}

// Start starts cmd in a process group of its own. The caller need not wait: the process is
// reaped as soon as it ends. Output that is a Closer (a Lines) is closed then, so that
// its last unfinished line is not lost.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = pipeDelay
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	err := <-started
	if err != nil {
		return nil, err
	}
	return p, nil
}

// run starts and reaps on one locked thread: the kernel ties the parent-death signal to the
// thread that started the child, not to the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = p.cmd.Wait()
	p.mu.Lock()
	p.reaped = true
	signal(p.cmd.Process, sigkill) // what it may have left behind in its group
	p.mu.Unlock()
	p.flush()
	p.err = err
	close(p.done)
}

func (p *Process) flush() {
	for _, w := range []io.Writer{p.cmd.Stdout, p.cmd.Stderr} {
		c, ok := w.(*Lines)
		if ok {
			c.Close()
		}
	}
}

// PID is the process id, which is also the id of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and was reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err tells how the process ended, as exec.Cmd.Wait does. Only valid after Done.
func (p *Process) Err() error {
	if errors.Is(p.err, exec.ErrWaitDelay) {
		return nil
	}
	return p.err
}

// Kill ends the whole group at once. It does not wait.
func (p *Process) Kill() { p.send(sigkill) }

// Terminate asks the whole group to end. It does not wait.
func (p *Process) Terminate() { p.send(sigterm) }

// Stop asks the group to end, kills it after grace, and returns when it is gone.
func (p *Process) Stop(grace time.Duration) {
	p.Terminate()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
		p.Kill()
	}
	<-p.done
}

// send signals the group unless the process was reaped: its number may then belong to
// somebody else.
func (p *Process) send(sig sysSignal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	signal(p.cmd.Process, sig)
}
