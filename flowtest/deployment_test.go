package flowtest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/flowtest/bench"
	"latchkey/flowtest/rig"
	"latchkey/local/secretsmanager"
	"latchkey/shared/apigw"
	vault "latchkey/shared/secret"
)

// complete is a secret that works, and one that lacks what is needed.
const (
	complete   = `{"TWILIO_ACCOUNT_SID":"AC00000000000000000000000000000000","TWILIO_AUTH_TOKEN":"canary","VERIFY_SERVICE_SID":"VA00000000000000000000000000000000"}`
	incomplete = `{"TWILIO_ACCOUNT_SID":"AC00000000000000000000000000000000","TWILIO_AUTH_TOKEN":"canary"}`
)

// routeOf are requests that make a step use its table, and its vendor if it has
// one.
var routeOf = map[string]string{
	"home": "GET /", "signup": "POST /signup", "verify": "GET /verify", "resend": "POST /resend", "login": "POST /login", "status": "GET /status",
	"onetouch-callback": "POST /onetouch/callback", "approvals": "GET /approvals/" + strings.Repeat("0", 64), "account": "GET /account",
	"factors": "GET /factors", "password": "GET /password", "phone": "GET /phone", "recovery": "GET /recovery", "logout": "POST /logout", "phone-checks": "POST /phone-checks/" + strings.Repeat("0", 64),
}

// secretless are the steps that ask no vendor, and so read no secret.
var secretless = []string{"home", "account", "logout"}

// A deployment whose secret is missing, empty, malformed or incomplete starts
// functions that each say in one line what is wrong and what mends it, and answer
// everybody with a plain page; steps that need no secret are in order.
func TestDeploymentWithoutItsSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*secretsmanager.Store)
		want    string
	}{
		"none":       {func(*secretsmanager.Store) {}, "put-secret-value"},
		"empty":      {func(s *secretsmanager.Store) { s.Put("arn", nil) }, "put-secret-value"},
		"malformed":  {func(s *secretsmanager.Store) { put(s, "TWILIO_AUTH_TOKEN=canary") }, "must be one JSON object"},
		"incomplete": {func(s *secretsmanager.Store) { put(s, incomplete) }, "VERIFY_SERVICE_SID is not set: "},
		"forbidden":  {func(s *secretsmanager.Store) { s.Refuse("AccessDeniedException") }, "secretsmanager:GetSecretValue"},
	} {
		secrets := secretsmanager.New()
		c.prepare(secrets)
		for step, route := range routeOf {
			if slices.Contains(secretless, step) || name == "incomplete" && slices.Contains([]string{"onetouch-callback", "password", "recovery"}, step) {
				continue // the last three need no Verify service
			}
			res, log := launch(t, secrets, bench.Open(t), step, route)
			if res.StatusCode != 503 || !strings.Contains(res.Body, "not set up yet") || strings.Contains(res.Body, "href") {
				t.Errorf("%s, %s: %d %s", name, step, res.StatusCode, res.Body)
			}
			if !strings.Contains(log, c.want) || strings.Count(log, `"level":"ERROR"`) != 1 || strings.Contains(log, "canary") {
				t.Errorf("%s, %s: log %s", name, step, log)
			}
		}
	}
}

// A table that is not there, or that the function's role may not use, is named
// with what mends it, in one line; the visitor is told to come later.
func TestDeploymentWithoutItsTable(t *testing.T) {
	t.Parallel()
	secrets := secretsmanager.New()
	put(secrets, complete)
	for name, c := range map[string]struct{ answer, want string }{
		"missing":   {"ResourceNotFoundException", "the table that TABLE_NAME names is not in AWS_REGION"},
		"forbidden": {"AccessDeniedException", "the step's policy in the template must name the action"},
		"strangers": {"UnrecognizedClientException", "the AWS credentials are not accepted"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"no"}`, c.answer)
		}))
		t.Cleanup(server.Close)
		for _, step := range []string{"signup", "login", "account", "verify", "status", "approvals", "phone-checks"} {
			b := bench.Open(t)
			b.Set("AWS_ENDPOINT_URL_DYNAMODB=" + server.URL)
			res, log := launch(t, secrets, b, step, routeOf[step])
			if res.StatusCode != 503 {
				t.Errorf("%s, %s: %d %s", name, step, res.StatusCode, res.Body)
			}
			if strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, c.want) {
				t.Errorf("%s, %s: log %s", name, step, log)
			}
		}
	}
}

func put(s *secretsmanager.Store, text string) { s.Put("arn", &text) }

// launch starts a step as its command does, with a secret, and gives it one
// request of somebody who seems to be signed in.
func launch(t *testing.T, secrets http.Handler, b *bench.Table, step, route string) (events.APIGatewayV2HTTPResponse, string) {
	t.Helper()
	server := httptest.NewServer(secrets)
	defer server.Close()
	b.Set("SECRET_ARN=arn", "AWS_ENDPOINT_URL_SECRETS_MANAGER="+server.URL, "PHONE_CHECKS=on", "TWILIO_AUTH_TOKEN=", "TWILIO_ACCOUNT_SID=", "VERIFY_SERVICE_SID=", "PUBLIC_URL=http://localhost:3000")
	var log strings.Builder
	cfg := b.Config()
	cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	build := rig.Handler(step)
	if !slices.Contains(secretless, step) {
		build = vault.Renewing(build)
	}
	h, err := build(t.Context(), cfg)
	if err != nil {
		cfg.Log.Error("cannot start", "error", err.Error())
	}
	if h == nil {
		t.Fatalf("%s: %v", step, err)
	}
	method, path, _ := strings.Cut(route, " ")
	e := events.APIGatewayV2HTTPRequest{RawPath: path, Headers: map[string]string{"host": "localhost:3000", "content-type": "application/json", "accept": "application/json"}}
	e.Cookies = []string{"latchkey-session=" + strings.Repeat("A", 43) + "." + strings.Repeat("0", 32) + "." + strings.Repeat("A", 43)}
	e.Body = body[step]
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = method, "203.0.113.7"
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::000000000000:user/shop"}}
	event, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	out, err := apigw.Adapt(h, cfg.Log).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var res events.APIGatewayV2HTTPResponse
	err = json.Unmarshal(out, &res)
	if err != nil {
		t.Fatal(err)
	}
	return res, log.String()
}

// body is what is posted to a step.
var body = map[string]string{
	"signup":       `{"fullName":"Ada","email":"ada@example.com","password":"correct horse 1","countryCode":"US","phone":"4155552671"}`,
	"login":        `{"email":"ada@example.com","password":"correct horse 1"}`,
	"phone-checks": `{"code":"123456"}`, "resend": "{}", "logout": "{}",
}
