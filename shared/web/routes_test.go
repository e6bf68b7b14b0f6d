package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"latchkey/shared/web"
)

// A variable takes one segment that is not empty, an exact route wins over it,
// and a path that fits with other methods is 405 with all of them.
func TestRoutesWithAVariable(t *testing.T) {
	t.Parallel()
	s := open(t, "https://id.example.com")
	say := func(what string) web.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(w, what+" "+r.PathValue("id"))
			return err
		}
	}
	h := s.Handler(web.Routes{
		"POST /things": say("add"), "GET /things/{id}": say("one"), "DELETE /things/{id}": say("less"), "GET /things/all": say("all"), "POST /things/all": say("every"),
	})
	for _, c := range []struct {
		method, path string
		status       int
		want         string // the body, or Allow
	}{
		{"POST", "/things", 200, "add "}, {"GET", "/things/7", 200, "one 7"}, {"DELETE", "/things/7", 200, "less 7"},
		{"GET", "/things/a%20b", 200, "one a b"}, {"GET", "/things/{id}", 200, "one {id}"}, {"GET", "/things/ü", 200, "one ü"},
		{"GET", "/things/all", 200, "all "}, {"POST", "/things/all", 200, "every "}, {"DELETE", "/things/all", 200, "less all"},
		{"PUT", "/things/7", 405, "DELETE, GET"}, {"PUT", "/things/all", 405, "DELETE, GET, POST"}, {"GET", "/things", 405, "POST"},
		{"HEAD", "/things/7", 405, "DELETE, GET"},
		{"GET", "/things/", 404, ""}, {"GET", "/things/7/", 404, ""}, {"GET", "/things/7/8", 404, ""}, {"GET", "/things/7%2F8", 404, ""},
		{"GET", "/thing/7", 404, ""}, {"GET", "//things/7", 404, ""}, {"GET", "/x/things/7", 404, ""}, {"GET", "/", 404, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, "https://id.example.com"+c.path, nil))
		got := w.Body.String()
		if c.status != 200 {
			got = w.Header().Get("Allow")
		}
		if w.Code != c.status || got != c.want {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, w.Code, got, c.status, c.want)
		}
	}
}

// What programs of the owner's are refused with.
func TestProblemsOfApprovals(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		p      *web.Problem
		status int
		after  time.Duration
	}{
		"forbidden": {web.Forbidden(), 403, 0}, "cooling": {web.Cooling(90 * time.Minute), 403, 90 * time.Minute},
		"no_device": {web.NoDevice(), 409, 0}, "not_found": {web.NoSuch("None."), 404, 0},
	} {
		if c.p.Code != code || c.p.Status != c.status || c.p.RetryAfter != c.after || c.p.Title == "" || c.p.Detail == "" {
			t.Errorf("%s: %+v", code, c.p)
		}
	}
	if got := web.Cooling(0).RetryAfter; got != time.Second {
		t.Errorf("the last moment of a wait is %v", got)
	}
}
