package apigw

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/shared/caller"
)

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

// What is rehearsed before the first event is an event like others: one that were
// refused would teach nothing.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	seen := 0
	for _, h := range []lambda.Handler{
		Adapt(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen++ }), log),
		AdaptAuthorizer(func(*http.Request) (caller.Verdict, error) { seen++; return caller.Verdict{}, nil }, log),
	} {
		_, err := h.Invoke(t.Context(), []byte(rehearsal))
		if err != nil {
			t.Error(err)
		}
	}
	if seen != 2 || lines.Len() > 0 {
		t.Errorf("%d events were seen as requests; %s", seen, lines.String())
	}
}
