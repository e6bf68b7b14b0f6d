package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/web"
)

// site is one site with its log.
type site struct {
	*web.Site
	log bytes.Buffer
}

// open makes a site at a public address.
func open(t testing.TB, public string) *site {
	t.Helper()
	s := &site{}
	vars := map[string]string{"PUBLIC_URL": public}
	cfg := env.Config{
		Getenv: func(name string) string { return vars[name] },
		Now:    func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
		Log:    slog.New(slog.NewJSONHandler(&s.log, nil)),
	}
	v := env.Read(cfg)
	s.Site = web.New(cfg, v)
	err := v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what one handler answers to a request for /page.
func (s *site) answer(h web.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler(web.Routes{"GET /page": h, "POST /page": h}).ServeHTTP(w, r)
	return w
}

func request(method, path, accept string) *http.Request {
	r := httptest.NewRequest(method, "https://id.example.com"+path, nil)
	r.Header.Set("X-Request-Id", "req-1")
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return r
}

func refusing(err error) web.Handler {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

// lines are the log's lines.
func (s *site) lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var m map[string]any
		err := json.Unmarshal([]byte(line), &m)
		if err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		lines = append(lines, m)
	}
	return lines
}

func TestSecure(t *testing.T) {
	for public, want := range map[string]bool{
		"": true, "https://id.example.com": true, "http://localhost:3000": false, "https://localhost": true,
	} {
		s := open(t, public)
		name := "latchkey-x"
		if want {
			name = "__Host-latchkey-x"
		}
		c := s.Cookie("x", "value", 60)
		if s.Secure != want || c.Secure != want || c.Name != name || s.CookieName("x") != name {
			t.Errorf("%q: secure %v, cookie %v", public, s.Secure, c)
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 60 {
			t.Errorf("%q: cookie %v", public, c)
		}
	}
	vars := env.Read(env.Config{Getenv: func(string) string { return "http://id.example.com" }})
	s := web.New(env.Config{}, vars)
	if vars.Err() == nil || !s.Secure {
		t.Errorf("plain http in public: secure %v, %v", s.Secure, vars.Err())
	}
}

// the table of routes, and nothing else.
func TestRouting(t *testing.T) {
	s := open(t, "")
	h := s.Handler(web.Routes{
		"GET /page":  func(w http.ResponseWriter, _ *http.Request) error { return s.JSON(w, "got") },
		"POST /page": func(w http.ResponseWriter, _ *http.Request) error { return s.JSON(w, "posted") },
		"GET /other": func(w http.ResponseWriter, _ *http.Request) error { return s.JSON(w, "other") },
	})
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/page", 200, ""}, {"POST", "/page", 200, ""}, {"GET", "/other", 200, ""},
		{"PUT", "/page", 405, "GET, POST"}, {"DELETE", "/page", 405, "GET, POST"}, {"get", "/page", 405, "GET, POST"},
		{"POST", "/other", 405, "GET"}, {"OPTIONS", "/other", 405, "GET"},
		{"GET", "/", 404, ""}, {"GET", "/page/", 404, ""}, {"GET", "/Page", 404, ""}, {"GET", "//page", 404, ""}, {"POST", "/nothing", 404, ""},
	} {
		r := request(c.method, "/", "application/json")
		r.URL.Path = c.path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, allow %q, want %+v", c.method, c.path, w.Code, w.Header().Get("Allow"), c)
		}
	}
}

// A last segment may be anything, but not nothing and not two.
func TestRoutingByID(t *testing.T) {
	s := open(t, "")
	say := func(name string) web.Handler {
		return func(w http.ResponseWriter, r *http.Request) error { return s.JSON(w, name+" "+r.PathValue("id")) }
	}
	h := s.Handler(web.Routes{"POST /things": say("all"), "POST /things/{id}": say("one"), "GET /things/{id}": say("seen"), "POST /things/new": say("new")})
	for _, c := range []struct {
		method, path string
		status       int
		want         string // what is said, or the methods that are allowed
	}{
		{"POST", "/things", 200, `"all "`}, {"POST", "/things/x.Y_1-", 200, `"one x.Y_1-"`}, {"GET", "/things/x", 200, `"seen x"`},
		{"POST", "/things/new", 200, `"new "`}, {"GET", "/things/new", 200, `"seen new"`}, {"POST", "/things/{id}", 200, `"one {id}"`},
		{"POST", "/things/", 404, ""}, {"POST", "/things/x/", 404, ""}, {"POST", "/things/x/y", 404, ""}, {"POST", "/{id}", 404, ""}, {"POST", "//x", 404, ""},
		{"PUT", "/things/x", 405, "GET, POST"}, {"PUT", "/things/new", 405, "GET, POST"}, {"GET", "/things", 405, "POST"},
	} {
		r := request(c.method, "/", "application/json")
		r.URL.Path = c.path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header().Get("Allow")
		if w.Code == 200 {
			got = strings.TrimSpace(w.Body.String())
		}
		if w.Code != c.status || got != c.want {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, w.Code, got, c.status, c.want)
		}
	}
}

