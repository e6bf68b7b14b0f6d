// Package doortest is what the tests of the vendor doors have in common: a
// server in the vendor's place, its canned answers and troubles, and the
// questions that every door is asked. It is for tests alone.
//
// It must not know any vendor's paths, codes or words.
package doortest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/otp"
)

// Config has these variables, the machine's clock and the usual HTTP client.
func Config(set map[string]string) env.Config {
	return env.Config{Getenv: func(name string) string { return set[name] }, Now: time.Now, HTTP: http.DefaultClient}
}

// Server stands in the vendor's place.
type Server struct {
	*httptest.Server
	opened atomic.Int32
}

// Serve starts a server that ends with the test.
func Serve(t testing.TB, h http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{Server: httptest.NewUnstartedServer(h)}
	s.Server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// Opened is how many connections were made to the server.
func (s *Server) Opened() int { return int(s.opened.Load()) }

// Settings are these variables, with the server's address in the one named.
func (s *Server) Settings(set map[string]string, address string) env.Config {
	set = maps.Clone(set)
	set[address] = s.URL
	cfg := Config(set)
	cfg.HTTP = s.Client()
	return cfg
}

// Open makes a door that must find nothing wrong with its variables.
func Open[Door any](t testing.TB, cfg env.Config, open func(env.Config, *env.Vars) Door) Door {
	t.Helper()
	vars := env.Read(cfg)
	d := open(cfg, vars)
	err := vars.Err()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Answers returns a handler that always says the same.
func Answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Hangs never answers.
func Hangs(w http.ResponseWriter, r *http.Request) {
	r.ParseForm() // only then does the server notice that the caller left
	<-r.Context().Done()
}

// HangsUp closes the connection instead of answering.
func HangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// RoundTrip is a transport in one function.
type RoundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f RoundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Outcome names what a door's error is, in one word.
func Outcome(err error) string {
	var limited *otp.LimitedError
	switch {
	case err == nil:
		return "passed"
	case errors.As(err, &limited):
		return "wait " + limited.After.String()
	case errors.Is(err, otp.ErrWrong):
		return "wrong"
	case errors.Is(err, otp.ErrGone):
		return "gone"
	case errors.Is(err, otp.ErrUnreachable):
		return "unreachable"
	case errors.Is(err, otp.ErrUnavailable):
		return "unavailable"
	default:
		return "none of ours"
	}
}

// Faults fails the test unless the variables' faults hold this text; "" stands
// for no fault.
func Faults(t testing.TB, err error, want string) {
	t.Helper()
	if want == "" && err != nil || !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("faults are %v, want %q", err, want)
	}
}

// Hides fails the test if a value, printed in any way, shows the secret.
func Hides(t testing.TB, secret string, values ...any) {
	t.Helper()
	for _, v := range values {
		if strings.Contains(fmt.Sprintf("%v %+v %#v %s", v, v, v, v), secret) {
			t.Errorf("a %T prints the secret", v)
		}
	}
}

// Discreet fails the test if an error's text holds what nobody may log.
func Discreet(t testing.TB, err error, texts ...string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, s := range texts {
		if strings.Contains(err.Error(), s) {
			t.Errorf("error text holds %q: %v", s, err)
		}
	}
}
