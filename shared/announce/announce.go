// Package announce tells the owner what a user decided about an action: one
// event on EventBridge, at least once. It is sent by whoever comes to know of
// the decision, and noted on the action afterwards; who dies in between leaves
// it to the next who looks, so that consumers must take an id only once.
//
// It must not know how a decision was learnt, nor vendors.
package announce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/push"
	"latchkey/shared/sdk"
	"latchkey/shared/store"
)

// What rules match events by.
const (
	Source     = "latchkey"
	DetailType = "Approval decided"
)

// budget bounds the sending of one event with all its retries.
const budget = 2 * time.Second

// Bus is where the owner's events go.
type Bus struct {
	service sdk.Service
	name    string
}

// Open reads where the bus is, and its name. It connects to nothing.
func Open(cfg env.Config, vars *env.Vars) *Bus {
	s := sdk.Open(cfg, vars, "events", "EVENTBRIDGE", sdk.Tries{Most: 3, Pause: 200 * time.Millisecond})
	if cfg.Warm != nil {
		cfg.Warm(s.Endpoint, 1)
	}
	return &Bus{service: s, name: vars.String("EVENT_BUS", "default")}
}

// Detail is what an event says. A consumer finds its own action by Reference or
// ID; it must not act twice on one ID.
type Detail struct {
	ID        string        `json:"id"`
	User      string        `json:"user"` // the reference that approvals are asked for with
	UID       string        `json:"uid"`
	Reference string        `json:"reference"`
	Decision  push.Decision `json:"decision"` // Approved or Denied
	DecidedAt time.Time     `json:"decided_at"`
}

// Tell sends the event of an action whose approval p is approved or denied, and
// notes on the action that it was sent. It does nothing when that stands there
// already, or when nothing is decided. After an error it may have been sent.
func (b *Bus) Tell(ctx context.Context, table *store.Table, a store.Action, p store.Approval, now time.Time) error {
	answer := p.Answer()
	if !a.ToldAt.IsZero() || answer != push.Approved && answer != push.Denied {
		return nil
	}
	err := b.send(ctx, Detail{a.ID, a.Whose(), a.UID, a.Reference, answer, p.DecidedAt})
	if err != nil {
		return err
	}
	a.Ref = p.Ref
	return table.ToldAction(ctx, a, now)
}

// send puts one event onto the bus. A bus may take a request and refuse the
// event in it, which the SDK does not try again.
func (b *Bus) send(ctx context.Context, d Detail) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("sending an event: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	in := struct{ Entries []entry }{[]entry{{b.name, Source, DetailType, string(text), float64(d.DecidedAt.UnixMilli()) / 1000}}}
	var out struct {
		FailedEntryCount int
		Entries          []outcome
	}
	err = b.service.Call(ctx, "AWSEvents.PutEvents", in, &out)
	if err != nil {
		return fmt.Errorf("sending an event: %w", err)
	}
	if out.FailedEntryCount != 0 || len(out.Entries) != 1 {
		return refused(out.Entries)
	}
	return nil
}

// entry is an event as the bus takes it
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html).
type entry struct {
	EventBusName, Source, DetailType, Detail string

	Time float64 // seconds since 1970
}

// outcome is what became of one.
type outcome struct{ ErrorCode string }

// refused names the bus's reason; its message may quote the event.
func refused(entries []outcome) error {
	for _, e := range entries {
		if e.ErrorCode != "" {
			return fmt.Errorf("sending an event: the bus refuses it: %s", e.ErrorCode)
		}
	}
	return errors.New("sending an event: the bus did not take it")
}
