package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// unableLine is how a step says in its log that it cannot start; its reasons come behind it.
const unableLine = `"msg":"this step cannot start`

// unable passes log lines on, and remembers which steps say in them that they cannot start.
type unable struct {
	to io.Writer

	mu    sync.Mutex
	steps []string
}

// Write takes one whole line.
func (u *unable) Write(line []byte) (int, error) {
	step, text, _ := strings.Cut(string(line), ": ")
	if strings.Contains(text, unableLine) {
		u.mu.Lock()
		if !slices.Contains(u.steps, step) {
			u.steps = append(u.steps, step)
		}
		u.mu.Unlock()
	}
	return u.to.Write(line)
}

// say tells in one line what was remembered, and forgets it: many lines may have gone by since.
func (u *unable) say() {
	u.mu.Lock()
	steps := u.steps
	u.steps = nil
	u.mu.Unlock()
	if len(steps) > 0 {
		slices.Sort(steps)
		fmt.Fprintf(u.to, "cannot start, and answer 503: %s; mend what is named above, and run it again\n", strings.Join(steps, ", "))
	}
}
