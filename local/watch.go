package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"
)

// watchEvery is how often the sources are looked at.
const watchEvery = time.Second

// watch rebuilds what changes and has the runtime use it, until ctx ends. A build that fails
// leaves the old functions running, and is not tried again before the next change.
func (a *app) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	read := a.templateTime
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		changed := modified("template.yaml")
		if !changed.Equal(read) {
			read = changed
			fmt.Fprintln(a.log, "template.yaml changed: restart make run to apply it")
		}
		sources, err := a.builder.look()
		if err == nil && !maps.Equal(sources, a.builder.tried) {
			a.rebuild(ctx)
		}
	}
}

// modified is zero for a file that is not there.
func modified(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func (a *app) rebuild(ctx context.Context) {
	built, err := a.builder.build(ctx)
	for _, name := range names(built) {
		a.runtime.Replace(name, a.builder.binary(name))
	}
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errBuild):
		fmt.Fprintln(a.log, "build: failed; the functions built before go on")
	case err != nil:
		fmt.Fprintf(a.log, "build: %v\n", err)
	case len(built) > 0:
		fmt.Fprintf(a.log, "build: done, the new code runs: %s\n", strings.Join(names(built), ", "))
	}
}
