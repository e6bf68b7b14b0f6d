package flowtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/flowtest/wireapi"
)

// shut refuses every request to the table, in a way that the SDK does not try
// again, as when a permission is missing.
func shut(c rig.Call) rig.Fault {
	if c.Table {
		return rig.Blocked
	}
	return rig.None
}

// at is a path of the template with ids that are nobody's.
func at(path string) string { return strings.ReplaceAll(path, "{id}", strings.Repeat("0", 64)) }

// exemplary is the document's example of a route's body.
func exemplary(t *testing.T, doc *wireapi.Document, route string) (kind, body string) {
	t.Helper()
	example, err := json.Marshal(doc.Example(route))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(route, http.MethodGet) {
		return "", ""
	}
	return "application/json", string(example)
}

// walkStrangers sends every route what nobody who is in order sends, without a
// session: bodies that cannot be read, another site's, none; and other methods.
// What takes signed requests alone gets them signed, and not.
func walkStrangers(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	doc := described(t)
	v.Get("/nope")
	for route, signed := range signedRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		path = at(path)
		kind, body := exemplary(t, doc, route)
		v.Do(http.MethodDelete, path, "", "")
		if path != "/signup" { // which would begin one
			v.Do(method, path, kind, body)
		}
		asker := v
		if signed {
			asker = owners(r)
			asker.Do(method, path, kind, body)
			unsigned(t, r, method, path, kind, body)
		}
		other := r.Visitor(true)
		other.Header = asker.Header.Clone()
		other.Header.Set("Sec-Fetch-Site", "cross-site")
		expect(t, other.Do(method, path, kind, body), 403, "cross_origin")
		if method == http.MethodGet {
			continue
		}
		asker.Do(method, path, kind, `{"no such key":""}`)
		asker.Do(method, path, kind, `{"code":"`+strings.Repeat("1", 65<<10)+`"}`)
		asker.Do(method, path, "text/plain", "code")
	}
}

// walkElsewhere asks for everything by another host than the stack's own, which
// only requests that are signed may.
func walkElsewhere(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	doc := described(t)
	for route, signed := range signedRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		kind, body := exemplary(t, doc, route)
		if !signed {
			expect(t, v.Do(method, at(path), kind, body), 421, "misdirected")
			continue
		}
		if a := owners(r).Do(method, at(path), kind, body); a.Status == 421 {
			t.Errorf("%s: %s", route, a.Body)
		}
	}
}

// walkBroken asks everything of a stack whose table refuses everything, with a
// session that was good before.
func walkBroken(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	doc := described(t)
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
	r.Wire.Break(shut)
	for route, signed := range signedRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		if path == "/onetouch/callback" {
			continue
		}
		asker := v
		if signed {
			asker = owners(r)
		}
		kind, body := exemplary(t, doc, route)
		asker.Do(method, at(path), kind, body)
	}
}

// walkSignUp is a sign-up and what can be wrong with its form.
func walkSignUp(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	v.Get("/signup")
	seeded := func(seed string) map[string]string {
		f := maps.Clone(rig.Form(ada, adaPhone))
		f["form"] = seed
		return f
	}
	expect(t, v.Post("/signup", map[string]string{"email": "ada"}), 422, "invalid")
	seed := strings.Repeat("s", 40)
	expect(t, v.Post("/signup", seeded(seed)), 200, "/verify")
	expect(t, v.Post("/signup", seeded(seed)), 200, "/verify")
	v.Get("/verify")
	expect(t, r.Visitor(true).Post("/signup", rig.Form("bob@example.com", adaPhone)), 429, "wait")
	r.Clock.Advance(time.Minute)
	expect(t, v.Post("/resend", map[string]string{"channel": "call"}), 200, "/verify")
	expect(t, v.Do("POST", "/resend", "", ""), 429, "wait")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	for _, path := range []string{"/", "/signup", "/login", "/verify", "/status", "/account", "/factors"} {
		v.Get(path)
	}
	expect(t, v.Post("/resend", nil), 200, "/account")
	expect(t, v.Post("/signup", rig.Form("bob@example.com", "+14155552673")), 200, "/account")
	keyed := r.Visitor(true)
	keyed.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
	for _, phone := range []string{"+14155552674", "+14155552675"} {
		a := keyed.Post("/signup", rig.Form("cy@example.com", phone))
		if phone == "+14155552675" {
			expect(t, a, 409, "idempotency")
		}
	}
	late := r.Visitor(true)
	form := rig.Form("dan@example.com", "+14155552676")
	form["form"] = seed
	expect(t, late.Post("/signup", form), 200, "/verify")
	r.Clock.Advance(31 * time.Minute)
	expect(t, late.Post("/signup", form), 410, "expired")
	for _, a := range []rig.Answer{late.Get("/verify"), late.Post("/resend", nil), late.Post("/verify", map[string]string{"code": "123456"})} {
		expect(t, a, 410, "expired")
	}
}

