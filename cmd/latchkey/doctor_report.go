package main

import (
	"fmt"
	"io"
	"strings"
)

// level is how a check ended.
type level string

// The levels. Only a fault makes the program fail.
const (
	fine    level = "ok"
	warned  level = "warn"
	faulty  level = "fault"
	unseen  level = "look" // no program can see it: somebody has to look
	skipped level = "skip" // not asked, since something for it is not here
)

// finding is one check: what was seen, and what to do about it. It holds no
// secret, no token and no number of anybody's.
type finding struct {
	Group string `json:"group"`
	Check string `json:"check"`
	Level level  `json:"level"`
	Seen  string `json:"seen"`
	Do    string `json:"do,omitempty"`
}

func good(check, format string, args ...any) finding {
	return finding{Check: check, Level: fine, Seen: fmt.Sprintf(format, args...)}
}

// found is a check that did not end well.
func found(l level, check, do, format string, args ...any) finding {
	return finding{Check: check, Level: l, Seen: fmt.Sprintf(format, args...), Do: do}
}

// diagnosis is what the doctor says.
type diagnosis struct {
	Address  string    `json:"address,omitempty"` // of the live stack, if one was looked at
	Faults   int       `json:"faults"`
	Warnings int       `json:"warnings"`
	Checks   []finding `json:"checks"`
}

// add takes the findings of one group.
func (d *diagnosis) add(group string, list []finding) {
	for _, f := range list {
		f.Group = group
		f.Seen, f.Do, f.Check = printable(f.Seen), printable(f.Do), printable(f.Check)
		d.Checks = append(d.Checks, f)
		switch f.Level {
		case faulty:
			d.Faults++
		case warned:
			d.Warnings++
		}
	}
}

// write is the text: one line for each check, under its group.
func (d *diagnosis) write(w io.Writer) {
	group := ""
	for _, f := range d.Checks {
		if f.Group != group {
			if group != "" {
				fmt.Fprintln(w)
			}
			group = f.Group
			fmt.Fprintln(w, group)
		}
		name := string(f.Level)
		if f.Level == faulty {
			name = strings.ToUpper(name)
		}
		line := f.Seen + "."
		if f.Do != "" {
			line += " " + f.Do + "."
		}
		fmt.Fprintf(w, "  %-5s  %-26s  %s\n", name, f.Check, line)
	}
	fmt.Fprintf(w, "\n%s, %s.\n", counted(d.Faults, "fault"), counted(d.Warnings, "warning"))
}

func counted(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
