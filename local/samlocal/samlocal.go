// Package samlocal runs the project's functions with SAM's own CLI on a Docker engine: it finds
// both, builds, serves, gives the containers a way to what listens on this machine, and leaves
// none of them behind. What the functions are told is its caller's affair.
package samlocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"latchkey/local/child"
	"latchkey/local/template"
)

// Everything a run makes lies below Options.Folder. The build is not SAM's own .aws-sam, which
// the next sam deploy would take for AWS.
const (
	buildFolder  = "build"
	workFolder   = "tmp"
	variableFile = "env.json"
	configFile   = "samconfig.toml"
)

// Grace for SAM after the request to end: it removes a container for each function.
const (
	serverGrace = 20 * time.Second
	buildGrace  = 3 * time.Second
)

// Options of New; all are needed.
type Options struct {
	// SAM is the path of the CLI, as FindSAM returns it.
	SAM    string
	Engine *Engine
	// Folder is the run's own, below the current one, which is the project's.
	Folder string
	// Port is where the API is served, on 127.0.0.1.
	Port int
	// Region is that of the functions.
	Region string
	// Architecture is the template's word for the functions' processor.
	Architecture string
	// Parameters are other overrides of the template's, such as AllowedCountries=US.
	Parameters []string
	// Functions are the template's.
	Functions []template.Function
	// Environ is the developer's, of which SAM gets a part.
	Environ []string
	// Log gets what SAM and the functions write.
	Log io.Writer
}

// Runner is one run. Its methods are called from one goroutine, in the order New, Build, Start,
// Ready, Close; Close may come at any time after New.
type Runner struct {
	options Options
	folder  string // absolute, and free of links, as the engine names it
	environ []string
	before  map[string]bool // SAM's containers that were there before
	last    *tail
	server  *child.Process
}

// FindSAM returns the path of SAM's CLI; name is sam, or a path.
func FindSAM(name string) (string, error) {
	found, err := exec.LookPath(name)
	if err != nil {
		return "", errors.New("sam was not found on the PATH: install the AWS SAM CLI (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html), or use make run, which needs neither SAM nor Docker")
	}
	return found, nil
}

// Architecture is what the template and the Makefile call a processor: Go's name for it is
// given, that of Lambda returned.
func Architecture(goarch string) (string, error) {
	switch goarch {
	case "amd64":
		return "x86_64", nil
	case "arm64":
		return "arm64", nil
	}
	return "", fmt.Errorf("AWS Lambda has no functions for %s: make sam-local needs a machine with amd64 or arm64", goarch)
}

// New prepares the folder, removes containers that a killed run left there, and remembers
// those of others. The caller holds the folder's lock.
func New(ctx context.Context, o Options) (*Runner, error) {
	folder, err := filepath.Abs(o.Folder)
	if err != nil {
		return nil, err
	}
	err = os.MkdirAll(filepath.Join(folder, workFolder), 0o700)
	if err != nil {
		return nil, fmt.Errorf("making folder %s: %w", o.Folder, err)
	}
	folder, err = filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, err
	}
	// The project's own file has settings for a deployment, which could reach these commands.
	err = os.WriteFile(filepath.Join(folder, configFile), []byte("version = 0.1\n"), 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing SAM's settings: %w", err)
	}
	r := &Runner{options: o, folder: folder, last: &tail{}}
	r.environ = environ(o, r.folder)
	r.before, err = o.Engine.clear(ctx, r.path(buildFolder))
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Runner) path(name string) string { return filepath.Join(r.folder, name) }

// overrides are needed by both commands: the built template still refers to its parameters.
func (r *Runner) overrides() string {
	all := "Architecture=" + r.options.Architecture
	for _, p := range r.options.Parameters {
		all += " " + p
	}
	return all
}

// Build builds all functions.
func (r *Runner) Build(ctx context.Context) error {
	fmt.Fprintln(r.options.Log, "sam: building the functions")
	running, err := r.command("build", "--parallel",
		"--template-file", "template.yaml",
		"--build-dir", r.path(buildFolder),
		"--config-file", r.path(configFile),
		"--parameter-overrides", r.overrides())
	if err != nil {
		return err
	}
	select {
	case <-running.Done():
	case <-ctx.Done():
		running.Stop(buildGrace)
		return ctx.Err()
	}
	if running.Err() != nil {
		return fmt.Errorf("sam build failed (%w): its messages are above", running.Err())
	}
	return nil
}

// Start starts the API. values are the functions' variables by logical id.
func (r *Runner) Start(values map[string]map[string]string) error {
	err := writeVariables(r.path(variableFile), values)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.options.Log, "sam: starting the API; the first time the engine downloads Lambda's image, which takes minutes")
	r.server, err = r.command("local", "start-api",
		"--template-file", filepath.Join(r.path(buildFolder), "template.yaml"),
		"--host", "127.0.0.1", "--port", fmt.Sprint(r.options.Port),
		"--warm-containers", "LAZY",
		"--add-host", hostName+":host-gateway",
		"--env-vars", r.path(variableFile),
		"--config-file", r.path(configFile),
		"--parameter-overrides", r.overrides(),
		"--region", r.options.Region)
	return err
}

// command starts SAM in the project's folder.
func (r *Runner) command(args ...string) (*child.Process, error) {
	cmd := exec.Command(r.options.SAM, args...)
	cmd.Env = r.environ
	lines := child.NewLines(io.MultiWriter(r.last, r.options.Log), "sam: ")
	cmd.Stdout, cmd.Stderr = lines, lines
	running, err := child.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("running sam: %w", err)
	}
	return running, nil
}

// Ready returns when the front page answers. The gateway of SAM answers 5xx for a function
// that failed, and may do so once for an engine that is slow to begin with.
func (r *Runner) Ready(ctx context.Context) error {
	const tries = 3
	for failed := 0; ; {
		status, err := r.frontPage(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && status < http.StatusInternalServerError:
			return nil
		case err == nil && status == http.StatusServiceUnavailable:
			return errors.New("the app cannot start: mend what the functions name above")
		case err == nil:
			failed++
		}
		if failed == tries {
			return fmt.Errorf("the front page answers %d under SAM: its messages are above", status)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.server.Done():
			return r.Fault()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// frontPage asks by the public name, since the functions refuse others, and without a time
// limit, since the engine may be downloading.
func (r *Runner) frontPage(ctx context.Context) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.server.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://localhost:%d/", r.options.Port), nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// Ended is closed when the API has ended, asked or not. Only after Start.
func (r *Runner) Ended() <-chan struct{} { return r.server.Done() }

// Fault says how the API ended by itself. Only after Ended.
func (r *Runner) Fault() error {
	how := "exit status 0"
	if r.server.Err() != nil {
		how = r.server.Err().Error()
	}
	return fmt.Errorf("sam local start-api ended by itself (%s): %s", how, r.last.line())
}

// Close ends the API, removes the containers that it started, and its files. A run that never
// came to Start has no containers.
func (r *Runner) Close() {
	if r.server != nil {
		r.server.Stop(serverGrace)
		err := r.options.Engine.remove(r.path(buildFolder), r.before)
		if err != nil {
			fmt.Fprintf(r.options.Log, "sam: containers may be left: %v\n", err)
		}
	}
	_ = os.Remove(r.path(variableFile))
	_ = os.RemoveAll(r.path(workFolder))
}
