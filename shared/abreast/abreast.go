// Package abreast does several things of one request at once, on goroutines that
// are kept from one request to the next.
//
// A goroutine starts with a small stack, which is copied to a larger one again and
// again on the way down to a call of the table: that was up to a
// seventh of what a request with several calls took of the processor (docs/performance.md). One that
// is kept has its stack already. A Lambda serves one request at a time, so there are never many.
//
// It must not know what is done.
package abreast

import (
	"context"
	"sync"
	"sync/atomic"
)

// most is how many goroutines are kept: as many as connections (outbound).
const most = 8

// Hands are goroutines that are kept. Without them every function has one of its own,
// as in tests, whose bubbles wait for all goroutines to end.
type Hands struct {
	work chan task
	idle atomic.Int32
}

// NewHands has none yet: they are made as they are needed, and never end.
func NewHands() *Hands { return &Hands{work: make(chan task)} }

// key is that of the hands in a context.
type key struct{}

// With is a context for requests whose functions these hands run.
func With(ctx context.Context, h *Hands) context.Context { return context.WithValue(ctx, key{}, h) }

// Group is a sync.WaitGroup whose functions run on the hands of a context.
type Group struct {
	hands   *Hands // nil for none
	running sync.WaitGroup
}

// In makes a group for a request, by its context.
func In(ctx context.Context) *Group {
	h, _ := ctx.Value(key{}).(*Hands)
	return &Group{hands: h}
}

// Go runs a function beside the caller. It must not panic.
func (g *Group) Go(do func()) {
	if g.hands == nil {
		g.running.Go(do)
		return
	}
	g.running.Add(1)
	t := task{do, &g.running}
	select {
	case g.hands.work <- t:
	default: // none is idle
		go g.hands.serve(t)
	}
}

// Wait waits until all functions have returned.
func (g *Group) Wait() { g.running.Wait() }

// task is a function, and who waits for it.
type task struct {
	do      func()
	running *sync.WaitGroup
}

// serve runs one function, and then others.
func (h *Hands) serve(t task) {
	for {
		t.do()
		t.running.Done()
		if h.idle.Add(1) > most {
			h.idle.Add(-1)
			return
		}
		t = <-h.work
		h.idle.Add(-1)
	}
}