// walkCodes tries codes until there are no tries left, and in bad weather.
func walkCodes(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": "x"}), 422, "invalid")
	expect(t, v.Post("/resend", map[string]string{"channel": "pigeon"}), 422, "invalid")
	r.Handset().Weather(`{"api":"429"}`)
	expect(t, v.Post("/verify", map[string]string{"code": "123456"}), 429, "wait")
	r.Handset().Weather(`{"api":"ok"}`)
	for range 4 {
		expect(t, v.Post("/verify", map[string]string{"code": wrong(r.Handset().Code(adaPhone))}), 401, "wrong_code")
	}
	r.Clock.Advance(time.Minute)
	for _, a := range []rig.Answer{v.Get("/verify"), v.Post("/resend", nil), v.Post("/verify", map[string]string{"code": "123456"})} {
		expect(t, a, 410, "used_up")
	}
}

// walkTaken proves a phone for an email address that has an account meanwhile.
func walkTaken(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	const phone = "+14155552672"
	expect(t, v.Post("/signup", rig.Form(ada, phone)), 200, "/verify")
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(phone)}), 409, "cannot_complete")
	r.Clock.Advance(time.Minute)
	expect(t, v.Get("/verify"), 409, "cannot_complete")
	expect(t, v.Post("/resend", nil), 409, "cannot_complete")
}

// walkLogin is the form of a login, and the way out.
func walkLogin(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	member(t, r, v, ada, adaPhone)
	w := r.Visitor(true)
	w.Get("/login")
	expect(t, w.Post("/login", map[string]string{"email": "ada"}), 422, "invalid")
	expect(t, w.Post("/login", failing(ada)), 401, "bad_credentials")
	keyed := r.Visitor(true)
	keyed.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
	expect(t, keyed.Post("/login", credentialsOf("nobody@example.com")), 401, "bad_credentials")
	expect(t, keyed.Post("/login", credentialsOf(ada)), 409, "idempotency")
	r.Clock.Advance(time.Minute)
	form := credentialsOf(ada)
	form["form"] = strings.Repeat("s", 40)
	expect(t, w.Post("/login", form), 200, "/status")
	rival := r.Visitor(true)
	expect(t, rival.Post("/login", credentialsOf(ada)), 200, "/verify")
	rival.Get("/verify")
	r.Clock.Advance(31 * time.Minute)
	expect(t, w.Post("/login", form), 410, "expired")
	expect(t, w.Get("/status"), 410, "expired")
	r.Clock.Advance(time.Minute)
	logIn(t, r, w, ada, adaPhone)
	w.Get("/account")
	expect(t, w.Do("POST", "/logout", "application/json", `{"everywhere":true}`), 200, "/")
	expect(t, w.Do("POST", "/logout", "", ""), 200, "/")
}

