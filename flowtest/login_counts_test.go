package flowtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// meter measures what requests cost.
type meter struct {
	t *testing.T
	r *rig.Rig
}

// request holds one to its round trips in sequence and its calls to vendors,
// each by a part of its path.
func (m meter) request(what string, depth int, vendors []string, request func() rig.Answer) rig.Answer {
	m.t.Helper()
	m.r.Wire.Reset()
	a := request()
	if got := m.r.Wire.Depth(); got != depth {
		m.t.Errorf("%s: %d round trips, want %d: %v", what, got, depth, m.r.Wire.Calls())
	}
	got := m.r.Wire.Vendors()
	if !slices.EqualFunc(got, vendors, strings.Contains) {
		m.t.Errorf("%s: vendor calls %v, want %v", what, got, vendors)
	}
	return a
}

// alone lets calls made side by side be seen to overlap, in a test beside which
// nothing else runs.
func alone(t *testing.T, r *rig.Rig) meter {
	r.Wire.Delay(40 * time.Millisecond)
	return meter{t, r}
}

// callback is how many calls to the table an answer on the phone makes the
// vendor's callback cost.
func (m meter) callback(decision string) int {
	m.t.Helper()
	m.r.Wire.Reset()
	m.r.Handset().Decide(adaPhone, decision)
	n := 0
	for range 200 {
		time.Sleep(10 * time.Millisecond) // the callback is on its way, and so might others be
		n = 0
		for _, c := range m.r.Wire.Calls() {
			if c.Step == "onetouch-callback" {
				n++
			}
		}
		if n > 0 {
			break
		}
	}
	time.Sleep(100 * time.Millisecond)
	return max(n, len(m.r.Wire.Calls()))
}

// A login by push, and all that belongs to it: one vendor call to ask, none to
// confirm, and one table call for the callback (design section 3; parity 145).
func TestCostsOfAPush(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		m, v := alone(t, r), r.Visitor(v.JSON)
		ask, read := []string{"/Challenges"}, []string{"/Challenges/YC"}
		if strings.Contains(t.Name(), "authy") {
			ask, read = []string{"/approval_requests"}, []string{"/approval_requests/"}
		}
		get := func(path string) func() rig.Answer { return func() rig.Answer { return v.Get(path) } }
		post := func(path string, fields map[string]string) func() rig.Answer {
			return func() rig.Answer { return v.Post(path, fields) }
		}
		m.request("login form", 0, nil, get("/login"))
		m.request("wrong password", 1, nil, post("/login", map[string]string{"email": ada, "password": "wrong horse"}))
		m.request("unknown address", 1, nil, post("/login", credentialsOf("nobody@example.com")))
		m.request("login by push", 3, ask, post("/login", credentialsOf(ada)))
		m.request("waiting page", 1, nil, get("/status"))
		v.JSON = !v.JSON
		m.request("poll", 1, nil, get("/status"))
		v.JSON = !v.JSON
		m.request("confirming what nobody answered", 1, nil, post("/status", nil))
		m.request("account, not confirmed", 1, nil, get("/account"))
		r.Clock.Advance(3 * time.Second)
		m.request("a poll that asks", 2, read, get("/status")) // and learns that nobody answered
		m.request("the next poll", 2, nil, get("/status"))     // finds that it is not its turn
		if n := m.callback("approved"); n != 1 {
			t.Errorf("callback: %d calls, want 1", n)
		}
		m.request("confirming", 2, nil, post("/status", nil))
		m.request("account", 1, nil, get("/account"))
		v = r.Visitor(v.JSON)
		m.request("login with recent pushes", 4, ask, post("/login", credentialsOf(ada)))
		r.Handset().Weather(`{"callbacks":"drop"}`)
		r.Handset().Decide(adaPhone, "approved")
		r.Clock.Advance(3 * time.Second)
		m.request("a poll that asks and learns", 3, read, get("/status"))
		m.request("confirming", 2, nil, post("/status", nil))
		m.request("logout", 1, nil, post("/logout", nil))
		m.request("logout again", 0, nil, post("/logout", nil))
		r.Handset().Weather(`{"callbacks":"deliver"}`)
		logIn(t, r, v, ada, adaPhone)
		m.request("logout everywhere", 2, nil, func() rig.Answer {
			if v.JSON {
				return v.Do("POST", "/logout", "application/json", `{"everywhere":true}`)
			}
			return v.Post("/logout", map[string]string{"everywhere": "true"})
		})
	})
}

