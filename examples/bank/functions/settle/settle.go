// Package settle hears what became of transfers that customers were asked to
// approve. A real bank would book the approved ones here, once for each id: an
// event may come more than once.
package settle

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
)

// decided is the detail of latchkey's event "Approval decided".
type decided struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Decision  string `json:"decision"`
}

// errNone makes Lambda try an event again, and keep it then if the function has a
// place for those: it is not what latchkey sends.
var errNone = errors.New("the event names no decided approval")

// Hear returns what takes the events.
func Hear(log *slog.Logger) func(context.Context, events.EventBridgeEvent) error {
	return func(ctx context.Context, e events.EventBridgeEvent) error {
		var d decided
		err := json.Unmarshal(e.Detail, &d)
		if err != nil || d.ID == "" || d.Decision != "approved" && d.Decision != "denied" {
			return errNone
		}
		log.InfoContext(ctx, "transfer decided", "transfer", d.Reference, "decision", d.Decision, "approval", d.ID)
		return nil
	}
}
