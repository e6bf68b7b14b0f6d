package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"latchkey/local/child"
	"latchkey/local/dynamodb"
	"latchkey/local/eventbus"
	"latchkey/local/gateway"
	"latchkey/local/lambdaruntime"
	"latchkey/local/lockfile"
	"latchkey/local/simulator"
	"latchkey/local/template"
)

// Everything a run makes lies here, in the project's folder; git ignores it.
const (
	ownFolder  = ".local"
	binFolder  = ".local/bin"
	dataFolder = ".local/data"
	engineCode = "local/dynamodb"
	envFile    = ".local/env"
)

// app is one run.
type app struct {
	settings settings
	getenv   func(string) string
	log      io.Writer

	lock      *lockfile.Lock
	web       *server
	phone     *server
	vendor    *server
	events    *server
	template  *template.Template
	templates map[string]time.Time // files as they were read
	builder   *builder
	engine    *dynamodb.Engine // nil if the developer's own is used
	sim       *simulator.Simulator
	runtime   *lambdaruntime.Runtime
	unable    *unable // nil while there is no runtime
	bus       *eventbus.Bus
}

// newLog makes stderr safe for all who write to it at once.
func newLog(stderr io.Writer) io.Writer { return child.Shared(stderr) }

// start brings everything up; what can run at the same time does. What it started is ended
// by close, also after an error.
func (a *app) start(ctx context.Context) error {
	err := a.claim()
	if err != nil {
		return err
	}
	a.templates = templateTimes()
	a.template, err = template.ReadProject(".")
	if err != nil {
		return err
	}
	v := newVendors(a.getenv, fmt.Sprintf("http://127.0.0.1:%d", a.vendor.port))
	err = v.check()
	if err != nil {
		return err
	}
	err = a.simulate(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	endpoint := a.settings.endpoint
	errs := make(chan error, 2)
	go func() {
		var err error
		endpoint, err = a.table(ctx)
		errs <- err
	}()
	go func() { errs <- a.build(ctx) }()
	err = firstOf(errs, cancel)
	if err != nil {
		return err
	}
	err = a.serve(laptop(a.settings, a.web.port, endpoint, a.events.port, a.template.Parameters["OpenRoutes"], v), v)
	if err != nil {
		return err
	}
	return writeEnvFile(forShell(a.settings, a.web.port, endpoint))
}

// ready asks for the front page. A function that cannot start answers 503 and has said why.
func (a *app) ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://localhost:%d/", a.web.port), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking for the front page: %w", err)
	}
	res.Body.Close()
	if res.StatusCode == http.StatusServiceUnavailable {
		return errors.New("the app cannot start: mend what the functions name above")
	}
	return nil
}

