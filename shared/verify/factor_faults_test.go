package verify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/env"
	"latchkey/shared/verify"
)

// The script's answers are successes, so that the faults below are tested on
// operations that would pass without them.
func TestOperationsPass(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		c, _ := scripted(t, answer{o.status, o.success})
		err := o.do(t.Context(), c)
		if err != nil {
			t.Errorf("%s: %v", o.name, err)
		}
	}
}

// refusals are what each of Verify's means to each operation. Where none
// is named, it is what a 500 is.
var refusals = []struct {
	status, code int
	all          string            // for the operations not named
	but          map[string]string // operation: outcome
}{
	{status: 400, code: 60200, but: map[string]string{"ConfirmToken": "wrong", "CheckToken": "wrong"}},
	{status: 429, code: 60202, all: "wait 10m0s"},
	{status: 403, code: 60204, but: map[string]string{"Ask": "no device"}},
	{status: 400, code: 60223, but: map[string]string{"Ask": "no device"}},
	{status: 409, code: 60301, but: map[string]string{}},
	{status: 400, code: 60305, but: map[string]string{}},
	{status: 400, code: 60306, but: map[string]string{}},
	{status: 400, code: 60307, but: map[string]string{"Ask": "no device"}},
	{status: 429, code: 60308, all: "wait 10m0s"},
	{status: 429, code: 60310, all: "wait 10m0s"},
	{status: 403, code: 60311, but: map[string]string{"ConfirmToken": "wrong", "CheckToken": "wrong"}},
	{status: 429, code: 60312, all: "wait 1h0m0s"},
	{status: 403, code: 60312, all: "wait 1h0m0s"},
	{status: 400, code: 60315, but: map[string]string{}},
	{status: 409, code: 60317, but: map[string]string{}},
	{status: 403, code: 60318, but: map[string]string{"Ask": "no device", "ConfirmToken": "gone", "CheckToken": "gone"}},
	{status: 403, code: 60324, but: map[string]string{"ConfirmToken": "wrong", "CheckToken": "wrong"}},
	{status: 429, code: 60326, all: "wait 24h0m0s"},
	{status: 404, code: 20404, but: absent},
	{status: 404, code: 0, but: absent},
	{status: 401, code: 20003, but: map[string]string{}},
	{status: 403, code: 20008, but: map[string]string{}},
	{status: 429, code: 20429, all: "wait 5s"},
	{status: 429, code: 12345, all: "wait 5s"},
	{status: 500, code: 20500, but: map[string]string{}},
	{status: 418, code: 0, but: map[string]string{}},
}

func TestFactorRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		for _, o := range operations {
			want := c.but[o.name]
			if want == "" {
				want = c.all
			}
			if want == "" {
				want = "unavailable"
			}
			client, _ := scripted(t, answer{c.status, refuses(c.status, c.code)})
			err := o.do(t.Context(), client)
			if outcome(err) != want {
				t.Errorf("%s, %d %d: %s, want %s (%v)", o.name, c.status, c.code, outcome(err), want, err)
			}
			quiet(t, err)
			told := fmt.Sprintf("verify answered %d", c.status)
			if err != nil && c.code != 60301 && !strings.Contains(err.Error(), told) {
				t.Errorf("%s: operator is told %q", o.name, err)
			}
			refused := c.status == 401 || c.code == 20008
			if err != nil && strings.Contains(err.Error(), "credentials refused") != refused {
				t.Errorf("%s: operator is told %q", o.name, err)
			}
		}
	}
}

// absent is what it means that Verify has no such thing.
var absent = map[string]string{
	"Ask": "no device", "Decision": "gone", "Registered": "not registered",
	"ConfirmToken": "gone", "CheckToken": "gone", "Remove": "passed",
}

// An identity that Verify refuses is not enrolled: only one that it knows
// already is as good as a new one.
func TestRefusedEntity(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		if o.name != "Enrol" && o.name != "NewToken" {
			continue
		}
		for _, refused := range []answer{{409, refuses(409, 60302)}, {409, refuses(409, 0)}, {404, refuses(404, 20404)}, {409, "<html>60301"}} {
			c, s := scripted(t, refused, answer{o.status, o.success})
			err := o.do(t.Context(), c)
			if outcome(err) != "unavailable" || len(s.asked) != 1 {
				t.Errorf("%s, %v: %v after %d requests", o.name, refused, err, len(s.asked))
			}
			quiet(t, err)
		}
	}
}

// A second request's refusal counts like the first one's.
func TestRefusedAfterEntity(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		if o.name != "Enrol" && o.name != "NewToken" {
			continue
		}
		for status, want := range map[int]string{404: "unavailable", 409: "unavailable", 429: "wait 5s", 500: "unavailable"} {
			c, s := scripted(t, answer{201, `{}`}, answer{status, refuses(status, 0)})
			err := o.do(t.Context(), c)
			if outcome(err) != want || len(s.asked) != 2 {
				t.Errorf("%s, %d: %v after %d requests", o.name, status, err, len(s.asked))
			}
			quiet(t, err)
		}
	}
}

