// Command lambda shows who called, tells the event bus, and says what it was told.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	RouteKey       string
	DetailType     string `json:"detail-type"`
	Detail         json.RawMessage
	RequestContext struct{ Authorizer json.RawMessage }
}

func main() { lambda.Start(handle) }

func handle(ctx context.Context, e event) (any, error) {
	switch {
	case e.DetailType != "":
		fmt.Fprintf(os.Stderr, "was told %s\n", e.Detail)
		return nil, nil
	case e.RouteKey == "POST /bank/tell":
		return tell(ctx)
	}
	return map[string]any{"authorizer": e.RequestContext.Authorizer, "latchkey": os.Getenv("LATCHKEY_URL")}, nil
}

func tell(ctx context.Context) (any, error) {
	const body = `{"Entries":[{"Source":"bank","DetailType":"Told","Detail":"{\"id\":7}","EventBusName":"%s"}]}`
	r, err := http.NewRequestWithContext(ctx, "POST", os.Getenv("AWS_ENDPOINT_URL_EVENTBRIDGE")+"/", strings.NewReader(fmt.Sprintf(body, os.Getenv("EVENT_BUS"))))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return map[string]any{"statusCode": answer.StatusCode}, nil
}
