// Package rig puts the whole product into one test process: the real handlers
// behind the real adapter and gateway, a real engine for the table, and the
// simulator at the wire. The clock is the test's, hashes are cheap, and every
// request to the table and the vendors is seen and can be made to fail.
//
// It is for tests alone.
package rig

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/functions/account"
	"latchkey/functions/approvals"
	"latchkey/functions/authorizer"
	"latchkey/functions/factors"
	"latchkey/functions/home"
	"latchkey/functions/login"
	"latchkey/functions/logout"
	callback "latchkey/functions/onetouch-callback"
	"latchkey/functions/password"
	"latchkey/functions/phone"
	phonechecks "latchkey/functions/phone-checks"
	"latchkey/functions/recovery"
	"latchkey/functions/resend"
	"latchkey/functions/signup"
	"latchkey/functions/status"
	"latchkey/functions/verify"
	"latchkey/local/gateway"
	"latchkey/local/simulator"
	"latchkey/local/template"
	"latchkey/shared/apigw"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
	"latchkey/shared/store"
)

// Function is one as the Lambda runtime calls it.
type Function interface {
	Invoke(ctx context.Context, event []byte) ([]byte, error)
}

// Step makes a function from its environment, as its command does.
type Step func(ctx context.Context, cfg env.Config) (Function, error)

// alone makes a function anew for each event. Lambda gives a process one at a
// time, and the runtime library returns an answer in a buffer that the next one is
// written into; here several are under way.
type alone func() Function

// Invoke runs the function.
func (a alone) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return a().Invoke(ctx, event)
}

// step is one that answers HTTP requests.
func step(make apigw.New) Step {
	return func(ctx context.Context, cfg env.Config) (Function, error) {
		h, err := make(ctx, cfg)
		return alone(func() Function { return apigw.Adapt(h, cfg.Log) }), err
	}
}

// Steps are all steps by their folder's name.
func Steps() map[string]Step {
	all := map[string]Step{"authorizer": authorize(authorizer.New)}
	for name, make := range handlers {
		all[name] = step(make)
	}
	return all
}

// Handler makes one of those that answer HTTP requests.
func Handler(name string) apigw.New { return handlers[name] }

// authorize is one that the gateway asks before others.
func authorize(make apigw.NewAuthorizer) Step {
	return func(ctx context.Context, cfg env.Config) (Function, error) {
		decide, err := make(ctx, cfg)
		return alone(func() Function { return apigw.AdaptAuthorizer(decide, cfg.Log) }), err
	}
}

var handlers = map[string]apigw.New{
	"home": home.New, "signup": signup.New, "verify": verify.New, "resend": resend.New, "account": account.New,
	"login": login.New, "status": status.New, "onetouch-callback": callback.New, "factors": factors.New, "logout": logout.New,
	"password": password.New, "phone": phone.New, "recovery": recovery.New,
	"phone-checks": phonechecks.New,
	"approvals":    approvals.New,
}

// Options say how a rig differs from the usual.
type Options struct {
	Examples bool              // the project's examples run, too
	Mailbox  bool              // the vendors' callbacks are kept back, for the test to deliver
	Provider string            // verify if empty
	Env      map[string]string // over the rig's own

	// Through, if it is not nil, is what a step's requests pass on their way to the wire.
	Through func(step string, next http.RoundTripper) http.RoundTripper
}

// Rig is one running product.
type Rig struct {
	App   string // address of the gateway
	Phone string // address of the simulated phone
	Table *store.Table
	Clock *Clock
	Wire  *Wire
	Log   *Log
	Bus   *Bus
	Watch func(*http.Client) // given every new visitor's client, unless it is nil

	Events *Events     // what the example heard
	Posted chan Letter // callbacks that are kept back; nil if they are not

	t     testing.TB
	bench *bench.Table
	door  *httptest.Server // not serving before the steps are there
	calls invoker
	via   func(step string, next http.RoundTripper) http.RoundTripper
}

// Clock is the time of the functions and the simulator. It stands still until
// the test moves it.
type Clock = bench.Clock

// Log keeps all lines that the functions log.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the log.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String is all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Take is all of it since the last Take.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.b.String()
	l.b.Reset()
	return text
}

// Root is the project's folder.
func Root() string { return bench.Root() }

// Main runs a test binary's tests and ends the engine that they shared.
func Main(m *testing.M) int { return bench.Main(m) }

// Template reads the project's template.
func Template(t testing.TB) *template.Template {
	t.Helper()
	return bench.Template(t)
}

// Start runs the product until the test ends.
func Start(t testing.TB, o Options) *Rig {
	t.Helper()
	b := bench.Open(t)
	r := &Rig{t: t, bench: b, Clock: bench.NewClock(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)), Log: &Log{}, Wire: b.Wire, Bus: NewBus(t), via: o.Through}
	if o.Examples {
		r.Events = &Events{}
	}
	if o.Mailbox {
		r.Posted = make(chan Letter, 100)
	}
	r.door = httptest.NewUnstartedServer(nil)
	r.App = "http://" + r.door.Listener.Addr().String()
	vars := b.Vars
	vars["AWS_ENDPOINT_URL_EVENTBRIDGE"] = r.Bus.URL
	maps.Copy(vars, r.simulate(o.Provider))
	maps.Copy(vars, o.Env)
	r.serve(vars)
	return r
}

