package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"latchkey/shared/web"
)

// document is a problem document's members but title and detail, which are
// sentences and may change.
func document(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var doc map[string]any
	err := json.Unmarshal(w.Body.Bytes(), &doc)
	if err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	for _, name := range []string{"title", "detail"} {
		s, ok := doc[name].(string)
		if !ok || s == "" {
			t.Errorf("%s has no %s", w.Body, name)
		}
		delete(doc, name)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// R-090, RFC 9457: each refusal's document, as clients rely on it.
func TestProblemDocuments(t *testing.T) {
	const common = `"instance":"urn:latchkey:request:req-1"`
	for _, c := range []struct {
		problem *web.Problem
		want    string // besides type, code and instance
		code    string
		status  int
		retry   string
	}{
		{problem: web.Malformed("x"), code: "malformed", status: 400},
		{problem: web.NoSession("x"), code: "no_session", status: 401},
		{problem: web.WrongCode(4), code: "wrong_code", status: 401, want: `"tries_left":4,`},
		{problem: web.WrongCode(0), code: "wrong_code", status: 401, want: `"tries_left":0,`},
		{problem: web.BadCredentials(), code: "bad_credentials", status: 401},
		{problem: web.BadSeed(), code: "malformed", status: 400},
		{problem: web.CrossOrigin(), code: "cross_origin", status: 403},
		{problem: web.Forged(), code: "forged", status: 403},
		{problem: web.Reauth(), code: "reauth", status: 403},
		{problem: web.NotFound(), code: "not_found", status: 404},
		{problem: web.Method([]string{"GET", "POST"}), code: "method", status: 405},
		{problem: web.CannotComplete(), code: "cannot_complete", status: 409},
		{problem: web.StillPending("x"), code: "pending", status: 409},
		{problem: web.WasDenied(), code: "denied", status: 409},
		{problem: web.NotOffered(), code: "not_offered", status: 409},
		{problem: web.Idempotency(), code: "idempotency", status: 409},
		{problem: web.Expired("x"), code: "expired", status: 410},
		{problem: web.UsedUp(), code: "used_up", status: 410},
		{problem: web.TooLarge(), code: "too_large", status: 413},
		{problem: web.ContentType(), code: "content_type", status: 415},
		{problem: web.Invalid(web.Field{Name: "email", Text: "Say it."}, web.Field{Name: "phone", Text: "No."}), code: "invalid", status: 422,
			want: `"fields":{"email":"Say it.","phone":"No."},`},
		{problem: web.Wait(30*time.Second, "x"), code: "wait", status: 429, want: `"retry_after":30,`, retry: "30"},
		{problem: web.Wait(29*time.Second+time.Millisecond, "x"), code: "wait", status: 429, want: `"retry_after":30,`, retry: "30"},
		{problem: web.Wait(time.Nanosecond, "x"), code: "wait", status: 429, want: `"retry_after":1,`, retry: "1"},
		{problem: web.Wait(0, "x"), code: "wait", status: 429, want: `"retry_after":1,`, retry: "1"},
		{problem: web.Wait(-time.Hour, "x"), code: "wait", status: 429, want: `"retry_after":1,`, retry: "1"},
		{problem: web.ForeignWait(time.Nanosecond, "x"), code: "wait", status: 429, want: `"retry_after":30,`, retry: "30"},
		{problem: web.ForeignWait(30*time.Second, "x"), code: "wait", status: 429, want: `"retry_after":30,`, retry: "30"},
		{problem: web.ForeignWait(30*time.Second+time.Millisecond, "x"), code: "wait", status: 429, want: `"retry_after":60,`, retry: "60"},
		{problem: web.Unavailable(nil), code: "unavailable", status: 503, want: `"retry_after":2,`, retry: "2"},
		{problem: web.NotSetUp(), code: "unavailable", status: 503, want: `"retry_after":60,`, retry: "60"},
		{problem: web.Misdirected("https://id.example.com"), code: "misdirected", status: 421},
	} {
		s := open(t, "")
		w := s.answer(refusing(c.problem), request("POST", "/page", "application/json"))
		doc := document(t, w)
		var got, want map[string]any
		text := fmt.Sprintf(`{"code":%q,%s"status":%d,"type":"urn:latchkey:problem:%s",%s}`, c.code, c.want, c.status, c.code, common)
		if json.Unmarshal([]byte(doc), &got) != nil || json.Unmarshal([]byte(text), &want) != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %s, want %s", c.code, doc, text)
		}
		if w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Retry-After") != c.retry {
			t.Errorf("%s: %d %v", c.code, w.Code, w.Header())
		}
		if c.problem.Error() != c.code {
			t.Errorf("the error's text is %q", c.problem.Error())
		}
	}
}

