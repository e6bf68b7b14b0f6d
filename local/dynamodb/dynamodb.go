// Package dynamodb provides the table of a laptop run and of the tests: dynalite, a local
// engine with DynamoDB's wire protocol, as a child process that is installed on demand, kept
// alive and ended. It knows the protocol only as far as making a table goes, and nothing of
// the table's items.
package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"latchkey/local/child"
	"latchkey/local/lockfile"
)

// What Start fails with, besides faults of the system. Both texts are for the developer.
var (
	// ErrNoNode: Node.js or npm is missing or too old. What precedes it says which.
	ErrNoNode = errors.New("install Node.js 20 or newer (it brings npm), or set AWS_ENDPOINT_URL_DYNAMODB to the address of another DynamoDB engine")
	// ErrTaken: another run uses the data folder.
	ErrTaken = errors.New("the table's data folder is in use by another run: stop that one first")
)

// Options of Start. The zero value of all but ModulesDir is useful.
type Options struct {
	// ModulesDir is the folder of this package, with package.json and serve.js.
	ModulesDir string
	// DataDir keeps the data across restarts, and is locked while the engine runs. Empty:
	// in memory, and a restart of the child forgets everything.
	DataDir string
	// Log receives what the engine writes and a line for each restart. Nil drops it.
	Log io.Writer
	// Port on 127.0.0.1. Zero picks a free one.
	Port int
}

// Engine is a running engine.
type Engine struct {
	options  Options
	log      io.Writer
	last     *lastLine // of the child's output
	listener *net.TCPListener
	lock     *lockfile.Lock // nil in memory
	stop     chan struct{}
	finished chan struct{}

	mu       sync.Mutex
	running  *child.Process
	restarts int
	closed   bool
}

// Start installs the engine if needed, starts it and returns when it answers. It is restarted
// whenever it dies, until Close.
func Start(ctx context.Context, options Options) (*Engine, error) {
	e := &Engine{options: options, last: &lastLine{}, stop: make(chan struct{}), finished: make(chan struct{})}
	e.log = child.Shared(options.Log)
	err := e.prepare(ctx)
	if err != nil {
		e.release()
		return nil, err
	}
	e.running, err = e.spawn()
	if err != nil {
		e.release()
		return nil, fmt.Errorf("starting the local DynamoDB: %w", err)
	}
	err = e.await(ctx, e.running)
	if err != nil {
		e.running.Kill()
		<-e.running.Done()
		e.release()
		return nil, err
	}
	go e.supervise(e.running)
	return e, nil
}

// prepare takes the folder and the port, and sees that the modules are there.
func (e *Engine) prepare(ctx context.Context) error {
	var err error
	if e.options.DataDir != "" {
		e.lock, err = claim(e.options.DataDir)
		if err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", e.options.Port))
	if err != nil {
		return fmt.Errorf("starting the local DynamoDB: %w", err)
	}
	e.listener = listener.(*net.TCPListener)
	return install(ctx, e.options.ModulesDir, e.log)
}

// claim locks the data folder. The lock's name differs from LevelDB's own, LOCK, on file
// systems that ignore case as well.
func claim(folder string) (*lockfile.Lock, error) {
	err := os.MkdirAll(folder, 0o700)
	if err != nil {
		return nil, fmt.Errorf("making the table's data folder: %w", err)
	}
	lock, err := lockfile.Try(filepath.Join(folder, "run.lock"))
	if errors.Is(err, lockfile.ErrTaken) {
		return nil, ErrTaken
	}
	if err != nil {
		return nil, fmt.Errorf("locking the table's data folder: %w", err)
	}
	return lock, nil
}

// Endpoint is the engine's address, such as http://127.0.0.1:40001. It stays the same when
// the child is restarted; requests made meanwhile wait.
func (e *Engine) Endpoint() string {
	return "http://" + e.listener.Addr().String()
}

// Kill kills the child at once, as a power cut would. It is restarted without being asked.
func (e *Engine) Kill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running.Kill()
}

// Restarts is how often the child was started again and answered.
func (e *Engine) Restarts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.restarts
}

// Close ends the child, frees the port and the data folder, and returns when nothing is left.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		<-e.finished
		return nil
	}
	e.closed = true
	close(e.stop)
	running := e.running
	e.mu.Unlock()
	running.Stop(time.Second)
	<-e.finished
	e.release()
	return nil
}

func (e *Engine) release() {
	if e.listener != nil {
		_ = e.listener.Close()
	}
	if e.lock != nil {
		e.lock.Release()
	}
}

// await returns when the engine answers, or why it does not.
func (e *Engine) await(ctx context.Context, running *child.Process) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	healthy := make(chan error, 1)
	go func() { healthy <- probe(ctx, e.Endpoint()) }()
	select {
	case err := <-healthy:
		if err != nil {
			return fmt.Errorf("waiting for the local DynamoDB: %w", err)
		}
		return nil
	case <-running.Done():
		return e.startFault(running.Err())
	}
}

// probe asks until the engine answers. A connection may be reset when a child that accepted
// it dies; the next one waits in the socket's queue.
func probe(ctx context.Context, endpoint string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			return response.Body.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
