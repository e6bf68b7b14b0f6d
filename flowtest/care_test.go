package flowtest

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

const newPhone = "+14155552699"

// knowing is a form with the current password.
func knowing(current string, fields map[string]string) map[string]string {
	f := map[string]string{"current": current}
	maps.Copy(f, fields)
	return f
}

// moveTo is a phone as the form takes it of who is signed in.
func moveTo(phone string) map[string]string { return knowing(password, number(phone)) }

// recoveryCodes makes codes and returns them as a page or a document shows them.
func recoveryCodes(t *testing.T, v *rig.Visitor) []string {
	t.Helper()
	return codesFor(t, v, password)
}

// codesFor is recoveryCodes with a password.
func codesFor(t *testing.T, v *rig.Visitor, current string) []string {
	t.Helper()
	a := v.Post("/recovery/codes", knowing(current, nil))
	list := codesIn(a)
	if a.Status != 200 || len(list) != 10 {
		t.Fatalf("%d codes: %d %s", len(list), a.Status, a.Body)
	}
	return list
}

// codesIn are the recovery codes that an answer shows.
func codesIn(a rig.Answer) []string {
	return regexp.MustCompile(`\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b`).FindAllString(a.Body, -1)
}

// number is a phone as the form takes it.
func number(phone string) map[string]string {
	return map[string]string{"countryCode": "US", "phone": strings.TrimPrefix(phone, "+1")}
}

// Somebody who is signed in and whose proof is old gives it again, by push, and
// comes back to where they were (parity 122).
func TestProofAnew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(20 * time.Minute)
		a := v.Get("/password")
		if v.JSON && a.Code() != "reauth" || !v.JSON && a.Next != "/login/again?return=%2Fpassword" {
			t.Fatalf("%d %q %s", a.Status, a.Next, a.Body)
		}
		if a := v.Get("/login/again?return=%2Fpassword"); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		before := v.Cookie()
		expect(t, v.Post("/login/again", map[string]string{"return": "/password"}), moved(v), "/status")
		if v.Cookie() != before {
			t.Error("the session is gone before the proof is there")
		}
		checkAccount(t, v)
		r.Handset().Decide(adaPhone, "approved")
		awaitStatus(t, r, v, "approved")
		old := clone(t, r, v)
		expect(t, v.Post("/status", nil), moved(v), "/password")
		if a := v.Get("/password"); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		checkAccount(t, v)
		old.SetCookie(before)
		if a := old.Get("/account"); a.Status == 200 {
			t.Error("the session from before lives on")
		}
	})
}

// A changed password ends all other sessions; this browser goes on.
func TestPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		other := r.Visitor(v.JSON)
		r.Clock.Advance(time.Minute)
		expect(t, other.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, other.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		form := map[string]string{"current": password, "password": "another horse battery"}
		if a := v.Post("/password", map[string]string{"current": "wrong horse", "password": "another horse battery"}); a.Status != 401 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		expect(t, v.Post("/password", form), moved(v), "/account")
		expect(t, v.Post("/password", form), moved(v), "/account") // the answer was lost
		if n := warned(r, adaPhone, readsPassword); n != 1 {
			t.Errorf("told %d times", n)
		}
		checkAccount(t, v)
		if a := other.Get("/account"); a.Status == 200 {
			t.Error("another session lives on")
		}
		r.Clock.Advance(time.Minute)
		fresh := r.Visitor(v.JSON)
		if a := fresh.Post("/login", credentialsOf(ada)); a.Status != 401 {
			t.Errorf("the old password: %d", a.Status)
		}
		expect(t, fresh.Post("/login", map[string]string{"email": ada, "password": "another horse battery"}), moved(v), "/verify")
	})
}

// Another phone, proved by its code; the old one is told, and for a day nothing
// of weight changes again.
func TestAnotherPhone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		expect(t, v.Post("/phone", moveTo(newPhone)), moved(v), "/verify")
		checkAccount(t, v)
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
		if a := v.Get("/account"); a.Status != 200 || !strings.Contains(a.Body, "99") {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		messages := r.Handset().Messages(adaPhone)
		if last := messages[len(messages)-1].Body; !strings.Contains(last, "changed to another") {
			t.Errorf("the old phone reads %q", last)
		}
		a := v.Get("/password")
		if a.Status != 403 || v.JSON && a.Code() != "cooling" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		r.Clock.Advance(25 * time.Hour)
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
		if a := v.Get("/password"); a.Status != 200 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

// A lost phone: password, recovery code, a new phone proved by its code. No step
// goes past the second factor (parity 127).
func TestLostPhone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		codes := recoveryCodes(t, v)
		r.Clock.Advance(time.Hour)
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/status")
		if a := v.Get("/phone"); a.Status == 200 {
			t.Fatalf("%d", a.Status)
		}
		if a := v.Post("/recovery", map[string]string{"code": "0000-0000-0000-0000"}); a.Status != 401 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		code := map[string]string{"code": strings.ToUpper(codes[3])}
		expect(t, v.Post("/recovery", code), moved(v), "/phone")
		expect(t, v.Post("/recovery", code), moved(v), "/phone")
		if a := v.Get("/account"); a.Status == 200 {
			t.Fatal("a recovery code opens the account")
		}
		expect(t, v.Post("/phone", number(newPhone)), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
		if a := v.Get("/factors"); strings.Contains(a.Body, `"active"`) || strings.Contains(a.Body, "Added on") {
			t.Errorf("the lost device is still enrolled: %s", a.Body)
		}
		again := r.Visitor(v.JSON)
		r.Clock.Advance(time.Hour)
		expect(t, again.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		if a := again.Post("/recovery", code); a.Status != 401 {
			t.Errorf("a used code: %d %s", a.Status, a.Body)
		}
	})
}

// A program that has no cookies carries its token itself, from the sign-up on.
func TestBearer(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		r := rig.Start(t, rig.Options{Provider: provider})
		v := r.Visitor(true)
		post := func(path, body, want string) {
			t.Helper()
			a := v.Do("POST", path, "application/json", body)
			expect(t, a, 200, want)
			token, _ := a.Doc["token"].(string)
			if token == "" || len(a.Header.Values("Set-Cookie")) > 0 {
				t.Fatalf("%s: %s %v", path, a.Body, a.Header)
			}
			v.Header.Set("Authorization", "Bearer "+token)
		}
		post("/signup", `{"bearer":true,"fullName":"Ada Lovelace","email":"ada@example.com","password":"`+password+`","countryCode":"US","phone":"4155552671"}`, "/verify")
		post("/verify", `{"code":"`+r.Handset().Code(adaPhone)+`"}`, "/account")
		checkAccount(t, v)
		r.Clock.Advance(time.Hour)
		post("/login/again", `{"return":"/password"}`, "/verify")
		post("/verify", `{"code":"`+r.Handset().Code(adaPhone)+`"}`, "/password")
		checkAccount(t, v)
		expect(t, v.Post("/logout", nil), 200, "/")
		expect(t, v.Get("/account"), 401, "no_session")
	}
}
