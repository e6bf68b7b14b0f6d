package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// auditStories are flows and what they leave in the audit trail.
var auditStories = map[string]story{
	"push": {true, nil, tellPush, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			verify: factor_added s1 push
			verify: factor_confirmed s1 push
			push_asked s2 login a1
			logged_out s1 signup replaced
			approved s2 a1
			confirmed s2 login push
			logged_out s2 login here`},
	"codes": {false, map[string]string{"SIGNUP_SENDS_PER_DAY": "10"}, tellCodes, `
			code_sent s1 signup sms
			delayed s2 signup send
			code_refused s1 signup wrong
			delayed s1 signup send
			code_sent s1 signup call
			code_not_sent s1 signup sms limited
			code_not_sent s1 signup sms unavailable
			verify: code_not_sent s1 signup sms unreachable
			authy: code_sent s1 signup sms
			verify: code_refused s1 signup gone
			authy: code_refused s1 signup wrong
			verify: code_refused s1 signup gone
			authy: code_refused s1 signup wrong
			verify: code_refused s1 signup gone
			authy: code_refused s1 signup wrong
			verify: code_refused s1 signup gone
			authy: code_refused s1 signup wrong
			code_refused s1 signup used_up`},
	"denied": {true, map[string]string{"LOGIN_FREE_TRIES": "2"}, tellDenied, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			verify: factor_added s1 push
			verify: factor_confirmed s1 push
			push_asked s2 login a1
			denied s2 a1
			code_sent s2 login sms
			confirmed s2 login code
			login_refused login
			login_refused login
			login_refused login
			login_refused login
			delayed login login
			delayed login login`},
	"early and late": {true, nil, tellEarly, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			verify: factor_added s1 push
			verify: factor_confirmed s1 push
			approved s2 a1 early
			push_asked s2 login a1
			confirmed s2 login push
			push_asked s3 login a2
			approved s3 a2
			confirmed s3 login push
			push_asked s4 login a3
			approved s4 a3 late`},
	"password": {false, map[string]string{"LOGIN_FREE_TRIES": "1"}, tellPassword, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			code_sent s2 proof sms
			delayed s1 proof proof
			confirmed s2 proof code
			password_refused s2
			password_refused s2
			password_refused s2
			password_refused s2
			password_refused s2
			delayed s2 password
			password_changed s2 proof
			logged_out s2 proof everywhere`},
	"phone": {false, nil, tellPhone, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			password_refused s1
			code_sent s2 move sms
			delayed s3 move send
			phone_moved s2 move
			confirmed s2 move code`},
	"recovery": {false, nil, tellRecovery, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			verify: factor_added s1 push
			verify: factor_confirmed s1 push
			recovery_renewed s1 signup
			push_asked s2 login a1
			code_refused s2 login recovery wrong
			recovery_used s2 login
			code_sent s3 move sms
			phone_moved s3 move lost
			confirmed s3 move code
			code_sent s4 login sms
			code_refused s4 login recovery used`},
	"factors": {false, nil, tellFactors, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			verify: factor_added s1 totp
			verify: code_refused s1 totp wrong
			verify: factor_confirmed s1 totp
			verify: factor_added s1 totp
			verify: factor_confirmed s1 totp
			verify: factor_removed s1 totp replaced
			verify: confirmed s2 login totp
			verify: factor_removed s1 totp`},
	"actions": {true, map[string]string{"APPROVALS_PER_HOUR": "2"}, tellActions, `
			code_sent s1 signup sms
			signed_up s1 signup
			confirmed s1 signup code
			verify: factor_added s1 push
			verify: factor_confirmed s1 push
			action_asked a1 x1
			action_decided a1 x1 approved
			action_asked a2 x2
			action_decided a2 x2 denied
			delayed x3 action`},
	"checks": {false, map[string]string{"PHONE_CHECKS": "on"}, tellChecks, `
			code_sent s1 check sms
			delayed s2 check send
			code_refused s1 check wrong
			phone_checked s1 check`},
	"forged": {false, nil, tellForged, `
			callback_forged
			callback_forged`},
}

// tellPush signs up, logs in by push and logs out, each request twice.
func tellPush(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	twice := func(path string, fields map[string]string, next string) {
		t.Helper()
		before := window(t, r, v)
		expect(t, v.Post(path, fields), moved(v), next)
		expect(t, before.Post(path, fields), moved(v), next)
	}
	twice("/signup", seeded(rig.Form(ada, adaPhone)), "/verify")
	twice("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}, "/account")
	if vendorOf(t) == "authy" {
		r.Handset().App(adaPhone, map[string]any{"installed": true})
	} else {
		enrol(t, r, v, adaPhone)
	}
	r.Handset().Weather(`{"callbacks":"drop"}`)
	twice("/login", seeded(credentialsOf(ada)), "/status")
	for _, word := range []string{"approved", "approved", "denied"} {
		saying(newest(t, r, adaPhone), word).deliver(t, r)
	}
	twice("/status", nil, "/account")
	lines := trail(t, r)
	last := lines[len(lines)-1]
	if id := strings.Split(v.Cookie(), ".")[1]; last["session"] != id || last["provider"] != vendorOf(t) {
		t.Errorf("%v, and the session is %s", last, id)
	}
	twice("/logout", nil, "/")
}

// tellCodes gets no further than the code page.
func tellCodes(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), moved(v), "/verify")
	expect(t, r.Visitor(true).Post("/signup", rig.Form("bob@example.com", adaPhone)), 429, "wait")
	try := func() { v.Post("/verify", map[string]string{"code": wrong(r.Handset().Code(adaPhone))}) }
	try()
	v.Post("/verify", map[string]string{"code": "12"}) // no code can be that
	v.Post("/resend", nil)
	r.Clock.Advance(time.Minute)
	v.Post("/resend", map[string]string{"channel": "call"})
	for _, api := range []string{"429", "500"} {
		r.Clock.Advance(11 * time.Minute)
		r.Handset().Weather(`{"api":"` + api + `"}`)
		v.Post("/resend", nil)
	}
	r.Handset().Weather(`{"api":"ok"}`)
	r.Clock.Advance(2 * time.Minute)
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if !c.Table && vendorOf(t) == "verify" {
			return rig.Blocked
		}
		return rig.None
	})
	v.Post("/resend", nil)
	r.Wire.Break(nil)
	for range 5 {
		try()
		r.Clock.Advance(10 * time.Second)
	}
}

// tellDenied is a login whose push is denied, and others that fail.
func tellDenied(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	silent(t, r, v)
	w := waiting(t, r, v)
	for _, word := range []string{"denied", "denied", "approved"} {
		saying(newest(t, r, adaPhone), word).deliver(t, r)
	}
	w.Post("/status", nil)
	r.Clock.Advance(time.Minute)
	expect(t, w.Post("/resend", nil), moved(v), "/verify")
	expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	for _, email := range []string{ada, "nobody@example.com"} {
		for range 2 {
			r.Visitor(v.JSON).Post("/login", failing(email))
		}
	}
	for _, email := range []string{ada, "nobody@example.com"} {
		r.Visitor(v.JSON).Post("/login", failing(email))
	}
}

// tellEarly has answers that come before our own request is written, by asking
// the vendor, and too late.
func tellEarly(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	member(t, r, v, ada, adaPhone)
	w := inFlight(t, r, v, func(id string) { r.Handset().DecideOn(adaPhone, id, "approved") })
	awaitStatus(t, r, w, "approved")
	expect(t, w.Post("/status", nil), moved(v), "/account")
	r.Handset().Weather(`{"callbacks":"drop"}`)
	w = waiting(t, r, v)
	r.Handset().Decide(adaPhone, "approved")
	r.Clock.Advance(4 * time.Second)
	for range 2 {
		status(w)
	}
	expect(t, w.Post("/status", nil), moved(v), "/account")
	w = waiting(t, r, v)
	r.Clock.Advance(5 * time.Minute)
	saying(newest(t, r, adaPhone), "approved").deliver(t, r)
	status(w)
}

// tellPassword proves anew, changes the password and ends all sessions.
func tellPassword(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	signUp(t, r, v, ada, adaPhone)
	r.Clock.Advance(20 * time.Minute)
	form := seeded(nil)
	for range 2 {
		expect(t, v.Post("/login/again", form), moved(v), "/verify")
	}
	if a := v.Post("/login/again", map[string]string{"form": strings.Repeat("r", 43)}); a.Status != 429 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	for n := range 6 {
		v.Post("/password", map[string]string{"current": "wrong horse", "password": another + strings.Repeat("!", n)})
	}
	r.Clock.Advance(2 * time.Second)
	for range 2 {
		expect(t, v.Post("/password", map[string]string{"current": password, "password": another}), moved(v), "/account")
	}
	w := window(t, r, v)
	expect(t, everywhere(v), moved(v), "/")
	everywhere(w)
}

// tellPhone gives the account another phone.
func tellPhone(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	signUp(t, r, v, ada, adaPhone)
	v.Post("/phone", knowing("wrong horse", number(newPhone)))
	form := moveTo(newPhone)
	for range 2 {
		expect(t, v.Post("/phone", seeded(form)), moved(v), "/verify")
	}
	form["form"] = strings.Repeat("r", 43)
	v.Post("/phone", form)
	before := window(t, r, v)
	for _, w := range []*rig.Visitor{v, before} {
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
	}
}

// tellRecovery loses the phone.
func tellRecovery(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	silent(t, r, v)
	codes := recoveryCodes(t, v)
	r.Clock.Advance(time.Hour)
	w := waiting(t, r, v)
	w.Post("/recovery", map[string]string{"code": "0000-0000-0000-0000"})
	for range 2 {
		expect(t, w.Post("/recovery", map[string]string{"code": codes[3]}), moved(v), "/phone")
	}
	expect(t, w.Post("/phone", number(newPhone)), moved(v), "/verify")
	expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), moved(v), "/account")
	r.Clock.Advance(time.Hour)
	w = r.Visitor(v.JSON)
	expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
	w.Post("/recovery", map[string]string{"code": codes[3]})
	for _, code := range codes {
		if strings.Contains(r.Log.String(), code) {
			t.Error("the log shows a recovery code")
		}
	}
}

// tellFactors adds, replaces and removes an authenticator.
func tellFactors(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	signUp(t, r, v, ada, adaPhone)
	if vendorOf(t) == "authy" {
		v.Post("/factors", map[string]string{"type": "totp"}) // not offered
		return
	}
	id, uri := add(t, v, "totp")
	r.Handset().App(adaPhone, map[string]any{"uri": uri})
	v.Post("/factors/confirm", map[string]string{"id": id, "code": wrong(r.Handset().Token(adaPhone))})
	for range 2 {
		expect(t, v.Post("/factors/confirm", map[string]string{"id": id, "code": r.Handset().Token(adaPhone)}), moved(v), "/factors")
	}
	r.Clock.Advance(2 * time.Minute)
	enrolToken(t, r, v, adaPhone)
	r.Clock.Advance(2 * time.Minute)
	w := r.Visitor(v.JSON)
	expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
	expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}), moved(v), "/account")
	for _, f := range factorsOf(t, r) {
		for range 2 {
			expect(t, v.Post("/factors/remove", map[string]string{"id": f.ID}), moved(v), "/factors")
		}
	}
}

// tellActions has the owner ask for approvals.
func tellActions(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	silent(t, r, v)
	id := asked(t, r)
	r.Owner().Ask(actionKey, transfer(t, r))
	for range 2 {
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
	}
	looks(t, r, id, "approved")
	ask := func(key string) rig.Answer { return r.Owner().Ask(strings.Repeat(key, 32), transfer(t, r)) }
	id, _ = ask("b").Doc["id"].(string)
	r.Handset().Decide(adaPhone, "denied")
	r.Clock.Advance(4 * time.Second)
	for range 2 {
		looks(t, r, id, "denied")
	}
	expect(t, ask("c"), 429, "wait")
}

// tellChecks proves a phone without an account.
func tellChecks(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	w := r.Visitor(true).Signed(shop)
	id := begun(t, w.Post("/phone-checks", aCheck(adaPhone)))
	w.Post("/phone-checks", aCheck(adaPhone))
	code := r.Handset().Code(adaPhone)
	tryCode(w, id, wrong(code))
	for range 2 {
		proved(t, tryCode(w, id, code), adaPhone)
	}
	if strings.Contains(r.Log.String(), id) && v.Cookie() == "" {
		for _, l := range trail(t, r) {
			for name, value := range l {
				if strings.Contains(value, id) {
					t.Errorf("%s shows the check's id, which is its secret", name)
				}
			}
		}
	}
}

// tellForged has callbacks from nobody, and from who has another key.
func tellForged(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	c := told{vendor: vendorOf(t), id: "YC" + strings.Repeat("0", 31) + "7", by: "987654321", status: "approved"}
	expect(t, c.signWith(r, "another").post(r), 403, "forged")
	expect(t, r.Visitor(true).Do("POST", "/onetouch/callback", "application/json", "{}"), 403, "forged")
}
