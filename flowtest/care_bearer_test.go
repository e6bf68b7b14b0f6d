package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// program is a client without cookies.
func program(t *testing.T, r *rig.Rig, token string) *rig.Visitor {
	t.Helper()
	v := r.Visitor(true)
	v.Client.Jar = nil
	v.Header.Set("Authorization", "Bearer "+token)
	return v
}

// tokenOf is the token that an answer tells, which sets no cookie.
func tokenOf(t *testing.T, a rig.Answer) string {
	t.Helper()
	token, _ := a.Doc["token"].(string)
	if token == "" || len(a.Header.Values("Set-Cookie")) > 0 {
		t.Fatalf("%d %s %v", a.Status, a.Body, a.Header)
	}
	return token
}

// bearerLogin is the document of a program that logs in.
func bearerLogin(pass, device string) string {
	return `{"bearer":true,"email":"` + ada + `","password":"` + pass + `","device":"` + device + `"}`
}

// While the header is there no cookie counts, whatever the header holds; its
// scheme is written in any case (RFC 9110, section 11.1).
func TestBearerBesideACookie(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	good := v.Cookie()
	for _, header := range []string{
		"Bearer", "Bearer ", "bearer garbage", "Bearer " + strings.Repeat("A", 43), "BEARER\t" + strings.Repeat("x", 8000),
		"Bearer " + good[:len(good)-1] + "!", "Bearer " + good + ", Bearer " + good, "Bearer " + good + " " + good,
	} {
		v.Header.Set("Authorization", header)
		if a := v.Get("/account"); a.Status != 401 || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("%.30q: %d %v", header, a.Status, a.Header)
		}
		if a := v.Post("/password", map[string]string{"current": password, "password": another}); a.Status != 401 {
			t.Errorf("%.30q: %d", header, a.Status)
		}
	}
	r.Clock.Advance(10 * time.Minute)
	v.Header.Del("Authorization")
	expect(t, v.Post("/login/again", nil), 200, "/verify")
	v.Header.Set("Authorization", "Bearer garbage")
	a := v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
	if a.Status != 401 || len(a.Header.Values("Set-Cookie")) > 0 {
		t.Errorf("the step's cookie counts beside the header: %d %v", a.Status, a.Header)
	}
	v.Header.Set("Authorization", "Basic eDp5") // no token of ours: a proxy's, before the whole site
	if a := v.Get("/account"); a.Status != 200 {
		t.Errorf("beside another scheme: %d", a.Status)
	}
	for _, scheme := range []string{"bearer ", "BEARER ", "Bearer   ", "bEARER\t"} {
		p := program(t, r, "")
		p.Header.Set("Authorization", scheme+good)
		if a := p.Get("/account"); a.Status != 200 {
			t.Errorf("%q: %d", scheme, a.Status)
		}
	}
}

// The whole of it without a cookie: a token is told when it changes, told again
// to who did not hear it, and dead when it should be.
func TestBearerFlows(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	r.Clock.Advance(10 * time.Minute)
	p := r.Visitor(true)
	half := tokenOf(t, p.Do("POST", "/login", "application/json", bearerLogin(password, "")))
	p = program(t, r, half)
	closed(t, "a half token", p)
	code := map[string]string{"code": r.Handset().Code(adaPhone)}
	a := p.Post("/verify", code)
	whole := tokenOf(t, a)
	if again := tokenOf(t, p.Post("/verify", code)); again != whole || whole == half {
		t.Errorf("a repeat is told %q, not %q", again, whole)
	}
	p = program(t, r, whole)
	r.Clock.Advance(10 * time.Minute)
	proof := tokenOf(t, p.Post("/login/again", nil))
	if a := p.Get("/account"); a.Status != 200 {
		t.Errorf("the session, before the proof is there: %d", a.Status)
	}
	proved := tokenOf(t, program(t, r, proof).Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}))
	expect(t, p.Get("/account"), 401, "no_session")
	p = program(t, r, proved)
	a = p.Post("/password", map[string]string{"current": password, "password": another})
	expect(t, a, 200, "/account")
	device, _ := a.Doc["device"].(string)
	if a := p.Get("/account"); a.Status != 200 || device == "" {
		t.Errorf("after another password: %d, device %q", a.Status, device)
	}
	move := tokenOf(t, p.Post("/phone", knowing(another, number(newPhone))))
	moved := tokenOf(t, program(t, r, move).Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}))
	expect(t, p.Get("/account"), 401, "no_session")
	p = program(t, r, moved)
	if a := p.Get("/account"); a.Status != 200 || len(a.Header.Values("Set-Cookie")) > 0 {
		t.Errorf("after the move: %d %v", a.Status, a.Header)
	}
	expect(t, p.Post("/logout", nil), 200, "/")
	expect(t, p.Get("/account"), 401, "no_session")
}

