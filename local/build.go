package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"latchkey/local/child"
)

// buildFlags are those of the Makefile, so that a laptop runs what deploys.
func buildFlags() []string {
	return []string{"-trimpath", "-buildvcs=false", "-tags", "lambda.norpc,nethttpomithttp2", "-ldflags=-s"}
}

// errBuild: the compiler's own words went to the log.
var errBuild = errors.New("the functions do not compile: the compiler's messages are above")

// builder turns step folders into bootstrap files, and leaves alone what is up to date.
type builder struct {
	root, bin string
	steps     []string // folders, such as functions/signup
	log       io.Writer
	work      string                 // of running go commands
	tried     map[string]fingerprint // state of the sources at the last build
}

func newBuilder(root, bin string, steps []string, log io.Writer) *builder {
	return &builder{root: root, bin: bin, steps: steps, log: log}
}

// binary is the file of a step. It is replaced by renaming, so a running process keeps its own.
func (b *builder) binary(step string) string {
	return filepath.Join(b.bin, path.Base(step), "bootstrap")
}

func (b *builder) stamp(step string) string {
	return filepath.Join(b.bin, path.Base(step), "stamp")
}

// build builds the steps whose sources changed and returns those it did build, also with an
// error. The first go command compiles all of them, so a fault in a shared package is told
// once; then each is linked.
func (b *builder) build(ctx context.Context) ([]string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("go was not found on the PATH: install Go, see go.mod for the version")
	}
	prints, err := b.look()
	if err != nil {
		return nil, err
	}
	b.tried = prints
	stale := b.stale(prints)
	if len(stale) == 0 {
		return nil, nil
	}
	fmt.Fprintf(b.log, "build: %s\n", strings.Join(names(stale), ", "))
	err = b.makeWork()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.work)
	err = b.compile(ctx, tool, stale)
	if err != nil {
		return nil, err
	}
	err = b.linkAll(ctx, tool, stale, prints)
	missed := b.stale(prints)
	built := slices.DeleteFunc(stale, func(step string) bool { return slices.Contains(missed, step) })
	return built, err
}

// makeWork makes the folder of the go commands' working files, which one that is killed
// leaves behind.
func (b *builder) makeWork() error {
	folder, err := filepath.Abs(filepath.Join(b.bin, ".work"))
	if err != nil {
		return err
	}
	b.work = folder
	err = os.MkdirAll(folder, 0o700)
	if err != nil {
		return fmt.Errorf("making a folder for the build: %w", err)
	}
	return nil
}

// look returns the present state of the sources.
func (b *builder) look() (map[string]fingerprint, error) {
	return fingerprints(b.root, salt(), b.steps)
}

// salt stands for the tool chain and the settings that change its output.
func salt() string {
	tool, _ := exec.LookPath("go")
	stamp := ""
	info, err := os.Stat(tool)
	if err == nil {
		stamp = info.ModTime().String()
	}
	return strings.Join([]string{tool, stamp, runtime.Version(), os.Getenv("GOFLAGS"), os.Getenv("GOEXPERIMENT"), os.Getenv("GOTOOLCHAIN")}, "\n")
}

func (b *builder) stale(prints map[string]fingerprint) []string {
	var list []string
	for _, step := range b.steps {
		have, err := os.ReadFile(b.stamp(step))
		_, missing := os.Stat(b.binary(step))
		if err != nil || missing != nil || fingerprint(have) != prints[step] {
			list = append(list, step)
		}
	}
	return list
}

func names(steps []string) []string {
	list := make([]string, len(steps))
	for i, step := range steps {
		list[i] = path.Base(step)
	}
	return list
}

// compile fills Go's build cache with all that the steps need.
func (b *builder) compile(ctx context.Context, tool string, steps []string) error {
	args := append([]string{"build"}, buildFlags()...)
	packages := 0
	for _, step := range steps {
		files, _ := filepath.Glob(filepath.Join(b.root, step, "*.go"))
		if len(files) > 0 {
			args = append(args, "./"+step)
			packages++
		}
	}
	if packages < 2 { // one is compiled just as well when it is linked
		return nil
	}
	return b.goTool(ctx, tool, args)
}

// linkAll links the steps, a few at a time, and returns the first error.
func (b *builder) linkAll(ctx context.Context, tool string, steps []string, prints map[string]fingerprint) error {
	slots := make(chan struct{}, max(2, runtime.NumCPU()))
	errs := make([]error, len(steps))
	var group sync.WaitGroup
	for i, step := range steps {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = b.link(ctx, tool, step, prints[step])
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) link(ctx context.Context, tool, step string, print fingerprint) error {
	fresh := b.binary(step) + ".new"
	err := os.MkdirAll(filepath.Dir(fresh), 0o700)
	if err != nil {
		return fmt.Errorf("making a folder for %s: %w", step, err)
	}
	output, err := filepath.Abs(fresh)
	if err != nil {
		return err
	}
	args := append([]string{"build"}, buildFlags()...)
	err = b.goTool(ctx, tool, append(args, "-o", output, "./"+step+"/lambda"))
	if err != nil {
		return err
	}
	err = os.Rename(fresh, b.binary(step))
	if err != nil {
		return fmt.Errorf("putting %s in place: %w", step, err)
	}
	err = os.WriteFile(b.stamp(step), []byte(print), 0o600)
	if err != nil {
		return fmt.Errorf("noting the build of %s: %w", step, err)
	}
	return nil
}

// goTool runs a go command for the host without cgo, whatever the developer's shell says.
func (b *builder) goTool(ctx context.Context, tool string, args []string) error {
	var output bytes.Buffer
	cmd := exec.Command(tool, args...)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOTMPDIR="+b.work)
	cmd.Stdout, cmd.Stderr = &output, &output
	running, err := child.Start(cmd)
	if err != nil {
		return fmt.Errorf("running go build: %w", err)
	}
	select {
	case <-running.Done():
	case <-ctx.Done():
		running.Stop(0)
		return ctx.Err()
	}
	if running.Err() == nil {
		return nil
	}
	_, _ = b.log.Write(output.Bytes())
	return errBuild
}
