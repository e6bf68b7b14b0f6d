package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Time for the tests that one mutant runs, and for building them as well.
const (
	testTime = 2 * time.Minute
	allTime  = 8 * time.Minute
)

// clean runs all tests that the mutants name, without any change.
func clean(ctx context.Context, root string, list []mutant) error {
	var all []suite
	for _, m := range list {
		for _, t := range m.tests {
			i := slices.IndexFunc(all, func(s suite) bool { return s.pkg == t.pkg })
			if i < 0 {
				all, i = append(all, suite{pkg: t.pkg}), len(all)
			}
			all[i].tests = append(all[i].tests, t.tests...)
		}
	}
	for _, s := range all {
		slices.Sort(s.tests)
		s.tests = slices.Compact(s.tests)
		out, err := test(ctx, root, s)
		if err != nil {
			return fmt.Errorf("%s fails without a change: %w\n%s", s.pkg, err, out)
		}
		for _, name := range s.tests {
			if !strings.Contains(out, "--- PASS: "+name+" ") {
				return fmt.Errorf("%s: there is no %s, or it was skipped", s.pkg, name)
			}
		}
	}
	return nil
}

// try says what became of a mutant.
func try(ctx context.Context, root string, m mutant) (verdict string, killed bool) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return err.Error(), false
	}
	defer os.RemoveAll(dir)
	overlay, err := write(root, dir, m)
	if err != nil {
		return err.Error(), false
	}
	for _, s := range m.tests {
		out, err := test(ctx, root, s, "-overlay", overlay)
		if err == nil {
			continue
		}
		by := failed.FindStringSubmatch(out)
		switch {
		case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
			return "does not compile:\n" + out, false
		case by == nil || strings.Contains(out, "panic: test timed out"), ctx.Err() != nil:
			return fmt.Sprintf("no test failed, and yet: %v\n%s", err, tail(out)), false
		}
		return "killed by " + by[1], true
	}
	return "SURVIVED: " + m.why, false
}

// failed is how the go command reports a test, but no part of one.
var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

func tail(out string) string { return out[max(0, len(out)-2000):] }

// write writes the changed source, and the file that tells the go command to take
// it.
func write(root, dir string, m mutant) (overlay string, err error) {
	path := filepath.Join(root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text, err := m.apply(string(source))
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, filepath.Base(path))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, errors.Join(os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(overlay, list, 0o600))
}

// test runs tests and returns what the go command says. Building takes longer than
// running here: nothing is optimised, and nothing is kept for debuggers.
func test(ctx context.Context, root string, s suite, flags ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, allTime)
	defer cancel()
	args := append([]string{"test", "-v", "-short", "-count=1", "-vet=off", "-timeout", testTime.String(),
		"-gcflags=latchkey/...=-N -l -dwarf=false", "-ldflags=-s -w", "-run", "^(" + strings.Join(s.tests, "|") + ")$"}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, s.pkg)...)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	return out.String(), err
}
