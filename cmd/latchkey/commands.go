package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"latchkey/shared/env"
)

// command is one thing that latchkey can do: its first argument.
type command struct {
	name, does string
	run        func(ctx context.Context, args []string, cfg env.Config, stdout, stderr io.Writer) error
}

// commands are all of them. A new one is a line here and a file of its own.
func commands() []command {
	return []command{
		{"user", "look at one account, change its role, reset its second factor, end its sessions, delete it", user},
		{"doctor", "check a configuration before a deployment, and a live stack after it", doctor},
		{"guard", "show what texts are sent and what the spend guard blocks, lift a block", guard},
	}
}

// How the program ends.
const (
	done   = 0
	failed = 1 // it could not be done; stderr says why
	misled = 2 // the arguments are wrong; nothing was asked or changed
)

// fault is a sentence for the operator, and how the program ends.
type fault struct {
	text string
	code int
}

// Error is the sentence.
func (f fault) Error() string { return f.text }

func wrong(format string, args ...any) error  { return fault{fmt.Sprintf(format, args...), misled} }
func unable(format string, args ...any) error { return fault{fmt.Sprintf(format, args...), failed} }

// run does what the arguments say and returns how the program is to end.
func run(ctx context.Context, args []string, cfg env.Config, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		io.WriteString(stderr, overview()) //nolint:errcheck // there is nobody else to tell
		return misled
	}
	if helps(args[0]) {
		return ended(explain(stdout, overview()), stderr)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return ended(c.run(ctx, args[1:], cfg, stdout, stderr), stderr)
		}
	}
	return ended(wrong("There is no command %q: `latchkey -h` lists them.", args[0]), stderr)
}

// ended says what went wrong, in one line.
func ended(err error, stderr io.Writer) int {
	if err == nil {
		return done
	}
	fmt.Fprintf(stderr, "latchkey: %s\n", printable(err.Error()))
	var f fault
	if errors.As(err, &f) {
		return f.code
	}
	return failed
}

func helps(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" || arg == "help" }

func explain(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	if err != nil {
		return unable("The help could not be written: %v", err)
	}
	return nil
}

func overview() string {
	var b strings.Builder
	b.WriteString("latchkey is the operator's command: it works on the table that the functions use.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "    latchkey %-8s %s\n", c.name, c.does)
	}
	b.WriteString("\n`latchkey COMMAND -h` says more. docs/operations.md has the rest.\n\n" + whereTheTableIs)
	return b.String()
}

const whereTheTableIs = `Where the table is and how to sign for it comes from the environment:
TABLE_NAME, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and,
for an engine that is not AWS's own, AWS_ENDPOINT_URL_DYNAMODB. With AWS's command line:

    eval $(aws configure export-credentials --format env)
    export TABLE_NAME=the-table AWS_REGION=eu-west-1

If TABLE_NAME is not set and there is a file .local/env, as while ` + "`make run`" + ` runs,
the variables in that file are used.
`

// printable replaces what a terminal would not show but obey, or show in another
// order: names are what visitors typed.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
