package lambdaruntime

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// maxPayload is Lambda's limit for an event, and but for 100 bytes for an answer.
const maxPayload = 6 << 20

const maxAnswer = maxPayload + 100

// invocation is one event on its way.
type invocation struct {
	id       string
	trace    string
	event    []byte
	deadline time.Time
	answer   chan result // holds one
}

type result struct {
	body []byte
	err  error
}

func (p *pool) invoke(ctx context.Context, event []byte) ([]byte, error) {
	now := p.options.Now()
	inv := &invocation{id: newID(), trace: newTrace(now), event: event, answer: make(chan result, 1)}
	delivered := false
	for !delivered {
		child, err := p.acquire(ctx)
		if err != nil {
			return nil, err
		}
		// A process that ended while idle saw nothing of the event: try another.
		delivered = child.deliver(inv)
	}
	select {
	case r := <-inv.answer:
		return r.body, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// deliver hands the invocation to the pending poll.
func (c *process) deliver(inv *invocation) bool {
	select {
	case c.work <- inv:
		return true
	case <-c.ended:
		return false
	}
}

// begin makes inv the current invocation and starts its time. It returns false if the
// process has ended already; nobody else would then end the invocation.
func (c *process) begin(inv *invocation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.polling = false
	select {
	case <-c.ended:
		inv.answer <- result{err: ErrCrashed}
		return false
	default:
	}
	timeout := c.pool.function.Timeout
	inv.deadline = c.pool.options.Now().Add(timeout)
	c.current = inv
	c.limit = time.AfterFunc(timeout, func() { c.overrun(inv) })
	return true
}

// overrun kills a process that did not answer, or did not poll after its answer, in time.
func (c *process) overrun(inv *invocation) {
	c.mu.Lock()
	c.finish(inv, result{err: ErrTimeout})
	c.mu.Unlock()
	c.fail(fmt.Errorf("killed: not done within %v", c.pool.function.Timeout))
}

// finish answers inv if it is the current invocation. The caller holds mu.
func (c *process) finish(inv *invocation, r result) bool {
	if inv == nil || c.current != inv {
		return false
	}
	c.current = nil
	inv.answer <- r
	return true
}

// conclude answers inv because the process did.
func (c *process) conclude(inv *invocation, r result) bool {
	c.pool.answered(c, true)
	c.mu.Lock()
	ok := c.finish(inv, r)
	c.mu.Unlock()
	if !ok {
		c.pool.answered(c, false)
	}
	return ok
}

// find returns the current invocation if it has that id.
func (c *process) find(id string) *invocation {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || c.current.id != id {
		return nil
	}
	return c.current
}

// newID is a UUID of version 4 (RFC 9562), as AWS's request ids are.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newTrace has the shape of an X-Ray trace header: version, time, 96 random bits.
func newTrace(now time.Time) string {
	b := make([]byte, 20)
	_, _ = rand.Read(b)
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", now.Unix(), b[:12], b[12:])
}
