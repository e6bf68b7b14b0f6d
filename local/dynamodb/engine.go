package dynamodb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"latchkey/local/child"
)

// exitOldNode is the status with which serve.js refuses an old Node.js.
const exitOldNode = 3

// spawn starts the child on the engine's socket.
func (e *Engine) spawn() (*child.Process, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, errNoNode("node")
	}
	socket, err := e.listener.File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	data := ""
	if e.options.DataDir != "" {
		data, err = filepath.Abs(filepath.Join(e.options.DataDir, "leveldb"))
		if err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(node, "serve.js", data)
	cmd.Dir = e.options.ModulesDir
	cmd.ExtraFiles = []*os.File{socket}
	lines := child.NewLines(io.MultiWriter(e.last, e.log), "dynamodb: ")
	cmd.Stdout, cmd.Stderr = lines, lines
	// Held open for as long as the child runs: it ends when this end closes.
	_, err = cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return child.Start(cmd)
}

// supervise starts the child again whenever it ends, until Close.
func (e *Engine) supervise(running *child.Process) {
	defer close(e.finished)
	for failed := 0; ; {
		<-running.Done()
		if e.isClosed() {
			return
		}
		fmt.Fprintf(e.log, "dynamodb: ended (%v), starting it again\n", running.Err())
		if failed > 0 && !e.pause(failed) {
			return
		}
		next, err := e.respawn()
		if err != nil {
			fmt.Fprintf(e.log, "dynamodb: cannot be started again: %v\n", err)
			failed++
			continue
		}
		if next == nil {
			return
		}
		running = next
		failed = e.settled(running, failed)
	}
}

// pause waits longer after each failed restart. It returns false if the engine was closed.
func (e *Engine) pause(failed int) bool {
	timer := time.NewTimer(min(100*time.Millisecond<<min(failed, 10), 5*time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.stop:
		return false
	}
}

// respawn returns nil without an error if the engine was closed.
func (e *Engine) respawn() (*child.Process, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, nil
	}
	running, err := e.spawn()
	if err != nil {
		return nil, err
	}
	e.running = running
	return running, nil
}

// settled waits for a restarted child to answer and returns how many restarts in a row have
// failed by then.
func (e *Engine) settled(running *child.Process, failed int) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := e.await(ctx, running)
	if err != nil {
		running.Kill()
		return failed + 1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.restarts++
	return 0
}

func (e *Engine) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// startFault explains a child that ended instead of answering.
func (e *Engine) startFault(cause error) error {
	var exit *exec.ExitError
	if errors.As(cause, &exit) && exit.ExitCode() == exitOldNode {
		return fmt.Errorf("the Node.js on the PATH is too old: %w", ErrNoNode)
	}
	text := e.last.String()
	if text == "" {
		text = fmt.Sprint(cause)
	}
	return fmt.Errorf("the local DynamoDB did not start: %s", text)
}

// lastLine remembers the last line that an error could be explained with.
type lastLine struct {
	mu   sync.Mutex
	text string
}

func (l *lastLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := string(bytes.TrimSpace(p))
	// Node ends a crash report with its version, after the line that says what is wrong.
	if bytes.Contains(p, []byte("Error")) || l.text == "" {
		l.text = text
	}
	return len(p), nil
}

func (l *lastLine) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}
