package rig

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/examples/bank/functions/bank"
	"latchkey/examples/bank/functions/settle"
	"latchkey/local/eventbus"
	"latchkey/local/template"
	"latchkey/shared/env"
)

// Events keeps what the example's back end heard of approvals.
type Events struct {
	mu   sync.Mutex
	list []Decided
}

// Decided is the detail of one event "Approval decided".
type Decided struct {
	ID, User, UID, Reference, Decision string
}

// All is every event so far.
func (e *Events) All() []Decided {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Decided(nil), e.list...)
}

// hear gives events to the example's function settle, and keeps those that it
// took.
type hear struct {
	events *Events
	settle lambda.Handler
}

// Invoke takes one event.
func (h hear) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	out, err := h.settle.Invoke(ctx, event)
	if err != nil {
		return out, err
	}
	var doc struct{ Detail Decided }
	err = json.Unmarshal(event, &doc)
	h.events.mu.Lock()
	defer h.events.mu.Unlock()
	h.events.list = append(h.events.list, doc.Detail)
	return out, err
}

// withExamples adds the functions of the project's example.
func (r *Rig) withExamples(steps map[string]Step) map[string]Step {
	steps["bank"] = step(bank.New)
	steps["settle"] = func(_ context.Context, cfg env.Config) (Function, error) {
		return hear{r.Events, lambda.NewHandler(settle.Hear(cfg.Log))}, nil
	}
	return steps
}

// bus starts what events of the functions go to, and returns its address.
func (r *Rig) bus(functions []template.Function, i invoker) string {
	b := eventbus.New(functions, i, eventbus.Options{Now: r.Clock.Now})
	door := httptest.NewServer(b)
	r.t.Cleanup(func() { b.Close(); door.Close() })
	return door.URL
}
