package flowtest

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// The phone is told of each change, in words that hold no secret; and neither the
// log nor the table holds a code, a password, a token or, in the log, a phone
// (R-131, I-29).
func TestCareLeaksNothing(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		var secrets []string
		keep := func(v *rig.Visitor) {
			for _, c := range []string{v.Cookie(), step(t, r, v), deviceOf(t, r, v)} {
				if part := strings.Split(c, "."); len(part) > 2 {
					secrets = append(secrets, part[2])
				}
			}
		}
		texted := func(phone string) string {
			c := r.Handset().Code(phone)
			secrets = append(secrets, c)
			return c
		}
		signUp(t, r, v, ada, adaPhone)
		keep(v)
		codes := recoveryCodes(t, v)
		expect(t, v.Post("/password", map[string]string{"current": password, "password": another}), moved(v), "/account")
		v.Post("/password", map[string]string{"current": "not the one at all", "password": "one more horse"})
		keep(v)
		r.Clock.Advance(time.Hour)
		expect(t, v.Post("/login/again", nil), moved(v), "/verify")
		keep(v)
		expect(t, v.Post("/verify", map[string]string{"code": texted(adaPhone)}), moved(v), "/account")
		keep(v)
		expect(t, v.Post("/phone", knowing(another, number(newPhone))), moved(v), "/verify")
		v.Post("/phone", knowing("one more guess", number(newPhone)))
		v.Post("/recovery/codes", knowing("the last guess", nil))
		keep(v)
		expect(t, v.Post("/verify", map[string]string{"code": texted(newPhone)}), moved(v), "/account")
		r.Clock.Advance(time.Hour)
		v = clone(t, r, r.Visitor(v.JSON))
		expect(t, v.Post("/login", map[string]string{"email": ada, "password": another}), moved(v), "/verify")
		v.Post("/recovery", map[string]string{"code": "0000-0000-0000-0001"})
		expect(t, v.Post("/recovery", map[string]string{"code": codes[0]}), moved(v), "/phone")
		expect(t, v.Post("/phone", number(bobPhone)), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": texted(bobPhone)}), moved(v), "/account")
		keep(v)
		toldOf(t, r)
		noneOf(t, r, append(append(secrets, codes...), password, another, "not the one at all", "one more horse", "one more guess", "the last guess", "0000-0000-0000-0001"))
	})
}

// toldOf checks who reads of which change, and how often.
func toldOf(t *testing.T, r *rig.Rig) {
	t.Helper()
	for words, want := range map[string]map[string]int{
		readsMade: {adaPhone: 1}, readsPassword: {adaPhone: 1}, readsMoved: {adaPhone: 1, newPhone: 1}, readsUsed: {newPhone: 1},
	} {
		for _, phone := range []string{adaPhone, newPhone, bobPhone} {
			if n := warned(r, phone, words); n != want[phone] {
				t.Errorf("%s reads %q %d times, want %d", phone, words, n, want[phone])
			}
		}
	}
}

// noneOf looks for secrets where they must not be.
func noneOf(t *testing.T, r *rig.Rig, secrets []string) {
	t.Helper()
	phones := []string{adaPhone[1:], newPhone[1:], bobPhone[1:], adaPhone[2:], newPhone[2:], bobPhone[2:], ada}
	log, dump := r.Log.String(), r.Dump()
	for _, s := range secrets {
		if s == "" || strings.Contains(log, s) || strings.Contains(dump, s) || strings.Contains(dump, base64.StdEncoding.EncodeToString([]byte(s))) {
			t.Errorf("%q is empty, logged or kept", s)
		}
	}
	for _, s := range phones {
		if strings.Contains(log, s) {
			t.Errorf("the log shows %q", s)
		}
	}
	for _, phone := range []string{adaPhone, newPhone} {
		for _, m := range r.Handset().Messages(phone) {
			if !strings.Contains(m.Body, "contact us") {
				continue
			}
			for _, s := range append(phones, secrets...) {
				if strings.Contains(m.Body, s) {
					t.Errorf("a warning says %q", m.Body)
				}
			}
		}
	}
}
