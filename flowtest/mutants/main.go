// Mutants tells whether the tests would notice that a security check is gone. Each file
// *.mutant below this folder is one small change that breaks one check; each must
// make one of the tests that it names fail:
//
//	go run ./flowtest/mutants             all of them: make mutants
//	go run ./flowtest/mutants store/ csp  those whose name has one of these words in it
//
// A file holds three header lines, an empty one, and the change, as a unified
// diff shows it but without line numbers, so that it outlives what is changed
// around it:
//
//	why: R-042: a hundred tries at once are five.
//	file: shared/store/session.go
//	test: ./shared/store TestReserveCheck TestReserveCheckInParallel
//
//	 		a line that stays, to make the place unique
//	-		the line as it is
//	+		the line as it is broken
//
// "why" names the requirement. "test" may stand more than once. The lines that
// stay or go must be in the file exactly once, else the mutant does not apply,
// which is an error, as is one that does not compile, or runs out of time: only a
// test that fails kills. The tests run once without any change first, since what
// fails anyway kills nothing.
//
// Building takes longer than testing. So the tests are built once, with all mutants
// in them, each asleep until the variable MUTANT names it: a function that one
// changes begins with a switch to the changed body. Therefore a mutant changes what
// is inside one function. The source itself is never touched: the go command is
// given the planted files by its -overlay.
//
// To add one, copy one. It must not know what a mutant is about.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// abreast is how many mutants are tried at a time.
const abreast = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bad, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || bad > 0 {
		stop()
		os.Exit(1)
	}
}

// run tries the mutants whose name has one of these words in it, all if there are
// none, and returns how many were not killed.
func run(ctx context.Context, words []string) (bad int, err error) {
	root, err := findRoot()
	if err != nil {
		return 0, err
	}
	list, err := readAll(filepath.Join(root, "flowtest", "mutants"))
	if err != nil {
		return 0, err
	}
	list = slices.DeleteFunc(list, func(m mutant) bool { return !named(m, words) })
	if len(list) == 0 {
		return 0, errors.New("there is no mutant of that name")
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	t := &trial{root: root, dir: dir}
	err = t.prepare(ctx, list)
	if err != nil {
		return 0, err
	}
	fmt.Printf("the tests pass without a change (%.0f s)\n", time.Since(began).Seconds())
	bad = tryAll(ctx, t, list)
	fmt.Printf("%d mutants, %d killed, %d not, in %.0f s\n", len(list), len(list)-bad, bad, time.Since(began).Seconds())
	return bad, ctx.Err()
}

func named(m mutant, words []string) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(m.name, w) })
}

// findRoot is the project's folder, at or above the working one.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		_, missing := os.Stat(filepath.Join(dir, "go.mod"))
		if missing == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("run this inside the project's folder")
		}
		dir = parent
	}
	return "", err
}

// tryAll tries the mutants and prints a line for each as it is known.
func tryAll(ctx context.Context, t *trial, list []mutant) (bad int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan mutant)
	for range abreast {
		wg.Go(func() {
			for m := range next {
				began := time.Now()
				verdict, killed := t.try(ctx, m)
				mu.Lock()
				if !killed {
					bad++
				}
				fmt.Printf("%-36s %s (%.0f s)\n", m.name, verdict, time.Since(began).Seconds())
				mu.Unlock()
			}
		})
	}
	for _, m := range list {
		next <- m
	}
	close(next)
	wg.Wait()
	return bad
}
