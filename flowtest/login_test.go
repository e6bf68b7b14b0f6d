package flowtest

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

const password = "correct horse battery"

// credentialsOf are what a login form takes.
func credentialsOf(email string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

// member signs up and gets the visitor's phone ready for pushes: the app of
// Authy, or a device enrolled at Verify. The visitor is signed in.
func member(t *testing.T, r *rig.Rig, v *rig.Visitor, email, phone string) {
	t.Helper()
	signUp(t, r, v, email, phone)
	if strings.Contains(t.Name(), "authy") {
		r.Handset().App(phone, map[string]any{"installed": true})
		return
	}
	enrol(t, r, v, phone)
}

// add makes a factor and returns its id and what a device or an app is set up
// with, as a form's page or a document says it.
func add(t *testing.T, v *rig.Visitor, kind string) (id, text string) {
	t.Helper()
	a := v.Post("/factors", map[string]string{"type": kind})
	if a.Status != 200 {
		t.Fatalf("adding a factor: %d %s", a.Status, a.Body)
	}
	if v.JSON {
		for _, name := range []string{"enrolment", "uri"} {
			text, _ = a.Doc[name].(string)
			if text != "" {
				break
			}
		}
		id, _ = a.Doc["id"].(string)
		return id, text
	}
	found := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(a.Body)
		if m == nil {
			return ""
		}
		return html.UnescapeString(m[1])
	}
	text = found(`(?s)<textarea[^>]*>(.*?)</textarea>`)
	if kind == "totp" {
		text = "otpauth://totp/latchkey?secret=" + found(`<code>([A-Z2-7]+)=*</code>`)
	}
	return found(`name="id" value="([^"]+)"`), text
}

// enrol makes the phone a device that is asked by push.
func enrol(t *testing.T, r *rig.Rig, v *rig.Visitor, phone string) {
	t.Helper()
	id, text := add(t, v, "push")
	r.Handset().App(phone, map[string]any{"enrolment": text})
	expect(t, v.Post("/factors/confirm", map[string]string{"id": id}), moved(v), "/factors")
}

// enrolToken puts an authenticator onto the phone.
func enrolToken(t *testing.T, r *rig.Rig, v *rig.Visitor, phone string) {
	t.Helper()
	id, uri := add(t, v, "totp")
	r.Handset().App(phone, map[string]any{"uri": uri})
	expect(t, v.Post("/factors/confirm", map[string]string{"id": id, "code": r.Handset().Token(phone)}), moved(v), "/factors")
}

// status is what a program that waits is told.
func status(v *rig.Visitor) (state, number string) {
	was := v.JSON
	v.JSON = true
	a := v.Get("/status")
	v.JSON = was
	state, _ = a.Doc["status"].(string)
	number, _ = a.Doc["number"].(string)
	return state, number
}

// awaitStatus polls until a login is no longer pending.
func awaitStatus(t *testing.T, r *rig.Rig, v *rig.Visitor, want string) {
	t.Helper()
	for range 400 {
		state, _ := status(v)
		if state == want {
			return
		}
		time.Sleep(5 * time.Millisecond) // the callback is on its way
	}
	state, _ := status(v)
	t.Fatalf("status %q, want %q\n%s", state, want, r.Log)
}

// logIn passes both factors, with a push.
func logIn(t *testing.T, r *rig.Rig, v *rig.Visitor, email, phone string) {
	t.Helper()
	expect(t, v.Post("/login", credentialsOf(email)), moved(v), "/status")
	r.Handset().Decide(phone, "approved")
	awaitStatus(t, r, v, "approved")
	expect(t, v.Post("/status", nil), moved(v), "/account")
}

// The whole of it, for both vendors: a push that is approved, and another at
// once; the number on page and phone is the same; the account is closed before
// (parity 32, 71, 73, 74, 82, 85, 87, 89, 118, 120, 121).
func TestLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		expect(t, v.Post("/logout", nil), moved(v), "/")
		for range 2 {
			v = r.Visitor(v.JSON)
			expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/status")
			state, number := status(v)
			asked := r.Handset().Approvals(adaPhone)
			if state != "pending" || len(number) != 2 || asked[0].Details["number"] != number || asked[0].Details["browser"] == "" {
				t.Fatalf("%s %s %v", state, number, asked)
			}
			expect(t, v.Post("/status", nil), pendingStatus(v), pendingNext(v))
			expect(t, v.Get("/account"), deadStatus(v), map[bool]string{true: "no_session", false: "/status"}[v.JSON])
			r.Handset().Decide(adaPhone, "approved")
			awaitStatus(t, r, v, "approved")
			expect(t, v.Post("/status", nil), moved(v), "/account")
			checkAccount(t, v)
		}
	})
}

