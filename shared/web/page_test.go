package web_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/web"
)

// checkHeaders holds for one answer over https.
func checkHeaders(t *testing.T, h http.Header, name string) {
	t.Helper()
	for header, want := range map[string]string{
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Robots-Tag":                 "noindex",
		"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
	} {
		if got := h.Values(header); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q, want %q", name, header, got, want)
		}
	}
	csp := h.Get("Content-Security-Policy")
	if !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		if csp != "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" {
			t.Errorf("%s: policy %q of what is no page", name, csp)
		}
		return
	}
	for _, want := range []string{
		"default-src 'none'", "form-action 'self'", "base-uri 'none'", "object-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
	} {
		if !slices.Contains(strings.Split(csp, "; "), want) {
			t.Errorf("%s: policy %q lacks %s", name, csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http") {
		t.Errorf("%s: policy %q", name, csp)
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	s := open(t, "")
	for _, c := range []struct {
		name   string
		h      web.Handler
		status int
	}{
		{"page", func(w http.ResponseWriter, r *http.Request) error {
			return s.Page(w, r, web.View{Main: templ.Raw("hello")})
		}, 200},
		{"json", func(w http.ResponseWriter, _ *http.Request) error { return s.JSON(w, 1) }, 200},
		{"empty", func(http.ResponseWriter, *http.Request) error { return nil }, 200},
		{"redirect", func(w http.ResponseWriter, r *http.Request) error { return s.Next(w, r, "/x", web.Welcome) }, 303},
		{"problem", refusing(web.Expired("Over.")), 410},
		{"sent away", refusing(web.UsedUp().SendTo("/login", web.NoTriesLeft)), 303},
		{"unavailable", refusing(errors.New("x")), 503},
		{"panic", func(http.ResponseWriter, *http.Request) error { panic(1) }, 503},
		{"page that does not render", func(w http.ResponseWriter, r *http.Request) error {
			return s.Page(w, r, web.View{Main: broken("hello")})
		}, 500},
	} {
		w := s.answer(c.h, request("POST", "/page", ""))
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.status)
		}
		checkHeaders(t, w.Header(), c.name)
	}
	for _, accept := range []string{"", "application/json"} {
		for _, target := range []string{"DELETE /page", "GET /nothing"} {
			method, path, _ := strings.Cut(target, " ")
			w := s.answer(refusing(nil), request(method, path, accept))
			checkHeaders(t, w.Header(), target)
		}
		r := request("POST", "/page", accept)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		checkHeaders(t, s.answer(refusing(nil), r).Header(), "cross-origin")
	}
	w := open(t, "http://localhost:3000").answer(refusing(nil), request("GET", "/page", ""))
	if w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("a laptop without https asks for https for two years")
	}
}

// broken is a page that gives up half-way, with an error that says what it has read.
func broken(data string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "begun "+data)
		return cmp.Or(err, errors.New("cannot show "+data))
	})
}

// A mistake in a page shows nothing half-written and nothing of the data.
func TestPageThatDoesNotRender(t *testing.T) {
	mistake := templ.ComponentFunc(func(context.Context, io.Writer) error {
		return templ.Error{Err: errors.New("cannot show canary"), FileName: "a.templ", Line: 7, Col: 3}
	})
	for name, c := range map[string]struct {
		view  web.View
		place string
	}{
		"main":     {web.View{Title: "T", Main: broken("canary")}, "*errors.errorString"},
		"head":     {web.View{Title: "T", Main: templ.Raw("begun"), Head: broken("canary")}, "*errors.errorString"},
		"compiled": {web.View{Title: "T", Main: templ.Join(templ.Raw("begun"), mistake)}, "a.templ:7"},
	} {
		s, view := open(t, ""), c.view
		w := s.answer(func(w http.ResponseWriter, r *http.Request) error { return s.Page(w, r, view) }, request("GET", "/page", ""))
		if w.Code != 500 || strings.Contains(w.Body.String(), "<") || strings.Contains(w.Body.String(), "begun") || strings.Contains(w.Body.String(), "canary") || strings.Contains(s.log.String(), "canary") {
			t.Errorf("%s: %d %s\n%s", name, w.Code, w.Body, s.log.String())
		}
		if lines := s.lines(t); len(lines) != 2 || lines[0]["msg"] != "page does not render" || lines[0]["route"] != "GET /page" || lines[0]["error"] != c.place {
			t.Errorf("%s: log %s", name, s.log.String())
		}
	}
}

