package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/shared/web"
)

// a deployed stack answers by its one address, however that is spelled,
// and names it to whoever came by another, before anything else is looked at.
func TestHost(t *testing.T) {
	for _, c := range []struct {
		public, host string
		ok           bool
	}{
		{"https://id.example.com", "id.example.com", true}, {"https://id.example.com", "ID.Example.COM", true}, {"https://id.example.com", "id.example.com:443", true},
		{"https://id.example.com:443", "id.example.com", true}, {"https://ID.example.com/", "id.example.com", true}, {"https://id.example.com/path", "id.example.com", true},
		{"https://id.example.com:8443", "id.example.com:8443", true}, {"https://[2001:db8::1]", "[2001:DB8::1]:443", true}, {"https://localhost", "localhost", true},

		{"https://id.example.com", "abc.execute-api.eu-west-1.amazonaws.com", false}, {"https://id.example.com", "", false}, {"https://id.example.com", "id.example.com:8443", false},
		{"https://id.example.com", "id.example.com:80", false}, {"https://id.example.com:8443", "id.example.com", false}, {"https://id.example.com", "example.com", false},
		{"https://id.example.com", "x.id.example.com", false}, {"https://id.example.com", "id.example.com.evil.example", false}, {"https://id.example.com", "id.example.com.", false},
		{"https://id.example.com", "id.example.com@evil.example", false}, {"https://id.example.com", "evil.example/id.example.com", false}, {"https://localhost", "127.0.0.1", false},

		{"", "anything.example", true}, {"", "", true},
		{"http://localhost:3000", "127.0.0.1:3000", true}, {"http://localhost:3000", "[::1]:3000", true}, {"http://127.0.0.1:3000", "host.docker.internal:3000", true},
	} {
		for _, accept := range []string{"", "application/json"} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				ran := false
				s := open(t, c.public)
				r := request(method, "/page", accept)
				r.Host = c.host
				w := s.answer(func(http.ResponseWriter, *http.Request) error { ran = true; return nil }, r)
				if ran != (c.ok && method != "DELETE") || (w.Code == http.StatusMisdirectedRequest) == c.ok {
					t.Errorf("%s: %s from %q: ran %v, %d", c.public, method, c.host, ran, w.Code)
				}
				if !c.ok {
					checkMisdirected(t, w, s, accept)
				}
			}
		}
	}
}

func checkMisdirected(t *testing.T, w *httptest.ResponseRecorder, s *site, accept string) {
	t.Helper()
	body := w.Body.String()
	if !strings.Contains(body, "https://") || strings.Contains(body, "evil") || strings.Contains(s.log.String(), "evil") {
		t.Errorf("%s\n%s", body, s.log.String())
	}
	if accept != "" && !strings.Contains(body, `"code":"misdirected"`) || accept == "" && strings.Contains(body, `href="/">To`) {
		t.Errorf("%s", body)
	}
	checkHeaders(t, w.Header(), "misdirected")
}

// What is signed covers its host: it may be the gateway's own.
func TestAnyHost(t *testing.T) {
	s := open(t, "https://id.example.com")
	s.AnyHost = true
	r := request("POST", "/page", "application/json")
	r.Host = "abc.execute-api.eu-west-1.amazonaws.com"
	if w := s.answer(refusing(nil), r); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// another site's page reads no document; a link from there opens pages.
func TestEmbedded(t *testing.T) {
	for _, c := range []struct {
		site, mode, accept, token string
		refused                   bool
	}{
		{"cross-site", "cors", "application/json", "", true}, {"cross-site", "no-cors", "application/problem+json", "", true}, {"cross-site", "", "application/json", "", true},
		{"cross-site", "cors", "*/*", "Bearer x", true}, {"cross-site", "nested-navigate", "application/json", "", true},
		{"cross-site", "navigate", "text/html,*/*", "", false}, {"cross-site", "no-cors", "*/*", "", false}, {"cross-site", "navigate", "application/json", "", false},
		{"same-origin", "cors", "application/json", "", false}, {"same-site", "cors", "application/json", "", false}, {"none", "navigate", "application/json", "", false},
		{"", "", "application/json", "Bearer x", false},
	} {
		r := request("GET", "/page", c.accept)
		for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Authorization": c.token} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		ran := false
		w := open(t, "").answer(func(http.ResponseWriter, *http.Request) error { ran = true; return nil }, r)
		if ran == c.refused || (w.Code == http.StatusForbidden) != c.refused || c.refused && !strings.Contains(w.Body.String(), `"code":"cross_origin"`) {
			t.Errorf("%+v: ran %v, %d %s", c, ran, w.Code, w.Body)
		}
	}
}

// where there is no Site the headers are the same, and
// what a page may load is nothing.
func TestPlain(t *testing.T) {
	for accept, want := range map[string]string{"text/html": "<h1>This service is not set up yet</h1>", "application/json": `"code":"unavailable"`} {
		r := request("POST", "/page", accept)
		r.Header.Set("X-Request-Id", "req-1<script>")
		w := httptest.NewRecorder()
		web.Plain(w, r, web.NotSetUp())
		kind := map[string]string{"text/html": "text/html; charset=utf-8", "application/json": "application/problem+json"}[accept]
		if w.Code != 503 || w.Header().Get("Retry-After") != "60" || w.Header().Get("Content-Type") != kind {
			t.Errorf("%s: %d %v", accept, w.Code, w.Header())
		}
		if !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), "req-1") || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: %s", accept, w.Body)
		}
		h := w.Header().Clone()
		h.Del("Content-Type") // a page, and its policy is that of none
		checkHeaders(t, h, accept)
	}
}
