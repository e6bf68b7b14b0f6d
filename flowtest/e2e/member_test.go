//go:build linux

package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"latchkey/flowtest/rig"
)

// newcomer is somebody with an account and nothing else. The program that made it
// is signed in.
func (s *stack) newcomer(t *testing.T) (person, *rig.Visitor) {
	t.Helper()
	p, v := s.person(), s.program(t)
	expect(t, s.post(v, "/signup", p.form()), http.StatusOK, "/verify")
	expect(t, s.post(v, "/verify", map[string]string{"code": s.awaitCode(t, p, 1)}), http.StatusOK, "/account")
	s.awaitCode(t, p, 2) // which says that all is done
	return p, v
}

// member is a newcomer whose phone is asked at a login: a device enrolled at
// Verify, or the app of Authy.
func (s *stack) member(t *testing.T) (person, *rig.Visitor) {
	t.Helper()
	p, v := s.newcomer(t)
	s.equip(t, p, v)
	return p, v
}

// equip gets the phone of whom a program has signed in ready to be asked.
func (s *stack) equip(t *testing.T, p person, v *rig.Visitor) {
	t.Helper()
	if s.provider == "authy" {
		s.handset(t).App(p.phone, map[string]any{"installed": true})
		return
	}
	a := v.Post("/factors", map[string]string{"type": "push"})
	text, _ := a.Doc["enrolment"].(string)
	id, _ := a.Doc["id"].(string)
	s.hideEnrolment(t, text)
	s.handset(t).App(p.phone, map[string]any{"enrolment": text})
	expect(t, v.Post("/factors/confirm", map[string]string{"id": id}), http.StatusOK, "/factors")
}

// credentials are what the person's login form takes.
func (p person) credentials() map[string]string {
	return map[string]string{"email": p.email, "password": p.password}
}

// token is what the app on the person's phone shows now.
func (s *stack) token(t *testing.T, p person) string {
	t.Helper()
	token := s.handset(t).Token(p.phone)
	s.hidden.add("token", token)
	return token
}

// hideEnrolment remembers what a device registers with, and its secret part.
func (s *stack) hideEnrolment(t *testing.T, text string) {
	t.Helper()
	var doc struct{ Token string }
	err := json.Unmarshal([]byte(text), &doc)
	if err != nil || doc.Token == "" {
		t.Fatalf("the enrolment is no document with a token: %v", err)
	}
	s.hidden.add("enrolment", text)
	s.hidden.add("enrolment", doc.Token)
}

// hideSecret remembers an authenticator's secret and returns the address that an
// app is set up with.
func (s *stack) hideSecret(secret string) string {
	s.hidden.add("authenticator's secret", secret)
	return "otpauth://totp/latchkey?secret=" + url.QueryEscape(secret)
}
