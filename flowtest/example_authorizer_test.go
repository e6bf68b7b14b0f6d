package flowtest

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/functions/authorizer"
	"latchkey/shared/apigw"
)

// An authorizer that cannot ask the table knows nobody: neither a pass nor a
// refusal, and not even on routes that visitors may see.
func TestAuthorizerWithoutTable(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		for what, fault := range map[string]rig.Fault{"lost": rig.Lost, "unheard": rig.Unheard} {
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if c.Table && c.Step == "authorizer" {
					return fault
				}
				return rig.None
			})
			paths := []string{"/bank", "/bank/balance", "/bank/ledger", "/bank/transfers"}
			together(len(paths), func(i int) {
				if a := v.Get(paths[i]); a.Status != 500 || strings.Contains(a.Body, `"balance"`) {
					t.Errorf("%s, %s: %d %s", what, paths[i], a.Status, a.Body)
				}
			})
			shutOut(t, "nobody while the table is down", r.Visitor(v.JSON))
		}
		r.Wire.Break(nil)
		letIn(t, "when it is back", v)
		if !strings.Contains(r.Log.String(), `"msg":"authorizer failed"`) {
			t.Error("the log does not say so")
		}
	})
}

// judged is what the authorizer tells the function of a route about a request
// that bears this token, nil where it refuses.
func judged(t *testing.T, r *rig.Rig, token string) map[string]any {
	t.Helper()
	decide, err := authorizer.New(t.Context(), r.Config())
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{
		"routeKey": "GET /anything", "rawPath": "/anything", "headers": map[string]string{"authorization": "Bearer " + token},
		"requestContext": map[string]any{"http": map[string]any{"method": "GET"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := apigw.AdaptAuthorizer(decide, slog.New(slog.DiscardHandler)).Invoke(t.Context(), event)
	var doc struct {
		IsAuthorized bool
		Context      map[string]any
	}
	if err == nil {
		err = json.Unmarshal(out, &doc)
	}
	if err != nil || doc.IsAuthorized == (doc.Context == nil) {
		t.Fatalf("%s %v", out, err)
	}
	return doc.Context
}

// What functions are told of who is signed in: this, all of it, and no more
// (docs/api.md).
func TestAuthorizerTells(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		check := func(what, factor, role string, at time.Time, settled int64) {
			t.Helper()
			want := map[string]any{
				"uid": u.UID, "user": u.Key + "." + u.UID, "role": role, "session": strings.Split(v.Cookie(), ".")[1],
				"factor": factor, "confirmed_at": float64(at.Unix()), "settled_at": float64(settled),
			}
			if got := judged(t, r, v.Cookie()); !maps.Equal(got, want) {
				t.Errorf("%s: it is told\n%v, want\n%v", what, got, want)
			}
		}
		check("a code", "code", "user", r.Clock.Now(), 0)
		began := r.Clock.Now()
		r.Clock.Advance(16 * time.Minute)
		for range 2 { // the first notes that the session is in use
			check("a while later", "code", "user", began, 0)
		}
		again := r.Visitor(v.JSON)
		expect(t, again.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		v, began = again, r.Clock.Now()
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		check("a code at a login", "code", "user", began, 0)
		if vendorOf(t) == "authy" {
			r.Handset().App(adaPhone, map[string]any{"installed": true})
		} else {
			enrolToken(t, r, v, adaPhone)
			r.Clock.Advance(2 * time.Minute)
			v, began = r.Visitor(v.JSON), r.Clock.Now()
			expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
			expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}), moved(v), "/account")
			check("a token", "totp", "user", began, 0)
			enrol(t, r, v, adaPhone)
		}
		v, began = r.Visitor(v.JSON), r.Clock.Now()
		logIn(t, r, v, ada, adaPhone)
		check("a push", "push", "user", began, 0)
		err = r.Table.SetRole(t.Context(), u, "auditor")
		if err != nil {
			t.Fatal(err)
		}
		r.Moved(u.Key, r.Clock.Now())
		check("a role and another phone", "push", "auditor", began, r.Clock.Now().Add(24*time.Hour).Unix())
		r.Clock.Advance(48 * time.Hour)
		if got := judged(t, r, v.Cookie()); got != nil {
			t.Errorf("a session that is over: %v", got)
		}
	})
}

