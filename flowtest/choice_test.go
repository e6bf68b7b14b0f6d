package flowtest

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/flowtest/rig"
)

// A new password is refused where the first would be, with a sentence beside its
// field and nothing of what was typed; no try is spent on it, unless it is refused
// for what is known of the person. Whoever has such a password logs in with it all
// the same, and changes it.
func TestChosenPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		const easy = "Baseball1!"
		r.Wire.Reset()
		choose := func(current, next string) {
			t.Helper()
			a := v.Post("/password", map[string]string{"current": current, "password": next})
			if a.Status != 422 || strings.Contains(a.Body, next) || strings.Contains(r.Log.String(), next) {
				t.Errorf("%q: %d %s", next, a.Status, a.Body)
			}
			beside := `id="password-wrong">Choose another password: `
			if v.JSON {
				beside = `"fields":{"password":"Choose another password: `
			}
			if !strings.Contains(a.Body, beside) {
				t.Errorf("%q: no sentence beside the field: %s", next, a.Body)
			}
		}
		for _, next := range []string{"trustno1", easy, "latchkey-2026"} {
			choose("wrong horse", next)
		}
		for _, c := range r.Wire.Calls() {
			if c.Name != "BatchGetItem" {
				t.Errorf("a refused choice made the call %s", c.Name)
			}
		}
		for _, next := range []string{"Ada@Example.Com", "AdaLovelace99", "4155552671", "+1 (415) 555-2671"} {
			choose(password, next)
		}
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		hash, err := bcrypt.GenerateFromPassword([]byte(easy), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Table.ChangePassword(t.Context(), u, string(hash), u.Epoch, "")
		if err != nil {
			t.Fatal(err)
		}
		r.Clock.Advance(time.Minute)
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", map[string]string{"email": ada, "password": easy}), moved(v), "/verify")
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		expect(t, w.Post("/password", map[string]string{"current": easy, "password": another}), moved(v), "/account")
	})
}

// Whoever has stolen a session, and not the password, does not learn from refused
// choices what the account's phone, address or name is: each is a guess at the
// password like any other.
func TestChoicesTellNothing(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	for _, next := range []string{adaPhone, "+14155559999", ada, "AdaLovelace99", "GraceHopper99"} {
		expect(t, v.Post("/password", map[string]string{"current": "wrong horse", "password": next}), 401, "bad_credentials")
	}
	expect(t, v.Post("/password", map[string]string{"current": "wrong horse", "password": adaPhone[1:]}), 429, "wait")
}

// Where the blocklist is off, a password only has to be one.
func TestBlocklistOff(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"PASSWORD_BLOCKLIST": "off"}})
	v := r.Visitor(true)
	form := rig.Form(ada, adaPhone)
	form["password"] = "12345678"
	expect(t, v.Post("/signup", form), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	expect(t, v.Post("/password", map[string]string{"current": "12345678", "password": "Ada Lovelace"}), 200, "/account")
}
