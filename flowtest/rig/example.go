package rig

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"sync"

	"latchkey/examples/bank/functions/bank"
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

// Invoke takes one event, as the example's function settle does.
func (e *Events) Invoke(_ context.Context, event []byte) ([]byte, error) {
	var doc struct{ Detail Decided }
	err := json.Unmarshal(event, &doc)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, doc.Detail)
	return []byte("null"), err
}

// examples adds the functions of the project's example.
func (r *Rig) withExamples(steps map[string]Step) map[string]Step {
	steps["bank"] = step(bank.New)
	steps["settle"] = func(context.Context, env.Config) (Function, error) { return r.Events, nil }
	return steps
}

// bus starts what events of the functions go to, and returns its address.
func (r *Rig) bus(functions []template.Function, i invoker) string {
	b := eventbus.New(functions, i, eventbus.Options{Now: r.Clock.Now})
	door := httptest.NewServer(b)
	r.t.Cleanup(func() { b.Close(); door.Close() })
	return door.URL
}
