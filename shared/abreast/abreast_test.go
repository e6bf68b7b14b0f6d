package abreast

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
)

// All functions of a group run at once and are waited for, with hands and without.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	for name, ctx := range map[string]context.Context{"hands": With(t.Context(), NewHands()), "none": t.Context()} {
		for range 100 {
			const many = 2 * most
			var done, here atomic.Int32
			all := make(chan struct{})
			g := In(ctx)
			for range many {
				g.Go(func() {
					if here.Add(1) == many {
						close(all)
					}
					<-all
					done.Add(1)
				})
			}
			g.Wait()
			if done.Load() != many {
				t.Errorf("%s: %d of %d", name, done.Load(), many)
			}
		}
	}
}

// No more hands are kept than there may be, however many there were.
func TestFewAreKept(t *testing.T) {
	t.Parallel()
	h := NewHands()
	var here atomic.Int32
	const many = 10 * most
	all := make(chan struct{})
	g := In(With(t.Context(), h))
	for range many {
		g.Go(func() {
			if here.Add(1) == many {
				close(all)
			}
			<-all
		})
	}
	g.Wait()
	for h.idle.Load() != most { // the last are on their way
		runtime.Gosched()
	}
}

// What is done one after the other is done by few: one whose hand is still on its way
// back finds another.
func TestKept(t *testing.T) {
	t.Parallel()
	h := NewHands()
	for range 100 {
		g := In(With(t.Context(), h))
		g.Go(func() {})
		g.Wait()
		for h.idle.Load() == 0 { // it is on its way
			runtime.Gosched()
		}
	}
	if h.idle.Load() == most {
		t.Error("each had a goroutine of its own")
	}
}
