package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"latchkey/local/child"
	"latchkey/local/eventbus"
	"latchkey/local/lambdaruntime"
	"latchkey/local/samlocal"
	"latchkey/local/secretsmanager"
	"latchkey/local/template"
)

// Variables by which a deployed function finds its vendors' credentials.
const (
	secretARN = "SECRET_ARN"
	secretURL = "AWS_ENDPOINT_URL_SECRETS_MANAGER"
)

// theSecret is the id of the only secret there is.
const theSecret = "arn:aws:secretsmanager:" + lambdaruntime.Region + ":123456789012:secret:latchkey"

// samRun is a run in which SAM's CLI and Docker take the place of gateway and runtime; the
// rest is as in any run.
type samRun struct {
	*app
	engine  *samlocal.Engine
	network *samlocal.Network
	secrets *server
	runner  *samlocal.Runner
}

// runSAM is run under SAM.
func runSAM(ctx context.Context, set settings, getenv func(string) string, stdout, stderr io.Writer) error {
	s := &samRun{app: &app{settings: set, getenv: deployed(getenv), log: newLog(stderr)}}
	defer s.close()
	err := s.start(ctx)
	if err == nil {
		err = s.runner.Ready(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "App    http://localhost:%d\nPhone  http://localhost:%d\n", s.web.port, s.phone.port)
	select {
	case <-ctx.Done():
		return nil
	case <-s.runner.Ended():
		return s.runner.Fault()
	}
}

// deployed hides the shell's secret, which is one of AWS, from the functions.
func deployed(getenv func(string) string) func(string) string {
	return func(name string) string {
		if name == secretARN || name == secretURL {
			return ""
		}
		return getenv(name)
	}
}

// start brings everything up. What it started is ended by close, also after an error.
func (s *samRun) start(ctx context.Context) error {
	architecture, err := samlocal.Architecture(runtime.GOARCH)
	if err != nil {
		return err
	}
	cli, err := samlocal.FindSAM("sam")
	if err != nil {
		return err
	}
	s.engine, err = samlocal.FindEngine(ctx, "docker", s.getenv("DOCKER_HOST"))
	if err != nil {
		return err
	}
	err = s.claim()
	if err != nil {
		return err
	}
	s.template, err = template.Read("template.yaml") // SAM serves no others
	if err != nil {
		return err
	}
	v, err := s.stand()
	if err != nil {
		return err
	}
	s.network, err = samlocal.NewNetwork(ctx, s.engine)
	if err != nil {
		return err
	}
	s.runner, err = samlocal.New(ctx, samlocal.Options{
		SAM: cli, Engine: s.engine, Folder: filepath.Join(ownFolder, "sam"), Port: s.web.port,
		Region: lambdaruntime.Region, Architecture: architecture,
		Parameters: []string{"AllowedCountries=" + cmp.Or(s.getenv("ALLOWED_COUNTRIES"), "US")}, // has no default
		Functions:  s.template.Functions, Environ: os.Environ(), Log: s.log,
	})
	if err != nil {
		return err
	}
	endpoint, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	return s.open(endpoint, v)
}

// stand starts the stand-ins: vendors, their secret, the event bus.
func (s *samRun) stand() (vendors, error) {
	v := newVendors(s.getenv, fmt.Sprintf("http://127.0.0.1:%d", s.vendor.port))
	err := v.check()
	if err != nil {
		return v, err
	}
	err = s.simulate(v)
	if err != nil {
		return v, err
	}
	s.secrets, err = listen(0)
	if err != nil {
		return v, portFault(err, 0, "none")
	}
	store, err := theSecrets(v)
	if err != nil {
		return v, err
	}
	s.secrets.serve(store)
	// Nothing that SAM serves is invoked by an event: they are taken, and go nowhere.
	s.bus = eventbus.New(nil, nil, eventbus.Options{
		Log: slog.New(slog.NewJSONHandler(child.NewLines(s.log, "events: "), nil)),
	})
	s.events.serve(s.bus)
	return v, nil
}

// prepare makes the table and builds the functions, at the same time.
func (s *samRun) prepare(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	endpoint := ""
	errs := make(chan error, 2)
	go func() {
		var err error
		endpoint, err = s.table(ctx)
		errs <- err
	}()
	go func() { errs <- s.runner.Build(ctx) }()
	err := firstOf(errs, cancel)
	return endpoint, err
}

// open starts the API where the port was kept for it.
func (s *samRun) open(endpoint string, v vendors) error {
	values, err := s.variables(endpoint, v)
	if err != nil {
		return err
	}
	err = writeEnvFile(forShell(s.settings, s.web.port, endpoint))
	if err != nil {
		return err
	}
	s.phone.serve(withDocs(s.sim.Phone()))
	s.web.close()
	return s.runner.Start(values)
}

// variables are those of every function by its logical id: what any run gives, with addresses
// that containers reach, and a secret in the place of credentials, which no template declares.
func (s *samRun) variables(endpoint string, v vendors) (map[string]map[string]string, error) {
	here := laptop(s.settings, s.web.port, endpoint, s.events.port, s.template.Parameters["OpenRoutes"], v)
	here[secretARN] = theSecret
	here[secretURL] = fmt.Sprintf("http://127.0.0.1:%d", s.secrets.port)
	all := map[string]map[string]string{}
	for _, f := range s.template.Functions {
		own := environment(f, here, s.getenv, v)
		maps.DeleteFunc(own, func(name, _ string) bool { _, declared := f.Environment[name]; return !declared })
		for name, value := range own {
			if !service(name) || value == "" {
				continue
			}
			address, err := s.network.Reach(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			own[name] = address
		}
		all[f.ID] = own
	}
	return all, nil
}

// service reports whether a variable names an address that functions call, not visitors.
func service(name string) bool {
	return strings.HasPrefix(name, "AWS_ENDPOINT_URL") || name == messagesURL || name == verifyURL || name == authyURL
}

// close ends SAM first and what its functions call after it, and returns when nothing is left.
func (s *samRun) close() {
	if s.runner != nil {
		s.runner.Close()
	}
	if s.network != nil {
		s.network.Close()
	}
	s.secrets.close()
	s.app.close()
}

// theSecrets holds the credentials of all vendors, under the names that the functions know
// them by, as the one secret of a deployment does.
func theSecrets(v vendors) (*secretsmanager.Store, error) {
	values := map[string]string{}
	for _, part := range []map[string]string{v.account, v.verify, v.messages, v.authy} {
		maps.Copy(values, part)
	}
	document, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	text := string(document)
	store := secretsmanager.New()
	store.Put(theSecret, &text)
	return store, nil
}