// Who waited for longer than the function has is told so by a page like any other.
func TestPageAfterTheDeadline(t *testing.T) {
	s := open(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := s.answer(refusing(web.Unavailable(ctx.Err())), request("GET", "/page", "").WithContext(ctx))
	if w.Code != 503 || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// pages are the layout in all its states.
func pages(t *testing.T) map[string]string {
	t.Helper()
	s, found := open(t, ""), map[string]string{}
	problem := web.Invalid(web.Field{Name: "a", Text: "b"})
	for _, n := range []web.Notice{web.NoNotice, web.Welcome, web.NotSent} {
		for _, signedIn := range []bool{false, true} {
			for _, p := range []*web.Problem{nil, problem, web.UsedUp()} {
				r := request("GET", "/page", "")
				r.AddCookie(s.Cookie("notice", string(n), 60))
				w := s.answer(func(w http.ResponseWriter, r *http.Request) error {
					return s.Page(w, r, web.View{Title: "T", SignedIn: signedIn, Main: templ.Join(web.Summary(p), templ.Raw("<p>text</p>"))})
				}, r)
				if w.Code != 200 {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				found[fmt.Sprintf("notice %q, signed in %v, problem %v", n, signedIn, p)] = w.Body.String()
			}
		}
	}
	found["error"] = s.answer(refusing(web.NotFound()), request("GET", "/page", "")).Body.String()
	return found
}

// the policy names the very bytes that stand in the page; otherwise the
// browser runs nothing.
func TestPolicyNamesWhatIsRendered(t *testing.T) {
	csp := open(t, "").answer(refusing(web.NotFound()), request("GET", "/page", "")).Header().Get("Content-Security-Policy")
	for name, body := range pages(t) {
		for element, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
			found := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(body, -1)
			if len(found) != 1 || strings.Count(body, "<"+element) != 1 {
				t.Fatalf("%s: %d elements %s", name, len(found), element)
			}
			sum := sha256.Sum256([]byte(found[0][1]))
			want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy %q lacks %q", name, csp, want)
			}
		}
	}
}

// Nothing inline that the policy would stop, and nothing of another host.
func TestPagesAskForNothingElse(t *testing.T) {
	for name, body := range pages(t) {
		doc, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				switch {
				case strings.HasPrefix(a.Key, "on"), a.Key == "style":
					t.Errorf("%s: <%s %s>", name, n.Data, a.Key)
				case a.Key == "action" && a.Val == "/logout": // the layout's own
				case a.Key == "src", a.Key == "action", a.Key == "formaction", a.Key == "srcset":
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				case a.Key == "href":
					checkLink(t, name, n.Data, a.Val)
				case a.Key == "id" && ids[a.Val]:
					t.Errorf("%s: id %s twice", name, a.Val)
				}
				if a.Key == "id" {
					ids[a.Val] = true
				}
			}
		}
		if !ids["main"] || strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "<no value>") {
			t.Errorf("%s: %s", name, body)
		}
	}
}

func checkLink(t *testing.T, name, element, href string) {
	t.Helper()
	own := strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "//") || strings.HasPrefix(href, "#")
	icon := element == "link" && strings.HasPrefix(href, "data:image/svg+xml,")
	if !own && !icon {
		t.Errorf("%s: <%s href=%q>", name, element, href)
	}
}

// Whatever the layout and the pieces that pages share are given is text.
func TestPagesEscape(t *testing.T) {
	pagetest.Inert(t, "layout", func(x string) web.View {
		p := web.Invalid(web.Field{Name: "current", Text: x})
		p.Title = x
		return web.View{Title: x, Main: templ.Join(web.Summary(p), web.Current(p), web.Wrong(p, "current"))}
	})
	pagetest.Inert(t, "summary", func(x string) web.View {
		return web.View{Main: web.Summary(web.Malformed(x))}
	})
}

func BenchmarkPage(b *testing.B) {
	s := open(b, "")
	h := s.Handler(web.Routes{"GET /": func(w http.ResponseWriter, r *http.Request) error {
		return s.Page(w, r, web.View{Title: "T", Main: web.Current(nil)})
	}})
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), request("GET", "/", ""))
		s.log.Reset()
	}
}
