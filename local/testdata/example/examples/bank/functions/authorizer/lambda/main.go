// Command lambda lets in who knows the word.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(_ context.Context, e events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{
			IsAuthorized: e.Headers["x-word"] == "sesame",
			Context:      map[string]any{"uid": "u1", "settled": true, "confirmed_at": 1772597167},
		}, nil
	})
}
