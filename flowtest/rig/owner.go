package rig

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/shared/store"
)

// Owner is one of the owner's programs. It calls the steps that take signed
// requests, with the event that the gateway makes of such a request: what a real
// gateway finds out of the signature is said here.
type Owner struct {
	ARN string // userArn; "" is a request without IAM identity

	t testing.TB
	r *Rig
}

// Bank is an owner's program, one of several machines of one role.
const Bank = "arn:aws:sts::123456789012:assumed-role/bank/machine-1"

// Owner is the program that calls itself Bank.
func (r *Rig) Owner() *Owner { return &Owner{Bank, r.t, r} }

// Do calls POST /approvals, GET /approvals/{id} or another step of theirs. Header names are in lower
// case, as the gateway writes them.
func (o *Owner) Do(method, path, body string, headers map[string]string) Answer {
	route := method + " " + path
	all := map[string]string{"host": strings.TrimPrefix(o.r.App, "http://"), "accept": "*/*"}
	if body != "" {
		all["content-type"] = "application/json"
	}
	for name, value := range headers {
		all[name] = value
	}
	rc := map[string]any{
		"domainName": "gateway.example", "http": map[string]any{"method": method, "path": path, "sourceIp": "127.0.0.1"},
		"requestId": "owners", "routeKey": route, "stage": "$default",
	}
	if o.ARN != "" {
		rc["authorizer"] = map[string]any{"iam": map[string]any{"accountId": "123456789012", "userArn": o.ARN}}
	}
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": route, "rawPath": path, "headers": all, "requestContext": rc, "body": body, "isBase64Encoded": false,
	})
	if err != nil {
		o.t.Error(err)
		return Answer{}
	}
	step, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return o.invoke(step, event)
}

func (o *Owner) invoke(step string, event []byte) Answer {
	out, err := o.r.calls.Invoke(context.WithoutCancel(o.t.Context()), step, event)
	var res struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if err == nil {
		err = json.Unmarshal(out, &res)
	}
	if err != nil {
		o.t.Errorf("invoking approvals: %v", err)
		return Answer{}
	}
	a := Answer{Status: res.StatusCode, Body: res.Body, Header: http.Header{}}
	for name, value := range res.Headers {
		a.Header.Set(name, value)
	}
	if strings.Contains(a.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal([]byte(res.Body), &a.Doc)
		if err != nil {
			o.t.Errorf("%s: %v", res.Body, err)
		}
	}
	return a
}

// Ask asks for an approval under a key.
func (o *Owner) Ask(key string, doc map[string]any) Answer {
	body, err := json.Marshal(doc)
	if err != nil {
		o.t.Error(err)
		return Answer{}
	}
	return o.Do(http.MethodPost, "/approvals", string(body), map[string]string{"idempotency-key": key})
}

// Look is what is known of an action.
func (o *Owner) Look(id string) Answer { return o.Do(http.MethodGet, "/approvals/"+id, "", nil) }

// Lose deletes what the table knows of an approval, as if it had never been
// written.
func (r *Rig) Lose(ref store.Ref) {
	r.t.Helper()
	r.bench.Delete(r.t, "A#"+ref.Provider+"#"+ref.ID, "A")
}

// Moved makes a user one whose phone was changed at a time. key is the hash of
// the email.
func (r *Rig) Moved(key string, at time.Time) {
	r.t.Helper()
	r.bench.SetNumber(r.t, "U#"+key, "U", "moved_at", at.UnixMilli())
}
