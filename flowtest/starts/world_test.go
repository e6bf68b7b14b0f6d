package starts

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/flowtest/rig"
	"latchkey/local/gateway"
	"latchkey/local/simulator"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
)

// world is the whole product in this process, with hashes of the price that they
// have when deployed. What its functions are asked and what they ask is kept.
type world struct {
	app     string
	table   *bench.Table
	handset *rig.Handset
	vars    map[string]string
	tape    *tape

	t     testing.TB
	steps map[string]rig.Function
	cases []*request

	mu    sync.Mutex
	event []byte // the newest that the recorded step was given
	body  []byte // its answer
	heard chan struct{}
}

// request is one that a step is asked in the bench: its event, what the step asks
// in turn, and what it is answered there.
type request struct {
	name   string // such as "POST /signup"
	step   string
	event  []byte
	calls  []exchange
	status string // is part of a right answer
}

// open makes a world whose clock stands at a time.
func open(t testing.TB, now time.Time) *world {
	t.Helper()
	w := &world{t: t, table: bench.Open(t), steps: map[string]rig.Function{}, heard: make(chan struct{}, 100)}
	w.table.Clock.Set(now)
	base := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(base.CloseIdleConnections)
	w.tape = &tape{base: base}
	door := httptest.NewUnstartedServer(nil)
	w.app = "http://" + door.Listener.Addr().String()
	w.vars = maps.Clone(w.table.Vars)
	maps.Copy(w.vars, w.simulate())
	for name, make := range rig.Steps() {
		f, err := make(t.Context(), env.Config{
			Getenv: func(name string) string { return w.vars[name] },
			Now:    w.table.Clock.Now, HTTP: outbound.Client(w.tape.from(name)), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatalf("step %s: %v", name, err)
		}
		w.steps[name] = f
	}
	g, err := gateway.New(bench.Template(t).Functions, w, gateway.Options{Now: w.table.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	door.Config.Handler = g
	door.Start()
	t.Cleanup(door.Close)
	return w
}

// simulate starts the vendors and returns the variables that lead to them.
func (w *world) simulate() map[string]string {
	id := func(prefix, end string) string { return prefix + strings.Repeat("0", 31) + end }
	sim, err := simulator.New(simulator.Options{
		Now: w.table.Clock.Now, AccountSID: id("AC", "1"), AuthToken: "benchtoken", AuthyKey: "benchkey",
		CallbackURL: w.app + "/onetouch/callback", Services: []string{id("VA", "1"), id("VA", "2")},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	vendors, phone := httptest.NewServer(sim.Vendors()), httptest.NewServer(sim.Phone())
	w.t.Cleanup(func() { sim.Close(); vendors.Close(); phone.Close() }) //nolint:errcheck // the test is over
	w.handset = rig.NewHandset(w.t, phone.URL)
	return map[string]string{
		"PROVIDER": "verify", "PUBLIC_URL": w.app, "CHANNELS": "sms", "PHONE_CHECKS": "on", "ALLOWED_COUNTRIES": "US,GB,DE",
		"TWILIO_ACCOUNT_SID": id("AC", "1"), "TWILIO_AUTH_TOKEN": "benchtoken", "TWILIO_NUMBER": "+15005550006",
		"VERIFY_SERVICE_SID": id("VA", "1"), "VERIFY_SIGNUP_SERVICE_SID": id("VA", "2"), "AUTHY_API_KEY": "benchkey",
		"TWILIO_VERIFY_URL": vendors.URL, "TWILIO_API_URL": vendors.URL, "AUTHY_API_URL": vendors.URL,
	}
}

// Invoke runs a function in this process.
func (w *world) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	out, err := w.steps[function].Invoke(ctx, event)
	w.tape.mu.Lock()
	recorded := w.tape.step == function
	w.tape.mu.Unlock()
	if recorded {
		w.mu.Lock()
		w.event, w.body = event, out
		w.mu.Unlock()
		w.heard <- struct{}{}
	}
	return out, err
}

// record keeps what a step does meanwhile, as one request of the bench. want is
// part of the function's answer.
func (w *world) record(name, step, want string, do func()) {
	w.t.Helper()
	w.tape.listen(step)
	do()
	select {
	case <-w.heard:
	case <-time.After(patience):
		w.t.Fatalf("%s: %s was not asked", name, step)
	}
	calls := w.tape.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.Contains(string(w.body), want) {
		w.t.Fatalf("%s is answered %s, want %s", name, w.body, want)
	}
	w.cases = append(w.cases, &request{name: name, step: step, event: w.event, calls: calls, status: want})
}

// browser is a visitor whose requests look like a browser's.
func (w *world) browser() *rig.Visitor {
	v := rig.NewVisitor(w.t, w.app, false)
	for name, value := range map[string]string{
		"User-Agent":      "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Accept-Language": "en-GB,en;q=0.5", "Origin": w.app,
		"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin",
	} {
		v.Header.Set(name, value)
	}
	return v
}

var hidden = regexp.MustCompile(`name="form" value="([^"]+)"`)

// seed is the hidden value of the form at a path: with it a repeat is known.
func (w *world) seed(v *rig.Visitor, path string) string {
	w.t.Helper()
	m := hidden.FindStringSubmatch(v.Get(path).Body)
	if m == nil {
		w.t.Fatalf("%s has no form", path)
	}
	return m[1]
}

// owners is the event of a signed request by one of the owner's programs.
func (w *world) owners(method, path, body string) []byte {
	w.t.Helper()
	route := method + " " + path
	if method == http.MethodGet {
		route = "GET /approvals/{id}"
	}
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": route, "rawPath": path, "isBase64Encoded": false, "body": body,
		"headers": map[string]string{
			"host": strings.TrimPrefix(w.app, "http://"), "accept": "application/json", "content-type": "application/json",
			"idempotency-key": "bench-0123456789abcdef0123456789", "x-forwarded-for": "192.0.2.7",
		},
		"requestContext": map[string]any{
			"accountId": "123456789012", "domainName": "id.example.com", "requestId": "JKJaXmPLvHcESHA=", "routeKey": route, "stage": "$default",
			"http":       map[string]any{"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
			"authorizer": map[string]any{"iam": map[string]any{"accountId": "123456789012", "userArn": "arn:aws:sts::123456789012:assumed-role/bank/machine-1"}},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return event
}

// invoke gives a step an event past the gateway, and returns its answer's body.
func (w *world) invoke(step string, event []byte) map[string]any {
	w.t.Helper()
	out, err := w.Invoke(w.t.Context(), step, event)
	var res struct{ Body string }
	var doc map[string]any
	if err == nil {
		err = json.Unmarshal(out, &res)
	}
	if err == nil && res.Body != "" {
		err = json.Unmarshal([]byte(res.Body), &doc)
	}
	if err != nil {
		w.t.Fatalf("%s: %v", step, err)
	}
	return doc
}