// simulate starts the simulator and returns the variables that lead to it.
func (r *Rig) simulate(provider string) map[string]string {
	id := func(prefix string) string { return prefix + strings.Repeat("0", 31) + "1" }
	sim, err := simulator.New(simulator.Options{
		Now: r.Clock.Now, AccountSID: id("AC"), AuthToken: "rigtoken", AuthyKey: "rigkey",
		CallbackURL: r.App + "/onetouch/callback",
		Services:    []string{id("VA"), "VA" + strings.Repeat("0", 31) + "2"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	vendors, handset := httptest.NewServer(sim.Vendors()), httptest.NewServer(sim.Phone())
	r.t.Cleanup(func() { sim.Close(); vendors.Close(); handset.Close() }) //nolint:errcheck // the test is over
	r.Phone = handset.URL
	if provider == "" {
		provider = "verify"
	}
	return map[string]string{
		"PROVIDER": provider, "PUBLIC_URL": r.App, "BCRYPT_COST": "4", "CHANNELS": "sms,call,whatsapp", "CALL_AFTER": "0",
		"TWILIO_ACCOUNT_SID": id("AC"), "TWILIO_AUTH_TOKEN": "rigtoken", "TWILIO_NUMBER": "+15005550006",
		"VERIFY_SERVICE_SID": id("VA"), "VERIFY_SIGNUP_SERVICE_SID": "VA" + strings.Repeat("0", 31) + "2", "AUTHY_API_KEY": "rigkey",
		"TWILIO_VERIFY_URL": vendors.URL, "TWILIO_API_URL": vendors.URL, "AUTHY_API_URL": vendors.URL,
		"SENDS_PER_ADDRESS": "100000", "SENDS_PER_PREFIX": "100000", "SIGNUPS_PER_EMAIL": "1000",
		"GUARD_SENDS": "0", "GUARD_COUNTRY_SENDS": "0",
	}
}

// serve makes every step and puts the gateway before them.
func (r *Rig) serve(vars map[string]string) {
	tmpl, steps := Template(r.t), Steps()
	functions := invoker{}
	if r.Events != nil {
		var err error
		tmpl, err = template.ReadProject(Root())
		if err != nil {
			r.t.Fatal(err)
		}
		vars["OPEN_ROUTES"], vars["LATCHKEY_URL"] = tmpl.Parameters["OpenRoutes"], r.App
		vars["AWS_ENDPOINT_URL_EVENTBRIDGE"] = r.bus(tmpl.Functions, functions)
		steps = r.withExamples(steps)
	}
	cfg := env.Config{
		Getenv: func(name string) string { return vars[name] },
		Now:    r.Clock.Now, HTTP: outbound.Client(r.Wire.From("test")), Log: slog.New(slog.NewJSONHandler(r.Log, nil)),
	}
	v := env.Read(cfg)
	r.Table = store.Open(cfg, v)
	for _, f := range tmpl.Functions {
		cfg.HTTP = outbound.Client(r.wayOf(f.Name()))
		make, known := steps[f.Name()]
		if !known {
			r.t.Fatalf("%s is in the template, and step %s is not in rig.Steps", f.ID, f.Name())
		}
		call, err := make(r.t.Context(), cfg)
		if err != nil {
			r.t.Fatalf("step %s: %v", f.Name(), err)
		}
		functions[f.Name()] = function{call, f.Timeout}
	}
	r.calls = functions
	g, err := gateway.New(tmpl.Functions, functions, gateway.Options{Now: r.Clock.Now, AccessKey: accessKey, SecretKey: accessKey})
	if err != nil {
		r.t.Fatal(err)
	}
	r.door.Config.Handler = r.mailbox(troubles(elsewhere(g, r.Clock.Now)))
	r.door.Start()
	r.t.Cleanup(r.door.Close)
}

// wayOf is what the requests of a step go through.
func (r *Rig) wayOf(step string) http.RoundTripper {
	if r.via == nil {
		return r.Wire.From(step)
	}
	return r.via(step, r.Wire.From(step))
}

type function struct {
	call    Function
	timeout time.Duration
}

// Expire deletes a session's item, as the engine does some time after its end.
func (r *Rig) Expire(key, id string) {
	r.t.Helper()
	r.bench.Delete(r.t, "U#"+key, "S#"+id)
}

// invoker calls functions in this process.
type invoker map[string]function

// Invoke gives a function its event and the time that Lambda would.
func (i invoker) Invoke(ctx context.Context, name string, event []byte) ([]byte, error) {
	f, ok := i[name]
	if !ok {
		return nil, fmt.Errorf("no function %q", name)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	bench.Run(ctx, cancel)
	event, err := signed(event)
	if err != nil {
		return nil, err
	}
	return f.call.Invoke(ctx, event)
}
