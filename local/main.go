// Command local runs all of latchkey on a laptop: the functions as built for AWS, an API
// gateway and a DynamoDB for them, and the vendors with a phone. `make run` starts it in the
// project's folder; `make sam-local` starts it with the argument sam, and SAM's own CLI is the
// gateway. It owns the order of start and end and the functions' environment; how
// each part works is the part's own affair. It imports nothing of the product.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// exitInterrupted is the exit status after a second Ctrl-C, as shells number it.
const exitInterrupted = 130

func main() {
	os.Exit(runUntilSignal())
}

// runUntilSignal ends the run at the first signal and leaves at once at the second: children
// do not outlive this process.
func runUntilSignal() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupted)
	}()
	go func() {
		awaitOrphaned(ctx, os.Getppid)
		cancel()
	}()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// awaitOrphaned returns when nobody is left to send a signal: make was killed, or it was
// interrupted alone and waits for us, for it passes a SIGTERM on, but not a SIGINT.
func awaitOrphaned(ctx context.Context, parent func() int) {
	first := parent()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	calm := !interrupted(first)
	for parent() == first && !(calm && interrupted(first)) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// interrupted reports whether a process is inside its handler of SIGINT, which is then
// blocked. Where the system does not tell, it is not.
func interrupted(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(status), "SigBlk:")
	line, _, _ := strings.Cut(after, "\n")
	blocked, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && blocked&(1<<(syscall.SIGINT-1)) != 0
}

// run runs everything in the current folder until ctx ends, which is no error. Addresses go to
// stdout, logs to stderr.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	sam := len(args) == 1 && args[0] == "sam"
	if len(args) > 0 && !sam {
		return errors.New("make run takes no arguments: PORT, PHONE_PORT and PROVIDER are set in the environment")
	}
	_, err := os.Stat("template.yaml")
	if err != nil {
		return errors.New("there is no template.yaml here: start it with make run in the project's folder")
	}
	set, err := readSettings(getenv)
	if err != nil {
		return err
	}
	if sam {
		return runSAM(ctx, set, getenv, stdout, stderr)
	}
	a := &app{settings: set, getenv: getenv, log: newLog(stderr)}
	defer a.close()
	err = a.start(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	err = a.ready(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "App    http://localhost:%d\nPhone  http://localhost:%d\n", a.web.port, a.phone.port)
	a.watch(ctx)
	return nil
}
