package flowtest

import (
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/examples/bank/functions/bank"
	"latchkey/flowtest/rig"
	"latchkey/local/template"
	"latchkey/shared/env"
)

// eachBank is eachOnceWith, with the example.
func eachBank(t *testing.T, env map[string]string, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	for name, speaksJSON := range map[string]bool{"verify/form": false, "authy/json": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: vendorOf(t), Env: maps.Clone(env), Examples: true})
			test(t, r, r.Visitor(speaksJSON))
		})
	}
}

// bearing is a program with a token and no cookie.
func bearing(r *rig.Rig, token string) *rig.Visitor {
	v := r.Visitor(true)
	v.Header.Set("Authorization", "Bearer "+token)
	return v
}

// shutOut checks what the gateway says to nobody on a route that is not open.
func shutOut(t *testing.T, what string, v *rig.Visitor) {
	t.Helper()
	a := v.Get("/bank/balance")
	if a.Status != 403 || a.Body != `{"message":"Forbidden"}` {
		t.Errorf("%s: the balance is %d %s", what, a.Status, a.Body)
	}
	a = v.Get("/bank")
	if v.JSON && (a.Status != 401 || a.Code() != "no_session") || !v.JSON && (a.Status != 303 || a.Next != "/login?return=%2Fbank") {
		t.Errorf("%s: the bank is %d %s %s", what, a.Status, a.Next, a.Body)
	}
}

// letIn checks what somebody gets who is signed in.
func letIn(t *testing.T, what string, v *rig.Visitor) {
	t.Helper()
	a := v.Get("/bank/balance")
	if a.Status != 200 || a.Doc["balance"] == nil {
		t.Errorf("%s: the balance is %d %s", what, a.Status, a.Body)
	}
	a = v.Get("/bank")
	if a.Status != 200 || v.JSON && a.Doc["role"] != "user" || !v.JSON && !strings.Contains(a.Body, "Your bank") {
		t.Errorf("%s: the bank is %d %s", what, a.Status, a.Body)
	}
}

// A visitor is sent to log in and comes to the bank by it; a program is told, and
// gets in by its token alone (parity 120, 121).
func TestBankAfterLogin(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		shutOut(t, "nobody", v)
		signUp(t, r, v, ada, adaPhone)
		letIn(t, "signed up", v)
		r.Clock.Advance(time.Minute)
		w := r.Visitor(v.JSON)
		if v.JSON {
			programLogsIn(t, r, w)
			return
		}
		next := w.Get("/bank").Next
		if page := w.Get(next); !strings.Contains(page.Body, `name="return" value="/bank"`) {
			t.Errorf("the form at %s does not lead back: %s", next, page.Body)
		}
		form := credentialsOf(ada)
		form["return"] = "/bank"
		expect(t, w.Post("/login", form), 303, "/verify")
		shutOut(t, "half way", w)
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 303, "/bank")
		letIn(t, "logged in", w)
	})
}

// programLogsIn has no cookie: its token is in the answers.
func programLogsIn(t *testing.T, r *rig.Rig, w *rig.Visitor) {
	t.Helper()
	a := w.Do("POST", "/login", "application/json", `{"bearer":true,"return":"/bank","email":"`+ada+`","password":"`+password+`"}`)
	expect(t, a, 200, "/verify")
	half, _ := a.Doc["token"].(string)
	if half == "" || w.Cookie() != "" {
		t.Fatalf("token %q, cookie %q", half, w.Cookie())
	}
	shutOut(t, "half way", bearing(r, half))
	a = bearing(r, half).Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
	expect(t, a, 200, "/bank")
	token, _ := a.Doc["token"].(string)
	letIn(t, "a token", bearing(r, token))
	shutOut(t, "the token of before", bearing(r, half))
	w.SetCookie(token)
	letIn(t, "the token in a cookie", w)
	w.Header.Set("Authorization", "Bearer "+half)
	shutOut(t, "an old token beside a good cookie", w)
	w.Header.Set("Authorization", "Basic "+token)
	letIn(t, "another scheme beside a good cookie", w)
}

