package flowtest

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/local/template"
	"latchkey/shared/env"
	"latchkey/shared/session"
)

func f(name string) func(template.Function) bool {
	return func(f template.Function) bool { return f.Name() == name }
}

// Each policy allows exactly the calls its step makes: the steps are led through
// everything that makes them call, each over a store and a bus that refuse what
// its policy does not name. What is allowed and never made is too much.
func TestPoliciesAgree(t *testing.T) {
	t.Parallel()
	held := newPolicies(t)
	r := rig.Start(t, rig.Options{Examples: true, Env: map[string]string{"SENDS_PER_DAY": "3", "PHONE_CHECKS": "on"}, Through: held.through})
	defer func() { // also when the walk ends at what was refused
		for _, c := range held.refused() {
			t.Errorf("refused: %s", c)
		}
	}()
	everything(t, r)
	made := map[string]map[string]bool{}
	for _, c := range r.Wire.Calls() {
		if c.Step != "test" && (c.Table || c.Name == "PutEvents") {
			if made[c.Step] == nil {
				made[c.Step] = map[string]bool{}
			}
			made[c.Step][action(c.Table, c.Name)] = true
		}
	}
	for _, f := range rig.Template(t).Functions {
		var allowed []string
		for _, s := range f.Statements {
			for _, action := range s.Actions {
				if !strings.HasPrefix(action, "secretsmanager:") { // asked before there is a request
					allowed = append(allowed, action)
				}
			}
		}
		slices.Sort(allowed)
		allowed = slices.Compact(allowed) // one action may have several conditions
		calls := slices.Sorted(maps.Keys(made[f.Name()]))
		if !slices.Equal(allowed, calls) {
			t.Errorf("%s may %v and does %v", f.ID, allowed, calls)
		}
	}
}

// action is what a policy calls a request of the table or of the bus.
func action(table bool, operation string) string {
	if table {
		return "dynamodb:" + operation
	}
	return "events:" + operation
}

// everything leads every step through all it can do with the table. The stack's
// day allows three sends, so that the fourth is refused.
func everything(t *testing.T, r *rig.Rig) {
	t.Helper()
	v := r.Visitor(false)
	form := rig.Form(ada, adaPhone)
	form["form"] = v.Seed()
	v.Post("/signup", form)
	v.Post("/signup", form)
	for _, path := range []string{"/", "/signup", "/account"} {
		v.Get(path)
	}
	r.Clock.Advance(time.Minute)
	also := clone(t, r, v)
	justBefore(r, "resend", 1, func() { also.Post("/resend", nil) }) // the same press, a moment earlier
	v.Post("/resend", nil)
	r.Wire.Break(nil)
	other := r.Visitor(false)
	other.Post("/signup", rig.Form(ada, "+14155552672"))
	r.Visitor(false).Post("/signup", rig.Form("bob@example.com", "+14155552673"))
	r.Clock.Advance(time.Minute)
	v.Post("/resend", nil)
	v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
	other.Post("/verify", map[string]string{"code": r.Handset().Code("+14155552672")})
	for _, path := range []string{"/", "/signup", "/account"} {
		r.Clock.Advance(16 * time.Minute)
		v.Get(path)
	}
	everyLogin(t, r)
	shop := r.Visitor(true).Signed(shop)
	expect(t, shop.Post("/phone-checks", aCheck(adaPhone)), 429, "wait")
	expect(t, tryCode(shop, strings.Repeat("x", 43), "123456"), 404, "not_found")
	everyCare(t, r)
}

// everyLogin goes on with both second factors, their enrolment, and the way out.
func everyLogin(t *testing.T, r *rig.Rig) {
	t.Helper()
	v := r.Visitor(false)
	expect(t, v.Post("/login", credentialsOf(ada)), 303, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 303, "/account")
	enrol(t, r, v, adaPhone)
	enrolToken(t, r, v, adaPhone)
	also := clone(t, r, v)
	app := map[string]string{"type": "totp"}
	justBefore(r, "factors", 1, func() { also.Post("/factors", app) }) // the list changes after it was read
	expect(t, v.Post("/factors", app), 200, "")
	r.Wire.Break(nil)
	for _, path := range []string{"/login", "/factors", "/bank/balance"} {
		r.Clock.Advance(16 * time.Minute)
		v.Get(path)
	}
	expect(t, v.Post("/logout", nil), 303, "/")
	expect(t, v.Post("/login", credentialsOf(ada)), 303, "/status")
	cookie := v.Cookie()
	v.SetCookie(cookie[:strings.LastIndex(cookie, ".")]) // without the approval's name
	expect(t, v.Get("/status"), 200, "")
	v.SetCookie(cookie)
	r.Handset().Decide(adaPhone, "approved")
	awaitStatus(t, r, v, "approved")
	expect(t, v.Post("/status", nil), 303, "/account")
	expect(t, v.Post("/login", credentialsOf(ada)), 303, "/status") // reads what became of the one before
	r.Clock.Advance(time.Minute)
	r.Handset().Decide(adaPhone, "approved")
	awaitStatus(t, r, v, "approved")
	expect(t, v.Post("/status", nil), 303, "/account")
	also = clone(t, r, v)
	justBefore(r, "logout", 1, func() { everywhere(also) })
	expect(t, v.Post("/logout", map[string]string{"everywhere": "true"}), 303, "/")
	r.Wire.Break(nil)
	r.Handset().Weather(`{"api":"429"}`)
	r.Owner().Ask(actionKey, transfer(t, r)) // leaves nothing
	r.Handset().Weather(`{"api":"ok"}`)
	id := asked(t, r)
	r.Handset().Decide(adaPhone, "denied")
	settled(t, r, id)
	looks(t, r, id, "denied")
	another := r.Owner().Ask(strings.Repeat("c", 43), transfer(t, r))
	id, _ = another.Doc["id"].(string)
	r.Handset().Decide(adaPhone, "approved")
	settled(t, r, id) // whose callback reads the user, too
	r.Handset().Weather(`{"callbacks":"drop"}`)
	another = r.Owner().Ask(strings.Repeat("d", 43), transfer(t, r))
	id, _ = another.Doc["id"].(string)
	r.Handset().Decide(adaPhone, "denied")
	r.Clock.Advance(3 * time.Second)
	looks(t, r, id, "denied") // and sends the event
	r.Handset().Weather(`{"callbacks":"deliver"}`)
}