// A wrapped problem is still one; without a request id there is no instance.
func TestProblemWrapped(t *testing.T) {
	r := request("POST", "/page", "application/json")
	r.Header.Del("X-Request-Id")
	w := open(t, "").answer(refusing(fmt.Errorf("checking: %w", web.UsedUp())), r)
	if w.Code != http.StatusGone || strings.Contains(w.Body.String(), "instance") || strings.Contains(w.Body.String(), "checking") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A person gets a page with the sentences and the request's id.
func TestProblemPage(t *testing.T) {
	for _, p := range []*web.Problem{web.NotFound(), web.CrossOrigin(), web.TooLarge(), web.Wait(time.Minute, "Wait <b>now</b>"), web.Unavailable(nil), web.WrongCode(1)} {
		w := open(t, "").answer(refusing(p), request("POST", "/page", "text/html"))
		body := w.Body.String()
		if w.Code != p.Status || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html; charset=utf-8") ||
			!strings.Contains(body, p.Title) || !strings.Contains(body, "req-1") || strings.Contains(body, "<b>now") {
			t.Errorf("%s: %d %s", p.Code, w.Code, body)
		}
		if (p.RetryAfter > 0) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: retry after %q", p.Code, w.Header().Get("Retry-After"))
		}
	}
}

// The request's id comes from the gateway; should it ever hold anything else,
// it is text.
func TestProblemPageEscapes(t *testing.T) {
	r := request("GET", "/page", "text/html")
	r.Header.Set("X-Request-Id", `<script>alert(1)</script>`)
	w := open(t, "").answer(refusing(web.NotFound()), r)
	if strings.Contains(w.Body.String(), "<script>alert") {
		t.Errorf("%s", w.Body)
	}
}

// On shows the form again, with the status; SendTo sends a person away, and
// tells a program the problem.
func TestProblemOnAndSendTo(t *testing.T) {
	s := open(t, "")
	p := web.Invalid(web.Field{Name: "a", Text: "Too <long>."})
	p.On(web.View{Title: "Form", Main: templ.Join(web.Summary(p), templ.Raw("["), web.Wrong(p, "a"), templ.Raw("]["), web.Wrong(p, "b"), templ.Raw("]"))})
	w := s.answer(refusing(p), request("POST", "/page", ""))
	if w.Code != 422 || !strings.Contains(w.Body.String(), `[<span class="wrong" id="a-wrong">Too &lt;long&gt;.</span>][]`) || !strings.Contains(w.Body.String(), `href="#a"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}

	gone := func() *web.Problem { return web.Expired("Over.").SendTo("/signup", web.BeginAgain) }
	w = s.answer(refusing(gone()), request("POST", "/page", ""))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/signup" || len(w.Result().Cookies()) != 1 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w = s.answer(refusing(gone()), request("POST", "/page", "application/json"))
	if w.Code != http.StatusGone || w.Header().Get("Location") != "" || len(w.Result().Cookies()) != 0 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestFieldOfNothing(t *testing.T) {
	var p *web.Problem
	if p.Field("a") != "" || web.NotFound().Field("a") != "" {
		t.Error("a field is wrong without a reason")
	}
}

// Its sentence says what to do, and not once more what the title says.
func TestWrongCodeCounts(t *testing.T) {
	for left, want := range map[int]string{4: "4 tries", 2: "2 tries", 1: "one try", 0: "last try"} {
		p := web.WrongCode(left)
		if !strings.Contains(p.Detail, want) || strings.Contains(p.Detail, "right") || p.TriesLeft != left {
			t.Errorf("%d left: %q", left, p.Detail)
		}
	}
}

// Next is 303 for a person and a path for a program; both mean the same.
func TestNext(t *testing.T) {
	s := open(t, "")
	h := func(w http.ResponseWriter, r *http.Request) error { return s.Next(w, r, "/verify", web.Resent) }
	w := s.answer(h, request("POST", "/page", ""))
	if w.Code != 303 || w.Header().Get("Location") != "/verify" || len(w.Result().Cookies()) != 1 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w = s.answer(h, request("POST", "/page", "application/json"))
	if w.Code != 200 || w.Body.String() != `{"next":"/verify"}` || w.Header().Get("Content-Type") != "application/json" || len(w.Result().Cookies()) != 0 {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// What cannot be a document is a mistake in the program, and no half document.
func TestJSONThatIsNone(t *testing.T) {
	s := open(t, "")
	w := s.answer(func(w http.ResponseWriter, _ *http.Request) error { return s.JSON(w, func() {}) }, request("GET", "/page", "application/json"))
	if w.Code != 500 || w.Body.String() != "{}" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if errors.Is(web.NotFound(), web.NotFound()) {
		t.Error("problems are made anew each time; On and SendTo change them")
	}
}
