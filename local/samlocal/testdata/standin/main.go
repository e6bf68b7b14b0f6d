// Command standin plays the commands sam and docker for tests, as far as a run uses them. Which
// one it is its own name says. What it was called with, and what it shall do, are files in the
// folder state beside its own; its environment says nothing, since SAM's is made from nothing.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	state := filepath.Join(filepath.Dir(filepath.Dir(self)), "state")
	name, args := filepath.Base(self), os.Args[1:]
	note(state, name, args)
	s := standin{state: state}
	switch {
	case name == "docker":
		s.docker(args)
	case args[0] == "build":
		s.build(args[1:])
	default:
		s.startAPI(args[2:])
	}
}

// note adds a line to the list of calls. SAM's environment is kept as well.
func note(state, name string, args []string) {
	call := map[string]any{"name": name, "args": args}
	if name == "sam" {
		call["env"] = os.Environ()
	}
	line, _ := json.Marshal(call)
	file, err := os.OpenFile(filepath.Join(state, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	_, _ = file.Write(append(line, '\n'))
}

type standin struct{ state string }

// told reads what a test wants to be so; "" if it does not say.
func (s standin) told(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.state, name))
	return strings.TrimSpace(string(text))
}

func (s standin) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.state, name))
	return err == nil
}

func (s standin) tell(name, text string) {
	path := filepath.Join(s.state, name)
	_ = os.MkdirAll(filepath.Dir(path), 0o700)
	_ = os.WriteFile(path, []byte(text), 0o600)
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}

// hang waits with a child, as make waits for go, until somebody ends both.
func (s standin) hang() {
	cmd := exec.Command("sleep", "300")
	_ = cmd.Start()
	s.tell("hanging", fmt.Sprint(cmd.Process.Pid))
	_ = cmd.Wait()
}

func (s standin) build(args []string) {
	flags := flag.NewFlagSet("build", flag.ExitOnError)
	folder := flags.String("build-dir", "", "")
	for _, name := range []string{"template-file", "config-file", "parameter-overrides"} {
		flags.String(name, "", "")
	}
	flags.Bool("parallel", false, "")
	_ = flags.Parse(args)
	fmt.Println("Building codeuri")
	_ = os.WriteFile(filepath.Join(os.Getenv("TMPDIR"), "scratch"), nil, 0o600)
	if s.has("build-hangs") {
		s.hang()
	}
	if s.has("build-fails") {
		fail("Build Failed")
	}
	_ = os.MkdirAll(*folder, 0o700)
	_ = os.WriteFile(filepath.Join(*folder, "template.yaml"), nil, 0o600)
}

// startAPI answers every request with the status that state/front names, and leaves a container
// behind, as SAM may.
func (s standin) startAPI(args []string) {
	flags := flag.NewFlagSet("start-api", flag.ExitOnError)
	template := flags.String("template-file", "", "")
	host, port := flags.String("host", "", ""), flags.String("port", "", "")
	variables := flags.String("env-vars", "", "")
	for _, name := range []string{"warm-containers", "add-host", "config-file", "parameter-overrides", "region"} {
		flags.String(name, "", "")
	}
	_ = flags.Parse(args)
	document, err := os.ReadFile(*variables)
	if err != nil {
		fail(err.Error())
	}
	info, _ := os.Stat(*variables)
	s.tell("variables", string(document))
	s.tell("variables-mode", info.Mode().String())
	if s.has("start-hangs") {
		s.hang()
	}
	if s.has("dies") {
		fail("Mounting HomeFunction\n\nError: no luck today")
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(*host, *port))
	if err != nil {
		fail("Error: " + err.Error())
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			s.tell("containers/c0ffee", filepath.Join(filepath.Dir(*template), "HomeFunction"))
			if s.has("front-dies") {
				fail("Error: the engine went away")
			}
			status := 200
			_, _ = fmt.Sscan(s.told("front"), &status)
			w.WriteHeader(status)
		}))
	}()
	<-stop
	if s.has("ignores") {
		time.Sleep(time.Hour)
	}
	s.tell("ended-politely", "")
}

func (s standin) docker(args []string) {
	switch strings.Join(args[:min(2, len(args))], " ") {
	case "info --format":
		if s.has("engine-hangs") {
			s.hang()
		}
		if fault := s.told("engine-down"); fault != "" {
			fail(fault)
		}
		fmt.Println(s.told("system"))
	case "context inspect":
		fmt.Println("unix:///run/standin.sock")
	case "network inspect":
		fmt.Println(s.told("bridge"))
	case "ps --all":
		entries, _ := os.ReadDir(filepath.Join(s.state, "containers"))
		for _, e := range entries {
			fmt.Println(e.Name())
		}
	case "container inspect":
		for _, id := range args[4:] {
			fmt.Println(id, s.told("containers/"+id))
		}
	case "rm --force":
		for _, id := range args[3:] {
			_ = os.Remove(filepath.Join(s.state, "containers", id))
		}
	default:
		fail("unknown: " + strings.Join(args, " "))
	}
}
