// Command lambdas plays the CLI sam for tests as far as that SAM's events go: it builds with
// the project's Makefile as sam build does, and runs what was built, as sam local start-api does
// in containers, with its environment and its oddities in place of AWS's. host.docker.internal,
// which is a name in containers only, is the address 127.0.0.1. The file functions in the folder
// state beside its own names those that are built: a test that needs no others is in a hurry.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"latchkey/local/gateway"
	"latchkey/local/lambdaruntime"
	"latchkey/local/template"
)

func main() {
	read, err := template.Read("template.yaml")
	if err == nil && os.Args[1] == "build" {
		err = build(read, os.Args[2:])
	} else if err == nil {
		err = startAPI(read, os.Args[3:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func build(t *template.Template, args []string) error {
	folder := ""
	options(args, map[string]*string{"build-dir": &folder})
	self, err := os.Executable()
	if err != nil {
		return err
	}
	wanted, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(self)), "state", "functions"))
	if err != nil {
		return err
	}
	for _, f := range t.Functions {
		if !slices.Contains(strings.Fields(string(wanted)), f.Name()) {
			continue
		}
		artifacts := filepath.Join(folder, f.ID)
		err := os.MkdirAll(artifacts, 0o700)
		if err != nil {
			return err
		}
		cmd := exec.Command("make", "--no-print-directory", "build-"+f.ID, "ARTIFACTS_DIR="+artifacts)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		err = cmd.Run()
		if err != nil {
			return err
		}
	}
	return nil
}

// options reads the named ones and skips all others.
func options(args []string, wanted map[string]*string) {
	flags := flag.NewFlagSet("sam", flag.ExitOnError)
	flags.Bool("parallel", false, "")
	for _, name := range []string{"template-file", "build-dir", "config-file", "parameter-overrides", "host", "port", "warm-containers", "add-host", "env-vars", "region"} {
		value := flags.String(name, "", "")
		if wanted[name] != nil {
			defer func() { *wanted[name] = *value }()
		}
	}
	_ = flags.Parse(args)
}

func startAPI(t *template.Template, args []string) error {
	file, host, port, variables := "", "", "", ""
	options(args, map[string]*string{"template-file": &file, "host": &host, "port": &port, "env-vars": &variables})
	data, err := os.ReadFile(variables)
	if err != nil {
		return err
	}
	values := map[string]map[string]string{}
	err = json.Unmarshal([]byte(strings.ReplaceAll(string(data), "host.docker.internal", "127.0.0.1")), &values)
	if err != nil {
		return err
	}
	var functions []lambdaruntime.Function
	for i, f := range t.Functions {
		environment := f.Environment
		for name := range environment {
			for _, from := range []map[string]string{values["Parameters"], values[f.ID]} {
				value, known := from[name]
				if known {
					environment[name] = value
				}
			}
		}
		environment["AWS_SAM_LOCAL"] = "true"
		functions = append(functions, lambdaruntime.Function{Name: f.Name(), Binary: filepath.Join(filepath.Dir(file), f.ID, "bootstrap"), Timeout: f.Timeout, MemoryMB: f.MemoryMB, Environment: environment})
		for j := range f.Routes {
			t.Functions[i].Routes[j].IAM, t.Functions[i].Routes[j].Authorizer = false, nil
		}
	}
	runtime, err := lambdaruntime.New(functions, lambdaruntime.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	defer runtime.Close()
	handler, err := gateway.New(t.Functions, &odd{runtime: runtime, turns: map[string]*sync.Mutex{}}, gateway.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, handler) }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	return nil
}

// odd turns AWS's events into those of SAM's CLI, and has one container for each function.
type odd struct {
	runtime *lambdaruntime.Runtime
	mu      sync.Mutex
	turns   map[string]*sync.Mutex
}

// Invoke runs the function when its container is free.
func (o *odd) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	o.mu.Lock()
	turn := o.turns[function]
	if turn == nil {
		turn = &sync.Mutex{}
		o.turns[function] = turn
	}
	o.mu.Unlock()
	turn.Lock()
	defer turn.Unlock()
	return o.runtime.Invoke(ctx, function, sams(event))
}

// sams rewrites an event as SAM's CLI has it.
func sams(event []byte) []byte {
	var e map[string]any
	err := json.Unmarshal(event, &e)
	if err != nil {
		panic(err)
	}
	headers := map[string]any{}
	for name, value := range e["headers"].(map[string]any) {
		headers[http.CanonicalHeaderKey(name)] = value
	}
	delete(headers, "X-Forwarded-For")
	delete(headers, "X-Amzn-Trace-Id")
	cookies, _ := e["cookies"].([]any)
	var pairs []string
	for _, c := range cookies {
		pairs = append(pairs, c.(string))
	}
	if len(pairs) > 0 {
		headers["Cookie"] = strings.Join(pairs, "; ")
	}
	body, _ := e["body"].(string)
	if e["isBase64Encoded"] == true {
		raw, _ := base64.StdEncoding.DecodeString(body)
		body = string(raw)
	}
	e["headers"], e["body"], e["isBase64Encoded"], e["stageVariables"] = headers, body, false, nil
	if cookies == nil {
		e["cookies"] = []any{}
	}
	if e["pathParameters"] == nil {
		e["pathParameters"] = map[string]any{}
	}
	rc := e["requestContext"].(map[string]any)
	maps.Copy(rc, map[string]any{
		"requestId": "00000000-0000-0000-0000-000000000000", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1767225600,
		"domainName": "localhost", "domainPrefix": "localhost", "apiId": "1234567890",
	})
	rc["http"].(map[string]any)["userAgent"] = "Custom User Agent String"
	out, _ := json.Marshal(e)
	return out
}
