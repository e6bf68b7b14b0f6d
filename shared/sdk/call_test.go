package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"latchkey/shared/env"
)

// heard is what a service was sent.
type heard struct {
	method, path, target, kind, scope string
	body                              any
}

// service is a server that answers the nth request with the nth status and body,
// and what it hears.
func service(t *testing.T, answers ...func(w http.ResponseWriter)) (Service, func() []heard) {
	t.Helper()
	var mu sync.Mutex // who gives up on an answer reads on before its server is done
	var all []heard
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h := heard{method: r.Method, path: r.URL.Path, target: r.Header.Get("X-Amz-Target"), kind: r.Header.Get("Content-Type")}
		_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		h.scope, _, _ = strings.Cut(scope, ",")
		err = json.Unmarshal(text, &h.body)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		mu.Lock()
		all = append(all, h)
		n := len(all)
		mu.Unlock()
		answers[min(n, len(answers))-1](w)
	}))
	t.Cleanup(srv.Close)
	cfg := env.Config{Now: time.Now, HTTP: srv.Client(), Getenv: func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL_IT": srv.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "key"}[name]
	}}
	vars := env.Read(cfg)
	s := Open(cfg, vars, "secretsmanager", "IT", Tries{Most: 3, Pause: time.Millisecond})
	if vars.Err() != nil {
		t.Fatal(vars.Err())
	}
	return s, func() []heard {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func answer(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // nobody waits for it then
	}
}

// We ask as the services' own clients do.
func TestAsksAsTheSDKDoes(t *testing.T) {
	s, all := service(t, answer(200, `{}`))
	ctx, at := t.Context(), time.UnixMilli(1_800_000_000_123)
	secrets := secretsmanager.New(secretsmanager.Options{Region: s.Region, BaseEndpoint: &s.Endpoint, HTTPClient: s.HTTP, Credentials: s.Keys})
	_, err := secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("arn:it")})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Call(ctx, "secretsmanager.GetSecretValue", map[string]string{"SecretId": "arn:it"}, &struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	bus := eventbridge.New(eventbridge.Options{Region: s.Region, BaseEndpoint: &s.Endpoint, HTTPClient: s.HTTP, Credentials: s.Keys})
	_, err = bus.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: aws.String("default"), Source: aws.String("it"), DetailType: aws.String("said"), Detail: aws.String(`{"a":"<b>"}`), Time: &at,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Name = "events"
	err = s.Call(ctx, "AWSEvents.PutEvents", map[string]any{"Entries": []any{map[string]any{
		"EventBusName": "default", "Source": "it", "DetailType": "said", "Detail": `{"a":"<b>"}`, "Time": float64(at.UnixMilli()) / 1000,
	}}}, &struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(all()); i += 2 {
		if !reflect.DeepEqual(all()[i], all()[i+1]) {
			t.Errorf("\n%v is asked by the SDK\n%v by us", all()[i], all()[i+1])
		}
	}
	if len(all()) != 4 {
		t.Errorf("%d requests", len(all()))
	}
}

// What a refusal is, and what is tried again.
func TestRefusals(t *testing.T) {
	broken := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		code   string
		tries  int
	}{
		"a code":                {answer(400, `{"__type":"AccessDeniedException","Message":"no"}`), "AccessDeniedException", 1},
		"a code in a namespace": {answer(400, `{"__type":"com.amazonaws.it#ResourceNotFoundException:http://it/","message":"no"}`), "ResourceNotFoundException", 1},
		"a code in a header": {func(w http.ResponseWriter) {
			w.Header().Set("X-Amzn-ErrorType", "DecryptionFailure:")
			answer(400, `{"message":"no"}`)(w)
		}, "DecryptionFailure", 1},
		"too many":      {answer(400, `{"__type":"ThrottlingException"}`), "ThrottlingException", 3},
		"its own fault": {answer(500, `{"__type":"InternalServiceError"}`), "InternalServiceError", 3},
		"a gateway's":   {answer(503, `<html>canary</html>`), "", 3},
		"no JSON":       {answer(200, `{"SecretString":"canary`), "NoJSON", 1},
		"no answer":     {broken, "-", 3},
	} {
		s, all := service(t, c.answer)
		err := s.Call(t.Context(), "it.Ask", struct{}{}, &struct{ SecretString string }{})
		var fault *Fault
		if errors.As(err, &fault) != (c.code != "-") || fault != nil && fault.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil || strings.Contains(err.Error(), "canary") || len(all()) != c.tries {
			t.Errorf("%s: %v after %d tries, want %d", name, err, len(all()), c.tries)
		}
	}
}

// A try that works ends it; a context that is over does, too.
func TestTriesEnd(t *testing.T) {
	s, all := service(t, answer(500, `{}`), answer(200, `{"a":1}`))
	var out struct{ A int }
	err := s.Call(t.Context(), "it.Ask", struct{}{}, &out)
	if err != nil || out.A != 1 || len(all()) != 2 {
		t.Errorf("%v, %+v after %d tries", err, out, len(all()))
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, all = service(t, func(w http.ResponseWriter) { cancel(); answer(500, `{}`)(w) })
	err = s.Call(ctx, "it.Ask", struct{}{}, &out)
	if err == nil || len(all()) != 1 {
		t.Errorf("over: %v after %d tries", err, len(all()))
	}
}

// What fails for long is not tried again for ever: the SDK's quota, a hundred further
// tries in a row, holds for all calls of a service.
func TestTriesAreBounded(t *testing.T) {
	s, all := service(t, answer(500, `{}`))
	for range 80 {
		err := s.Call(t.Context(), "it.Ask", struct{}{}, &struct{}{})
		if err == nil {
			t.Fatal("it passed")
		}
	}
	if n := len(all()); n < 80+50 || n > 80+100 {
		t.Errorf("%d tries for 80 calls", n)
	}
}

// The regions' own addresses are those that the SDK's rules give, in every partition.
func TestRegional(t *testing.T) {
	for _, region := range []string{
		"us-east-1", "eu-central-1", "ap-southeast-7", "il-central-1", "mx-central-1", "us-gov-west-1", "us-gov-east-1",
		"cn-north-1", "cn-northwest-1", "us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1",
	} {
		want := map[string]string{}
		d, err := dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), dynamodb.EndpointParameters{Region: &region})
		if err != nil {
			t.Fatal(err)
		}
		want["dynamodb"] = d.URI.String()
		m, err := secretsmanager.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), secretsmanager.EndpointParameters{Region: &region})
		if err != nil {
			t.Fatal(err)
		}
		want["secretsmanager"] = m.URI.String()
		e, err := eventbridge.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), eventbridge.EndpointParameters{Region: &region})
		if err != nil {
			t.Fatal(err)
		}
		want["events"] = e.URI.String()
		for name, address := range want {
			if got := regional(name, region); got != address {
				t.Errorf("%s in %s is at %s, want %s", name, region, got, address)
			}
		}
	}
}
