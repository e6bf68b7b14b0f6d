package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// An action that was asked before the account changed under it is approved by
// nobody any more: not by the device that stays when the phone is changed, and
// not for an account that is deleted (R-11A).
func TestActionOfAChangedAccount(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, r *rig.Rig, v *rig.Visitor){
		"another phone": func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			expect(t, v.Post("/phone", moveTo(newPhone)), 200, "/verify")
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 200, "/account")
		},
		"deleted":  func(_ *testing.T, r *rig.Rig, _ *rig.Visitor) { r.DeleteUser(key(ada)) },
		"the same": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{})
			v := r.Visitor(true)
			member(t, r, v, ada, adaPhone)
			id := asked(t, r)
			r.Clock.Advance(time.Second)
			want := "approved"
			if change != nil {
				change(t, r, v)
				want = "expired"
			}
			r.Handset().Weather(`{"callbacks":"drop"}`)
			r.Handset().Decide(adaPhone, "approved")
			r.Clock.Advance(4 * time.Second)
			looks(t, r, id, want)
			if told := len(r.Bus.Events()); told > 0 != (change == nil) {
				t.Errorf("the owner is told %d times", told)
			}
		})
	}
}

// Where a login leads back to is of no matter to what the session does later.
func TestReturnIsUsedOnce(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	r.Clock.Advance(time.Hour)
	v := r.Visitor(true)
	form := credentialsOf(ada)
	form["return"] = "/recovery/codes"
	expect(t, v.Post("/login", form), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/recovery/codes")
	expect(t, v.Post("/phone", moveTo(newPhone)), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 200, "/account")
}

// A login whose phone a recovery code stands for uses up no second one.
func TestOneCodeIsEnough(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	codes := recoveryCodes(t, v)
	r.Clock.Advance(time.Hour)
	v = r.Visitor(true)
	expect(t, v.Post("/login", credentialsOf(ada)), 200, "/verify")
	for _, code := range codes[:2] {
		expect(t, v.Post("/recovery", map[string]string{"code": code}), 200, "/phone")
	}
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil || u.RecoveryLeft() != 9 {
		t.Errorf("%d codes left, %v", u.RecoveryLeft(), err)
	}
}

// One key with a token asked for and without is one key with two bodies.
func TestKeyWithAndWithoutBearer(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	r.Clock.Advance(time.Hour)
	for path, fields := range map[string]string{
		"/signup": `"fullName":"Bob","email":"bob@example.com","password":"` + password + `","countryCode":"US","phone":"4155552673"`,
		"/login":  `"email":"` + ada + `","password":"` + password + `"`,
	} {
		v := r.Visitor(true)
		v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		expect(t, v.Do("POST", path, "application/json", `{"bearer":true,`+fields+`}`), 200, "/verify")
		expect(t, v.Do("POST", path, "application/json", `{"bearer":false,`+fields+`}`), 409, "idempotency")
	}
}

// Who signs up anew with the address and phone of a deleted account, and so is the
// same person at Authy, is another user all the same: what the old one was asked
// is approved for nobody.
func TestActionOfAnAccountMadeAnew(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Provider: "authy"})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	r.Handset().App(adaPhone, map[string]any{"installed": true})
	id := asked(t, r)
	r.DeleteUser(key(ada))
	r.Handset().App(adaPhone, map[string]any{"installed": false})
	r.Clock.Advance(2 * time.Minute)
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	r.Handset().App(adaPhone, map[string]any{"installed": true})
	r.Handset().Weather(`{"callbacks":"drop"}`)
	r.Handset().Decide(adaPhone, "approved")
	r.Clock.Advance(4 * time.Second)
	looks(t, r, id, "expired")
}
