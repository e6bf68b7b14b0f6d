package bank_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/examples/bank/functions/bank"
	"latchkey/shared/caller"
	"latchkey/shared/env"
)

var now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// build is the function as these variables make it, at a time.
func build(t *testing.T, vars map[string]string, at time.Time) (http.Handler, error) {
	t.Helper()
	all := map[string]string{
		"PUBLIC_URL": "http://localhost:3000", "LATCHKEY_URL": "http://localhost:3000", "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "passing",
	}
	maps.Copy(all, vars)
	return bank.New(t.Context(), env.Config{
		Getenv: func(name string) string { return all[name] },
		Now:    func() time.Time { return at }, HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler),
	})
}

// open is the function before a latchkey that answers as told.
func open(t *testing.T, latchkey http.HandlerFunc) http.Handler {
	t.Helper()
	server := httptest.NewServer(latchkey)
	t.Cleanup(server.Close)
	h, err := build(t, map[string]string{"LATCHKEY_URL": server.URL}, now)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// send makes a customer's request, with a second factor given just now.
func send(ctx context.Context, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(caller.With(ctx, caller.Caller{Lambda: map[string]any{
		"uid": "u1", "user": "h.u1", "confirmed_at": float64(now.Unix()), "settled_at": 0.0,
	}})))
	return w
}

const order = `{"to":"Acme Ltd","amount":"5"}`

// Every answer of latchkey has one of the bank's, and none but an approval leads
// to a transfer.
func TestAnswersOfLatchkey(t *testing.T) {
	for _, c := range []struct {
		answer         string
		status         int
		ordered, shown string // status and code
	}{
		{`{"id":"a1","status":"pending","uid":"u1","reference":"x"}`, 200, `200 /bank/transfers/a1`, `200 "pending"`},
		{`{"id":"a1","status":"pending","uid":"u2","reference":"x"}`, 200, `200 /bank/transfers/a1`, `404 "not_found"`},
		{`{"id":"","status":"approved","uid":"u1"}`, 200, `503 "unavailable"`, `503 "unavailable"`},
		{`{}`, 200, `503 "unavailable"`, `503 "unavailable"`},
		{`null`, 200, `503 "unavailable"`, `503 "unavailable"`},
		{`<html>`, 200, `503 "unavailable"`, `503 "unavailable"`},
		{`{"code":"no_device","status":409}`, 409, `200 "approved"`, `503 "unavailable"`},
		{`{"code":"no_device","status":"approved","id":"a1","uid":"u1"}`, 500, `200 "approved"`, `503 "unavailable"`},
		{`{"code":"cooling","status":403,"retry_after":60}`, 403, `403 "cooling"`, `503 "unavailable"`},
		{`{"code":"wait","status":429,"retry_after":60}`, 429, `429 "wait"`, `503 "unavailable"`},
		{`{"code":"idempotency","status":409}`, 409, `409 "idempotency"`, `503 "unavailable"`},
		{`{"code":"not_found","status":404}`, 404, `503 "unavailable"`, `404 "not_found"`},
		{`{"message":"Forbidden"}`, 403, `503 "unavailable"`, `503 "unavailable"`},
		{`{"message":"Not Found"}`, 404, `503 "unavailable"`, `503 "unavailable"`},
		{`Bad Gateway`, 502, `503 "unavailable"`, `503 "unavailable"`},
		{``, 302, `503 "unavailable"`, `503 "unavailable"`},
	} {
		h := open(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		})
		for what, want := range map[*httptest.ResponseRecorder]string{
			send(t.Context(), h, "POST", "/bank/transfers", order): c.ordered, send(t.Context(), h, "GET", "/bank/transfers/a1", ""): c.shown,
		} {
			status, text, _ := strings.Cut(want, " ")
			if what.Result().Status[:3] != status || !strings.Contains(what.Body.String(), text) || strings.Contains(what.Body.String(), "null") {
				t.Errorf("%d %s: the bank answers %d %s, want %s", c.status, c.answer, what.Code, what.Body, want)
			}
		}
	}
}

// A latchkey that does not answer takes no longer than the function has.
func TestSlowLatchkey(t *testing.T) {
	gone := make(chan struct{})
	h := open(t, func(http.ResponseWriter, *http.Request) { <-gone })
	defer close(gone)
	for path, method := range map[string]string{"/bank/transfers": "POST", "/bank/transfers/a1": "GET"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		w := send(ctx, h, method, path, order)
		cancel()
		if w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// What goes to latchkey: signed for its API, with the function's own passing
// credentials, and under a key that holds nothing of the customer.
func TestAsks(t *testing.T) {
	var got *http.Request
	var body string
	h := open(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		_, _ = io.WriteString(w, `{"id":"a1","status":"pending","uid":"u1"}`)
	})
	send(t.Context(), h, "POST", "/bank/transfers", order)
	authorization, key := got.Header.Get("Authorization"), got.Header.Get("Idempotency-Key")
	if got.Method+got.URL.Path != "POST/approvals" || !strings.Contains(authorization, "/20261120/eu-west-1/execute-api/aws4_request") ||
		!strings.Contains(authorization, "idempotency-key") || got.Header.Get("X-Amz-Security-Token") != "passing" || len(key) != 64 {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
	const want = `{"user":"h.u1","message":"Send money?","details":[{"label":"to","value":"Acme Ltd"},{"label":"amount","value":"5.00 EUR"}],` +
		`"reference":"transfer of 5.00 EUR to Acme Ltd","expires_in":300}`
	if body != want {
		t.Errorf("body %s", body)
	}
	send(t.Context(), h, "POST", "/bank/transfers", order)
	if got.Header.Get("Idempotency-Key") == key {
		t.Error("two orders without a form have one key")
	}
}

// How old a proof may be can be set, within bounds, and a wrong variable is named.
func TestVariables(t *testing.T) {
	for fresh, oldest := range map[string]time.Duration{"": 5 * time.Minute, "1s": time.Second, "1h": time.Hour} {
		for late, status := range map[time.Duration]int{oldest: 200, oldest + time.Second: 403} {
			h, err := build(t, map[string]string{"BANK_FRESH": fresh}, now.Add(late))
			if err != nil {
				t.Fatal(err)
			}
			if w := send(t.Context(), h, "GET", "/bank/transfers", ""); w.Code != status {
				t.Errorf("BANK_FRESH=%s, after %v: %d %s", fresh, late, w.Code, w.Body)
			}
		}
	}
	for _, vars := range []map[string]string{
		{"LATCHKEY_URL": ""}, {"LATCHKEY_URL": "localhost"}, {"BANK_FRESH": "61m"}, {"BANK_FRESH": "5"}, {"PUBLIC_URL": "http://bank.example"},
		{"BANK_FRESH": "1s", "PUBLIC_URL": "https://bank.example"},
	} {
		_, err := build(t, vars, now)
		for name := range vars {
			if err == nil || !strings.Contains(err.Error(), name) && len(vars) == 1 {
				t.Errorf("%v: %v", vars, err)
			}
		}
	}
}
