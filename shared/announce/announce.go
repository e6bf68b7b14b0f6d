// Package announce tells the owner what a user decided about an action: one
// event on EventBridge, at least once. It is sent by whoever comes to know of
// the decision, and noted on the action afterwards; who dies in between leaves
// it to the next who looks, so that consumers must take an id only once.
//
// It is the only importer of the EventBridge SDK. It must not know how a
// decision was learnt, nor vendors.
package announce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

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
	client *eventbridge.Client
	name   *string
}

// Open reads where the bus is, and its name. It connects to nothing.
func Open(cfg env.Config, vars *env.Vars) *Bus {
	s := sdk.Open(cfg, vars, "EVENTBRIDGE", regional, sdk.Tries{Most: 3, Pause: 200 * time.Millisecond})
	if cfg.Warm != nil {
		cfg.Warm(s.Endpoint)
	}
	return &Bus{
		name: aws.String(vars.String("EVENT_BUS", "default")),
		client: eventbridge.New(eventbridge.Options{
			Region: s.Region, BaseEndpoint: aws.String(s.Endpoint), HTTPClient: s.HTTP, Credentials: s.Keys, Retryer: s.Retryer,
		}),
	}
}

// regional is the region's own address.
func regional(region string) string {
	e, err := eventbridge.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), eventbridge.EndpointParameters{Region: &region})
	if err != nil {
		return "https://events." + region + ".amazonaws.com"
	}
	return e.URI.String()
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
	out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: b.name, Source: aws.String(Source), DetailType: aws.String(DetailType),
		Detail: aws.String(string(text)), Time: aws.Time(d.DecidedAt),
	}}})
	if err != nil {
		return fmt.Errorf("sending an event: %w", err)
	}
	if out.FailedEntryCount != 0 || len(out.Entries) != 1 {
		return refused(out.Entries)
	}
	return nil
}

// refused names the bus's reason; its message may quote the event.
func refused(entries []types.PutEventsResultEntry) error {
	for _, e := range entries {
		if e.ErrorCode != nil {
			return fmt.Errorf("sending an event: the bus refuses it: %s", *e.ErrorCode)
		}
	}
	return errors.New("sending an event: the bus did not take it")
}
