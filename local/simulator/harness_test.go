package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/local/simulator"
)

const (
	account  = "AC00000000000000000000000000000001"
	secret   = "account-token-for-tests"
	authyKey = "authy-key-for-tests"
	service  = "VA00000000000000000000000000000001"
	service2 = "VA00000000000000000000000000000002"
	phone    = "+14155552671"
)

// clock is moved by tests only.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// rig is a simulator behind two real servers.
type rig struct {
	t      *testing.T
	sim    *simulator.Simulator
	clock  *clock
	vendor *httptest.Server
	phone  *httptest.Server
}

func newRig(t *testing.T) *rig { return newRigWith(t, "") }

func newRigWith(t *testing.T, stateFile string) *rig {
	t.Helper()
	return newRigOf(t, func(o *simulator.Options) { o.StateFile = stateFile })
}

// newRigOf lets a test change the options before anything starts.
func newRigOf(t *testing.T, set func(*simulator.Options)) *rig {
	t.Helper()
	c := &clock{t: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	o := simulator.Options{
		Now:        c.now,
		AccountSID: account,
		AuthToken:  secret,
		AuthyKey:   authyKey,
		Services:   []string{service, service2},
	}
	set(&o)
	sim, err := simulator.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	r := &rig{t, sim, c, httptest.NewServer(sim.Vendors()), httptest.NewServer(sim.Phone())}
	t.Cleanup(func() {
		r.vendor.Close()
		r.phone.Close()
		err := sim.Close()
		if err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

// answer is a response with its body read.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("reading %s: %v", req.URL.Path, err)
	}
	return answer{r.t, resp.StatusCode, resp.Header, string(text)}
}

func (r *rig) request(method, target, contentType, body string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req
}

// twilio calls Verify or Messages; pairs are form names and values.
func (r *rig) twilio(method, path string, pairs ...string) answer {
	r.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	req := r.request(method, r.vendor.URL+path, "application/x-www-form-urlencoded", form.Encode())
	req.SetBasicAuth(account, secret)
	return r.do(req)
}

func (r *rig) authy(method, path, form string) answer {
	r.t.Helper()
	req := r.request(method, r.vendor.URL+"/protected/json/"+path, "application/x-www-form-urlencoded", form)
	req.Header.Set("X-Authy-API-Key", authyKey)
	return r.do(req)
}

// api calls the phone's API.
func (r *rig) api(method, path, body string) answer {
	r.t.Helper()
	return r.do(r.request(method, r.phone.URL+path, "application/json", body))
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d; body %s", a.status, status, a.body)
	}
	return a
}

// json decodes an object; numbers stay as they were written.
func (a answer) json() map[string]any {
	a.t.Helper()
	var v map[string]any
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.UseNumber()
	err := dec.Decode(&v)
	if err != nil {
		a.t.Fatalf("body is no JSON object: %v: %s", err, a.body)
	}
	return v
}

func (a answer) text(name string) string {
	a.t.Helper()
	s, ok := a.json()[name].(string)
	if !ok {
		a.t.Fatalf("%s is no string in %s", name, a.body)
	}
	return s
}

// like compares the body with literal JSON in which "*" stands for any text;
// the names must be the same on both sides, with the same JSON types.
func (a answer) like(want string) answer {
	a.t.Helper()
	var w, g any
	decode(a.t, want, &w)
	decode(a.t, a.body, &g)
	if diff := differ("", w, g); diff != "" {
		a.t.Fatalf("%s\n got %s\nwant %s", diff, a.body, want)
	}
	return a
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	err := dec.Decode(v)
	if err != nil {
		t.Fatalf("decoding %s: %v", text, err)
	}
}

func differ(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		return differObject(at, w, got)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return at + ": another list"
		}
		for i := range w {
			if d := differ(at+"[]", w[i], g[i]); d != "" {
				return d
			}
		}
		return ""
	case string:
		g, ok := got.(string)
		if !ok || (w != "*" && g != w) {
			return at + ": another string"
		}
		return ""
	}
	if want != got {
		return at + ": another value or type"
	}
	return ""
}

func differObject(at string, want map[string]any, got any) string {
	g, ok := got.(map[string]any)
	if !ok {
		return at + ": no object"
	}
	for name := range g {
		if _, known := want[name]; !known {
			return at + "." + name + ": unexpected"
		}
	}
	for name, w := range want {
		v, there := g[name]
		if !there {
			return at + "." + name + ": missing"
		}
		if d := differ(at+"."+name, w, v); d != "" {
			return d
		}
	}
	return ""
}

type message struct{ ID, Kind, From, To, Body, Sent_at string }

func (r *rig) messages(number string) []message {
	r.t.Helper()
	a := r.api("GET", "/api/phones/"+number+"/messages", "").want(200)
	var list []message
	decode(r.t, a.body, &list)
	return list
}

var codeInText = regexp.MustCompile(`\b\d{6,7}\b`)

// code reads the latest code on a phone, as a person would.
func (r *rig) code(number string) string {
	r.t.Helper()
	list := r.messages(number)
	if len(list) == 0 {
		r.t.Fatal("no message on the phone")
	}
	code := codeInText.FindString(list[len(list)-1].Body)
	if code == "" {
		r.t.Fatalf("no code in %q", list[len(list)-1].Body)
	}
	return code
}

// wrong is a code of the same length that is not code.
func wrong(code string) string {
	d := byte('1')
	if code[0] == d {
		d = '2'
	}
	return string(d) + code[1:]
}