func pendingStatus(v *rig.Visitor) int {
	if v.JSON {
		return 409
	}
	return 303
}

func pendingNext(v *rig.Visitor) string {
	if v.JSON {
		return "pending"
	}
	return "/status"
}

// A denial leads to the code page, which says so and sends nothing; the app's
// token is good there (parity 109, 111, 113).
func TestDenied(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		if !strings.Contains(t.Name(), "authy") {
			enrolToken(t, r, v, adaPhone)
			r.Clock.Advance(2 * time.Minute)
		}
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/status")
		before := r.Handset().Stats()
		r.Handset().Decide(adaPhone, "denied")
		awaitStatus(t, r, v, "denied")
		a := v.Post("/status", nil)
		if v.JSON {
			expect(t, a, 409, "denied")
		} else {
			expect(t, a, 303, "/verify")
			if !strings.Contains(v.Get("/verify").Body, "denied on your phone") {
				t.Error("the page does not say that it was denied")
			}
		}
		if after := r.Handset().Stats(); after.SMS != before.SMS || after.Calls != before.Calls {
			t.Errorf("something was sent: %+v, before %+v", after, before)
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}), moved(v), "/account")
		checkAccount(t, v)
	})
}

// Neither app nor factor: a text at once, and its code is the second factor
// (parity 74, 75).
func TestLoginByText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		sent := len(r.Handset().Messages(adaPhone))
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		if got := len(r.Handset().Messages(adaPhone)); got != sent+1 {
			t.Fatalf("%d messages more, want one", got-sent)
		}
		code := r.Handset().Code(adaPhone)
		a := v.Post("/verify", map[string]string{"code": wrong(code)})
		if a.Status != 401 {
			t.Errorf("wrong code: %d", a.Status)
		}
		expect(t, v.Post("/verify", map[string]string{"code": code}), moved(v), "/account")
		checkAccount(t, v)
	})
}

// A wrong password and an unknown address: one answer, no vendor asked
// (parity 72, 81; I-06).
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		v = r.Visitor(v.JSON)
		r.Wire.Reset()
		var answers []rig.Answer
		for _, c := range []map[string]string{
			{"email": ada, "password": "wrong horse battery"},
			{"email": "nobody@example.com", "password": "wrong horse battery"},
		} {
			c["form"] = strings.Repeat("s", 40)
			a := v.Post("/login", c)
			if a.Status != 401 || v.JSON && a.Code() != "bad_credentials" {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			answers = append(answers, a)
		}
		plain := func(a rig.Answer) string {
			body := regexp.MustCompile(`urn:latchkey:request:[^"]*|value="[^"]*"`).ReplaceAllString(a.Body, "")
			return body
		}
		if plain(answers[0]) != plain(answers[1]) {
			t.Error("the answers differ")
		}
		if got := r.Wire.Vendors(); len(got) != 0 {
			t.Errorf("vendors asked: %v", got)
		}
		if v.Cookie() != "" {
			t.Error("a cookie was given")
		}
	})
}

// Logging out kills the session; everywhere kills them all (parity 119).
func TestLogout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		other := r.Visitor(true)
		logIn(t, r, other, ada, adaPhone)
		old := v.Cookie()
		expect(t, v.Post("/logout", nil), moved(v), "/")
		if v.Cookie() != "" {
			t.Error("the cookie is still there")
		}
		v.SetCookie(old)
		expect(t, v.Get("/account"), deadStatus(v), deadNext(v))
		if a := other.Get("/account"); a.Status != 200 {
			t.Errorf("the other session: %d", a.Status)
		}
		third := r.Visitor(v.JSON)
		logIn(t, r, third, ada, adaPhone)
		if v.JSON {
			expect(t, third.Do("POST", "/logout", "application/json", `{"everywhere":true}`), 200, "/")
		} else {
			expect(t, third.Post("/logout", map[string]string{"everywhere": "true"}), 303, "/")
		}
		for _, s := range []*rig.Visitor{other, third} {
			if a := s.Get("/account"); a.Status == 200 {
				t.Error("a session survived")
			}
		}
		expect(t, third.Post("/logout", nil), moved(third), "/")
	})
}

