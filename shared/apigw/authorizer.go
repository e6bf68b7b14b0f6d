package apigw

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/shared/caller"
	"latchkey/shared/env"
)

// Authorizer says whether a request may reach the function of its route. The
// request has no body; its Pattern is the route's key. An error is nobody's
// refusal: the gateway then answers 500.
type Authorizer func(r *http.Request) (caller.Verdict, error)

// NewAuthorizer makes an authorizer as New makes a step.
type NewAuthorizer func(ctx context.Context, cfg env.Config) (Authorizer, error)

// errUndecided is all that the runtime, which prints errors, learns of one.
var errUndecided = errors.New("the authorizer could not decide; its log says why")

// AdaptAuthorizer makes an authorizer one that the Lambda runtime can call.
func AdaptAuthorizer(decide Authorizer, log *slog.Logger, options ...lambda.Option) lambda.Handler {
	return lambda.NewHandlerWithOptions(func(ctx context.Context, e events.APIGatewayV2CustomAuthorizerV2Request) (answer events.APIGatewayV2CustomAuthorizerSimpleResponse, failed error) {
		none := events.APIGatewayV2CustomAuthorizerSimpleResponse{}
		defer func() { // the runtime would print what it holds
			if recover() != nil {
				log.ErrorContext(ctx, "authorizer panicked", "request", e.RequestContext.RequestID, "route", e.RouteKey)
				answer, failed = none, errUndecided
			}
		}()
		deadline, ok := ctx.Deadline()
		if ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-spare))
			defer cancel()
		}
		r, err := Request(ctx, events.APIGatewayV2HTTPRequest{
			RawPath: e.RawPath, RawQueryString: e.RawQueryString, Cookies: e.Cookies, Headers: e.Headers, RequestContext: e.RequestContext,
		})
		if err != nil {
			log.ErrorContext(ctx, "event not understood", "error", err)
			return none, nil
		}
		r.Pattern = e.RouteKey
		v, err := decide(r)
		if err != nil {
			log.ErrorContext(ctx, "authorizer failed", "request", e.RequestContext.RequestID, "route", e.RouteKey, "error", err)
			return none, errUndecided
		}
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: v.Allowed, Context: v.Context}, nil
	}, options...)
}
