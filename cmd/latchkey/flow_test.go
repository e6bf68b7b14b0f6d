package main

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

const (
	phone    = "+14155552671"
	password = "correct horse battery"
)

var credentials = map[string]string{"email": ada, "password": password}

// next fails unless an answer leads there.
func next(t *testing.T, a rig.Answer, want string) {
	t.Helper()
	if a.Next != want {
		t.Fatalf("%d %s, want %s", a.Status, a.Body, want)
	}
}

// signedUp is a visitor with a new account.
func signedUp(t *testing.T, r *rig.Rig) *rig.Visitor {
	t.Helper()
	v := r.Visitor(true)
	next(t, v.Post("/signup", rig.Form(ada, phone)), "/verify")
	next(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(phone)}), "/account")
	return v
}

// equipped gives the visitor's phone a device that is asked and an app that
// shows tokens.
func equipped(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	t.Helper()
	device := v.Post("/factors", map[string]string{"type": "push"})
	r.Handset().App(phone, map[string]any{"enrolment": device.Doc["enrolment"]})
	next(t, v.Post("/factors/confirm", map[string]string{"id": device.Doc["id"].(string)}), "/factors")
	app := v.Post("/factors", map[string]string{"type": "totp"})
	r.Handset().App(phone, map[string]any{"uri": app.Doc["uri"]})
	next(t, v.Post("/factors/confirm", map[string]string{"id": app.Doc["id"].(string), "code": r.Handset().Token(phone)}), "/factors")
	r.Clock.Advance(2 * time.Minute)
}

// After a reset nothing that the account had before is of use: not the session,
// not a login that was half way and whose push is approved later, not the
// device, not the app's token (I-04).
func TestAfterReset(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := signedUp(t, r)
	equipped(t, r, v)
	half := r.Visitor(true)
	next(t, half.Post("/login", credentials), "/status")
	text := succeed(t, r.Config(), "user", "reset", ada)
	if strings.Contains(r.Dump(), codeIn(t, text)) {
		t.Error("the code is in the table")
	}
	if a := v.Get("/account"); a.Status != 401 {
		t.Errorf("the old session: %d", a.Status)
	}
	r.Handset().Decide(phone, "approved")
	half.Post("/status", nil)
	half.Post("/verify", map[string]string{"code": r.Handset().Token(phone)})
	if a := half.Get("/account"); a.Status != 401 {
		t.Errorf("a login that began before: %d", a.Status)
	}
	r.Clock.Advance(2 * time.Minute)
	before := r.Handset().Stats()
	w := r.Visitor(true)
	next(t, w.Post("/login", credentials), "/verify")
	if after := r.Handset().Stats(); after.Approvals != before.Approvals || after.SMS != before.SMS+1 {
		t.Errorf("%+v, before %+v: want a text and no push", after, before)
	}
	if a := w.Post("/verify", map[string]string{"code": r.Handset().Token(phone)}); a.Status != 401 {
		t.Errorf("the old app's token: %d %s", a.Status, a.Body)
	}
}

// A role holds from the next request on, and logging out everywhere, too.
func TestInFlight(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := signedUp(t, r)
	if a := v.Get("/account"); a.Doc["role"] != "user" {
		t.Errorf("%v", a.Doc)
	}
	succeed(t, r.Config(), "user", "role", ada, "auditor")
	if a := v.Get("/account"); a.Doc["role"] != "auditor" {
		t.Errorf("%v", a.Doc)
	}
	doc := document(t, succeed(t, r.Config(), "user", "show", "--json", ada))
	if s := doc["sessions"].([]any); doc["role"] != "auditor" || len(s) != 1 || s[0].(map[string]any)["state"] != "confirmed" {
		t.Errorf("%v", doc)
	}
	succeed(t, r.Config(), "user", "logout", ada)
	if a := v.Get("/account"); a.Status != 401 {
		t.Errorf("signed in still: %d", a.Status)
	}
}

// Who was deleted is a stranger, at both vendors, and may sign up anew as
// another user with no role, factor or session of before. Failures to log in
// are counted under the rule that the deletion knows.
func TestAfterDelete(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := signedUp(t, r)
			if provider == "verify" {
				equipped(t, r, v)
			}
			r.Clock.Advance(2 * time.Minute)
			half := r.Visitor(true)
			half.Post("/login", credentials)
			r.Visitor(true).Post("/login", map[string]string{"email": ada, "password": "wrong horse battery"})
			succeed(t, r.Config(), "user", "role", ada, "auditor")
			was, err := r.Table.User(t.Context(), store.Hash(ada))
			must(t, err)
			succeed(t, r.Config(), "user", "delete", ada, "--yes")
			dump := r.Dump()
			for _, trace := range []string{"U#" + was.Key, "L#login#" + store.Hash(was.Key), ada, phone} {
				if strings.Contains(dump, trace) {
					t.Errorf("%s is left:\n%s", trace, dump)
				}
			}
			for what, w := range map[string]*rig.Visitor{"signed in": v, "half": half} {
				w.Post("/verify", map[string]string{"code": r.Handset().Code(phone)})
				if a := w.Get("/account"); a.Status != 401 {
					t.Errorf("%s: %d", what, a.Status)
				}
			}
			if a := r.Visitor(true).Post("/login", credentials); a.Code() != "bad_credentials" {
				t.Errorf("logging in: %d %s", a.Status, a.Body)
			}
			r.Clock.Advance(2 * time.Minute)
			again := signedUp(t, r)
			if a := again.Get("/account"); a.Status != 200 || a.Doc["role"] != "user" {
				t.Errorf("signed up anew: %d %v", a.Status, a.Doc)
			}
			u, err := r.Table.User(t.Context(), was.Key)
			if err != nil || u.UID == was.UID || len(u.Factors) != 0 {
				t.Errorf("%v: %+v", err, u)
			}
			if a := v.Get("/account"); a.Status != 401 {
				t.Errorf("the deleted user's session opens the new account: %d", a.Status)
			}
		})
	}
}
