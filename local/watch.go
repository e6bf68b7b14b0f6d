package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"latchkey/local/template"
)

// watchEvery is how often the sources are looked at.
const watchEvery = time.Second

// watch rebuilds what changes and has the runtime use it, until ctx ends. A build that fails
// leaves the old functions running, and is not tried again before the next change. It also says
// which functions cannot start.
func (a *app) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	read := a.templates
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		a.unable.say()
		now := templateTimes()
		for _, file := range changed(read, now) {
			fmt.Fprintf(a.log, "%s changed: restart make run to apply it\n", file)
		}
		read = now
		sources, err := a.builder.look()
		if err == nil && !maps.Equal(sources, a.builder.tried) {
			a.rebuild(ctx)
		}
	}
}

// templateTimes are the times of the project's templates, those of the examples included.
func templateTimes() map[string]time.Time {
	files, _ := template.Files(".") // its pattern is right
	times := map[string]time.Time{}
	for _, file := range files {
		times[file] = modified(file)
	}
	return times
}

// changed lists files that are new, gone or of another time.
func changed(before, now map[string]time.Time) []string {
	var list []string
	for file, at := range now {
		old, there := before[file]
		if !there || !old.Equal(at) {
			list = append(list, file)
		}
	}
	for file := range before {
		_, there := now[file]
		if !there {
			list = append(list, file)
		}
	}
	slices.Sort(list)
	return list
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
