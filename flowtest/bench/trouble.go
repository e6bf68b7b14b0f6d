package bench

import (
	"context"
	"net/http"
	"sync"
)

// Trouble is what one run of a function meets at one of its calls.
type Trouble struct {
	At    int    // which call, from 1
	Of    string // counting only those of the "table" or of the "vendor"; all if empty
	Fault Fault
	Dies  bool // nothing that the function does afterwards leaves it

	mu   sync.Mutex
	n    int
	met  bool
	dead bool
	end  context.CancelFunc
}

type troubleKey struct{}

// With is the context of a function that meets the trouble.
func (t *Trouble) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, troubleKey{}, t)
}

// troubleOf is what a function's context brings, nil if nothing.
func troubleOf(ctx context.Context) *Trouble {
	t, _ := ctx.Value(troubleKey{}).(*Trouble)
	return t
}

// Run tells the trouble of a context, if there is one, how its function ends.
func Run(ctx context.Context, end context.CancelFunc) {
	t := troubleOf(ctx)
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = end
}

// Met reports whether the function came to that call.
func (t *Trouble) Met() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.met
}

// Dead reports whether the function died of it.
func (t *Trouble) Dead() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dead
}

// meet is what happens to a call that would otherwise meet another fault.
func (t *Trouble) meet(c Call, otherwise Fault) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead {
		return Lost
	}
	if t.Of == "table" && !c.Table || t.Of == "vendor" && c.Table {
		return otherwise
	}
	t.n++
	if t.n != t.At {
		return otherwise
	}
	t.met, t.dead = true, t.Dies
	return t.Fault
}

// after ends a function that is dead: it would only wait for what cannot come.
func (t *Trouble) after() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead && t.end != nil {
		t.end()
	}
}

// troubled makes a call of a function that has trouble ahead. What left the
// function before it died arrives, and is waited for.
func (w *Wire) troubled(t *Trouble, c Call, r *http.Request) (*http.Response, error) {
	defer t.after()
	return w.carry(t.meet(c, w.fate(c)), c, r.WithContext(context.WithoutCancel(r.Context())))
}
