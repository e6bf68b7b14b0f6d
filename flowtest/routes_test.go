package flowtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// needs says of every route of the template who may use it. A new route has its
// line here.
var needs = map[string]string{
	"GET /": "nobody", "GET /signup": "nobody", "POST /signup": "nobody", "GET /login": "nobody", "POST /login": "nobody", "POST /logout": "nobody",
	"GET /onetouch/callback": "nobody", "POST /onetouch/callback": "a vendor",
	"GET /verify": "half", "POST /verify": "half", "POST /resend": "half", "GET /status": "half", "POST /status": "half",
	"GET /recovery": "half", "POST /recovery": "half",
	"GET /account": "full", "GET /factors": "full", "POST /factors": "full", "POST /factors/confirm": "full", "POST /factors/remove": "full",
	"GET /login/again": "full", "POST /login/again": "full", "GET /password": "full", "POST /password": "full",
	"GET /phone": "full", "POST /phone": "full", "GET /recovery/codes": "full", "POST /recovery/codes": "full",
	"POST /approvals": "a signature", "GET /approvals/{id}": "a signature",
	"POST /phone-checks": "a signature", "POST /phone-checks/{id}": "a signature",
}

// Every route there is, with every kind of session: none, half of a sign-up, half
// of a login, whole, logged out, and over. Who lacks what a route needs is
// refused, and but for a count of the try nothing is written or sent (R-035,
// R-034, I-28).
func TestEveryRouteKnowsWhoMayUseIt(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"PHONE_CHECKS": "on"}})
	routes := signedRoutes(t)
	if want := slices.Sorted(maps.Keys(needs)); !slices.Equal(slices.Sorted(maps.Keys(routes)), want) {
		t.Fatalf("the template has %v, this test %v", slices.Sorted(maps.Keys(routes)), want)
	}
	for what, v := range everySession(t, r) {
		for route, need := range needs {
			if route == "POST /logout" {
				continue // would end what the others are tried with
			}
			method, path, _ := strings.Cut(route, " ")
			r.Wire.Reset()
			a := clone(t, r, v).Do(method, strings.Replace(path, "{id}", strings.Repeat("a", 43), 1), "", "")
			refused := need == "full" && what != "whole" || need == "half" && !strings.HasPrefix(what, "half") && what != "whole"
			switch {
			case routes[route] != (need == "a signature"):
				t.Errorf("%s needs %s, and the template says otherwise", route, need)
			case need == "a signature" && a.Status != 403, need == "a vendor" && a.Code() != "forged":
				t.Errorf("%s, %s: %d %s", what, route, a.Status, a.Code())
			case refused && (a.Status != 401 || a.Code() != "no_session"):
				t.Errorf("%s, %s: %d %q %s", what, route, a.Status, a.Next, a.Code())
			case !refused && need != "half" && a.Code() == "no_session":
				t.Errorf("%s, %s: refused", what, route)
			}
			if refused && slices.ContainsFunc(r.Wire.Calls(), effect) {
				t.Errorf("%s, %s: refused, and yet %v", what, route, r.Wire.Calls())
			}
		}
	}
}

// effect reports whether a call did more than read, or count.
func effect(c rig.Call) bool {
	reads := strings.HasSuffix(c.Name, "GetItem") || c.Status != http.StatusOK
	counts := slices.ContainsFunc(c.Keys, func(key string) bool { return strings.HasPrefix(key, "L#") })
	return !c.Table || !reads && !counts
}

// everySession are visitors with each kind of session.
func everySession(t *testing.T, r *rig.Rig) map[string]*rig.Visitor {
	t.Helper()
	over, out, whole := r.Visitor(true), r.Visitor(true), r.Visitor(true)
	signUp(t, r, over, ada, adaPhone)
	r.Clock.Advance(13 * time.Hour)
	logInByText(t, r, out)
	left := out.Cookie()
	expect(t, out.Post("/logout", nil), 200, "/")
	out.SetCookie(left)
	r.Clock.Advance(time.Hour)
	logInByText(t, r, whole)
	r.Clock.Advance(time.Hour)
	signing, logging := r.Visitor(true), r.Visitor(true)
	expect(t, signing.Post("/signup", rig.Form("bob@example.com", "+14155552672")), 200, "/verify")
	expect(t, logging.Post("/login", credentialsOf(ada)), 200, "/verify")
	return map[string]*rig.Visitor{
		"none": r.Visitor(true), "half a sign-up": signing, "half a login": logging, "whole": whole, "logged out": out, "over": over,
	}
}

func logInByText(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	t.Helper()
	expect(t, v.Post("/login", credentialsOf(ada)), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
}
