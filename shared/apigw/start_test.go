package apigw

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/shared/outbound"
)

// Before its first request a step has as many connections to an origin as it will
// need at once. Where one fails, no others are tried.
func TestWarm(t *testing.T) {
	t.Parallel()
	const many = 5
	var conns, asked atomic.Int32
	all := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n := asked.Add(1); n > 1 {
			if n == 1+many {
				close(all)
			}
			<-all
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	var refused atomic.Int32
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		refused.Add(1)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(broken.Close)
	warm(outbound.Client(outbound.Transport(time.Now)), map[string]int{srv.URL: many, broken.URL: many})
	if conns.Load() != many || asked.Load() != 1+many {
		t.Errorf("%d connections, %d requests", conns.Load(), asked.Load())
	}
	if refused.Load() != 1 {
		t.Errorf("%d tries where none helps", refused.Load())
	}
}

// a step that cannot start says so to everybody, with the headers
// of any other answer, as a page or as a document.
func TestBroken(t *testing.T) {
	t.Parallel()
	for accept, kind := range map[string]string{"text/html": "text/html; charset=utf-8", "application/json": "application/problem+json"} {
		e := events.APIGatewayV2HTTPRequest{RawPath: "/signup", Headers: map[string]string{"accept": accept, "host": "id.example.com"}}
		e.RequestContext.HTTP.Method = "POST"
		event, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Adapt(broken{}, slog.New(slog.DiscardHandler)).Invoke(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		var res events.APIGatewayV2HTTPResponse
		err = json.Unmarshal(out, &res)
		if err != nil || res.StatusCode != 503 {
			t.Fatalf("%s %v", out, err)
		}
		for name, want := range map[string]string{
			"content-type": kind, "cache-control": "no-store", "retry-after": "60", "strict-transport-security": "max-age=63072000; includeSubDomains",
			"content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", "x-content-type-options": "nosniff",
		} {
			if res.Headers[name] != want {
				t.Errorf("%s: %s is %q, want %q", accept, name, res.Headers[name], want)
			}
		}
	}
}