// Of factors one can be listed, used and removed; a change needs a fresh factor
// and is told by text.
func TestFactors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		if strings.Contains(t.Name(), "authy") {
			a := v.Post("/factors", map[string]string{"type": "push"})
			if v.JSON {
				expect(t, a, 409, "not_offered")
			} else {
				expect(t, a, 303, "/factors")
			}
			return
		}
		enrol(t, r, v, adaPhone)
		enrolToken(t, r, v, adaPhone)
		texts := len(r.Handset().Messages(adaPhone))
		was := v.JSON
		v.JSON = true
		var doc struct {
			Factors []struct{ ID, Type, Status string }
		}
		err := json.Unmarshal([]byte(v.Get("/factors").Body), &doc)
		v.JSON = was
		if err != nil || len(doc.Factors) != 2 || doc.Factors[0].Status != "active" || doc.Factors[1].Type != "totp" {
			t.Fatalf("%+v %v", doc, err)
		}
		r.Clock.Advance(16 * time.Minute)
		a := v.Post("/factors/remove", map[string]string{"id": doc.Factors[0].ID})
		if v.JSON {
			expect(t, a, 403, "reauth")
		} else {
			expect(t, a, 303, "/login/again?return=%2Ffactors")
		}
		v = r.Visitor(v.JSON)
		logIn(t, r, v, ada, adaPhone)
		expect(t, v.Post("/factors/remove", map[string]string{"id": doc.Factors[0].ID}), moved(v), "/factors")
		if got := len(r.Handset().Messages(adaPhone)); got != texts+1 {
			t.Errorf("%d texts about it, want one", got-texts)
		}
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		r.Clock.Advance(2 * time.Minute)
		token := r.Handset().Token(adaPhone)
		expect(t, v.Post("/verify", map[string]string{"code": token}), moved(v), "/account")
		again := r.Visitor(true)
		expect(t, again.Post("/login", credentialsOf(ada)), 200, "/verify")
		expect(t, again.Post("/verify", map[string]string{"code": token}), 401, "wrong_code")
	})
}

// Two browsers log in as one user: the second is not pushed to and is told why;
// what is approved for the first leaves the second as it was (parity 88, 128).
func TestTwoBrowsers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		one, two := r.Visitor(v.JSON), r.Visitor(v.JSON)
		expect(t, one.Post("/login", credentialsOf(ada)), moved(v), "/status")
		expect(t, two.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		if got := len(r.Handset().Approvals(adaPhone)); got != 1 {
			t.Fatalf("%d pushes", got)
		}
		why := `deny it on your phone`
		if v.JSON {
			why = `"other_login":{"at":"` + r.Clock.Now().UTC().Format(time.RFC3339) + `","browser":"A browser"}`
		}
		if body := two.Get("/verify").Body; !strings.Contains(body, why) {
			t.Errorf("the second is not told why: %s", body)
		}
		r.Handset().Decide(adaPhone, "approved")
		awaitStatus(t, r, one, "approved")
		if a := two.Post("/status", nil); a.Next == "/account" {
			t.Error("the second browser is signed in")
		}
		expect(t, one.Post("/status", nil), moved(v), "/account")
		if a := two.Get("/account"); a.Status == 200 {
			t.Error("the second browser is signed in")
		}
	})
}

// Every kind of trouble with callbacks: the login passes all the same, since the
// poll asks the vendor (parity 101; F-20 to F-24).
func TestCallbackWeather(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		for _, weather := range []string{"drop", "delay:1s", "duplicate", "reorder", "deliver"} {
			r.Handset().Weather(`{"callbacks":"` + weather + `"}`)
			v = r.Visitor(v.JSON)
			expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/status")
			r.Handset().Decide(adaPhone, "approved")
			r.Clock.Advance(4 * time.Second)
			awaitStatus(t, r, v, "approved")
			expect(t, v.Post("/status", nil), moved(v), "/account")
		}
		kinds := []string{}
		for _, a := range r.Handset().Approvals(adaPhone) {
			kinds = append(kinds, a.Status)
		}
		if len(kinds) != 5 || slices.Contains(kinds, "pending") {
			t.Errorf("approvals: %v", kinds)
		}
	})
}