// A gateway's page is nobody's verdict, nor is an answer that says nothing. Of a
// removal the empty answer is one.
func TestNonsenseIsNoVerdict(t *testing.T) {
	t.Parallel()
	bodies := []string{"<html>" + number + " approved verified</html>", ``, `{}`, `[]`, `null`, `"approved"`, `{"status":`, `{"status":7}`,
		`{"sid":null,"status":null,"factor_sid":null,"identity":null,"factors":null,"token":null,"binding":null}`,
		`{"status":"approved"}`, `{"status":"verified"}`}
	for _, o := range operations {
		for _, body := range bodies {
			for _, status := range []int{200, 201, 302, 400, 401, 403, 500, 502, 503} {
				c, _ := scripted(t, answer{status, body})
				err := o.do(t.Context(), c)
				if outcome(err) != "unavailable" {
					t.Errorf("%s, %d %q: %v", o.name, status, body, err)
				}
				quiet(t, err)
			}
		}
		c, _ := scripted(t, answer{404, "<html>"})
		err := o.do(t.Context(), c)
		if outcome(err) != "unavailable" {
			t.Errorf("%s, page with 404: %v", o.name, err)
		}
		c, _ = scripted(t, answer{429, "<html>"})
		err = o.do(t.Context(), c)
		if outcome(err) != "wait 5s" {
			t.Errorf("%s, page with 429: %v", o.name, err)
		}
	}
}

func TestFactorsKeepRetryAfter(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		c := door(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "17")
			doortest.Answers(429, refuses(429, 60312))(w, r)
		})
		err := o.do(t.Context(), c)
		if outcome(err) != "wait 17s" {
			t.Errorf("%s: %v", o.name, err)
		}
	}
}

func TestFactorTroubleOnTheWay(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"hangs":    doortest.Hangs,
		"hangs up": doortest.HangsUp,
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/?Identity="+identity, http.StatusFound)
		},
		"10 MiB": doortest.Answers(200, `{"status":"approved","to":"`+strings.Repeat("canary", 2<<20)+`"}`),
	} {
		for _, o := range operations {
			t.Run(name+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				c := door(t, h)
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				err := o.do(ctx, c)
				if outcome(err) != "unavailable" {
					t.Errorf("outcome is %v", err)
				}
				quiet(t, err)
				if name == "hangs" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("not the deadline: %v", err)
				}
			})
		}
	}
}

// A caller without a deadline waits four seconds for a request, and no request
// is made twice.
func TestFactorCallsHaveALimit(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		made := 0
		cfg := doortest.Config(settings())
		cfg.HTTP = &http.Client{Transport: doortest.RoundTrip(func(r *http.Request) (*http.Response, error) {
			made++
			until, ok := r.Context().Deadline()
			if !ok || time.Until(until) > 4*time.Second || time.Until(until) < 3*time.Second {
				t.Errorf("%s: request may take until %s", o.name, until)
			}
			return nil, errors.New("no route to " + r.URL.String())
		})}
		err := o.do(context.Background(), verify.New(cfg, env.Read(cfg), true))
		if outcome(err) != "unavailable" || made != 1 {
			t.Errorf("%s: %v after %d requests", o.name, err, made)
		}
		quiet(t, err)
	}
}

// Nothing that could change a path gets into one; without a call it is plain
// what it means.
func TestFactorsGuardPaths(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, answer{500, ``})
	identities := []string{"", "short", strings.Repeat("a", 65), "with/slash", "with?query", "with#part", "with%2fpercent",
		"..........", "with blank", strings.ToUpper(identity), identity + "\n", "ünïcödé-identity"}
	sids := []string{"", "YF", device + "/..", strings.Replace(device, "YF", "VE", 1), device + "\n", "yf" + device[2:]}
	for _, bad := range identities {
		for name, err := range spoken(t, c, bad, device) {
			if outcome(err) != unspoken[name] {
				t.Errorf("%s for %q: %v", name, bad, err)
			}
		}
	}
	for _, bad := range sids {
		for name, err := range spoken(t, c, identity, bad) {
			if name != "Enrol" && name != "NewToken" && name != "Registered" && outcome(err) != unspoken[name] {
				t.Errorf("%s of %q: %v", name, bad, err)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.asked {
		if !strings.HasPrefix(line, newEntity) && !strings.HasPrefix(line, "GET "+factors+"?") {
			t.Errorf("asked %s", line)
		}
	}
}

var unspoken = map[string]string{
	"Ask": "no device", "Decision": "gone", "Enrol": "unavailable", "Registered": "not registered",
	"NewToken": "unavailable", "ConfirmToken": "gone", "CheckToken": "gone", "Remove": "gone",
}
