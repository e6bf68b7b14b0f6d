package apigw

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/shared/caller"
)

// calledBy is ctx with what the gateway's authorizer said
// (requestContext.authorizer,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
// A route without one leaves ctx as it is.
func calledBy(ctx context.Context, e events.APIGatewayV2HTTPRequest) context.Context {
	a := e.RequestContext.Authorizer
	if a == nil {
		return ctx
	}
	c := caller.Caller{Lambda: a.Lambda}
	if a.IAM != nil {
		c.IAM = a.IAM.UserARN
	}
	return caller.With(ctx, c)
}
