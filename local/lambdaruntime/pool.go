package lambdaruntime

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// pool holds the processes of one function. A process is starting, idle (polling, and in the
// idle list) or busy; whoever takes it from idle owns it until it polls again.
type pool struct {
	function Function
	options  Options
	log      io.Writer
	tasks    *sync.WaitGroup

	mu         sync.Mutex
	binary     string
	generation int // raised by replace; processes of older ones end when free
	all        map[*process]bool
	idle       []*process // the last one was used last
	starting   int
	waiting    []chan grant // oldest first
	faults     int          // starts that failed in a row
	retry      *time.Timer  // pending restart after a failed start
	closed     bool
}

// grant is what a waiting invocation gets: a process or the reason there is none.
type grant struct {
	process *process
	err     error
}

func newPool(f Function, o Options, tasks *sync.WaitGroup) *pool {
	if f.Timeout == 0 {
		f.Timeout = 3 * time.Second
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 128
	}
	return &pool{function: f, options: o, log: o.Log, tasks: tasks, binary: f.Binary, all: map[*process]bool{}}
}

// start brings up the one process that an eager runtime keeps.
func (p *pool) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grow()
}

// grow starts what is missing: one process per waiting invocation that no process is about to
// take, and one to keep. While starts fail only one is tried at a time. The caller holds mu.
func (p *pool) grow() {
	want := len(p.waiting) - p.aboutToPoll()
	if p.options.Eager && len(p.all) == 0 && p.retry == nil {
		want = max(want, 1)
	}
	if p.faults > 0 {
		want = min(want, 1)
	}
	for p.starting < want && len(p.all) < p.options.Max && !p.closed {
		p.stopRetry()
		p.starting++
		child := newProcess(p, p.binary, p.generation)
		p.all[child] = true
		p.tasks.Go(child.run)
	}
}

// aboutToPoll counts the processes that have answered and will ask for more in a moment.
func (p *pool) aboutToPoll() int {
	n := 0
	for child := range p.all {
		if child.answered {
			n++
		}
	}
	return n
}

// answered notes whether a process has answered and not polled since. It is called before the
// caller gets the answer, so that its next invocation does not start a needless process.
func (p *pool) answered(child *process, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	child.answered = yes
}

func (p *pool) stopRetry() {
	if p.retry != nil {
		p.retry.Stop()
		p.retry = nil
	}
}

// acquire waits for a process to own.
func (p *pool) acquire(ctx context.Context) (*process, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	last := len(p.idle) - 1
	if last >= 0 {
		child := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		return child, nil
	}
	w := make(chan grant, 1)
	p.waiting = append(p.waiting, w)
	p.grow()
	p.mu.Unlock()
	select {
	case g := <-w:
		return g.process, g.err
	case <-ctx.Done():
		p.abandon(w)
		return nil, ctx.Err()
	}
}

// abandon gives up waiting; a process granted meanwhile goes to the next.
func (p *pool) abandon(w chan grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.waiting, w)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return
	}
	g := <-w
	if g.process != nil {
		p.offer(g.process)
	}
}

// polled notes that a process asks for work. It returns false if the process must end
// instead, since its binary was replaced or the pool is closed.
func (p *pool) polled(child *process, first bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	child.answered = false
	if first {
		p.starting--
		p.faults = 0
	}
	if p.closed || child.generation != p.generation || !p.all[child] {
		return false
	}
	p.offer(child)
	return true
}

// offer gives a process to the oldest waiting invocation, or to the idle. The caller holds mu.
func (p *pool) offer(child *process) {
	if len(p.waiting) > 0 {
		w := p.waiting[0]
		p.waiting = p.waiting[1:]
		w <- grant{process: child}
		return
	}
	child.idleSince = p.options.Now()
	p.idle = append(p.idle, child)
}

// remove forgets an ended process and replaces it where needed. ready tells whether it ever
// polled; cause how it ended.
func (p *pool) remove(child *process, ready, asked bool, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(child)
	if !ready {
		p.starting--
	}
	if p.closed || asked {
		p.grow()
		return
	}
	if ready {
		fmt.Fprintf(p.log, "%s: process ended: %v\n", p.function.Name, cause)
		p.grow()
		return
	}
	p.failStart(cause)
}

// failStart reports a process that ended before it was ready. If there is no other, it fails
// those who wait and tries again later if one is to be kept. It starts nothing at once: that
// would be a crash loop. The caller holds mu.
func (p *pool) failStart(cause error) {
	p.faults++
	wait := ""
	if len(p.all) == 0 {
		p.failWaiting(fmt.Errorf("%w: it did not start: %w", ErrCrashed, cause))
		if p.options.Eager {
			delay := backOff(p.faults)
			p.stopRetry()
			p.retry = time.AfterFunc(delay, p.restart)
			wait = fmt.Sprintf("; next try in %v, or with the next request", delay)
		}
	}
	fmt.Fprintf(p.log, "%s: did not start: %v%s\n", p.function.Name, cause, wait)
}

func (p *pool) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retry = nil
	p.grow()
}

// backOff is how long to wait after that many failed starts in a row.
func backOff(faults int) time.Duration {
	return min(250*time.Millisecond<<min(faults-1, 10), 30*time.Second)
}

func (p *pool) failWaiting(err error) {
	for _, w := range p.waiting {
		w <- grant{err: err}
	}
	p.waiting = nil
}

// drop forgets a process without replacing it. The caller holds mu.
func (p *pool) drop(child *process) {
	delete(p.all, child)
	p.idle = slices.DeleteFunc(p.idle, func(c *process) bool { return c == child })
}

func (p *pool) replace(binary string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.binary = binary
	p.generation++
	p.faults = 0
	p.stopRetry()
	idle := p.idle
	p.idle = nil
	for _, child := range idle {
		delete(p.all, child)
		child.end(false)
	}
	p.grow()
}

func (p *pool) kill() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.all)
	for child := range p.all {
		child.end(true)
	}
	// Gone at once as far as new invocations are concerned.
	clear(p.all)
	p.idle = nil
	p.faults = 0
	p.stopRetry()
	p.grow()
	return n
}

func (p *pool) retireIdle(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.options.Now().Add(-after)
	for len(p.idle) > 0 && len(p.all) > 1 && p.idle[0].idleSince.Before(limit) {
		child := p.idle[0]
		p.drop(child)
		child.end(false)
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.stopRetry()
	p.failWaiting(ErrClosed)
	for child := range p.all {
		child.end(false)
	}
}
