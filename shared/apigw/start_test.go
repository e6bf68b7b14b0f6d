package apigw

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/aws/aws-lambda-go/events"
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
