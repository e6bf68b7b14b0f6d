// Command lambda hears what became of transfers that customers were asked to
// approve. A real bank would book the approved ones here, once for each id: an
// event may come more than once.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

// decided is the detail of latchkey's event "Approval decided".
type decided struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Decision  string `json:"decision"`
}

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	lambda.Start(func(_ context.Context, e events.EventBridgeEvent) error {
		var d decided
		err := json.Unmarshal(e.Detail, &d)
		if err != nil {
			return err
		}
		log.Info("transfer decided", "transfer", d.Reference, "decision", d.Decision, "approval", d.ID)
		return nil
	})
}
