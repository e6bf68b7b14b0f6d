package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/bench"
	"latchkey/shared/env"
)

// nothing is an environment without variables.
func nothing() env.Config {
	return env.Config{Getenv: func(string) string { return "" }, Now: bench.NewClock(when).Now}
}

// Wrong arguments are one sentence and code 2, before anything is asked; help is
// help.
func TestArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-h": "latchkey user", "help": "latchkey user", "--help": "latchkey user",
		"user -h": "user reset EMAIL", "user --help": "user reset EMAIL", "user delete -h": "user reset EMAIL", "user show --help x y": "user reset EMAIL",
	} {
		o := operate(t.Context(), nothing(), strings.Fields(args)...)
		if o.code != 0 || o.stderr != "" || !strings.Contains(o.out, want) || !strings.Contains(o.out, "aws configure export-credentials") {
			t.Errorf("%s: %d %q %q", args, o.code, o.out, o.stderr)
		}
	}
	for args, want := range map[string]string{
		"":                                   "latchkey user",
		"user":                               "user reset EMAIL",
		"users":                              `no command "users"`,
		"user shoot " + ada:                  "no `latchkey user shoot`",
		"user show":                          "`latchkey user show EMAIL`",
		"user show " + ada + " more":         "`latchkey user show EMAIL`",
		"user role " + ada:                   "`latchkey user role EMAIL ROLE`",
		"user role " + ada + " Admin":        `"Admin" is none`,
		"user role " + ada + " 1a":           `"1a" is none`,
		"user role " + ada + " a.b":          `"a.b" is none`,
		"user role " + ada + " é":            `"é" is none`,
		"user role " + ada + " a" + long(32): "is none",
		"user show nobody":                   "Enter an email address such as",
		"user show a@b":                      "Enter an email address such as",
		"user show \x1b[2J@example.com":      `"\x1b[2J@example.com"`,
		"user show --yes " + ada:             "no flag --yes",
		"user delete --force " + ada:         "no flag --force",
		"user delete -- --yes " + ada:        "`latchkey user delete EMAIL`",
	} {
		o := operate(t.Context(), nothing(), strings.Fields(args)...)
		if o.code != 2 || o.out != "" || !strings.Contains(o.stderr, want) {
			t.Errorf("%s: %d %q %q", args, o.code, o.out, o.stderr)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// A table that cannot be asked is one sentence that names what to look at.
func TestOutOfReach(t *testing.T) {
	t.Parallel()
	all := map[string]string{"TABLE_NAME": "t", "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
	for _, missing := range []string{"TABLE_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		cfg := nothing()
		cfg.Getenv = func(name string) string {
			if name == missing {
				return ""
			}
			return all[name]
		}
		o := operate(t.Context(), cfg, "user", "show", ada)
		if o.code != 1 || o.out != "" || !strings.Contains(o.stderr, "without "+missing+":") || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("without %s: %+v", missing, o)
		}
	}
	b := bench.Open(t)
	b.Wire.Break(func(bench.Call) bench.Fault { return bench.Lost })
	var wg sync.WaitGroup
	for _, args := range []string{"show " + ada, "role " + ada + " admin", "reset " + ada, "logout " + ada, "delete " + ada, "delete --yes " + ada} {
		wg.Go(func() {
			o := operate(t.Context(), b.Config(), append([]string{"user"}, strings.Fields(args)...)...)
			for _, want := range []string{"TABLE_NAME", "AWS_REGION", "aws configure export-credentials", b.Vars["TABLE_NAME"]} {
				if o.code != 1 || o.out != "" || !strings.Contains(o.stderr, want) || strings.Count(o.stderr, "\n") != 1 {
					t.Errorf("%v: %+v", args, o)
				}
			}
		})
	}
	wg.Wait()
	b.Wire.Break(nil)
	b.Set("AWS_ENDPOINT_URL_DYNAMODB=http://db.example.com")
	o := operate(t.Context(), b.Config(), "user", "show", ada)
	if o.code != 1 || !strings.Contains(o.stderr, "AWS_ENDPOINT_URL_DYNAMODB must begin with https://") {
		t.Errorf("plain http: %+v", o)
	}
}

// Nobody is one sentence, whatever is asked, and nothing is written.
func TestNobody(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	for _, args := range [][]string{{"show", ada}, {"role", ada, "admin"}, {"reset", ada}, {"logout", ada}, {"delete", ada}, {"delete", ada, "--yes"}} {
		o := operate(t.Context(), b.Config(), append([]string{"user"}, args...)...)
		if o.code != 1 || o.out != "" || !strings.Contains(o.stderr, "no account of a…@example.com") || len(b.Items(t)) != 0 {
			t.Errorf("%v: %+v", args, o)
		}
	}
}

// The table of make run is found by its file, as a whole: a shell's keys for AWS
// are not for it. A table that is named is the one that is meant.
func TestLaptop(t *testing.T) {
	b, _ := person(t)
	t.Chdir(t.TempDir())
	lines := []string{"# written by make run", ""}
	for name, value := range b.Vars {
		lines = append(lines, name+"="+value)
	}
	must(t, os.Mkdir(filepath.Dir(laptop), 0o700))
	must(t, os.WriteFile(laptop, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	cfg := b.Config()
	shell := map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example.com", "AWS_REGION": "eu-central-1"}
	cfg.Getenv = func(name string) string { return shell[name] }
	o := operate(t.Context(), cfg, "user", "show", ada)
	if o.code != 0 || !strings.Contains(o.out, uid) || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, laptop) {
		t.Errorf("%+v", o)
	}
	b.Wire.Break(func(bench.Call) bench.Fault { return bench.Lost })
	o = operate(t.Context(), cfg, "user", "show", ada)
	if o.code != 1 || !strings.Contains(o.stderr, "make run is running") {
		t.Errorf("while it does not run: %+v", o)
	}
	shell["TABLE_NAME"] = "another"
	o = operate(t.Context(), cfg, "user", "show", ada)
	if o.code != 1 || strings.Contains(o.stderr, laptop) {
		t.Errorf("another table: %+v", o)
	}
}

// deaf cannot be written to.
type deaf struct{}

// Write fails.
func (deaf) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

// What could not be said is no success.
func TestDeaf(t *testing.T) {
	t.Parallel()
	b, u := person(t)
	for _, args := range []string{"-h", "user -h", "user show " + ada, "user reset " + ada, "user delete " + ada, "user delete --yes " + ada} {
		var stderr strings.Builder
		code := run(t.Context(), strings.Fields(args), b.Config(), deaf{}, &stderr)
		if code != 1 || !strings.Contains(stderr.String(), "the pipe is closed") {
			t.Errorf("%s: %d %s", args, code, stderr.String())
		}
	}
	_, err := b.User(t.Context(), u.Key)
	if err != nil {
		t.Errorf("deleted although what remains at the vendor was not said: %v", err)
	}
}
