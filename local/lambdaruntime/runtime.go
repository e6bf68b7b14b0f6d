// Package lambdaruntime runs built Lambda binaries as AWS does: it speaks the Lambda Runtime
// API to the very bootstrap files that deploy, one invocation at a time per process, more
// processes under load. It knows nothing of HTTP requests, routes or the template; it moves
// event bytes in and answer bytes out.
package lambdaruntime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"latchkey/local/child"
)

// What Invoke fails with, besides a *FunctionError and the context's own error.
var (
	// ErrCrashed: the process ended before it answered, or did not come up at all.
	ErrCrashed = errors.New("the function's process ended without an answer")
	// ErrTimeout: the invocation overran the function's Timeout and its process was killed.
	ErrTimeout = errors.New("the function overran its time limit")
	// ErrTooLarge: the event or the answer is above Lambda's limit of 6 MiB.
	ErrTooLarge = errors.New("payload above Lambda's limit of 6 MiB")
	// ErrUnknown: there is no function of that name.
	ErrUnknown = errors.New("no such function")
	// ErrClosed: the runtime was closed.
	ErrClosed = errors.New("the runtime is closed")
)

// FunctionError is an error that the function itself reported, after a panic as well. Its text
// was meant for operators: a client must not see it.
type FunctionError struct{ Type, Message string }

// Error is the type and message that the function gave.
func (e *FunctionError) Error() string {
	return "function error " + e.Type + ": " + e.Message
}

// Function is one Lambda function and how its processes run.
type Function struct {
	// Name is also the prefix of its log lines.
	Name string
	// Binary is the bootstrap file. It must not be overwritten under a running process:
	// build beside it and rename, then call Replace.
	Binary string
	// Environment is the function's own; nothing of the runner's environment is added.
	Environment map[string]string
	// Timeout bounds one invocation. Zero means 3 seconds, as on AWS.
	Timeout time.Duration
	// MemoryMB is told to the function, not enforced. Zero means 128, as on AWS.
	MemoryMB int
}

// Options has useful zero values.
type Options struct {
	// Log receives what the processes write, in whole lines, and a line for each process
	// that ends unasked. Nil drops it.
	Log io.Writer
	// Max is the most processes per function; more invocations wait. Zero means 10.
	Max int
	// Eager starts one process of each function at once and keeps one, so that a function
	// that cannot start shows before the first request does.
	Eager bool
	// IdleAfter is when a process beyond the first is ended. Zero means 2 minutes.
	IdleAfter time.Duration
	// InitTimeout bounds the time to the first poll. Zero means 10 seconds, as on AWS.
	InitTimeout time.Duration
	// Grace is the time between SIGTERM and SIGKILL. Zero means half a second.
	Grace time.Duration
	// Now is the clock of deadlines. Nil means time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	o.Log = child.Shared(o.Log)
	if o.Max == 0 {
		o.Max = 10
	}
	if o.IdleAfter == 0 {
		o.IdleAfter = 2 * time.Minute
	}
	if o.InitTimeout == 0 {
		o.InitTimeout = 10 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 500 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Runtime runs a set of functions until Close.
type Runtime struct {
	pools map[string]*pool
	stop  chan struct{}
	once  sync.Once
	tasks sync.WaitGroup // everything this runtime started
}

// New starts the runtime, and with Options.Eager a process of each function.
func New(functions []Function, options Options) (*Runtime, error) {
	options = options.withDefaults()
	r := &Runtime{pools: map[string]*pool{}, stop: make(chan struct{})}
	for _, f := range functions {
		if f.Name == "" || f.Binary == "" {
			return nil, fmt.Errorf("function %q needs a name and a binary", f.Name)
		}
		if r.pools[f.Name] != nil {
			return nil, fmt.Errorf("two functions are named %q", f.Name)
		}
		r.pools[f.Name] = newPool(f, options, &r.tasks)
	}
	for _, p := range r.pools {
		p.start()
	}
	r.tasks.Go(func() { r.retireIdle(options.IdleAfter) })
	return r, nil
}

// Invoke gives the event to a process of the function and returns its answer. When ctx ends
// first, Invoke returns its error and the invocation goes on, as on AWS.
func (r *Runtime) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	p := r.pools[function]
	if p == nil {
		return nil, fmt.Errorf("invoking %q: %w", function, ErrUnknown)
	}
	if len(event) > maxPayload {
		return nil, fmt.Errorf("invoking %s: event: %w", function, ErrTooLarge)
	}
	answer, err := p.invoke(ctx, event)
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	}
	return answer, nil
}

// Replace has new processes of the function use another binary. Idle ones end now, busy ones
// after their invocation. An unknown function is ignored.
func (r *Runtime) Replace(function, binary string) {
	p := r.pools[function]
	if p != nil {
		p.replace(binary)
	}
}

// Kill kills every process of the function at once and returns how many. Their invocations
// fail with ErrCrashed; the next ones get new processes.
func (r *Runtime) Kill(function string) int {
	p := r.pools[function]
	if p == nil {
		return 0
	}
	return p.kill()
}

// Close ends all processes, politely at first, and returns when nothing is left. Waiting and
// running invocations fail.
func (r *Runtime) Close() error {
	r.once.Do(func() { close(r.stop) })
	for _, p := range r.pools {
		p.close()
	}
	r.tasks.Wait()
	return nil
}

func (r *Runtime) retireIdle(after time.Duration) {
	tick := time.NewTicker(after / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, p := range r.pools {
				p.retireIdle(after)
			}
		case <-r.stop:
			return
		}
	}
}
