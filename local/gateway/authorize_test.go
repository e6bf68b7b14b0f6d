package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"latchkey/local/template"
)

// guarded is one route that asks the function "door", with the given identity sources.
func guarded(headers ...string) []template.Function {
	fs := functions("pages: POST /a/{id}")
	fs[0].Routes[0].Authorizer = &template.Authorizer{Name: "Door", Function: "door", Headers: headers}
	return fs
}

// house plays both functions: the door answers as told, the pages with the event's authorizer.
type house struct {
	answer     string
	fault      error
	asked      map[string]any // the last event of the door
	asks, runs int
}

func (h *house) invoke(_ context.Context, function string, data []byte) ([]byte, error) {
	if function == "door" {
		h.asks++
		return []byte(h.answer), errors.Join(h.fault, json.Unmarshal(data, &h.asked))
	}
	h.runs++
	var e struct {
		RequestContext struct{ Authorizer json.RawMessage }
	}
	err := json.Unmarshal(data, &e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"statusCode": 200, "body": string(e.RequestContext.Authorizer)})
}

func TestAuthorizer(t *testing.T) {
	const wrong = `{"message":"Internal Server Error"}`
	cases := []struct {
		name, answer string
		fault        error
		status       int
		body         string
	}{
		{"yes", `{"isAuthorized":true}`, nil, 200, `{"lambda":null}`},
		{"with an empty context", `{"isAuthorized":true,"context":{}}`, nil, 200, `{"lambda":null}`},
		{"with a null context", `{"isAuthorized":true,"context":null}`, nil, 200, `{"lambda":null}`},
		{"with a context", `{"isAuthorized":true,"context":{"n":12345678901234567890,"t":"x","b":false,"l":[1],"z":null}}`, nil, 200,
			`{"lambda":{"n":12345678901234567890,"t":"x","b":false,"l":[1],"z":null}}`},
		{"no", `{"isAuthorized":false,"context":{"a":1}}`, nil, 403, `{"message":"Forbidden"}`},
		{"a text", `{"isAuthorized":"true"}`, nil, 500, wrong},
		{"a number", `{"isAuthorized":1}`, nil, 500, wrong},
		{"null", `{"isAuthorized":null}`, nil, 500, wrong},
		{"other case", `{"IsAuthorized":true}`, nil, 500, wrong},
		{"nothing", `{}`, nil, 500, wrong},
		{"a policy", `{"principalId":"x","policyDocument":{}}`, nil, 500, wrong},
		{"a bare value", `true`, nil, 500, wrong},
		{"null alone", `null`, nil, 500, wrong},
		{"no JSON", `oops`, nil, 500, wrong},
		{"empty", ``, nil, 500, wrong},
		{"a context that is a list", `{"isAuthorized":true,"context":[]}`, nil, 500, wrong},
		{"a fault", `{"isAuthorized":true}`, errors.New("boom"), 500, wrong},
	}
	for _, c := range cases {
		h := &house{answer: c.answer, fault: c.fault}
		server := serve(t, guarded(), h.invoke, Options{})
		resp := exchange(t, server, "POST /a/1 HTTP/1.1\r\nHost: h\r\n\r\n")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || string(body) != c.body || resp.Header.Get("Apigw-Requestid") == "" {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
		if h.asks != 1 || (h.runs == 1) != (c.status == 200) {
			t.Errorf("%s: %d questions, %d calls", c.name, h.asks, h.runs)
		}
	}
}

// The authorizer is told all of the request but the body.
func TestAuthorizerEvent(t *testing.T) {
	h := &house{answer: `{"isAuthorized":true}`}
	server := serve(t, guarded("X-Key", "authorization"), h.invoke, Options{})
	resp := exchange(t, server, "POST /a/%C3%A9?q=1&q=2 HTTP/1.1\r\nHost: example.test\r\nx-key: k\r\nAuthorization: Bearer t\r\n"+
		"Cookie: session=s; step=p\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nsecret")
	if resp.StatusCode != 200 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	want := map[string]any{
		"version": "2.0", "type": "REQUEST", "routeKey": "POST /a/{id}", "rawPath": "/a/é", "rawQueryString": "q=1&q=2",
		"routeArn":       "arn:aws:execute-api:us-east-1:123456789012:local/$default/POST/a/é",
		"identitySource": []any{"k", "Bearer t"}, "cookies": []any{"session=s", "step=p"},
		"queryStringParameters": map[string]any{"q": "1,2"}, "pathParameters": map[string]any{"id": "é"},
	}
	for key, value := range want {
		if !reflect.DeepEqual(h.asked[key], value) {
			t.Errorf("%s = %v, want %v", key, h.asked[key], value)
		}
	}
	context := h.asked["requestContext"].(map[string]any)
	if context["requestId"] != resp.Header.Get("Apigw-Requestid") || context["authorizer"] != nil || context["stage"] != "$default" {
		t.Errorf("requestContext = %v", context)
	}
	if h.asked["headers"].(map[string]any)["x-key"] != "k" {
		t.Errorf("headers = %v", h.asked["headers"])
	}
	if len(h.asked) != len(want)+2 {
		t.Errorf("event = %v", h.asked)
	}
}

// Without its identity sources nobody is asked; without any configured it is null.
func TestIdentitySources(t *testing.T) {
	h := &house{answer: `{"isAuthorized":true}`}
	server := serve(t, guarded("X-Key", "X-Other"), h.invoke, Options{})
	for _, headers := range []string{"", "X-Key: k\r\n", "X-Other: o\r\n", "X-Key: k\r\nX-Other: \r\n"} {
		resp := exchange(t, server, "POST /a/1 HTTP/1.1\r\nHost: h\r\n"+headers+"\r\n")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 401 || string(body) != `{"message":"Unauthorized"}` || h.asks+h.runs != 0 {
			t.Errorf("%q: %d %s, %d questions", headers, resp.StatusCode, body, h.asks)
		}
	}
	resp := exchange(t, serve(t, guarded(), h.invoke, Options{}), "POST /a/1 HTTP/1.1\r\nHost: h\r\n\r\n")
	sources, there := h.asked["identitySource"]
	if resp.StatusCode != 200 || sources != nil || !there {
		t.Errorf("%d, identity sources %v", resp.StatusCode, sources)
	}
}

// Each route asks its own: another route of the same function is open.
func TestOpenBesideGuarded(t *testing.T) {
	h := &house{answer: `{"isAuthorized":false}`}
	fs := guarded()
	fs[0].Routes = append(fs[0].Routes, template.Route{Method: "GET", Path: "/open"})
	server := serve(t, fs, h.invoke, Options{})
	resp := exchange(t, server, "GET /open HTTP/1.1\r\nHost: h\r\n\r\n")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || string(body) != "" || h.asks != 0 {
		t.Errorf("%d %s, %d questions", resp.StatusCode, body, h.asks)
	}
}

func TestAuthorizerTimeout(t *testing.T) {
	runs := 0
	server := serve(t, guarded(), func(ctx context.Context, function string, _ []byte) ([]byte, error) {
		if function != "door" {
			runs++
			return []byte(`{"statusCode":200}`), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}, Options{Timeout: 20 * time.Millisecond})
	start := time.Now()
	resp := exchange(t, server, "POST /a/1 HTTP/1.1\r\nHost: h\r\n\r\n")
	if resp.StatusCode != 500 || runs != 0 || time.Since(start) > 5*time.Second {
		t.Errorf("%d, %d calls, after %v", resp.StatusCode, runs, time.Since(start))
	}
}

func TestIAM(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	h := &house{}
	fs := functions("pages: POST /a/{id}")
	fs[0].Routes[0].IAM = true
	server := serve(t, fs, h.invoke, Options{AccessKey: "local", SecretKey: "local", Now: func() time.Time { return now }})
	const mismatch = `{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`
	cases := []struct {
		name, secret string
		at           time.Duration
		change       func(*http.Request)
		status       int
		body         string
	}{
		{"right", "local", 0, nil, 200, `{"iam":{"accessKey":"local","accountId":"123456789012","callerId":"AIDA00000000000000000","cognitoIdentity":null,` +
			`"principalOrgId":"o-0000000000","userArn":"arn:aws:iam::123456789012:user/local","userId":"AIDA00000000000000000"}}`},
		{"unsigned", "local", 0, func(r *http.Request) { r.Header.Del("Authorization") }, 403, `{"message":"Missing Authentication Token"}`},
		{"another key", "guessed", 0, nil, 403, mismatch},
		{"another body", "local", 0, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"a":2}`)) }, 403, mismatch},
		{"old", "local", -6 * time.Minute, nil, 403, `{"message":"Signature expired: 20260304T050007Z is now earlier than 20260304T050107Z (20260304T050607Z - 5 min.)"}`},
	}
	for _, c := range cases {
		h.runs = 0
		body := []byte(`{"a":1}`)
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/a/x%2Fy?b=2&a=1", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		const sum = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862" // SHA-256 of the body
		err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "local", SecretAccessKey: c.secret}, r, sum, "execute-api", "us-east-1", now.Add(c.at))
		if err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			c.change(r)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || string(got) != c.body || (h.runs == 1) != (c.status == 200) {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, got)
		}
	}
	keyless := serve(t, fs, h.invoke, Options{})
	resp := exchange(t, keyless, "POST /a/1 HTTP/1.1\r\nHost: h\r\nAuthorization: AWS4-HMAC-SHA256 Credential=/20260304/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64)+"\r\n\r\n")
	if resp.StatusCode != 403 {
		t.Errorf("a gateway without keys: %d", resp.StatusCode)
	}
}

func FuzzDecision(f *testing.F) {
	f.Add([]byte(`{"isAuthorized":true,"context":{"a":1}}`))
	f.Add([]byte(`{"isAuthorized": false , "isAuthorized":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		allowed, said, err := parseDecision(data)
		if err != nil && allowed {
			t.Error("a fault lets somebody in")
		}
		encoded, err := json.Marshal(said)
		if err != nil || !json.Valid(encoded) {
			t.Errorf("%s: %v", encoded, err)
		}
	})
}