// A login by text: nothing but one text, and one check.
func TestCostsOfAText(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		m, v := alone(t, r), r.Visitor(v.JSON)
		depth, send, again, check := 3, []string{"/Verifications"}, []string{"/Verifications"}, []string{"/VerificationCheck"}
		if strings.Contains(t.Name(), "authy") { // which alone knows that there is no app
			depth, send, again, check = 4, []string{"/approval_requests", "/sms/"}, []string{"/sms/"}, []string{"/verify/"}
		}
		m.request("login by text", depth, send, func() rig.Answer { return v.Post("/login", credentialsOf(ada)) })
		m.request("code page", 1, nil, func() rig.Answer { return v.Get("/verify") })
		r.Clock.Advance(time.Minute)
		m.request("resend", 3, again, func() rig.Answer { return v.Post("/resend", nil) })
		code := r.Handset().Code(adaPhone)
		m.request("wrong code", 1, check, func() rig.Answer { return v.Post("/verify", map[string]string{"code": wrong(code)}) })
		a := m.request("right code", 2, check, func() rig.Answer { return v.Post("/verify", map[string]string{"code": code}) })
		expect(t, a, moved(v), "/account")
	})
}

// Factors are Verify's; an authenticator's code costs a check more, since one
// form takes both kinds.
func TestCostsOfFactors(t *testing.T) {
	for _, speaksJSON := range []bool{false, true} {
		r := rig.Start(t, rig.Options{})
		v := r.Visitor(speaksJSON)
		signUp(t, r, v, ada, adaPhone)
		m := alone(t, r)
		post := func(path string, fields map[string]string) func() rig.Answer {
			return func() rig.Answer { return v.Post(path, fields) }
		}
		list := func() rig.Answer { return v.Get("/factors") }
		m.request("list", 1, nil, list)
		ids := map[string]string{}
		for kind, vendors := range map[string][]string{"push": {"/Entities", "/AccessTokens"}, "totp": {"/Entities", "/Factors"}} {
			m.request("add "+kind, 2, vendors, func() rig.Answer {
				id, text := add(t, v, kind)
				ids[kind] = id
				r.Handset().App(adaPhone, map[string]any{map[string]string{"push": "enrolment", "totp": "uri"}[kind]: text})
				return rig.Answer{}
			})
		}
		token := r.Handset().Token(adaPhone)
		m.request("confirm a device", 3, []string{"/Factors", "/Messages.json"}, post("/factors/confirm", map[string]string{"id": ids["push"]}))
		m.request("confirm an app", 4, []string{"/Factors/", "/Messages.json"}, post("/factors/confirm", map[string]string{"id": ids["totp"], "code": token}))
		m.request("confirm again", 1, nil, post("/factors/confirm", map[string]string{"id": ids["totp"], "code": token}))
		m.request("remove a device", 3, []string{"/Messages.json", "/Factors/"}, post("/factors/remove", map[string]string{"id": ids["push"]}))
		m.request("remove it again", 1, nil, post("/factors/remove", map[string]string{"id": ids["push"]}))
		r.Clock.Advance(2 * time.Minute)
		v = r.Visitor(speaksJSON)
		a := m.request("login with an app", 3, nil, post("/login", credentialsOf(ada)))
		expect(t, a, moved(v), "/verify")
		a = m.request("an authenticator's code", 3, []string{"/Challenges"}, post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}))
		expect(t, a, moved(v), "/account")
	}
}
