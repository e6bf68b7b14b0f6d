package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// testTime is how long the tests of one mutant may take.
const testTime = 2 * time.Minute

// trial is a run of mutants.
type trial struct {
	root     string
	dir      string            // for what is built
	binaries map[string]string // a package's tests, with all mutants in them, asleep
}

// prepare builds the tests that the mutants name, once, and runs them with all
// mutants asleep.
func (t *trial) prepare(ctx context.Context, list []mutant) error {
	overlay, err := plant(t.root, t.dir, list)
	if err != nil {
		return err
	}
	var all []suite
	for _, m := range list {
		for _, s := range m.tests {
			i := slices.IndexFunc(all, func(e suite) bool { return e.pkg == s.pkg })
			if i < 0 {
				all, i = append(all, suite{pkg: s.pkg}), len(all)
			}
			all[i].tests = append(all[i].tests, s.tests...)
		}
	}
	t.binaries = map[string]string{}
	for i, s := range all {
		t.binaries[s.pkg] = filepath.Join(t.dir, fmt.Sprintf("%d.test", i))
		err = t.build(ctx, s.pkg, overlay)
		if err == nil {
			slices.Sort(s.tests)
			s.tests = slices.Compact(s.tests)
			err = t.clean(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// build builds a package's tests. That takes longer here than running them:
// nothing is optimised, and nothing is kept for debuggers.
func (t *trial) build(ctx context.Context, pkg, overlay string) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", t.binaries[pkg],
		"-gcflags=latchkey/...=-N -l -dwarf=false", "-ldflags=-s -w", pkg)
	cmd.Dir = t.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the tests of %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// clean runs tests with all mutants asleep: what fails anyway kills nothing. On a
// busy machine one may fail beside others that passes alone.
func (t *trial) clean(ctx context.Context, s suite) error {
	passed := func(out, name string) bool { return strings.Contains(out, "--- PASS: "+name+" ") }
	all, err := t.test(ctx, s, "")
	for _, name := range s.tests {
		out := all
		for n := 0; n < 3 && err != nil && !passed(out, name); n++ {
			out, _ = t.test(ctx, suite{s.pkg, []string{name}}, "")
		}
		if !passed(out, name) {
			return fmt.Errorf("%s fails without a change, or is skipped, or is not there: %s\n%s", s.pkg, name, tail(out))
		}
	}
	return nil
}

// try says what became of a mutant.
func (t *trial) try(ctx context.Context, m mutant) (verdict string, killed bool) {
	for _, s := range m.tests {
		out, err := t.test(ctx, s, m.name)
		if err == nil {
			continue
		}
		by := failed.FindStringSubmatch(out)
		if by == nil || strings.Contains(out, "panic: test timed out") || ctx.Err() != nil {
			return fmt.Sprintf("no test failed, and yet: %v\n%s", err, tail(out)), false
		}
		return "killed by " + by[1], true
	}
	return "SURVIVED: " + m.why, false
}

// failed is how a test, but no part of one, is reported.
var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

func tail(out string) string { return out[max(0, len(out)-2000):] }

// test runs tests with one mutant awake, or none, and returns what they print.
func (t *trial) test(ctx context.Context, s suite, awake string) (string, error) {
	cmd := exec.CommandContext(ctx, t.binaries[s.pkg], "-test.v", "-test.short", "-test.timeout", testTime.String(),
		"-test.run", "^("+strings.Join(s.tests, "|")+")$")
	cmd.Dir = filepath.Join(t.root, filepath.FromSlash(s.pkg))
	cmd.Env = append(os.Environ(), variable+"="+awake)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	return out.String(), err
}