// walkWaiting waits for an approval, to each of its ends.
func walkWaiting(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	member(t, r, v, ada, adaPhone)
	w := waiting(t, r, v)
	expect(t, w.Post("/status", nil), 409, "pending")
	r.Handset().Decide(adaPhone, "approved")
	awaitStatus(t, r, w, "approved")
	expect(t, w.Post("/status", nil), 200, "/account")
	w.Get("/status")
	w = waiting(t, r, v)
	r.Clock.Advance(6 * time.Minute)
	awaitStatus(t, r, w, "expired")
	expect(t, w.Post("/status", nil), 410, "expired")
	w = waiting(t, r, v)
	r.Handset().Decide(adaPhone, "denied")
	awaitStatus(t, r, w, "denied")
	expect(t, w.Post("/status", nil), 409, "denied")
}

// walkLane fails until a login has to wait.
func walkLane(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	for range 3 {
		v.Post("/login", failing(ada))
	}
	expect(t, v.Post("/login", failing(ada)), 429, "wait")
}

// walkFactors adds and removes factors.
func walkFactors(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	signUp(t, r, v, ada, adaPhone)
	enrol(t, r, v, adaPhone)
	enrolToken(t, r, v, adaPhone)
	v.Get("/factors")
	expect(t, v.Post("/factors", map[string]string{"type": "pigeon"}), 422, "invalid")
	expect(t, v.Post("/factors/remove", map[string]string{"id": ""}), 422, "invalid")
	expect(t, v.Post("/factors/remove", map[string]string{"id": factorsOf(t, r)[0].ID}), 200, "/factors")
	r.Handset().Weather(`{"api":"429"}`)
	expect(t, v.Post("/factors", map[string]string{"type": "totp"}), 429, "wait")
	r.Clock.Advance(16 * time.Minute)
	for path, fields := range map[string]map[string]string{"": {"type": "push"}, "/confirm": {"id": "x"}, "/remove": {"id": "x"}} {
		expect(t, v.Post("/factors"+path, fields), 403, "reauth")
	}
}

// walkConfirming confirms factors that are not ready for it.
func walkConfirming(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	signUp(t, r, v, ada, adaPhone)
	confirm := func(id, code string) rig.Answer {
		return v.Post("/factors/confirm", map[string]string{"id": id, "code": code})
	}
	expect(t, confirm("", ""), 422, "invalid")
	expect(t, confirm(strings.Repeat("0", 32), ""), 404, "not_found")
	id, _ := add(t, v, "push")
	expect(t, confirm(id, ""), 409, "pending")
	id, uri := add(t, v, "totp")
	r.Handset().App(adaPhone, map[string]any{"uri": uri})
	r.Handset().Weather(`{"api":"429"}`)
	expect(t, confirm(id, "123456"), 429, "wait")
	r.Handset().Weather(`{"api":"ok"}`)
	r.Clock.Advance(2 * time.Minute)
	for range 4 {
		expect(t, confirm(id, wrong(r.Handset().Token(adaPhone))), 401, "wrong_code")
		r.Clock.Advance(2 * time.Minute)
	}
	expect(t, confirm(id, "123456"), 410, "used_up")
	id, _ = add(t, v, "totp")
	r.Handset().Forget()
	expect(t, confirm(id, "654321"), 410, "expired")
}

// walkNotOffered asks for factors that the user's vendor does not have.
func walkNotOffered(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	signUp(t, r, v, ada, adaPhone)
	v.Get("/factors")
	for path, fields := range map[string]map[string]string{"": {"type": "push"}, "/confirm": {"id": "x"}, "/remove": {"id": "x"}} {
		expect(t, v.Post("/factors"+path, fields), 409, "not_offered")
	}
}

// walkCallbacks is what vendors post.
func walkCallbacks(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	silent(t, r, v)
	waiting(t, r, v)
	genuine := saying(newest(t, r, adaPhone), "approved").sign(r)
	expect(t, genuine.post(r), 200, "")
	expect(t, letter{genuine.header, genuine.body + "&x=y"}.post(r), 403, "forged")
}
