package apigw

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/shared/abreast"
	"latchkey/shared/caller"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
	"latchkey/shared/web"
)

// New makes a step's handler. It reads its whole configuration here and
// reports every fault of it. A handler that comes with an error is one that
// answers until it can do more.
type New func(ctx context.Context, cfg env.Config) (http.Handler, error)

// spare is what a handler leaves of its time, so that its own answer and not
// the gateway's ends a slow request.
const spare = 500 * time.Millisecond

// Start runs a step on Lambda and does not return. A step that cannot start
// says why in one log line and answers every request with 503: the operator
// finds a sentence, not a crash loop.
func Start(step New) {
	start(func(ctx context.Context, cfg env.Config) (lambda.Handler, error) {
		h, err := step(ctx, cfg)
		if h == nil {
			h = broken{}
		}
		return Adapt(h, cfg.Log, kept()), err
	}, Adapt(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler)))
}

// StartAuthorizer runs a Lambda authorizer (payload 2.0, simple responses) and
// does not return. One that cannot start lets nobody pass.
func StartAuthorizer(step NewAuthorizer) {
	start(func(ctx context.Context, cfg env.Config) (lambda.Handler, error) {
		decide, err := step(ctx, cfg)
		if err != nil {
			decide = func(*http.Request) (caller.Verdict, error) { return caller.Verdict{}, errUndecided }
		}
		return AdaptAuthorizer(decide, cfg.Log, kept()), err
	}, AdaptAuthorizer(func(*http.Request) (caller.Verdict, error) { return caller.Verdict{}, nil }, slog.New(slog.DiscardHandler)))
}

// kept has what a request does at once done by goroutines that are kept.
func kept() lambda.Option {
	return lambda.WithContext(abreast.With(context.Background(), abreast.NewHands()))
}

// start gives a function what it takes from outside, and runs it. idle takes the same
// events and does nothing.
func start(make func(context.Context, env.Config) (lambda.Handler, error), idle lambda.Handler) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	transport := outbound.NewTransport(time.Now)
	origins := map[string]int{}
	h, err := make(context.Background(), env.Config{
		Getenv: os.Getenv, Now: time.Now, HTTP: outbound.Client(transport), Log: log,
		Warm: func(origin string, n int) { origins[origin] = max(origins[origin], n) },
	})
	if err != nil {
		log.Error("this step cannot start; mend its configuration and deploy again, or mend the secret", "error", err.Error())
	}
	if warm(transport, origins) {
		idle.Invoke(context.Background(), []byte(rehearsal)) //nolint:errcheck // nobody hears it
	}
	lambda.Start(h)
}

// rehearsal is an event with something in each part of one. What encoding/json has to
// know of a type it finds out when it first meets a value of it: that was a quarter of a first answer.
const rehearsal = `{"rawPath":"/","headers":{"host":"localhost"},"requestContext":{"http":{"method":"GET"},"authorizer":{"iam":{},"lambda":{}}}}`

// Adapt makes a handler one that the Lambda runtime can call. It never returns
// an error: the runtime prints errors whole, with whatever is in them.
func Adapt(h http.Handler, log *slog.Logger, options ...lambda.Option) lambda.Handler {
	return lambda.NewHandlerWithOptions(func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		deadline, ok := ctx.Deadline()
		if ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-spare))
			defer cancel()
		}
		r, err := Request(ctx, e)
		if err != nil {
			log.ErrorContext(ctx, "event not understood", "error", err)
			return refusal(&http.Request{Header: header(e)}, web.Malformed("The gateway's event could not be read.")), nil
		}
		w := &recorder{header: http.Header{}}
		h.ServeHTTP(w, r)
		res, err := w.response()
		if err != nil {
			log.ErrorContext(ctx, "answer not sent", "error", err)
			p := web.Unavailable(nil)
			p.Status = http.StatusInternalServerError
			return refusal(r, p), nil
		}
		return res, nil
	}, options...)
}

// warm makes as many connections to each origin as there will be calls at once,
// before the first request: a TLS handshake costs 230 ms in a small Lambda's handler and 6 ms in
// its start. Failures do not matter: the first request tries again. It reports whether
// there are any.
func warm(transport *outbound.Transport, origins map[string]int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	var some atomic.Bool
	for origin, n := range origins {
		wg.Go(func() {
			if transport.Warm(ctx, origin, n) {
				some.Store(true)
			}
		})
	}
	wg.Wait()
	return some.Load()
}

// broken answers for a step that could not start.
type broken struct{}

// ServeHTTP answers 503.
func (broken) ServeHTTP(w http.ResponseWriter, r *http.Request) { web.Plain(w, r, web.NotSetUp()) }

// refusal is an answer of the adapter's own.
func refusal(r *http.Request, p *web.Problem) events.APIGatewayV2HTTPResponse {
	w := &recorder{header: http.Header{}}
	web.Plain(w, r, p)
	res, _ := w.response() // nothing of the request is in its headers
	return res
}
