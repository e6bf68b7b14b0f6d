// Package gateway plays an API Gateway HTTP API (payload format 2.0, $default stage) on a
// laptop: it turns HTTP requests into the events that AWS would send, asks the route's
// authorizer or verifies its caller's signature, has somebody invoke the function that the
// template's routes name, and turns its answer into an HTTP response. It
// follows AWS, not SAM's local imitation. It has structs of its own for both, so that a
// mistake of the product's event library is not agreed with, and knows nothing of how
// functions run.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"latchkey/local/sigv4"
	"latchkey/local/template"
)

// Limits of the service, in bytes
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
const (
	maxHeader = 10240    // request line and headers
	maxBody   = 10 << 20 // as sent
	maxEvent  = 6 << 20  // Lambda's own limit for an event
)

// integrationTimeout is how long the service waits for a function.
const integrationTimeout = 30 * time.Second

// Invoker runs the function of that name (template.Function.Name, such as "signup") with an
// event, and returns its answer. An error means that the function failed or could not run.
type Invoker interface {
	Invoke(ctx context.Context, function string, event []byte) ([]byte, error)
}

// Options has useful zero values.
type Options struct {
	// Now is the clock of events. Nil means time.Now.
	Now func() time.Time
	// Timeout is how long a function is waited for; then the client gets 503. The function
	// is not told, as on AWS. Zero means 30 seconds.
	Timeout time.Duration
	// AccessKey and SecretKey are the only credentials that may sign for routes with AWS_IAM,
	// and may do everything. Without them such routes refuse every call.
	AccessKey, SecretKey string
	// Log gets a line for each request that a function failed. Nil drops it.
	Log *slog.Logger
}

type gateway struct {
	routes  []route
	invoker Invoker
	now     func() time.Time
	timeout time.Duration
	signer  sigv4.Verifier
	log     *slog.Logger
}

// New returns the gateway as a handler. It fails on routes that the service would refuse.
func New(functions []template.Function, invoker Invoker, options Options) (http.Handler, error) {
	routes, err := compile(functions)
	if err != nil {
		return nil, err
	}
	g := &gateway{routes: routes, invoker: invoker, now: options.Now, timeout: options.Timeout, log: options.Log}
	g.signer = sigv4.Verifier{AccessKey: options.AccessKey, SecretKey: options.SecretKey, Region: region, Service: "execute-api", Now: options.Now}
	if g.now == nil {
		g.now = time.Now
	}
	if g.timeout == 0 {
		g.timeout = integrationTimeout
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	return g, nil
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if headerSize(r) > maxHeader {
		message(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	segments, err := split(r.URL.EscapedPath())
	if err != nil {
		message(w, http.StatusBadRequest, "Bad Request")
		return
	}
	matched, variables := match(g.routes, r.Method, segments)
	if matched == nil {
		message(w, http.StatusNotFound, "Not Found")
		return
	}
	body, status := read(w, r)
	if status != 0 {
		message(w, status, http.StatusText(status))
		return
	}
	e := newEvent(r, matched.key, variables, body, g.now())
	w.Header().Set("Apigw-Requestid", e.RequestContext.RequestID)
	authorization, refused := g.authorize(r, matched, e, body)
	if refused != nil {
		message(w, refused.status, refused.text)
		return
	}
	e.RequestContext.Authorizer = authorization
	g.serve(w, r, matched, e)
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request, matched *route, e event) {
	encoded, err := json.Marshal(e)
	if err != nil || len(encoded) > maxEvent {
		message(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	// A client that goes away does not stop a function on AWS either.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), g.timeout)
	defer cancel()
	answer, err := g.invoker.Invoke(ctx, matched.function, encoded)
	if err != nil {
		g.fail(w, ctx, matched, err)
		return
	}
	resp, err := parseResponse(answer)
	if err != nil {
		g.fail(w, ctx, matched, err)
		return
	}
	resp.write(w)
}

// fail answers as the service does: 503 when it gave up waiting, 500 for every fault of a
// function, its own time limit included.
func (g *gateway) fail(w http.ResponseWriter, ctx context.Context, matched *route, err error) {
	g.log.Warn("function failed", "function", matched.function, "route", matched.key, "error", err)
	if ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
		message(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	message(w, http.StatusInternalServerError, "Internal Server Error")
}

// read reads the whole body, or returns the status to refuse it with.
func read(w http.ResponseWriter, r *http.Request) ([]byte, int) {
	if r.ContentLength > maxBody {
		return nil, http.StatusRequestEntityTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return nil, http.StatusBadRequest
	}
	return body, 0
}

// headerSize counts the request line and the headers as they came over the wire.
func headerSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  \r\n") + len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(": \r\n") + len(v)
		}
	}
	return size
}

// message answers in the service's own name.
func message(w http.ResponseWriter, status int, text string) {
	body, _ := json.Marshal(map[string]string{"message": text})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
