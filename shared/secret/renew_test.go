package secret_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/secret"
)

// stepOf is a step that calls a vendor with its key, and answers 403 for a
// signature that is not made with it. Who is asked for /made tells how it was made.
func stepOf(vendor string, made *int) secret.New {
	return func(_ context.Context, cfg env.Config) (http.Handler, error) {
		key := cfg.Getenv("AUTHY_API_KEY")
		if key == "" {
			return nil, errors.New("AUTHY_API_KEY is not set")
		}
		*made++
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case r.URL.Path == "/callback" && string(body) != "signed with "+key:
				w.Header().Add("Set-Cookie", "refused=1")
				w.WriteHeader(http.StatusForbidden)
			case r.URL.Path == "/send":
				req, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, vendor, nil)
				req.Header.Set("Key", key)
				res, err := cfg.HTTP.Do(req)
				if err != nil {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				res.Body.Close()
				w.WriteHeader(res.StatusCode)
			}
			fmt.Fprintf(w, "with %s", key)
		}), nil
	}
}

// renewing is such a step in a deployment, and its vendor, who accepts a key.
type renewing struct {
	*vault
	t        *testing.T
	handler  http.Handler
	made     int
	accepted string
}

func renew(t *testing.T) *renewing {
	s := &renewing{vault: open(t), t: t}
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Key") != s.accepted {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(vendor.Close)
	s.put(`{"AUTHY_API_KEY":"old"}`)
	s.accepted = "old"
	s.start(vendor.URL)
	return s
}

func (s *renewing) start(vendor string) error {
	var err error
	s.handler, err = secret.Renewing(stepOf(vendor, &s.made))(s.t.Context(), s.cfg)
	return err
}

func (s *renewing) ask(path, body string) string {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(s.t.Context(), "POST", path, strings.NewReader(body)))
	return fmt.Sprintf("%d %s", w.Code, w.Body)
}

func (s *renewing) expect(path, body, want string, made, reads int) {
	s.t.Helper()
	if got := s.ask(path, body); got != want || s.made != made || s.Reads() != reads {
		s.t.Errorf("%s: %s, made %d times, read %d times; want %s, %d, %d", path, got, s.made, s.Reads(), want, made, reads)
	}
}

// A secret is read once in its life, and a step is made anew only when it has
// another value.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := renew(t)
	s.expect("/", "", "200 with old", 1, 1)
	s.now = s.now.Add(10*time.Minute - time.Second)
	s.put(`{"AUTHY_API_KEY":"new"}`)
	s.expect("/", "", "200 with old", 1, 1)
	s.now = s.now.Add(time.Second)
	s.expect("/", "", "200 with new", 2, 2)
	s.now = s.now.Add(10 * time.Minute)
	s.expect("/", "", "200 with new", 2, 3)
	s.expect("/", "", "200 with new", 2, 3)
}

// Whoever refuses our credentials has the secret read anew, at most once a minute;
// the next request has the new value.
func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	s := renew(t)
	s.now = s.now.Add(time.Minute)
	s.expect("/send", "", "200 with old", 1, 1)
	s.accepted = "new"
	s.put(`{"AUTHY_API_KEY":"new"}`)
	s.expect("/send", "", "401 with old", 2, 2)
	s.expect("/send", "", "200 with new", 2, 2)
	s.accepted = "newest"
	for range 3 {
		s.expect("/send", "", "401 with new", 2, 2)
	}
	s.now = s.now.Add(time.Minute)
	s.expect("/send", "", "401 with new", 2, 3)
}

// A callback that is signed with a key that we do not hold yet is taken at once:
// three refusals, and Authy would call no more. One that is forged costs a
// reading in five seconds.
func TestRotatedSignature(t *testing.T) {
	t.Parallel()
	s := renew(t)
	s.now = s.now.Add(time.Minute)
	s.put(`{"AUTHY_API_KEY":"new"}`)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/callback", strings.NewReader("signed with new")))
	if w.Code != 200 || len(w.Header()["Set-Cookie"]) != 0 || w.Body.String() != "with new" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	for range 3 {
		s.expect("/callback", "forged", "403 with new", 2, 2)
	}
	s.now = s.now.Add(5 * time.Second) // a forged one keeps a new key out no longer
	s.put(`{"AUTHY_API_KEY":"newest"}`)
	s.expect("/callback", "signed with newest", "200 with newest", 3, 3)
}

// A secret that cannot be read, or is of no use, when it is read anew leaves the
// step with the one from before, and its operator with a line.
func TestSpoiledRotation(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*renewing){
		"refused":     func(s *renewing) { s.Refuse("AccessDeniedException") },
		"no JSON":     func(s *renewing) { s.put("canary") },
		"without key": func(s *renewing) { s.put("{}") },
	} {
		s := renew(t)
		spoil(s)
		s.now = s.now.Add(10 * time.Minute)
		s.ask("/", "")
		if got := s.ask("/", ""); got != "200 with old" || s.Reads() != 2 {
			t.Errorf("%s: %s after %d readings", name, got, s.Reads())
		}
		if n := strings.Count(s.log.String(), "alarm: the secret could not be read anew"); n != 1 || strings.Contains(s.log.String(), "canary") {
			t.Errorf("%s: log %s", name, &s.log)
		}
		s.Refuse("")
		s.put(`{"AUTHY_API_KEY":"new"}`)
		s.now = s.now.Add(time.Minute)
		if got := s.ask("/", ""); got != "200 with new" {
			t.Errorf("%s: mended: %s", name, got)
		}
	}
}

// A step that cannot start for want of its secret says so, answers 503, and
// starts when the secret is there, without a deployment.
func TestLateSecret(t *testing.T) {
	t.Parallel()
	s := &renewing{vault: open(t), t: t}
	err := s.start("http://127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "put-secret-value") || s.handler == nil {
		t.Fatalf("%v %v", s.handler, err)
	}
	ask := func(want int, reads int) {
		t.Helper()
		if got := s.ask("/", ""); !strings.HasPrefix(got, fmt.Sprint(want)) || s.Reads() != reads {
			t.Errorf("%s after %d readings, want %d after %d", got, s.Reads(), want, reads)
		}
	}
	s.put("{}")
	ask(503, 2) // at once: the start may have had bad luck
	ask(503, 2)
	if log := s.log.String(); !strings.Contains(log, "AUTHY_API_KEY is not set") || strings.Count(log, "\n") != 1 {
		t.Errorf("log %s", log)
	}
	s.put(`{"AUTHY_API_KEY":"old"}`)
	s.now = s.now.Add(15 * time.Second)
	ask(200, 3)
	ask(200, 3)
}

// Where there is no secret, a step is what it is.
func TestWithoutSecret(t *testing.T) {
	t.Parallel()
	v := open(t, "SECRET_ARN=", "AUTHY_API_KEY=plain")
	var made int
	h, err := secret.Renewing(stepOf("", &made))(t.Context(), v.cfg)
	if err != nil || made != 1 {
		t.Fatalf("%v, made %d times", err, made)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/", nil))
	if w.Body.String() != "with plain" || v.Reads() != 0 {
		t.Errorf("%s after %d readings", w.Body, v.Reads())
	}
	_, err = secret.Renewing(stepOf("", &made))(t.Context(), open(t, "SECRET_ARN=").cfg)
	if err == nil {
		t.Error("it starts without a key")
	}
	_, err = secret.Renewing(stepOf("", &made))(t.Context(), open(t, "SECRET_LIFE=never").cfg)
	if err == nil || !strings.HasPrefix(err.Error(), "SECRET_LIFE ") {
		t.Errorf("a life that is none: %v", err)
	}
}
