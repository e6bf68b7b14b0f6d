package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"latchkey/shared/env"
	"latchkey/shared/secret"
)

// secretLimit is the most that Secrets Manager keeps, in bytes.
const secretLimit = 64 << 10

// open reads the secret, and puts it in the place of the shell's credentials: what
// only the shell has, no deployed function would have.
func (v *checkup) open(ctx context.Context) []finding {
	if v.secret != "" {
		return v.openFile()
	}
	const check = "secret"
	cfg, vars := v.cfg, env.Read(v.shell)
	source := secret.Open(cfg, vars)
	switch {
	case v.shell.Getenv("SECRET_ARN") == "":
		return []finding{found(skipped, check, "Put the values into a file and name it with --secret FILE, or set SECRET_ARN", "there is none: the credentials are those of this shell")}
	case vars.Err() != nil:
		v.hide(nil)
		return []finding{found(faulty, check, "See docs/configuration.md", "%s", strings.ReplaceAll(vars.Err().Error(), "\n", "; "))}
	}
	values, err := source.Fetch(ctx)
	v.hide(values)
	if err != nil {
		return []finding{found(faulty, check, "Who runs this needs AWS_REGION, AWS's keys, and the permission to read it", "%v", err)}
	}
	return append(unknown(check, values), good(check, "SECRET_ARN's can be read, and holds %s", held(values)))
}

// openFile reads what is about to become the secret's value.
func (v *checkup) openFile() []finding {
	const check = "secret's file"
	list := private(v.secret)
	text, err := readFile(v.secret)
	var values secret.Values
	if err == nil {
		values, err = secret.Parse(text)
	}
	v.hide(values)
	if err != nil {
		return append(list, found(faulty, check, "Mend the file: docs/configuration.md names the variables and where each is found", "%v", err))
	}
	return append(append(list, unknown(check, values)...), good(check, "it holds %s", held(values)))
}

// unknown are the keys that functions do not know and do without.
func unknown(check string, values secret.Values) []finding {
	var list []finding
	for _, name := range values.Unknown() {
		list = append(list, found(faulty, check, "It is a typing error, most likely: the functions leave it out", "the secret holds %q, which is none of %s", name, strings.Join(secret.Names(), ", ")))
	}
	return list
}

// hide makes the secret's values the only ones under the names that a secret may
// hold.
func (v *checkup) hide(values secret.Values) {
	shell := v.shell.Getenv
	v.cfg.Getenv = values.Over(func(name string) string {
		if slices.Contains(secret.Names(), name) {
			return ""
		}
		return shell(name)
	})
}

// private warns of a file that others on this machine can read.
func private(path string) []finding {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []finding{found(warned, "secret's file", "chmod 600 the file, and delete it once the secret has its value", "others on this machine can read it")}
}

// readFile's errors name the file and nothing in it.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, secretLimit+1))
	if err == nil && len(text) > secretLimit {
		err = fmt.Errorf("%s is larger than 64 KiB, which is the most that a secret can be", path)
	}
	return text, err
}

// held are the names of what is set.
func held(values secret.Values) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" && slices.Contains(secret.Names(), name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
