package apigw_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"latchkey/shared/apigw"
	"latchkey/shared/caller"
)

// question is what a gateway asks about GET /bank/a%2Fb?x=1.
const question = `{"version":"2.0","type":"REQUEST","routeArn":"arn:aws:execute-api:us-east-1:123456789012:local/$default/GET/bank/a/b",
	"identitySource":null,"routeKey":"GET /bank/{proxy+}","rawPath":"/bank/a/b","rawQueryString":"x=1&x=2","cookies":["session=s","step=p"],
	"headers":{"host":"id.example","authorization":"Bearer t"},
	"requestContext":{"domainName":"id.example","http":{"method":"GET","path":"/bank/a/b","sourceIp":"203.0.113.7"},"requestId":"req-1","routeKey":"GET /bank/{proxy+}"}}`

// decided is the authorizer's answer to an event, and what it logged.
func decided(t testing.TB, event string, decide apigw.Authorizer) (answer, log string, err error) {
	t.Helper()
	var lines bytes.Buffer
	out, err := apigw.AdaptAuthorizer(decide, slog.New(slog.NewJSONHandler(&lines, nil))).Invoke(context.Background(), []byte(event))
	return string(out), lines.String(), err
}

// The authorizer sees the request as the route's function would, but for its
// body, and the key of the route.
func TestAuthorizerSees(t *testing.T) {
	answer, _, err := decided(t, question, func(r *http.Request) (caller.Verdict, error) {
		body, err := io.ReadAll(r.Body)
		step, noStep := r.Cookie("step")
		if err != nil || len(body) > 0 || r.Method != "GET" || r.Pattern != "GET /bank/{proxy+}" || r.URL.RequestURI() != "/bank/a/b?x=1&x=2" ||
			r.Host != "id.example" || r.Header.Get("Authorization") != "Bearer t" || noStep != nil || step.Value != "p" || r.RemoteAddr != "203.0.113.7:0" {
			t.Errorf("%+v", r)
		}
		return caller.Verdict{Allowed: true, Context: map[string]any{"uid": "u", "confirmed_at": int64(1795168800)}}, nil
	})
	if err != nil || answer != `{"isAuthorized":true,"context":{"confirmed_at":1795168800,"uid":"u"}}` {
		t.Errorf("%s %v", answer, err)
	}
}

// Whoever it is not sure of is refused, and what went wrong inside stays there.
func TestAuthorizerIsNotSure(t *testing.T) {
	const canary = "secret-canary"
	for what, decide := range map[string]apigw.Authorizer{
		"an error": func(*http.Request) (caller.Verdict, error) {
			return caller.Verdict{Allowed: true}, errors.New("table away")
		},
		"a panic": func(*http.Request) (caller.Verdict, error) { panic(canary) },
	} {
		answer, log, err := decided(t, question, decide)
		if err == nil || answer != "" || strings.Contains(err.Error()+log, canary) || strings.Contains(err.Error(), "table") || !strings.Contains(log, "req-1") {
			t.Errorf("%s: %q %v\n%s", what, answer, err, log)
		}
	}
	for _, event := range []string{
		`{}`, `null`, `{"rawPath":"","requestContext":{"http":{"method":"GET"}}}`, `{"rawPath":"/x"}`, `{"rawPath":"x","requestContext":{"http":{"method":"GET"}}}`,
		`{"type":"TOKEN","authorizationToken":"t","methodArn":"arn"}`,
	} {
		answer, _, err := decided(t, event, func(*http.Request) (caller.Verdict, error) { return caller.Verdict{Allowed: true}, nil })
		if err == nil && answer != `{"isAuthorized":false}` {
			t.Errorf("%s: %q", event, answer)
		}
	}
}

// Nothing that a gateway could send makes an authorizer that denies let through.
func FuzzAuthorizer(f *testing.F) {
	f.Add([]byte(question))
	f.Add([]byte(`{"isAuthorized":true,"context":{}}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		answer, _, err := decided(t, string(event), func(*http.Request) (caller.Verdict, error) { return caller.Verdict{}, nil })
		if err != nil {
			return
		}
		var doc struct{ IsAuthorized *bool }
		if json.Unmarshal([]byte(answer), &doc) != nil || doc.IsAuthorized == nil || *doc.IsAuthorized {
			t.Errorf("%q", answer)
		}
	})
}
