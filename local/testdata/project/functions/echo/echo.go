// Package echo is a step that shows what it was given, for the tests of the runner.
package echo

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/events"
)

// Version is changed by a test.
const Version = "one"

// Answer is what the step answers with.
type Answer struct {
	Version string
	Env     []string
	Event   events.APIGatewayV2HTTPRequest
}

// Handle answers with the event and the environment.
func Handle(_ context.Context, e events.APIGatewayV2HTTPRequest) (Answer, error) {
	return Answer{Version: Version, Env: os.Environ(), Event: e}, nil
}
