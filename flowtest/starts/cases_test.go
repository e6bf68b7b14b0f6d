package starts

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// What steps answer well with. A page is a 200, and what moves on a 303.
const (
	page = `"statusCode":200`
	on   = `"statusCode":303`
)

const secret = "correct horse battery"

// recorded is a world after all that the bench asks was asked in it once: by
// somebody who is texted, by somebody with a device, and by an owner's program.
//
// Its clock is ahead of this machine's, so that a replay within the next minutes
// finds nothing expired and no push that should be asked about. The one who asks
// for another code does so in the past, since they have to wait for it.
func recorded(t testing.TB) *world {
	t.Helper()
	now := time.Now()
	w := open(t, now.Add(-10*time.Minute))
	w.another()
	w.table.Clock.Set(now.Add(10 * time.Minute))
	w.signUp()
	w.texted()
	w.account()
	w.pushed()
	return w
}

// with adds a field to a form.
func with(fields map[string]string, name, value string) map[string]string {
	fields = maps.Clone(fields)
	fields[name] = value
	return fields
}

// another is a code asked for again.
func (w *world) another() {
	v := w.browser()
	v.Post("/signup", with(rig.Form("carol@example.com", "+14155552673"), "form", w.seed(v, "/signup")))
	w.table.Clock.Advance(time.Minute)
	w.record("POST /resend", "resend", on, func() { v.Post("/resend", nil) })
}

const (
	ada, adaPhone = "ada@example.com", "+14155552671"
	bob, bobPhone = "bob@example.com", "+14155552672"
)

// signUp is Ada's sign-up.
func (w *world) signUp() {
	v := w.browser()
	w.record("GET /", "home", page, func() { v.Get("/") })
	w.record("GET /signup", "signup", page, func() { v.Get("/signup") })
	seed := w.seed(v, "/signup")
	w.record("POST /signup", "signup", on, func() { v.Post("/signup", with(rig.Form(ada, adaPhone), "form", seed)) })
	w.record("GET /verify", "verify", page, func() { v.Get("/verify") })
	code := w.handset.Code(adaPhone)
	w.record("POST /verify, sign-up", "verify", on, func() { v.Post("/verify", map[string]string{"code": code}) })
	w.record("GET /account", "account", page, func() { v.Get("/account") })
	w.authorize(v)
}

// authorize is a request of the owner's own routes by somebody who is signed in.
func (w *world) authorize(v *rig.Visitor) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "authorizer.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var e map[string]any
	err = json.Unmarshal(text, &e)
	if err != nil {
		w.t.Fatal(err)
	}
	cookies, _ := e["cookies"].([]any)
	e["cookies"] = append(cookies, "latchkey-session="+v.Cookie())
	event, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.record("authorizer", "authorizer", `"isAuthorized":true`, func() {
		_, err := w.Invoke(w.t.Context(), "authorizer", event)
		if err != nil {
			w.t.Fatal(err)
		}
	})
}

// texted is Ada's login by text, and those that are refused.
func (w *world) texted() {
	w.table.Clock.Advance(time.Minute)
	v := w.browser()
	w.record("GET /login", "login", page, func() { v.Get("/login") })
	enter := func(email, pass string) map[string]string {
		return map[string]string{"email": email, "password": pass, "form": w.seed(v, "/login")}
	}
	fields := enter(ada, "wrong horse battery")
	w.record("POST /login, wrong password", "login", `"statusCode":401`, func() { v.Post("/login", fields) })
	fields = enter("eve@example.com", secret)
	w.record("POST /login, unknown email", "login", `"statusCode":401`, func() { v.Post("/login", fields) })
	fields = enter(ada, secret)
	w.record("POST /login, text", "login", on, func() { v.Post("/login", fields) })
	code := w.handset.Code(adaPhone)
	w.record("POST /verify, login", "verify", on, func() { v.Post("/verify", map[string]string{"code": code}) })
	w.record("POST /logout", "logout", on, func() { v.Post("/logout", nil) })
}

