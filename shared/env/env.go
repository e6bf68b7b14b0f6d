// Package env is what a step is started with: its variables, clock, HTTP
// client and log. It reads a step's configuration once, at start, and reports
// every fault of it together, each with the sentence that says how to mend it.
//
// It must not know what the variables are for.
package env

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Config is everything a step takes from outside. The functions' main fills it
// from the process, a test from its own clock and network.
type Config struct {
	Getenv func(string) string
	Now    func() time.Time
	HTTP   *http.Client               // for the table and the vendors alike; follows no redirects
	Log    *slog.Logger               // JSON lines
	Warm   func(origin string, n int) // told every origin that the step will call, and with how many calls at once, so that the connections are made before the first request
}

// Vars reads variables and collects what is wrong with them.
type Vars struct {
	getenv func(string) string
	faults []error
}

// Read returns a reader of cfg's variables.
func Read(cfg Config) *Vars { return &Vars{getenv: cfg.Getenv} }

// Err returns all faults met so far as one error, nil when there is none.
func (v *Vars) Err() error { return errors.Join(v.faults...) }

// Fault notes that the variable name is wrong; the sentence goes on after the
// name and says what to do. Several packages of a step may read one variable: the
// same fault is noted once.
func (v *Vars) Fault(name, format string, args ...any) {
	fault := fmt.Errorf("%s %s", name, fmt.Sprintf(format, args...))
	if !slices.ContainsFunc(v.faults, func(f error) bool { return f.Error() == fault.Error() }) {
		v.faults = append(v.faults, fault)
	}
}

// String returns the variable, or def when it is empty.
func (v *Vars) String(name, def string) string {
	s := v.getenv(name)
	if s == "" {
		return def
	}
	return s
}

// Required returns the variable; when it is empty that is a fault, and help
// says where the value is found.
func (v *Vars) Required(name, help string) string {
	s := v.getenv(name)
	if s == "" {
		v.Fault(name, "is not set: %s", help)
	}
	return s
}

// OneOf returns the variable, or the first of the allowed values when it is
// empty.
func (v *Vars) OneOf(name string, allowed ...string) string {
	s := v.String(name, allowed[0])
	if !slices.Contains(allowed, s) {
		v.Fault(name, "must be one of %s", strings.Join(allowed, ", "))
	}
	return s
}

// Int returns the variable as a whole number from low to high.
func (v *Vars) Int(name string, def, low, high int) int {
	s := v.getenv(name)
	if s == "" {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		v.Fault(name, "must be a whole number from %d to %d", low, high)
		return def
	}
	return n
}

// Duration returns the variable, written as Go writes durations ("90s",
// "12h"), from low to high.
func (v *Vars) Duration(name string, def, low, high time.Duration) time.Duration {
	s := v.getenv(name)
	if s == "" {
		return def
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < low || d > high {
		v.Fault(name, "must be a duration from %s to %s, such as %s", low, high, def)
		return def
	}
	return d
}

// Durations returns the variable's comma-separated durations, or def's.
func (v *Vars) Durations(name, def string, low, high time.Duration) []time.Duration {
	var ds []time.Duration
	for _, s := range strings.Split(v.String(name, def), ",") {
		d, err := time.ParseDuration(strings.TrimSpace(s))
		if err != nil || d < low || d > high {
			v.Fault(name, "must be durations from %s to %s with commas between, such as %s", low, high, def)
			return []time.Duration{low}
		}
		ds = append(ds, d)
	}
	return ds
}

// List returns the variable's comma-separated values, without blanks.
func (v *Vars) List(name string) []string {
	var list []string
	for _, s := range strings.Split(v.getenv(name), ",") {
		s = strings.TrimSpace(s)
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

// URL returns the variable as an absolute address without a trailing slash, or
// def when it is empty. Plain http is accepted for the machine's own addresses
// only, and a host beyond ASCII only as clients spell it, in punycode.
func (v *Vars) URL(name, def string) string {
	s := v.String(name, def)
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || strings.ContainsAny(s, "?#@") || !validPort(u.Port()) {
		v.Fault(name, "must be an absolute address such as https://id.example.com")
		return def
	}
	if strings.ContainsFunc(u.Hostname(), func(c rune) bool { return c > unicode.MaxASCII }) {
		v.Fault(name, "must name its host in ASCII, as clients send it: write what is not as xn--…")
		return def
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && local(u.Hostname())) {
		v.Fault(name, "must begin with https:// (http:// is for this machine only)")
		return def
	}
	return strings.TrimRight(s, "/")
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// Laptop reports whether this stack runs on somebody's own machine: its public
// address is plain http at such a machine's own name. Some bounds are wider
// there.
func (v *Vars) Laptop() bool {
	u, err := url.Parse(v.getenv("PUBLIC_URL"))
	return err == nil && u.Scheme == "http" && local(u.Hostname())
}

// local also knows the name that containers on a laptop use for their host.
func local(host string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1", "host.docker.internal"}, host)
}
