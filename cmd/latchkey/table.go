package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"latchkey/shared/env"
	"latchkey/shared/store"
)

// laptop is where `make run` writes what leads to its table, one NAME=value a
// line.
const laptop = ".local/env"

// place is a table and what to call it.
type place struct {
	*store.Table
	cfg  env.Config
	name string // for a sentence
	file bool   // it is that of make run
}

// open reads where the table is.
func open(cfg env.Config, stderr io.Writer) (place, error) {
	p := place{cfg: cfg}
	if cfg.Getenv("TABLE_NAME") == "" {
		vars, err := readLaptop()
		if err != nil {
			return p, err
		}
		if vars != nil {
			fmt.Fprintf(stderr, "latchkey: TABLE_NAME is not set, so this is the table of make run, as %s says.\n", laptop)
			p.file = true
			p.cfg.Getenv = func(name string) string {
				value, ok := vars[name]
				if ok {
					return value
				}
				return cfg.Getenv(name)
			}
		}
	}
	where := p.cfg.Getenv("AWS_ENDPOINT_URL_DYNAMODB")
	needed := []string{"TABLE_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
	if where == "" { // a region by guess would be a table that is not there, or another stack's
		where = p.cfg.Getenv("AWS_REGION")
		needed = append(needed, "AWS_REGION")
	}
	missing := slices.DeleteFunc(needed, func(name string) bool { return p.cfg.Getenv(name) != "" })
	if len(missing) > 0 {
		return p, unable("Which table is meant is not known without %s: `latchkey -h` says where to get them.", strings.Join(missing, ", "))
	}
	vars := env.Read(p.cfg)
	p.Table = store.Open(p.cfg, vars)
	p.name = p.cfg.Getenv("TABLE_NAME") + " at " + where
	err := vars.Err()
	if err != nil {
		return p, unable("%s.", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return p, nil
}

// readLaptop reads make run's file; without one it is nil.
func readLaptop() (map[string]string, error) {
	text, err := os.ReadFile(laptop)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unable("TABLE_NAME is not set and %s cannot be read: %v", laptop, err)
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			vars[name] = value
		}
	}
	return vars, nil
}

// trouble is the sentence for a call to the table that failed.
func (p place) trouble(err error) error {
	if errors.Is(err, store.ErrRefused) {
		return unable("The account was changed by somebody else meanwhile. Run the same command again.")
	}
	advice := "Check TABLE_NAME, AWS_REGION and the AWS_ credentials (eval $(aws configure export-credentials --format env))"
	if p.file {
		advice = "See whether make run is running (for another table set TABLE_NAME and the AWS_ variables)"
	}
	return unable("The table %s did not answer as it should. %s, and run the same command again: %v", p.name, advice, err)
}
