package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/local/simulator"
	"latchkey/shared/env"
)

const (
	stackAt   = "https://id.example.com"
	callAt    = stackAt + "/onetouch/callback"
	keepDate  = "X-Test-Keep-Date"
	theToken  = "rigtoken"
	theKey    = "rigkey"
	accountID = "AC00000000000000000000000000000001"
	loginID   = "VA00000000000000000000000000000001"
	signupID  = "VA00000000000000000000000000000002"
)

// spoil answers in somebody's place, and says whether it did.
type spoil func(w http.ResponseWriter, r *http.Request) bool

// world is a deployed stack, its vendors, and the network between them and the
// doctor. What is spoiled is spoiled for one world alone.
type world struct {
	vars   map[string]string
	now    func() time.Time
	stack  *httptest.Server // https; nil where nothing is deployed
	plain  *httptest.Server // http on the same host; nil: nobody listens
	vendor *httptest.Server
	change func(*http.Response) // of what the stack answers; nil: nothing
}

// town is a stack that is deployed at stackAt.
type town struct {
	*rig.Rig
	one sync.Mutex // its functions take one request at a time, as Lambda gives them
}

// ServeHTTP passes a request on under the name that it was made to.
func (d *town) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.one.Lock()
	defer d.one.Unlock()
	to, err := url.Parse(d.App)
	if err != nil {
		panic(err)
	}
	gateway := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = p.In.Host }}
	gateway.ServeHTTP(w, r)
}

// worldOf puts a network around a deployed stack; nil stands for none.
func worldOf(t *testing.T, r *town, stack, vendor spoil) *world {
	t.Helper()
	w := &world{vars: map[string]string{}, now: time.Now}
	w.vendor = httptest.NewServer(spoiled(vendor, vendors(t)))
	t.Cleanup(w.vendor.Close)
	if r != nil {
		cfg := r.Config()
		for _, name := range []string{"TABLE_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_DYNAMODB"} {
			w.vars[name] = cfg.Getenv(name)
		}
		w.now = r.Clock.Now
		w.stack = httptest.NewUnstartedServer(spoiled(stack, r))
		w.stack.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that are meant to fail
		w.stack.StartTLS()
		t.Cleanup(w.stack.Close)
	}
	maps.Copy(w.vars, map[string]string{
		"PUBLIC_URL": stackAt, "ALLOWED_COUNTRIES": "US", "TWILIO_ACCOUNT_SID": accountID, "TWILIO_AUTH_TOKEN": theToken,
		"VERIFY_SERVICE_SID": loginID, "VERIFY_SIGNUP_SERVICE_SID": signupID, "TWILIO_NUMBER": "+15005550006", "AUTHY_API_KEY": theKey,
		"TWILIO_VERIFY_URL": w.vendor.URL, "TWILIO_API_URL": w.vendor.URL, "AUTHY_API_URL": w.vendor.URL,
	})
	return w
}

// vendors are simulated ones that call the deployed stack back.
func vendors(t *testing.T) http.Handler {
	t.Helper()
	sim, err := simulator.New(simulator.Options{
		AccountSID: accountID, AuthToken: theToken, AuthyKey: theKey, CallbackURL: callAt, Services: []string{loginID, signupID},
	})
	must(t, err)
	t.Cleanup(func() { sim.Close() }) //nolint:errcheck // the test is over
	return sim.Vendors()
}

func spoiled(s spoil, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s == nil || !s(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// config is what the doctor is started with. All clocks agree, unless an answer
// asks to keep its Date.
func (w *world) config() env.Config {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableKeepAlives = true
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		switch {
		case err == nil && host == "id.example.com" && port == "443" && w.stack != nil:
			address = w.stack.Listener.Addr().String()
		case err == nil && host == "id.example.com" && port == "80" && w.plain != nil:
			address = w.plain.Listener.Addr().String()
		case host == "id.example.com":
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused by the test")}
		case host != "127.0.0.1":
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if w.stack != nil {
		base.TLSClientConfig = &tls.Config{RootCAs: w.stack.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	}
	return env.Config{
		Getenv: func(name string) string { return w.vars[name] }, Now: w.now,
		HTTP: &http.Client{Transport: carrier(func(r *http.Request) (*http.Response, error) {
			res, err := base.RoundTrip(r)
			if err == nil && w.change != nil && r.URL.Host == "id.example.com" {
				w.change(res)
			}
			if err == nil && res.Header.Get(keepDate) == "" {
				res.Header.Set("Date", w.now().UTC().Format(http.TimeFormat))
			}
			return res, err
		})},
	}
}

type carrier func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// deployedRig is a stack at stackAt.
func deployedRig(t *testing.T) *town {
	t.Helper()
	return &town{Rig: rig.Start(t, rig.Options{Env: map[string]string{"PUBLIC_URL": stackAt, "BCRYPT_COST": "10"}})}
}

// examined runs the doctor for its document.
func examined(t *testing.T, w *world, args ...string) (outcome, diagnosis) {
	t.Helper()
	o := operate(t.Context(), w.config(), append([]string{"doctor", "--json"}, args...)...)
	var d diagnosis
	doc := document(t, o.out)
	for _, c := range doc["checks"].([]any) {
		f := c.(map[string]any)
		do, _ := f["do"].(string)
		d.Checks = append(d.Checks, finding{f["group"].(string), f["check"].(string), level(f["level"].(string)), f["seen"].(string), do})
	}
	d.Faults, d.Warnings = int(doc["faults"].(float64)), int(doc["warnings"].(float64))
	if (o.code == 1) != (d.Faults > 0) || (o.stderr == "") != (o.code == 0) || o.code > 1 {
		t.Errorf("%d faults, and it ends with %d and %q", d.Faults, o.code, o.stderr)
	}
	harmless(t, o)
	return o, d
}

// harmless holds the output against what it must not show.
func harmless(t *testing.T, o outcome) {
	t.Helper()
	for _, secret := range []string{theToken, theKey, "15005550006", "5005550006"} {
		if strings.Contains(o.out+o.stderr, secret) {
			t.Errorf("the output shows %s:\n%s", secret, o.out)
		}
	}
}

// at are the findings of a level, as "check: seen".
func (d diagnosis) at(l level) []string {
	var list []string
	for _, f := range d.Checks {
		if f.Level == l {
			list = append(list, f.Check+": "+f.Seen)
		}
	}
	return list
}

// says wants exactly these findings of a level, each by a part of it.
func (d diagnosis) says(t *testing.T, l level, want ...string) {
	t.Helper()
	got := d.at(l)
	ok := len(got) == len(want)
	for i := range want {
		ok = ok && strings.Contains(got[i], want[i])
	}
	if !ok {
		t.Errorf("%s:\n  %s\nwant\n  %s", l, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// on answers a path with a status and a text.
func on(path string, status int, text string) spoil {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(text)) //nolint:errcheck // a test's client
		return true
	}
}
