package settle_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/examples/bank/functions/settle"
)

// A decision is booked; what is none is not taken for one, and is not lost
// without a word either.
func TestHear(t *testing.T) {
	for detail, booked := range map[string]bool{
		`{"id":"a1","user":"h.u","uid":"u","reference":"transfer of 5.00 EUR","decision":"approved","decided_at":"2026-11-20T10:00:00Z"}`: true,
		`{"id":"a1","reference":"","decision":"denied","more":1}`:                                                                         true,
		`{"id":"a1","decision":"expired"}`: false, `{"id":"a1"}`: false, `{"decision":"approved"}`: false, `{}`: false, `[]`: false, `null`: false, ``: false,
		`{"id":1,"decision":"approved"}`: false,
	} {
		var log bytes.Buffer
		err := settle.Hear(slog.New(slog.NewJSONHandler(&log, nil)))(t.Context(), events.EventBridgeEvent{Detail: []byte(detail)})
		if (err == nil) != booked || strings.Contains(log.String(), `"approval":"a1"`) != booked {
			t.Errorf("%s: %v, %s", detail, err, &log)
		}
	}
}
