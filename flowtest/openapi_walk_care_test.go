package flowtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// walkTokens is a program without cookies, in fair weather and in bad.
func walkTokens(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	post := func(path string, doc map[string]any) rig.Answer {
		t.Helper()
		a := send(t, v, path, doc)
		token, _ := a.Doc["token"].(string)
		if token == "" || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Fatalf("%s: %d %s %v", path, a.Status, a.Body, a.Header)
		}
		v.Header.Set("Authorization", "Bearer "+token)
		return a
	}
	proof := func() map[string]any { return map[string]any{"code": r.Handset().Code(adaPhone)} }
	form := map[string]any{"bearer": true}
	for name, value := range rig.Form(ada, adaPhone) {
		form[name] = value
	}
	r.Handset().Weather(`{"api":"429"}`)
	expect(t, post("/signup", form), 429, "wait")
	r.Handset().Weather(`{"api":"ok"}`)
	r.Clock.Advance(20 * time.Minute)
	expect(t, v.Post("/resend", nil), 200, "/verify")
	a := post("/verify", proof())
	expect(t, a, 200, "/account")
	device, _ := a.Doc["device"].(string)
	checkAccount(t, v)
	r.Clock.Advance(time.Hour)
	post("/login/again", map[string]any{"return": "/factors"})
	expect(t, post("/verify", proof()), 200, "/factors")
	expect(t, v.Post("/logout", nil), 200, "/")
	v.Header.Del("Authorization")
	r.Clock.Advance(time.Hour)
	login := map[string]any{"email": ada, "password": password, "bearer": true, "device": device, "return": "/password"}
	expect(t, post("/login", login), 200, "/verify")
	a = post("/verify", proof())
	expect(t, a, 200, "/password")
	if device == "" || a.Doc["device"] == nil {
		t.Errorf("device %q, and %s", device, a.Body)
	}
	a = v.Post("/password", map[string]string{"current": password, "password": "another horse battery"})
	if a.Status != 200 || a.Doc["device"] == nil || a.Doc["device"] == device {
		t.Errorf("a new password: %d %s", a.Status, a.Body)
	}
	checkAccount(t, v)
}

// walkAgain proves the second factor once more, in each way.
func walkAgain(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	member(t, r, v, ada, adaPhone)
	v.Get("/login/again?return=%2Fpassword")
	expect(t, v.Post("/login/again", map[string]string{"channel": "pigeon"}), 422, "invalid")
	expect(t, v.Post("/login/again", map[string]string{"return": "/password"}), 200, "/status")
	r.Handset().Decide(adaPhone, "approved")
	awaitStatus(t, r, v, "approved")
	expect(t, v.Post("/status", nil), 200, "/password")
	v.Get("/login/again")
	r.Clock.Advance(time.Minute)
	expect(t, v.Post("/login/again", map[string]string{"channel": "sms"}), 200, "/verify")
	expect(t, v.Post("/login/again", map[string]string{"channel": "call"}), 429, "wait")
	form := map[string]string{"form": strings.Repeat("s", 40)}
	expect(t, v.Post("/login/again", form), 200, "/status")
	r.Clock.Advance(31 * time.Minute)
	expect(t, v.Post("/login/again", form), 410, "expired")
	expect(t, r.Visitor(true).Get("/login?return=elsewhere"), 200, "")
}

// walkPassword changes the password, once right and often wrong, until the proof
// is old.
func walkPassword(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	const next = "another horse battery"
	signUp(t, r, v, ada, adaPhone)
	v.Get("/password")
	change := func(current, password string) rig.Answer {
		return v.Post("/password", map[string]string{"current": current, "password": password})
	}
	expect(t, change("", ""), 422, "invalid")
	expect(t, change(password, next), 200, "/account")
	for i := range 5 {
		expect(t, change(fmt.Sprint("wrong horse ", i), password), 401, "bad_credentials")
	}
	for i := range 2 {
		if a := change(fmt.Sprint("wrong battery ", i), password); a.Status == 429 {
			break
		}
	}
	expect(t, change("wrong horse battery", password), 429, "wait")
	r.Clock.Advance(16 * time.Minute)
	withheld(t, v, "reauth")
}

// withheld asks for everything of weight that a session may not do now.
func withheld(t *testing.T, v *rig.Visitor, code string) {
	t.Helper()
	for _, path := range []string{"/password", "/phone"} {
		expect(t, v.Get(path), 403, code)
	}
	expect(t, v.Post("/password", map[string]string{"current": password, "password": "another horse battery"}), 403, code)
	expect(t, v.Post("/phone", moveTo("+14155552673")), 403, code)
	expect(t, v.Post("/recovery/codes", knowing(password, nil)), 403, code)
}

// walkPhone changes the phone, after which nothing else can be changed for a
// while.
func walkPhone(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	signUp(t, r, v, ada, adaPhone)
	v.Get("/phone")
	expect(t, v.Post("/phone", moveTo("")), 422, "invalid")
	expect(t, v.Post("/phone", number(newPhone)), 422, "invalid")
	expect(t, v.Post("/phone", knowing("wrong horse", number(newPhone))), 401, "bad_credentials")
	form := moveTo(newPhone)
	form["form"] = strings.Repeat("s", 40)
	expect(t, v.Post("/phone", form), 200, "/verify")
	expect(t, v.Post("/phone", form), 200, "/verify")
	expect(t, v.Post("/phone", moveTo(newPhone)), 429, "wait")
	v.Get("/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 200, "/account")
	withheld(t, v, "cooling")
}

// walkRecovery makes recovery codes and comes back in by one of them.
func walkRecovery(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	member(t, r, v, ada, adaPhone)
	v.Get("/recovery/codes")
	expect(t, v.Post("/recovery/codes", nil), 422, "invalid")
	for i := range 5 {
		expect(t, v.Post("/recovery/codes", knowing(fmt.Sprint("wrong horse ", i), nil)), 401, "bad_credentials")
	}
	expect(t, v.Post("/recovery/codes", knowing("wrong horse battery", nil)), 429, "wait")
	r.Clock.Advance(time.Minute)
	codes := recoveryCodes(t, v)
	expect(t, v.Get("/recovery"), 200, "/account")
	v.Get("/recovery/codes")
	r.Clock.Advance(time.Hour)
	begin := func(want string) *rig.Visitor {
		t.Helper()
		w := r.Visitor(true)
		expect(t, w.Post("/login", credentialsOf(ada)), 200, want)
		return w
	}
	enter := func(w *rig.Visitor, code string) rig.Answer {
		return w.Post("/recovery", map[string]string{"code": code})
	}
	lost, guesser := begin("/status"), begin("/verify")
	lost.Get("/recovery")
	expect(t, enter(lost, "x"), 422, "invalid")
	for range 5 {
		expect(t, enter(guesser, "0000-0000-0000-0000"), 401, "wrong_code")
	}
	expect(t, guesser.Get("/recovery"), 410, "used_up")
	expect(t, enter(guesser, codes[0]), 410, "used_up")
	late := begin("/verify")
	r.Clock.Advance(29 * time.Minute)
	expect(t, enter(lost, codes[3]), 200, "/phone")
	expect(t, lost.Get("/recovery"), 200, "/phone")
	lost.Get("/phone")
	expect(t, lost.Post("/phone", number(newPhone)), 200, "/verify")
	expect(t, lost.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 200, "/account")
	r.Clock.Advance(2 * time.Minute)
	expect(t, late.Get("/recovery"), 410, "expired")
	expect(t, enter(late, codes[4]), 410, "expired")
}