// A session that is over, however it ended, is over at the next request; what
// looks like one is none.
func TestBankWithoutSession(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		good := v.Cookie()
		again := func() {
			t.Helper()
			r.Clock.Advance(10 * time.Minute)
			expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
			letIn(t, "logged in again", v)
			good = v.Cookie()
		}
		part := strings.SplitN(good, ".", 3)
		for _, odd := range []string{"x", good[:len(good)-1], good + "x", strings.Repeat("a", 4000), part[0] + "." + part[1] + ".", "..", part[0] + "..", strings.ToUpper(good), "%00", "null"} {
			w := r.Visitor(v.JSON)
			w.SetCookie(odd)
			shutOut(t, "cookie "+odd[:min(len(odd), 20)], w)
			shutOut(t, "token "+odd[:min(len(odd), 20)], bearing(r, odd))
		}
		over := func(what string) {
			t.Helper()
			for _, w := range []*rig.Visitor{r.Visitor(v.JSON), bearing(r, good)} {
				if w.Header.Get("Authorization") == "" {
					w.SetCookie(good)
				}
				shutOut(t, what, w)
			}
		}
		other := clone(t, r, v)
		v.Post("/logout", nil)
		over("logged out")
		shutOut(t, "another window", other)
		again()
		everywhere(v)
		over("logged out everywhere")
		again()
		other = clone(t, r, v)
		expect(t, v.Post("/password", map[string]string{"current": password, "password": "battery staple horse"}), moved(v), "/account")
		letIn(t, "who changed the password", v)
		if v.Cookie() != good {
			shutOut(t, "the cookie of before the password", other)
		}
		good = v.Cookie()
		r.Clock.Advance(12*time.Hour + time.Second)
		over("not used for long")
		r.Clock.Advance(-12 * time.Hour)
		letIn(t, "in time", v)
		r.DeleteUser(key(ada))
		over("deleted")
	})
}

// The password changed: whoever else was signed in is not any more.
func TestBankAfterAnotherPassword(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(10 * time.Minute)
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		letIn(t, "before", v)
		expect(t, w.Post("/password", map[string]string{"current": password, "password": "battery staple horse"}), moved(v), "/account")
		shutOut(t, "another browser", v)
		letIn(t, "this browser", w)
	})
}

// The example's template declares exactly the variables that its pages read, and
// the routes that it wants visitors let through at are its own.
func TestBankTemplateAgrees(t *testing.T) {
	t.Parallel()
	tmpl, err := template.Read(filepath.Join(rig.Root(), "examples", "bank", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	for _, f := range tmpl.Functions {
		for _, route := range f.Routes {
			routes[route.Key()] = true
			if route.Authorizer == nil || route.Authorizer.Name != "Session" || len(route.Authorizer.Headers) > 0 {
				t.Errorf("%s is not behind the authorizer, or not for cookies", route.Key())
			}
		}
		if f.Name() != "bank" {
			continue
		}
		read := map[string]bool{}
		_, err := bank.New(t.Context(), env.Config{
			Getenv: func(name string) string {
				if !strings.HasPrefix(name, "AWS_") {
					read[name] = true
				}
				return map[string]string{"LATCHKEY_URL": "https://id.example"}[name]
			},
			Now: time.Now, HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler),
		})
		got, want := slices.Sorted(maps.Keys(f.Environment)), slices.Sorted(maps.Keys(read))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the bank declares %v and reads %v, %v", got, want, err)
		}
	}
	for _, open := range strings.Split(tmpl.Parameters["OpenRoutes"], ",") {
		if !routes[open] || open == "GET /bank/balance" {
			t.Errorf("%s is open", open)
		}
	}
	if len(routes) != 6 {
		t.Errorf("routes %v", routes)
	}
}