// firstOf waits for both tasks and returns the first error; the other task is told to give up.
func firstOf(errs <-chan error, cancel func()) error {
	var first error
	for range 2 {
		err := <-errs
		if err != nil {
			cancel()
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// claim takes the folder and the ports before anything slow happens.
func (a *app) claim() error {
	for _, folder := range []string{ownFolder, binFolder, dataFolder} {
		err := os.MkdirAll(folder, 0o700)
		if err != nil {
			return fmt.Errorf("making folder %s: %w", folder, err)
		}
	}
	var err error
	a.lock, err = lockfile.Try(filepath.Join(ownFolder, "run.lock"))
	if errors.Is(err, lockfile.ErrTaken) {
		return errors.New("make run or make sam-local is running already in this folder: stop that one first")
	}
	if err != nil {
		return err
	}
	_ = os.Remove(envFile) // of a run that was killed
	a.web, err = listen(a.settings.port)
	if err != nil {
		return portFault(err, a.settings.port, "PORT")
	}
	a.phone, err = listen(a.settings.phonePort)
	if err != nil {
		return portFault(err, a.settings.phonePort, "PHONE_PORT")
	}
	for _, own := range []**server{&a.vendor, &a.events} {
		*own, err = listen(0)
		if err != nil {
			return portFault(err, 0, "none")
		}
	}
	return nil
}

// simulate starts the vendors. They run even if the developer uses real ones: the phone's
// page is then empty.
func (a *app) simulate(v vendors) error {
	var err error
	a.sim, err = simulator.New(simulator.Options{
		AccountSID: v.account["TWILIO_ACCOUNT_SID"],
		AuthToken:  v.account["TWILIO_AUTH_TOKEN"],
		AuthyKey:   v.authy["AUTHY_API_KEY"],
		// The very address that the functions are told is public.
		CallbackURL: strings.TrimRight(cmp.Or(a.getenv("PUBLIC_URL"), fmt.Sprintf("http://localhost:%d", a.web.port)), "/") + "/onetouch/callback",
		Services:    []string{v.verify["VERIFY_SERVICE_SID"], v.verify["VERIFY_SIGNUP_SERVICE_SID"]},
		StateFile:   filepath.Join(dataFolder, "simulator.json"),
		Log:         slog.New(slog.NewJSONHandler(child.NewLines(a.log, "vendors: "), nil)),
	})
	if err != nil {
		return err
	}
	a.vendor.serve(a.sim.Vendors())
	return nil
}

// table starts the engine, unless the developer has one, and makes the table.
func (a *app) table(ctx context.Context) (string, error) {
	endpoint := a.settings.endpoint
	if endpoint == "" {
		var err error
		a.engine, err = dynamodb.Start(ctx, dynamodb.Options{
			ModulesDir: engineCode,
			DataDir:    filepath.Join(dataFolder, "dynamodb"),
			Log:        a.log,
		})
		if err != nil {
			return "", err
		}
		endpoint = a.engine.Endpoint()
	}
	err := dynamodb.CreateTable(ctx, endpoint, a.settings.table, a.template.Table)
	var network *net.OpError
	if a.engine == nil && errors.As(err, &network) {
		return "", fmt.Errorf("nothing answers at AWS_ENDPOINT_URL_DYNAMODB (%s): start your DynamoDB there, or unset it to use the built-in one", endpoint)
	}
	return endpoint, err
}

func (a *app) build(ctx context.Context) error {
	var steps []string
	for _, f := range a.template.Functions {
		steps = append(steps, f.Folder)
	}
	a.builder = newBuilder(".", binFolder, steps, a.log)
	_, err := a.builder.build(ctx)
	return err
}

// serve starts the functions and opens the doors.
func (a *app) serve(here map[string]string, v vendors) error {
	var functions []lambdaruntime.Function
	for _, f := range a.template.Functions {
		functions = append(functions, lambdaruntime.Function{
			Name: f.Name(), Binary: a.builder.binary(f.Folder), Timeout: f.Timeout, MemoryMB: f.MemoryMB,
			Environment: environment(f, here, a.getenv, v),
		})
	}
	var err error
	a.unable = &unable{to: a.log}
	a.runtime, err = lambdaruntime.New(functions, lambdaruntime.Options{Log: a.unable, Eager: true})
	if err != nil {
		return err
	}
	handler, err := gateway.New(a.template.Functions, a.runtime, gateway.Options{
		AccessKey: lambdaruntime.AccessKey, SecretKey: lambdaruntime.AccessKey,
		Log: slog.New(slog.NewJSONHandler(child.NewLines(a.log, "gateway: "), nil)),
	})
	if err != nil {
		return err
	}
	a.bus = eventbus.New(a.template.Functions, a.runtime, eventbus.Options{
		Log: slog.New(slog.NewJSONHandler(child.NewLines(a.log, "events: "), nil)),
	})
	a.events.serve(a.bus)
	a.web.serve(handler)
	a.phone.serve(withDocs(a.sim.Phone()))
	return nil
}

// withDocs puts the API's document beside the phone.
func withDocs(phone http.Handler) http.Handler {
	document := docs()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/docs" || strings.HasPrefix(r.URL.Path, "/docs/") {
			document.ServeHTTP(w, r)
			return
		}
		phone.ServeHTTP(w, r)
	})
}

// closeLimit bounds the end of a run; the kernel ends what is left then.
const closeLimit = 2500 * time.Millisecond

// close ends whatever was started, the doors first, and returns when nothing is left.
func (a *app) close() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if a.lock != nil { // another run's file is not ours
			_ = os.Remove(envFile)
		}
		together(a.web.close, a.phone.close, a.closeFunctions)
		together(a.vendor.close, a.events.close, a.closeEngine)
		if a.sim != nil {
			_ = a.sim.Close()
		}
	}()
	select {
	case <-done:
	case <-time.After(closeLimit):
	}
	if a.lock != nil {
		a.lock.Release()
	}
}

// closeFunctions ends the bus first, which would try events again that a closed runtime refuses.
func (a *app) closeFunctions() {
	if a.bus != nil {
		a.bus.Close()
	}
	if a.runtime != nil {
		_ = a.runtime.Close()
	}
}

func (a *app) closeEngine() {
	if a.engine != nil {
		_ = a.engine.Close()
	}
}

func together(tasks ...func()) {
	var group sync.WaitGroup
	for _, task := range tasks {
		group.Go(task)
	}
	group.Wait()
}
