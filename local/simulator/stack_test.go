package simulator_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/local/simulator"
)

const callbackPath = "/onetouch/callback"

// call is a callback as the stack received it.
type call struct {
	header http.Header
	body   string
	path   string
}

func (c call) member(t *testing.T, name string) string {
	t.Helper()
	return answer{t: t, body: c.body}.text(name)
}

// stack is who is called back. It answers with status once release lets it.
type stack struct {
	t       *testing.T
	server  *httptest.Server
	calls   chan call
	release chan struct{} // closed: answers at once

	mu     sync.Mutex
	status int
}

func newStack(t *testing.T) *stack {
	t.Helper()
	k := &stack{t: t, calls: make(chan call, 100), release: make(chan struct{}), status: http.StatusOK}
	close(k.release)
	k.server = httptest.NewServer(k)
	t.Cleanup(k.server.Close)
	return k
}

func (k *stack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		k.t.Errorf("reading callback: %v", err)
	}
	k.mu.Lock()
	status, release := k.status, k.release
	k.mu.Unlock()
	k.calls <- call{r.Header, string(text), r.Method + " " + r.URL.Path}
	select {
	case <-release:
	case <-r.Context().Done():
	}
	if status >= 300 && status < 400 {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
}

func (k *stack) answer(status int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status = status
}

// hang makes the stack keep its answers until the returned function is called
// or the caller gives up.
func (k *stack) hang() func() {
	release := make(chan struct{})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.release = release
	return func() { close(release) }
}

// next waits for a callback.
func (k *stack) next() call {
	k.t.Helper()
	select {
	case c := <-k.calls:
		return c
	case <-time.After(10 * time.Second):
		k.t.Fatal("no callback came")
	}
	return call{}
}

// none reports a callback that has come though it should not have.
func (k *stack) none() {
	k.t.Helper()
	select {
	case c := <-k.calls:
		k.t.Errorf("an unexpected callback: %s", c.body)
	default:
	}
}

// lines collects log lines for tests that must know what the simulator has
// done with an answer.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// await waits until the log holds n lines with part.
func (l *lines) await(t *testing.T, part string, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); l.count(part) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d log lines %q, want %d", l.count(part), part, n)
		}
	}
}

// newCalledRig is a simulator that calls a stack back, with one Authy user
// whose phone has the app.
func newCalledRig(t *testing.T) (*rig, *stack, *lines, string) {
	t.Helper()
	k, log := newStack(t), &lines{}
	r := newRigOf(t, func(o *simulator.Options) {
		o.CallbackURL = k.server.URL + callbackPath
		o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	return r, k, log, r.enrolWithApp()
}

func (r *rig) enrolWithApp() string {
	r.t.Helper()
	id := r.enrol()
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":true}`).want(200)
	return id
}

func (r *rig) weather(callbacks string) {
	r.t.Helper()
	r.api("PUT", "/api/weather", `{"callbacks":"`+callbacks+`"}`).want(200)
}

func (r *rig) oneTouch(method, path, contentType, body string) answer {
	r.t.Helper()
	req := r.request(method, r.vendor.URL+"/onetouch/json/"+path, contentType, body)
	req.Header.Set("X-Authy-API-Key", authyKey)
	return r.do(req)
}

func (r *rig) askForm(id, form string) answer {
	r.t.Helper()
	return r.oneTouch("POST", "users/"+id+"/approval_requests", "application/x-www-form-urlencoded", form)
}

// push asks the user and returns the request's uuid.
func (r *rig) push(id, form string) string {
	r.t.Helper()
	a := r.askForm(id, form).want(200).like(`{"approval_request":{"uuid":"*"},"success":true}`)
	var v struct {
		Request struct{ UUID string } `json:"approval_request"`
	}
	err := json.Unmarshal([]byte(a.body), &v)
	if err != nil {
		r.t.Fatal(err)
	}
	return v.Request.UUID
}

func (r *rig) poll(uuid string) answer {
	r.t.Helper()
	return r.oneTouch("GET", "approval_requests/"+uuid, "", "")
}

func (r *rig) decide(uuid, decision string) answer {
	r.t.Helper()
	return r.api("POST", "/api/phones/"+phone+"/approvals/"+uuid, `{"decision":"`+decision+`"}`)
}

func (r *rig) approvals() answer {
	r.t.Helper()
	return r.api("GET", "/api/phones/"+phone+"/approvals", "").want(200)
}
