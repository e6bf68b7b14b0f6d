package flowtest

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// elsewhere are paths that lead, or might lead, to somebody else.
var elsewhere = []string{
	"//evil.example", `/\evil.example`, "/%5cevil.example", "/%2f/evil.example", "https:evil.example", "https://evil.example/account",
	"/x%0d%0aSet-Cookie:a=b", "/x\r\nSet-Cookie: a=b", "/\t/evil.example", "/\u2215evil.example", "/..//evil.example", "/.//evil.example", "//",
	"javascript:alert(1)", "/" + strings.Repeat("a", 600),
}

// ours complains about an answer that leads anywhere but to a page of our own.
func ours(t *testing.T, what string, a rig.Answer) {
	t.Helper()
	u, err := url.Parse(a.Next)
	if err != nil || u.Host != "" || u.Scheme != "" || a.Next != "" && !strings.HasPrefix(a.Next, "/") || strings.HasPrefix(a.Next, "//") || strings.Contains(a.Next, "evil") {
		t.Errorf("%s leads to %q", what, a.Next)
	}
	if strings.Contains(a.Body, "evil.example") || a.Header.Get("Set-Cookie") == "a=b" {
		t.Errorf("%s keeps what it was sent", what)
	}
}

// Whatever a link says, the way back is to a page of our own.
func TestNoWayToElsewhere(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"FRESH_FACTOR": "1h", "LOGIN_SENDS_PER_DAY": "10", "LOGINS_PER_ADDRESS": "1000"}})
	for _, speaksJSON := range []bool{false, true} {
		v := r.Visitor(speaksJSON)
		if !speaksJSON {
			signUp(t, r, v, ada, adaPhone)
			for _, path := range elsewhere {
				query := "?return=" + url.QueryEscape(path)
				ours(t, "GET /login, signed in, "+path, v.Get("/login"+query))
				ours(t, "GET /login "+path, r.Visitor(false).Get("/login"+query))
				ours(t, "GET /login/again "+path, v.Get("/login/again"+query))
				ours(t, "GET /login/again, not signed in, "+path, r.Visitor(false).Get("/login/again"+query))
				refused := credentialsOf(ada)
				refused["return"], refused["password"] = path, "wrong horse"
				ours(t, "a wrong password "+path, r.Visitor(false).Post("/login", refused))
			}
		}
		for _, path := range elsewhere[:4] {
			r.Clock.Advance(13 * time.Hour)
			w := r.Visitor(speaksJSON)
			form := credentialsOf(ada)
			form["return"] = path
			expect(t, w.Post("/login", form), moved(w), "/verify")
			a := w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
			expect(t, a, moved(w), "/account")
			r.Clock.Advance(20 * time.Minute)
			expect(t, w.Post("/login/again", map[string]string{"return": path}), moved(w), "/verify")
			expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(w), "/account")
		}
	}
}

// A path of our own is kept all the way, also past what went wrong on it.
func TestWayBack(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		const back = "/bank/transfers?to=7&of=//x"
		signUp(t, r, v, ada, adaPhone)
		if a := v.Get("/login?return=" + url.QueryEscape(back)); a.Next != back {
			t.Errorf("signed in a moment ago: %q", a.Next)
		}
		r.Clock.Advance(time.Hour)
		v = r.Visitor(v.JSON)
		if a := v.Get("/login?return=" + url.QueryEscape(back)); !v.JSON && !strings.Contains(a.Body, `name="return" value="/bank/transfers?to=7&amp;of=//x"`) {
			t.Errorf("the form has forgotten the way back: %s", a.Body)
		}
		form := credentialsOf(ada)
		form["return"] = back
		wrongly := failing(ada)
		wrongly["return"] = back
		if a := v.Post("/login", wrongly); !v.JSON && !strings.Contains(a.Body, `name="return" value="/bank/transfers?to=7&amp;of=//x"`) {
			t.Error("a wrong password forgets the way back")
		}
		expect(t, v.Post("/login", form), moved(v), "/verify")
		code := map[string]string{"code": r.Handset().Code(adaPhone)}
		expect(t, v.Post("/verify", code), moved(v), back)
		r.Clock.Advance(time.Hour)
		expect(t, v.Post("/login/again", map[string]string{"return": back}), moved(v), "/verify")
		r.Clock.Advance(31 * time.Minute) // too late: begins again, and still knows where to
		if a := v.Get("/verify"); !v.JSON && a.Next != "/login/again?return="+url.QueryEscape(back) {
			t.Errorf("a proof that took too long leads to %q", a.Next)
		}
		expect(t, v.Post("/login/again", map[string]string{"return": back}), moved(v), "/verify")
		old := window(t, r, v)
		code = map[string]string{"code": r.Handset().Code(adaPhone)}
		expect(t, v.Post("/verify", code), moved(v), back)
		expect(t, old.Post("/verify", code), moved(v), back) // the answer was lost
	})
}