// What a program was told to be known by gives it a lane of its own.
func TestBearerDevice(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	r.Clock.Advance(10 * time.Minute)
	p := r.Visitor(true)
	p.Client.Jar = nil
	login := func(pass, device string) rig.Answer {
		return p.Do("POST", "/login", "application/json", bearerLogin(pass, device))
	}
	token := tokenOf(t, login(password, ""))
	device, _ := program(t, r, token).Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}).Doc["device"].(string)
	r.Clock.Advance(10 * time.Minute)
	for range 7 {
		login("wrong horse", "")
	}
	if a := login(password, ""); a.Status != 429 {
		t.Fatalf("strangers: %d %s", a.Status, a.Body)
	}
	for _, bad := range []string{"garbage", forgedDevice(device, 1), forgedDevice(device, 3)} {
		if a := login(password, bad); a.Status != 429 {
			t.Errorf("a device that nobody was told: %d", a.Status)
		}
	}
	a := login(password, device)
	expect(t, a, 200, "/verify")
	a = program(t, r, tokenOf(t, a)).Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
	expect(t, a, 200, "/account")
}

// A refusal that leaves a session behind tells its token as well, or the program
// could not go on (design section 4).
func TestBearerInProblems(t *testing.T) {
	t.Parallel()
	for api, status := range map[string]int{"500": 503, "429": 429} {
		r := rig.Start(t, rig.Options{})
		signUp(t, r, r.Visitor(true), ada, adaPhone)
		r.Clock.Advance(10 * time.Minute)
		r.Handset().Weather(`{"api":"` + api + `"}`)
		p := r.Visitor(true)
		p.Client.Jar = nil
		p.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		a := p.Do("POST", "/login", "application/json", bearerLogin(password, ""))
		if a.Status != status || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s: %d %s", api, a.Status, a.Body)
		}
		token := tokenOf(t, a)
		r.Handset().Weather(`{"api":"ok"}`)
		if again := tokenOf(t, p.Do("POST", "/login", "application/json", bearerLogin(password, ""))); again != token {
			t.Errorf("a repeat is told another token")
		}
		r.Clock.Advance(time.Hour / 4)
		q := program(t, r, token)
		expect(t, q.Post("/resend", nil), 200, "/verify")
		q = program(t, r, tokenOf(t, q.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})))
		checkAccount(t, q)
		if a := p.Do("POST", "/login", "application/json", bearerLogin("wrong horse", "")); a.Doc["token"] != nil {
			t.Errorf("a wrong password is told a token: %s", a.Body)
		}
	}
}

// A page's form is no program, whatever it says.
func TestBearerInAForm(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(false), ada, adaPhone)
	for i, c := range [][2]string{
		{"application/x-www-form-urlencoded", "bearer=true&email=ada%40example.com&password=correct+horse+battery&form=" + strings.Repeat("s", 43)},
		{"application/json", bearerLogin(password, "")},
	} {
		r.Clock.Advance(10 * time.Minute)
		v := r.Visitor(false)
		a := v.Do("POST", "/login", c[0], c[1])
		expect(t, a, 303, "/verify")
		if v.Cookie() == "" || strings.Contains(a.Body, "token") {
			t.Errorf("form %d: no cookie, or a token: %s", i, a.Body)
		}
	}
	p := r.Visitor(true)
	for _, body := range []string{`{"bearer":"true"}`, `{"bearer":1}`, `{"bearer":true,"bearer":false}`, `{"bearer?":true}`} {
		expect(t, p.Do("POST", "/login", "application/json", body), 400, "malformed")
	}
}
