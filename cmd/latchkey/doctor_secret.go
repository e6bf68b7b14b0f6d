package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// secretLimit is the most that Secrets Manager keeps, in bytes.
const secretLimit = 64 << 10

// secretNames are the variables that a secret may hold.
func secretNames() []string {
	return append(credentialNames(), "TEST_NUMBERS")
}

// credentialNames are those that a deployed function has from the secret alone.
func credentialNames() []string {
	return []string{
		"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET",
		"VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE", "VERIFY_SIGNUP_SERVICE_SID",
		"TWILIO_NUMBER", "TWILIO_MESSAGING_SERVICE_SID", "AUTHY_API_KEY", "ACCOUNT_SECURITY_API_KEY",
	}
}

// open reads the secret, and puts it before the shell's variables. Where there is
// one, a credential that only the shell has is not there: no function would have
// it.
func (v *checkup) open(_ context.Context) []finding {
	if v.secret == "" {
		return []finding{found(skipped, "secret", "Put the values into a file and name it with --secret FILE, or set SECRET_ARN",
			"there is none: the credentials are those of this shell")}
	}
	const check = "secret's file"
	list := private(v.secret)
	text, err := readFile(v.secret)
	if err != nil {
		v.hide(nil)
		return append(list, found(faulty, check, "Name a file that can be read", "%v", err))
	}
	values, faults := parseSecret(text)
	v.hide(values)
	for _, f := range faults {
		list = append(list, found(faulty, check, "", "%s", f))
	}
	if len(faults) == 0 {
		list = append(list, good(check, "it holds %s", held(values)))
	}
	return list
}

// hide makes the secret's values the only credentials.
func (v *checkup) hide(values map[string]string) {
	shell := v.shell.Getenv
	v.cfg.Getenv = func(name string) string {
		value, ok := values[name]
		if ok || slices.Contains(credentialNames(), name) {
			return value
		}
		return shell(name)
	}
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

// parseSecret names what is wrong and shows no value.
func parseSecret(text []byte) (map[string]string, []string) {
	var doc map[string]any
	err := json.Unmarshal(text, &doc)
	if err != nil || doc == nil {
		return nil, []string{`it must be one JSON object, such as {"TWILIO_ACCOUNT_SID": "AC…", …}`}
	}
	values := map[string]string{}
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		value, isText := doc[name].(string)
		switch {
		case !slices.Contains(secretNames(), name):
			faults = append(faults, fmt.Sprintf("it holds %q, which is none of %s", name, strings.Join(secretNames(), ", ")))
		case !isText:
			faults = append(faults, fmt.Sprintf("its %s must be a text in quotes", name))
		default:
			values[name] = value
		}
	}
	return values, faults
}

// held are the names of what is set.
func held(values map[string]string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