// account is what people do with theirs. It is another person's, since Ada's
// later cases are as recorded.
func (w *world) account() {
	v, phone := w.browser(), "+14155552674"
	v.Post("/signup", with(rig.Form("dora@example.com", phone), "form", w.seed(v, "/signup")))
	v.Post("/verify", map[string]string{"code": w.handset.Code(phone)})
	w.record("GET /factors", "factors", page, func() { v.Get("/factors") })
	w.record("GET /password", "password", page, func() { v.Get("/password") })
	w.record("GET /phone", "phone", page, func() { v.Get("/phone") })
	fields := map[string]string{"current": secret, "countryCode": "US", "phone": "+14155552675", "form": w.seed(v, "/phone")}
	w.record("POST /phone", "phone", on, func() { v.Post("/phone", fields) })
	w.record("POST /recovery/codes", "recovery", page, func() { v.Post("/recovery/codes", map[string]string{"current": secret}) })
	w.record("POST /password", "password", on, func() {
		v.Post("/password", map[string]string{"current": secret, "password": "another horse battery"})
	})
	check := w.owners("POST", "/phone-checks", `{"countryCode":"US","phone":"+14155552676"}`)
	w.record("POST /phone-checks", "phone-checks", page, func() { w.invoke("phone-checks", check) })
}

// pushed is Bob's login with a device, and an action that he is asked about.
func (w *world) pushed() {
	v := w.browser()
	v.Post("/signup", with(rig.Form(bob, bobPhone), "form", w.seed(v, "/signup")))
	v.Post("/verify", map[string]string{"code": w.handset.Code(bobPhone)})
	v.JSON = true
	a := v.Post("/factors", map[string]string{"type": "push"})
	id, _ := a.Doc["id"].(string)
	w.handset.App(bobPhone, map[string]any{"enrolment": a.Doc["enrolment"]})
	w.record("POST /factors/confirm", "factors", page, func() { v.Post("/factors/confirm", map[string]string{"id": id}) })
	v = w.browser()
	fields := map[string]string{"email": bob, "password": secret, "form": w.seed(v, "/login")}
	w.record("POST /login, push", "login", on, func() { v.Post("/login", fields) })
	w.record("GET /status, page", "status", page, func() { v.Get("/status") })
	v.JSON = true
	w.record("GET /status, poll", "status", page, func() { v.Get("/status") })
	v.JSON = false
	w.record("POST /onetouch/callback", "onetouch-callback", page, func() { w.handset.Decide(bobPhone, "approved") })
	w.record("POST /status", "status", on, func() { v.Post("/status", nil) })
	w.action()
}

// action is an approval that an owner's program asks for.
func (w *world) action() {
	u, err := w.table.User(w.t.Context(), store.Hash(bob))
	if err != nil {
		w.t.Fatal(err)
	}
	doc, err := json.Marshal(map[string]any{
		"user": u.Key + "." + u.UID, "message": "Transfer money?", "reference": "transfer 17", "expires_in": 300,
		"details": []map[string]string{{"label": "to", "value": "Charles Babbage"}, {"label": "amount", "value": "100 €"}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ask, id := w.owners("POST", "/approvals", string(doc)), ""
	w.record("POST /approvals", "approvals", page, func() { id, _ = w.invoke("approvals", ask)["id"].(string) })
	look := w.owners("GET", "/approvals/"+id, "")
	look = []byte(strings.Replace(string(look), `"rawPath"`, `"pathParameters":{"id":"`+id+`"},"rawPath"`, 1))
	w.record("GET /approvals/{id}", "approvals", page, func() { w.invoke("approvals", look) })
}

// typical says by which of its requests a step is shown.
func typical(step string) string {
	return map[string]string{
		"home": "GET /", "signup": "POST /signup", "verify": "POST /verify, sign-up", "resend": "POST /resend",
		"login": "POST /login, push", "status": "GET /status, poll", "onetouch-callback": "POST /onetouch/callback",
		"account": "GET /account", "factors": "GET /factors", "password": "POST /password", "phone": "POST /phone",
		"recovery": "POST /recovery/codes", "logout": "POST /logout", "authorizer": "authorizer",
		"approvals": "POST /approvals", "phone-checks": "POST /phone-checks",
	}[step]
}
