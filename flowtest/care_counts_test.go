package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// What account care costs: round trips in sequence, and calls to vendors (design
// section 3). A proof takes the old session's place in one more than a login's
// confirmation, and a move writes the user besides. The current password costs one
// trip, the count of its try, before anything else is written or sent.
func TestCostsOfCare(t *testing.T) {
	verifyAlone(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(10 * time.Minute)
		m := alone(t, r)
		get := func(path string) func() rig.Answer { return func() rig.Answer { return v.Get(path) } }
		post := func(path string, fields map[string]string) func() rig.Answer {
			return func() rig.Answer { return v.Post(path, fields) }
		}
		entered := func(phone string) map[string]string { return map[string]string{"code": r.Handset().Code(phone)} }
		send, check, tell := []string{"/Verifications"}, "/VerificationCheck", []string{"/Messages.json"}
		m.request("a page of care, not signed in", 0, nil, func() rig.Answer { return r.Visitor(v.JSON).Get("/password") })
		m.request("proof page", 1, nil, get("/login/again"))
		expect(t, m.request("proof by text", 3, send, post("/login/again", nil)), moved(v), "/verify")
		m.request("code page of a proof", 1, nil, get("/verify"))
		expect(t, m.request("proof confirmed", 3, []string{check}, post("/verify", entered(adaPhone))), moved(v), "/account")
		m.request("password form", 1, nil, get("/password"))
		m.request("wrong password", 2, nil, post("/password", map[string]string{"current": "wrong horse", "password": another}))
		m.request("another password", 4, tell, post("/password", map[string]string{"current": password, "password": another}))
		m.request("recovery codes", 1, nil, get("/recovery/codes"))
		var codes []string
		m.request("codes, wrong password", 2, nil, post("/recovery/codes", knowing("wrong horse", nil)))
		m.request("new recovery codes", 4, tell, func() rig.Answer { codes = codesFor(t, v, another); return rig.Answer{} })
		m.request("phone form", 1, nil, get("/phone"))
		m.request("no password", 1, nil, post("/phone", number(newPhone)))
		m.request("another phone, wrong password", 2, nil, post("/phone", knowing("wrong horse", number(newPhone))))
		m.request("the phone that there is", 2, nil, post("/phone", knowing(another, number(adaPhone))))
		expect(t, m.request("another phone", 5, send, post("/phone", knowing(another, number(newPhone)))), moved(v), "/verify")
		moveTold := append([]string{check}, tell...)
		expect(t, m.request("move confirmed", 4, moveTold, post("/verify", entered(newPhone))), moved(v), "/account")
		r.Clock.Advance(time.Hour)
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", map[string]string{"email": ada, "password": another}), moved(v), "/verify")
		m.request("recovery form", 1, nil, get("/recovery"))
		m.request("what cannot be a code", 1, nil, post("/recovery", map[string]string{"code": "7k3m"}))
		m.request("wrong recovery code", 1, nil, post("/recovery", map[string]string{"code": "0000-0000-0000-0000"}))
		expect(t, m.request("recovery code", 4, tell, post("/recovery", map[string]string{"code": codes[0]})), moved(v), "/phone")
		m.request("phone form of a login", 1, nil, get("/phone"))
		expect(t, m.request("new phone of a login", 4, send, post("/phone", number(bobPhone))), moved(v), "/verify")
		expect(t, m.request("move of a login confirmed", 4, moveTold, post("/verify", entered(bobPhone))), moved(v), "/account")
	})
}

// A proof by push: nothing but one call to ask.
func TestCostsOfAProofByPush(t *testing.T) {
	verifyAlone(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(10 * time.Minute)
		m := alone(t, r)
		ask := []string{"/Challenges"}
		expect(t, m.request("proof by push", 3, ask, func() rig.Answer { return v.Post("/login/again", nil) }), moved(v), "/status")
		if n := m.callback("approved"); n != 1 {
			t.Errorf("callback: %d calls, want 1", n)
		}
		a := m.request("proof confirmed", 3, nil, func() rig.Answer { return v.Post("/status", nil) })
		if expect(t, a, moved(v), "/account"); strings.Contains(a.Body, "token") {
			t.Error("a browser is told a token")
		}
	})
}