// everyCare goes on with what a user changes about the account, and with a lost
// phone; again where the second time is another story.
func everyCare(t *testing.T, r *rig.Rig) {
	t.Helper()
	r.Clock.Advance(24 * time.Hour) // another day of the stack's sends
	v := r.Visitor(false)
	logIn(t, r, v, ada, adaPhone)
	for range 2 {
		expect(t, v.Post("/login/again", seeded(nil)), 303, "/status")
	}
	r.Handset().Decide(adaPhone, "approved")
	awaitStatus(t, r, v, "approved")
	expect(t, v.Post("/status", nil), 303, "/account")
	codes := recoveryCodes(t, v)
	var writes atomic.Int64
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Step == "password" && c.Name == "UpdateItem" && writes.Add(1) == 2 {
			return rig.Unheard // it finds its own work
		}
		return rig.None
	})
	expect(t, v.Post("/password", map[string]string{"current": password, "password": another}), 303, "/account")
	r.Wire.Break(nil)
	for range 2 {
		expect(t, v.Post("/phone", seeded(knowing(another, number(newPhone)))), 303, "/verify")
	}
	if a := v.Post("/phone", knowing(another, number(newPhone))); a.Status != 429 {
		t.Errorf("another text at once: %d", a.Status)
	}
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)}), 303, "/account")
	r.Clock.Advance(time.Hour)
	v = r.Visitor(false)
	expect(t, v.Post("/login", map[string]string{"email": ada, "password": another}), 303, "/status")
	expect(t, v.Get("/recovery"), 200, "")
	expect(t, v.Post("/recovery", map[string]string{"code": codes[0]}), 303, "/phone")
	expect(t, v.Post("/phone", number(adaPhone)), 303, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 303, "/account")
}

// credentials have no place in the template.
var credentials = []string{
	"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET", "TWILIO_NUMBER",
	"TWILIO_MESSAGING_SERVICE_SID", "VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE", "VERIFY_SIGNUP_SERVICE_SID",
	"AUTHY_API_KEY", "ACCOUNT_SECURITY_API_KEY",
}

// The template declares exactly the variables that a step reads, and for all
// steps those that nearly all read.
// (parity 36)
func TestVariablesAgree(t *testing.T) {
	t.Parallel()
	common := map[string]int{}
	for _, f := range rig.Template(t).Functions {
		for name := range f.Environment {
			common[name]++
		}
	}
	for _, f := range rig.Template(t).Functions {
		read := map[string]bool{}
		values := map[string]string{
			"TABLE_NAME": "t", "TWILIO_ACCOUNT_SID": "AC" + strings.Repeat("0", 32), "TWILIO_AUTH_TOKEN": "x", "TWILIO_NUMBER": "+15005550006",
			"VERIFY_SERVICE_SID": "VA" + strings.Repeat("0", 32), "AUTHY_API_KEY": "x",
		}
		_, err := rig.Steps()[f.Name()](t.Context(), env.Config{
			Getenv: func(name string) string { read[name] = true; return values[name] },
			Now:    time.Now, HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatalf("%s: %v", f.ID, err)
		}
		for name := range read {
			if slices.Contains(credentials, name) { // they come from the secret, which package apigw reads
				read["SECRET_ARN"], read["SECRET_LIFE"], read["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = true, true, true
			}
			if strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "AWS_ENDPOINT_URL_") || slices.Contains(credentials, name) {
				delete(read, name)
			}
		}
		read["GOMAXPROCS"], read["SSL_CERT_DIR"] = true, true // by Go itself
		for name, n := range common {
			if n == len(rig.Steps()) && (f.Name() == "onetouch-callback" || f.Name() == "approvals") { // they know no sessions
				read[name] = true
			}
		}
		got, want := slices.Sorted(maps.Keys(f.Environment)), slices.Sorted(maps.Keys(read))
		if !slices.Equal(got, want) {
			t.Errorf("%s declares\n%v and reads\n%v", f.ID, got, want)
		}
	}
}

// What counts as over cannot run any more.
func TestAbandonedRequestsAreOver(t *testing.T) {
	t.Parallel()
	for _, f := range rig.Template(t).Functions {
		if f.Timeout >= session.Abandoned {
			t.Errorf("%s may run for %s, and counts as over after %s", f.Name(), f.Timeout, session.Abandoned)
		}
	}
}
