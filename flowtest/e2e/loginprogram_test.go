//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// logInAsProgram is the whole of a login as a program does it: approved on the
// phone, at once again and denied there, and in by the app's token
// (parity 71-74, 80-82, 85, 87, 89, 105-107, 118, 120; F-25, F-40).
func logInAsProgram(t *testing.T, s *stack) {
	p, v := s.member(t)
	spent := s.addToken(t, p, v)
	logOutAsProgram(t, s, v)
	wrongAsProgram(t, s, p)
	for range 2 {
		w := s.asked(t, p)
		half := w.Cookie()
		expectProblem(t, w.Post("/status", nil), http.StatusConflict, "pending")
		s.handset(t).Decide(p.phone, "approved")
		awaitState(t, w, "approved")
		expect(t, s.post(w, "/status", map[string]string{}), http.StatusOK, "/account")
		expectAccount(t, w, p)
		stolen := s.visitor(t, true)
		stolen.SetCookie(half)
		expectProblem(t, stolen.Get("/status"), http.StatusUnauthorized, "no_session")
	}
	rivalAsProgram(t, s, p)
	texts := len(s.handset(t).Messages(p.phone))
	w := s.asked(t, p)
	s.handset(t).Decide(p.phone, "denied")
	awaitState(t, w, "denied")
	expectProblem(t, w.Post("/status", nil), http.StatusConflict, "denied")
	expectProblem(t, w.Get("/account"), http.StatusUnauthorized, "no_session")
	until(t, "another token", patience, func() bool { return s.token(t, p) != spent })
	expect(t, s.post(w, "/verify", map[string]string{"code": s.token(t, p)}), http.StatusOK, "/account")
	expectAccount(t, w, p)
	if n := len(s.handset(t).Messages(p.phone)); n != texts {
		t.Errorf("%d texts were sent after the denial", n-texts)
	}
}

// addToken puts an authenticator onto the phone and returns the token that this
// took. Authy's app is one already.
func (s *stack) addToken(t *testing.T, p person, v *rig.Visitor) (spent string) {
	t.Helper()
	if s.provider == "authy" {
		return ""
	}
	a := v.Post("/factors", map[string]string{"type": "totp"})
	uri, _ := a.Doc["uri"].(string)
	secret, _ := a.Doc["secret"].(string)
	id, _ := a.Doc["id"].(string)
	s.hideSecret(secret)
	s.handset(t).App(p.phone, map[string]any{"uri": uri})
	spent = s.token(t, p)
	expect(t, v.Post("/factors/confirm", map[string]string{"id": id, "code": spent}), http.StatusOK, "/factors")
	return spent
}

// asked passes the first factor, and finds the page's number on the phone.
func (s *stack) asked(t *testing.T, p person) *rig.Visitor {
	t.Helper()
	v := s.program(t)
	expect(t, s.post(v, "/login", p.credentials()), http.StatusOK, "/status")
	a := v.Get("/status")
	number, _ := a.Doc["number"].(string)
	newest := s.handset(t).Approvals(p.phone)[0]
	if a.Doc["status"] != "pending" || len(number) != 2 || newest.Details["number"] != number || newest.Status != "pending" {
		t.Fatalf("waiting: %v, on the phone: %v", a.Doc, newest)
	}
	return v
}

// awaitState polls as a program does.
func awaitState(t *testing.T, v *rig.Visitor, want string) {
	t.Helper()
	until(t, want, patience, func() bool { return v.Get("/status").Doc["status"] == want })
}

// logOutAsProgram: the cookie that was good is dead, also for who kept it.
func logOutAsProgram(t *testing.T, s *stack, v *rig.Visitor) {
	t.Helper()
	cookie := v.Cookie()
	expect(t, v.Post("/logout", nil), http.StatusOK, "/")
	kept := s.visitor(t, true)
	kept.SetCookie(cookie)
	for _, w := range []*rig.Visitor{v, kept} {
		expectProblem(t, w.Get("/account"), http.StatusUnauthorized, "no_session")
	}
	if v.Cookie() != "" {
		t.Error("the cookie is still there after the logout")
	}
}

// wrongAsProgram: a wrong password and an unknown address are answered alike.
func wrongAsProgram(t *testing.T, s *stack, p person) {
	t.Helper()
	asked := len(s.handset(t).Approvals(p.phone))
	var answers [2]string
	for i, c := range s.wrongCredentials(p) {
		a := s.program(t).Post("/login", c)
		expectProblem(t, a, http.StatusUnauthorized, "bad_credentials")
		delete(a.Doc, "instance") // of the request
		answers[i] = fmt.Sprint(a.Doc, a.Header.Values("Set-Cookie"))
	}
	if answers[0] != answers[1] {
		t.Errorf("a wrong password and an unknown address differ: %q", answers)
	}
	if n := len(s.handset(t).Approvals(p.phone)); n != asked {
		t.Errorf("a wrong password asked the phone %d times", n-asked)
	}
}

