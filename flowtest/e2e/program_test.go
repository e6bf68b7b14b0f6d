//go:build linux

package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/rig"
)

// program is a visitor that speaks JSON under an Idempotency-Key of its own.
func (s *stack) program(t *testing.T) *rig.Visitor {
	v := s.visitor(t, true)
	key := random() + random()
	s.hidden.add("idempotency key", key)
	v.Header.Set("Idempotency-Key", key)
	return v
}

// post sends fields and remembers the cookies that come back.
func (s *stack) post(v *rig.Visitor, path string, fields map[string]string) rig.Answer {
	a := v.Post(path, fields)
	for _, line := range a.Header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err == nil {
			s.hideCookie(c.Name, c.Value)
		}
	}
	return a
}

func expect(t *testing.T, a rig.Answer, status int, want string) {
	t.Helper()
	got := a.Next + a.Code()
	if a.Status != status || got != want {
		t.Fatalf("answer %d %q, want %d %q\n%s", a.Status, got, status, want, a.Body)
	}
}

// expectProblem also asks for a document of its kind (parity 21).
func expectProblem(t *testing.T, a rig.Answer, status int, code string) {
	t.Helper()
	expect(t, a, status, code)
	if kind := a.Header.Get("Content-Type"); kind != "application/problem+json" || a.Doc["title"] == "" || a.Doc["detail"] == "" {
		t.Errorf("%d %s is no problem document: %s %v", status, code, kind, a.Doc)
	}
}

// The whole of sign-up as a program does it
// (parity 8, 21, 22, 24, 44, 52, 54, 56, 61, 65, 118).
func signUpAsProgram(t *testing.T, s *stack) {
	p, v := s.person(), s.program(t)
	form := p.form()
	form["email"] = ""
	a := v.Post("/signup", form)
	expectProblem(t, a, http.StatusUnprocessableEntity, "invalid")
	fields, _ := a.Doc["fields"].(map[string]any)
	if len(fields) != 1 || fields["email"] == nil {
		t.Errorf("fields %v", fields)
	}
	v = s.program(t)
	expect(t, s.post(v, "/signup", p.form()), http.StatusOK, "/verify")
	if v.Cookie() == "" {
		t.Fatal("no session")
	}
	expectProblem(t, v.Get("/account"), http.StatusUnauthorized, "no_session")
	expectProblem(t, v.Post("/resend", nil), http.StatusTooManyRequests, "wait")
	code := s.awaitCode(t, p, 1)
	a = v.Post("/verify", map[string]string{"code": wrong(code)})
	expectProblem(t, a, http.StatusUnauthorized, "wrong_code")
	if a.Doc["tries_left"] != 4.0 {
		t.Errorf("tries left: %v", a.Doc["tries_left"])
	}
	until(t, "another code", patience, func() bool { return v.Post("/resend", nil).Status == http.StatusOK })
	code = s.awaitCode(t, p, 2)
	half := v.Cookie()
	expect(t, s.post(v, "/verify", map[string]string{"code": code[:3] + " " + code[3:]}), http.StatusOK, "/account")
	if v.Cookie() == half {
		t.Error("the cookie was not changed")
	}
	expectAccount(t, v, p)
	s.awaitCode(t, p, 3)
	last := s.handset(t).Messages(p.phone)[2].Body
	if strings.Contains(last, code) || !strings.Contains(last, "account is ready") {
		t.Errorf("confirmation text %q", last)
	}
}

func expectAccount(t *testing.T, v *rig.Visitor, p person) {
	t.Helper()
	a := v.Get("/account")
	if a.Status != http.StatusOK || a.Doc["fullName"] != p.name || a.Doc["email"] != p.email || a.Doc["verified"] != true {
		t.Errorf("account %d %v", a.Status, a.Doc)
	}
	if strings.Contains(a.Body, p.phone[5:]) {
		t.Errorf("the account tells the phone's number: %s", a.Body)
	}
}

// Twenty equal submissions at once are one text and one session.
func twentyAtOnce(t *testing.T, s *stack) {
	p, first := s.person(), s.program(t)
	var all sync.WaitGroup
	cookies := make([]string, 20)
	for i := range cookies {
		all.Go(func() {
			v := s.visitor(t, true)
			v.Header = first.Header
			a := s.post(v, "/signup", p.form())
			if a.Status != http.StatusOK || a.Next != "/verify" {
				t.Errorf("submission %d: %d %s", i, a.Status, a.Body)
			}
			cookies[i] = v.Cookie()
		})
	}
	all.Wait()
	for _, c := range cookies {
		if c != cookies[0] || c == "" {
			t.Errorf("cookies differ: %q and %q", cookies[0], c)
		}
	}
	code := s.awaitCode(t, p, 1)
	first.SetCookie(cookies[7])
	expect(t, s.post(first, "/verify", map[string]string{"code": code}), http.StatusOK, "/account")
	messages := s.handset(t).Messages(p.phone)
	if len(messages) != 2 {
		t.Errorf("%d messages, want the code and the confirmation: %v", len(messages), messages)
	}
}

// What is not there and who is not known, for people and for programs
// (parity 1, 2, 63, 68, 79, 98, 119).
func routes(t *testing.T, s *stack) {
	for _, c := range []struct {
		method, path string
		status       int
		code, next   string
	}{
		{"GET", "/", 200, "", ""},
		{"GET", "/signup", 200, "", ""},
		{"GET", "/nothing/here", 404, "not_found", ""},
		{"DELETE", "/signup", 405, "method", ""},
		{"GET", "/resend", 405, "method", ""},
		{"GET", "/login", 200, "", ""},
		{"GET", "/logout", 405, "method", ""},
		{"PUT", "/factors/remove", 405, "method", ""},
		{"GET", "/account", 401, "no_session", "/login"},
		{"GET", "/verify", 401, "no_session", "/login"},
		{"POST", "/verify", 401, "no_session", "/login"},
		{"POST", "/resend", 401, "no_session", "/login"},
		{"GET", "/status", 401, "no_session", "/login"},
		{"POST", "/status", 401, "no_session", "/login"},
		{"GET", "/factors", 401, "no_session", "/login"},
		{"POST", "/factors", 401, "no_session", "/login"},
		{"POST", "/factors/confirm", 401, "no_session", "/login"},
		{"POST", "/factors/remove", 401, "no_session", "/login"},
		{"POST", "/logout", 200, "", "/"},
		{"POST", "/onetouch/callback", 403, "forged", ""},
	} {
		field := map[string][2]string{
			"/verify": {"code", "123456"}, "/factors": {"type", "push"}, "/factors/confirm": {"id", "none"}, "/factors/remove": {"id", "none"},
		}[c.path]
		body := map[bool]string{true: `{"` + field[0] + `":"` + field[1] + `"}`, false: field[0] + "=" + field[1]}
		if field[0] == "" || c.method == "GET" {
			body = map[bool]string{true: "{}", false: ""}
		}
		kind := map[bool]string{true: "application/json", false: "application/x-www-form-urlencoded"}
		program := s.visitor(t, true).Do(c.method, c.path, kind[true], body[true])
		if program.Status != c.status || program.Code() != c.code {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, program.Status, program.Code(), c.status, c.code)
		}
		person := s.visitor(t, false).Do(c.method, c.path, kind[false], body[false])
		want := c.status
		if c.next != "" {
			want = http.StatusSeeOther
		}
		if person.Status != want || person.Next != c.next || want != http.StatusSeeOther && !strings.Contains(person.Body, "</html>") {
			t.Errorf("%s %s as a form: %d %q\n%s", c.method, c.path, person.Status, person.Next, person.Body)
		}
	}
}