// every write passes the check of its origin, the ones without a route
// too, and no handler runs otherwise.
func TestCrossOriginMatrix(t *testing.T) {
	const self, other = "https://id.example.com", "https://evil.example"
	for _, c := range []struct {
		fetch, origin string
		pass          bool
	}{
		{"", "", true}, // no browser
		{"same-origin", self, true}, {"same-origin", "", true}, {"none", "", true},
		{"same-site", self, false}, {"same-site", "https://other.example.com", false},
		{"cross-site", self, false}, {"cross-site", other, false}, {"cross-site", "", false}, {"cross-site", "null", false},
		{"nonsense", self, false}, {"Same-Origin", self, false},
		{"", self, true}, {"", "http://id.example.com", true}, // an old browser says no more; its cookies need https anyway
		{"", other, false}, {"", "null", false}, {"", "https://id.example.com:8443", false}, {"", "https://id.example.com.evil.example", false},
		{"", "https://evil.example/id.example.com", false}, {"", "id.example.com", false}, {"", "https://xid.example.com", false},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			s, ran := open(t, ""), false
			h := s.HandlerOr(nil, func(http.ResponseWriter, *http.Request) error { ran = true; return nil })
			r := request(method, "/page", "application/json")
			if c.fetch != "" {
				r.Header.Set("Sec-Fetch-Site", c.fetch)
			}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if ran != c.pass || (w.Code == http.StatusForbidden) == c.pass || !c.pass && !strings.Contains(w.Body.String(), `"code":"cross_origin"`) {
				t.Errorf("%s from %q, origin %q: ran %v, %d %s", method, c.fetch, c.origin, ran, w.Code, w.Body)
			}
		}
	}
	r := request("GET", "/page", "")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := open(t, "").answer(refusing(nil), r); w.Code != http.StatusOK {
		t.Errorf("a link from another site: %d", w.Code)
	}
}

// The origin is compared with the host that the browser used, not with another
// site of the same machine.
func TestCrossOriginUsesTheHost(t *testing.T) {
	for host, want := range map[string]int{"id.example.com": 200, "id.example.com:443": 403, "abc.execute-api.example": 403, "": 403} {
		r := request("POST", "/page", "application/json")
		r.Header.Set("Origin", "https://id.example.com")
		r.Host = host
		if w := open(t, "").answer(refusing(nil), r); w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}

// a panic is a page like any other refusal, and its line tells nothing
// of the request.
// (parity 69)
func TestPanic(t *testing.T) {
	for _, accept := range []string{"", "application/json"} {
		s := open(t, "")
		r := request("POST", "/page?q=canary1", accept)
		r.Header.Set("Cookie", "x=canary2")
		r.Header.Set("User-Agent", "canary3")
		r.RemoteAddr = "192.0.2.77:1"
		w := s.answer(func(http.ResponseWriter, *http.Request) error { panic("canary4 " + r.Header.Get("Cookie")) }, r)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Body.Len() == 0 {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		checkHeaders(t, w.Header(), "panic")
		if strings.Contains(w.Body.String()+s.log.String(), "canary") || strings.Contains(s.log.String(), "192.0.2.77") || strings.Contains(w.Body.String(), "goroutine") {
			t.Errorf("request's data:\n%s\n%s", w.Body, s.log.String())
		}
		lines := s.lines(t)
		if len(lines) != 2 || lines[0]["level"] != "ERROR" || lines[0]["msg"] != "panic" || lines[0]["request"] != "req-1" ||
			!strings.Contains(lines[0]["stack"].(string), "TestPanic") || lines[1]["status"] != 503.0 {
			t.Errorf("log %s", s.log.String())
		}
	}
}

// Half an answer is not followed by another.
func TestPanicAfterAnAnswer(t *testing.T) {
	s := open(t, "")
	w := s.answer(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusAccepted)
		w.Write([]byte("begun"))
		panic("late")
	}, request("GET", "/page", ""))
	if w.Code != http.StatusAccepted || w.Body.String() != "begun" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// one line per request, with nothing that the client typed but
// the path, and that cut.
func TestAccessLog(t *testing.T) {
	s := open(t, "")
	r := request("GET", "/page?code=123456", "application/json")
	r.Header.Set("Cookie", "__Host-latchkey-session=canary")
	r.Header.Set("User-Agent", "canary")
	s.answer(refusing(web.WrongCode(2)), r)
	lines := s.lines(t)
	if len(lines) != 1 || strings.Contains(s.log.String(), "canary") || strings.Contains(s.log.String(), "123456") {
		t.Fatalf("log %s", s.log.String())
	}
	l := lines[0]
	if l["msg"] != "request" || l["request"] != "req-1" || l["method"] != "GET" || l["path"] != "/page" || l["status"] != 401.0 || l["ms"] != 0.0 {
		t.Errorf("line %v", l)
	}
	s = open(t, "")
	s.answer(refusing(nil), request("GET", "/"+strings.Repeat("x", 5000), ""))
	if s.log.Len() > 500 {
		t.Errorf("a long path makes a line of %d bytes", s.log.Len())
	}
}

// An error that is not a problem is the operator's; the client learns nothing
// of it.
func TestErrorsAreTheOperators(t *testing.T) {
	for name, err := range map[string]error{
		"plain":   errors.New("table canary"),
		"wrapped": web.Unavailable(errors.New("table canary")),
		"because": web.CannotComplete().Because(errors.New("table canary")),
	} {
		for _, accept := range []string{"", "application/json"} {
			s := open(t, "")
			w := s.answer(refusing(err), request("POST", "/page", accept))
			if strings.Contains(w.Body.String(), "canary") || strings.Contains(w.Body.String(), "table") {
				t.Errorf("%s: the client reads %s", name, w.Body)
			}
			lines := s.lines(t)
			if len(lines) != 2 || lines[0]["error"] != "table canary" || lines[0]["route"] != "POST /page" || lines[0]["code"] == "" {
				t.Errorf("%s: log %s", name, s.log.String())
			}
		}
	}
}