// wrongCredentials are a wrong password, and an address that nobody has.
func (s *stack) wrongCredentials(p person) [2]map[string]string {
	stranger := s.person()
	return [2]map[string]string{
		{"email": p.email, "password": stranger.password},
		{"email": stranger.email, "password": stranger.password},
	}
}

// rivalAsProgram: of two logins the second asks nobody, and the first one's
// approval does not open it (parity 88, 128).
func rivalAsProgram(t *testing.T, s *stack, p person) {
	t.Helper()
	first, second := s.asked(t, p), s.program(t)
	asked := len(s.handset(t).Approvals(p.phone))
	expect(t, s.post(second, "/login", p.credentials()), http.StatusOK, "/verify")
	if n := len(s.handset(t).Approvals(p.phone)); n != asked {
		t.Errorf("%d requests on the phone, want %d", n, asked)
	}
	s.handset(t).Decide(p.phone, "approved")
	awaitState(t, first, "approved")
	expect(t, s.post(first, "/status", map[string]string{}), http.StatusOK, "/account")
	expectProblem(t, second.Get("/account"), http.StatusUnauthorized, "no_session")
	expectProblem(t, second.Post("/status", nil), http.StatusUnauthorized, "no_session")
}

// textedAsProgram: who has neither an app nor a factor gets a text at once
// (parity 83).
func textedAsProgram(t *testing.T, s *stack) {
	p, v := s.newcomer(t)
	logOutAsProgram(t, s, v)
	v = s.program(t)
	texts := len(s.handset(t).Messages(p.phone))
	expect(t, s.post(v, "/login", p.credentials()), http.StatusOK, "/verify")
	expect(t, s.post(v, "/verify", map[string]string{"code": s.awaitCode(t, p, texts+1)}), http.StatusOK, "/account")
	expectAccount(t, v, p)
}

// expiredAsProgram: nobody answers in time. The program is told, and both ways
// are open, a code and to be asked once more (parity 86, 108).
func expiredAsProgram(t *testing.T, s *stack) {
	p, _ := s.member(t)
	v := s.asked(t, p)
	awaitState(t, v, "expired")
	expectProblem(t, v.Post("/status", nil), http.StatusGone, "expired")
	texts := len(s.handset(t).Messages(p.phone))
	expect(t, v.Post("/resend", map[string]string{"channel": "sms"}), http.StatusOK, "/verify")
	expect(t, s.post(v, "/verify", map[string]string{"code": s.awaitCode(t, p, texts+1)}), http.StatusOK, "/account")
	expectAccount(t, v, p)
	s.asked(t, p)
}

// weathers: callbacks get lost, are late, and come before the vendor's own answer
// to us. Each login goes on by the approval (F-21, F-24; parity 101).
func weathers(t *testing.T, s *stack) {
	p, _ := s.member(t)
	defer s.handset(t).Weather(`{"callbacks":"deliver"}`)
	for _, c := range []struct {
		weather string
		least   time.Duration // before anybody can know of the approval
	}{{"drop", 1500 * time.Millisecond}, {"delay:2s", 1500 * time.Millisecond}, {"early", 0}} {
		s.handset(t).Weather(`{"callbacks":"` + c.weather + `"}`)
		approved := time.Now()
		v := s.approvedMeanwhile(t, p, c.weather == "early")
		if state := v.Get("/status").Doc["status"]; c.weather == "early" && state != "approved" {
			t.Errorf("the status is %v at once, though the callback was early", state)
		}
		awaitState(t, v, "approved")
		if took := time.Since(approved); took < c.least {
			t.Errorf("%s: approved after %v: that was no weather", c.weather, took)
		}
		expect(t, s.post(v, "/status", map[string]string{}), http.StatusOK, "/account")
		expectAccount(t, v, p)
	}
}

// approvedMeanwhile passes the first factor, while the person answers the phone
// as soon as it asks: if the vendor's answer is held back, before the login's.
func (s *stack) approvedMeanwhile(t *testing.T, p person, held bool) *rig.Visitor {
	t.Helper()
	v, h := s.program(t), s.handset(t)
	asked := len(h.Approvals(p.phone))
	var login sync.WaitGroup
	var answered atomic.Bool
	var a rig.Answer
	login.Go(func() {
		a = s.post(v, "/login", p.credentials())
		answered.Store(true)
	})
	until(t, "a request on the phone", patience, func() bool { return len(h.Approvals(p.phone)) > asked })
	if held && answered.Load() {
		t.Error("the vendor's answer was not held back")
	}
	h.Decide(p.phone, "approved")
	login.Wait()
	expect(t, a, http.StatusOK, "/status")
	return v
}
