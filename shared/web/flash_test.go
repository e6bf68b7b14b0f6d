package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"latchkey/shared/web"
)

// notices are all that a page can be made to say.
var notices = []web.Notice{
	web.Welcome, web.WelcomeNoText, web.Resent, web.Calling, web.UseApp, web.NotSent,
	web.BeginAgain, web.Verified, web.TooSoon, web.NotThisWay, web.SignInFirst, web.NoTriesLeft,
	web.Denied, web.TooLate, web.LoggedOut, web.EverywhereOut, web.ProveAgain, web.FactorAdded, web.FactorRemoved, web.NotRegistered, web.OneMoreTime,
}

// show renders a page for a browser with these cookies.
func show(s *site, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := request("GET", "/page", "")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return s.answer(func(w http.ResponseWriter, r *http.Request) error {
		return s.Page(w, r, web.View{Main: templ.Raw("<p>page</p>")})
	}, r)
}

// kept is what a browser that held before keeps after an answer.
func kept(before []*http.Cookie, w *httptest.ResponseRecorder) []*http.Cookie {
	byName := map[string]*http.Cookie{}
	for _, c := range append(before, w.Result().Cookies()...) {
		byName[c.Name] = c
		if c.MaxAge < 0 {
			delete(byName, c.Name)
		}
	}
	var jar []*http.Cookie
	for _, c := range byName {
		jar = append(jar, c)
	}
	return jar
}

// hasNotice reports whether a page shows a notice.
func hasNotice(body string) bool { return strings.Contains(body, `<div class="notice`) }

// A notice survives the redirect and exactly one page.
func TestNoticeIsShownOnce(t *testing.T) {
	texts := map[string]bool{}
	for _, public := range []string{"", "http://localhost:3000"} {
		for _, n := range notices {
			s := open(t, public)
			w := s.answer(func(w http.ResponseWriter, r *http.Request) error { return s.Next(w, r, "/page", n) }, request("POST", "/page", ""))
			jar := kept(nil, w)
			if len(jar) != 1 || jar[0].MaxAge <= 0 || jar[0].MaxAge > 60 || !jar[0].HttpOnly || jar[0].Value != string(n) {
				t.Fatalf("%s: cookies %v", n, jar)
			}
			w = show(s, jar...)
			if !hasNotice(w.Body.String()) {
				t.Errorf("%s is not shown", n)
			}
			_, text, _ := strings.Cut(w.Body.String(), `<div class="notice`)
			text, _, _ = strings.Cut(text, "</p>")
			texts[text] = true
			jar = kept(jar, w)
			if len(jar) != 0 {
				t.Errorf("%s is kept: %v", n, jar)
			}
			if hasNotice(show(s, jar...).Body.String()) {
				t.Errorf("%s is shown twice", n)
			}
		}
	}
	if len(texts) != len(notices) {
		t.Errorf("%d texts for %d notices", len(texts), len(notices))
	}
}

// Neither a redirect nor a program's request takes a notice away.
func TestNoticeWaitsForAPage(t *testing.T) {
	s := open(t, "")
	jar := []*http.Cookie{s.Cookie("notice", string(web.Welcome), 60)}
	for _, accept := range []string{"", "application/json"} {
		r := request("POST", "/page", accept)
		r.AddCookie(jar[0])
		w := s.answer(func(w http.ResponseWriter, r *http.Request) error { return s.Next(w, r, "/x", web.NoNotice) }, r)
		if len(w.Result().Cookies()) != 0 {
			t.Errorf("accept %q: %v", accept, w.Result().Cookies())
		}
	}
	if !hasNotice(show(s, jar...).Body.String()) {
		t.Error("it is not shown afterwards")
	}
}

// A cookie chooses among our texts and cannot bring its own.
func TestNoticeCannotBeForged(t *testing.T) {
	for _, value := range []string{"", "other", "Welcome", "welcome!", "welcome%00", "<b>call us</b>", "Please call 555", strings.Repeat("x", 4000)} {
		s := open(t, "")
		r := httptest.NewRequest("GET", "/page", nil)
		r.Header.Set("Cookie", s.CookieName("notice")+"="+value)
		c, err := r.Cookie(s.CookieName("notice"))
		if err != nil {
			continue // net/http refuses it already
		}
		if body := show(s, c).Body.String(); hasNotice(body) || value != "" && strings.Contains(body, value) {
			t.Errorf("%q is shown", value)
		}
	}
	s := open(t, "")
	if hasNotice(show(s, &http.Cookie{Name: "latchkey-notice", Value: "welcome"}).Body.String()) {
		t.Error("over https a cookie that another host can set is read")
	}
}

// An empty notice is no cookie, and no page is without a need for one.
func TestNoNotice(t *testing.T) {
	s := open(t, "")
	w := httptest.NewRecorder()
	s.Notify(w, web.NoNotice)
	if len(w.Result().Cookies()) != 0 || len(show(s).Result().Cookies()) != 0 {
		t.Error("a cookie without a notice")
	}
}

// Refusals are alerts to a screen reader, the rest is not.
func TestNoticeRole(t *testing.T) {
	s := open(t, "")
	for n, want := range map[web.Notice]string{
		web.Welcome: `role="status"`, web.LoggedOut: `role="status"`, web.FactorAdded: `role="status"`,
		web.NotSent: `role="alert"`, web.Denied: `role="alert"`, web.TooLate: `role="alert"`, web.ProveAgain: `role="alert"`,
	} {
		body := show(s, s.Cookie("notice", string(n), 60)).Body.String()
		if !strings.Contains(body, `<div class="notice`) || !strings.Contains(body, want) {
			t.Errorf("%s is not %s", n, want)
		}
	}
}

// FuzzNotice lets a browser bring anything as its notice: the page says one of our
// own sentences or none, and nothing of what was brought.
func FuzzNotice(f *testing.F) {
	sentences := map[string]bool{}
	block := func(body string) string {
		_, text, found := strings.Cut(body, `<div class="notice`)
		if !found {
			return ""
		}
		text, _, _ = strings.Cut(text, "</div>")
		return text
	}
	s := open(f, "")
	for _, n := range []web.Notice{web.PhoneMoved, web.NewPassword, web.UseNewOne, web.PhoneNext} {
		f.Add(string(n))
		sentences[block(show(s, s.Cookie("notice", string(n), 60)).Body.String())] = true
	}
	for _, n := range notices {
		f.Add(string(n))
		sentences[block(show(s, s.Cookie("notice", string(n), 60)).Body.String())] = true
	}
	if sentences[""] || len(sentences) != len(notices)+4 {
		f.Fatalf("%d sentences", len(sentences))
	}
	for _, value := range []string{"", "Welcome", "welcome ", "<b>call us</b>", `"welcome"`, "welcome; notice=denied", "a\x00b", "{{.}}"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := request("GET", "/page", "")
		r.Header.Set("Cookie", s.CookieName("notice")+"="+value)
		c, err := r.Cookie(s.CookieName("notice"))
		if err != nil {
			return
		}
		w := show(s, c)
		if text := block(w.Body.String()); text != "" && !sentences[text] {
			t.Errorf("%q makes the page say %q", value, text)
		}
		if w.Code != http.StatusOK || len(w.Result().Cookies()) > 1 {
			t.Errorf("%q: %d, cookies %v", value, w.Code, w.Result().Cookies())
		}
	})
}