// The authorizer asks the table once for each request, and now and then a
// second time to note that the session is in use.
func TestAuthorizerCosts(t *testing.T) {
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		m := alone(t, r)
		get := func(v *rig.Visitor, path string) func() rig.Answer { return func() rig.Answer { return v.Get(path) } }
		for _, path := range []string{"/bank", "/bank/balance", "/bank/ledger", "/bank/transfers"} {
			m.request(path, 1, nil, get(v, path))
		}
		m.request("nobody", 0, nil, get(r.Visitor(v.JSON), "/bank/balance"))
		half := r.Visitor(v.JSON)
		expect(t, half.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		m.request("half way", 1, nil, get(half, "/bank/balance"))
		r.Clock.Advance(16 * time.Minute)
		m.request("a session that is touched", 2, nil, get(v, "/bank/balance"))
		if n := r.Wire.Count("UpdateItem"); n != 1 {
			t.Errorf("%d writes", n)
		}
		m.request("and the next", 1, nil, get(v, "/bank/balance"))
	})
}

// Nothing that a client writes into a request becomes what the authorizer says.
func TestClientsAuthorizeNobody(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		told := judged(t, r, v.Cookie())
		told["role"] = "auditor"
		doc, err := json.Marshal(map[string]any{"lambda": told})
		if err != nil {
			t.Fatal(err)
		}
		claims := `{"requestContext":{"authorizer":` + string(doc) + `},"authorizer":` + string(doc) + `,"isAuthorized":true,"context":` + string(doc) + `}`
		query := "?authorizer=" + url.QueryEscape(string(doc)) + "&requestContext=" + url.QueryEscape(claims) + "&uid=" + told["uid"].(string) + "&isAuthorized=true"
		nobody := func() *rig.Visitor {
			w := r.Visitor(v.JSON)
			for _, name := range []string{"X-Amzn-Request-Context", "X-Amz-Authorizer", "Requestcontext", "Authorizer", "X-Authorizer-Uid", "Lambda", "X-Original-Url", "X-Http-Method-Override"} {
				w.Header.Set(name, claims)
			}
			w.Header.Set("Route-Key", "GET /bank")
			w.Header.Set("X-Apigateway-Event", claims)
			w.Client.Jar.SetCookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}, []*http.Cookie{{Name: "authorizer", Value: "auditor"}, {Name: "uid", Value: told["uid"].(string)}})
			return w
		}
		a := nobody().Get("/bank/balance" + query)
		if a.Status != 403 || a.Body != `{"message":"Forbidden"}` {
			t.Errorf("claims: %d %s", a.Status, a.Body)
		}
		for _, path := range []string{"/bank", "/bank/ledger", "/bank/transfers"} {
			a = nobody().Get(path + query)
			if a.Status != map[bool]int{true: 401, false: 303}[v.JSON] {
				t.Errorf("claims, %s: %d %s", path, a.Status, a.Body)
			}
		}
		a = nobody().Do("POST", "/bank/transfers", "application/json", claims)
		if a.Status != map[bool]int{true: 401, false: 303}[v.JSON] || a.Next != "" && a.Next != "/login?return=%2Fbank%2Ftransfers" {
			t.Errorf("claims in a body: %d %s", a.Status, a.Body)
		}
		w := nobody()
		w.SetCookie(v.Cookie())
		if a := w.Get("/bank/ledger" + query); a.Status != 403 {
			t.Errorf("a role that is claimed: %d %s", a.Status, a.Body)
		}
	})
}

// No spelling of a path and no other method reaches the function past its route,
// and so past the authorizer.
func TestNoWayAroundTheAuthorizer(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		nobody := func() *rig.Visitor { return r.Visitor(v.JSON) }
		for _, path := range []string{"/bank/balance/", "//bank/balance", "/bank//balance", "/./bank/balance", "/bank/%62alance/", "/bank/../bank/balance", "/BANK/balance", "/bank/balance%2f", "/bank;/balance", "/bank/ledger/x"} {
			if a := nobody().Do("GET", path, "", ""); a.Status == 200 || a.Status >= 500 || strings.Contains(a.Body, `"balance"`) {
				t.Errorf("%s: %d %s", path, a.Status, a.Body)
			}
		}
		for _, method := range []string{"HEAD", "PUT", "OPTIONS", "POST", "DELETE"} {
			if a := nobody().Do(method, "/bank/balance", "", ""); a.Status != 404 {
				t.Errorf("%s: %d %s", method, a.Status, a.Body)
			}
		}
	})
}
