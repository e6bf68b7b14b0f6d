package flowtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// owners is the owner's back end, whose requests are signed and keyed.
func owners(r *rig.Rig) *rig.Visitor {
	v := r.Visitor(true).Signed(shop)
	v.Header.Set("Idempotency-Key", actionKey)
	return v
}

// unguarded calls the steps of the owner's routes as if these were deployed
// without authorization, so that no gateway refuses who did not sign.
type unguarded struct{ owner *rig.Owner }

// RoundTrip makes one request.
func (u unguarded) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{}
	for name := range r.Header {
		headers[strings.ToLower(name)] = r.Header.Get(name)
	}
	a := u.owner.Do(r.Method, r.URL.Path, string(body), headers)
	return &http.Response{StatusCode: a.Status, Header: a.Header, Body: io.NopCloser(strings.NewReader(a.Body)), Request: r}, nil
}

// unsigned asks a step of the owner's without a signature.
func unsigned(t *testing.T, r *rig.Rig, method, path, kind, body string) {
	t.Helper()
	nobody := r.Owner()
	nobody.ARN = ""
	v := r.Visitor(true)
	v.Client.Transport = unguarded{nobody}
	r.Watch(v.Client)
	expect(t, v.Do(method, path, kind, body), 403, "forbidden")
}

// send posts any document.
func send(t *testing.T, v *rig.Visitor, path string, doc any) rig.Answer {
	t.Helper()
	body, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return v.Do(http.MethodPost, path, "application/json", string(body))
}

// walkApprovals asks a user about actions, to each of their ends.
func walkApprovals(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	owner := owners(r)
	ask := func(key string, change map[string]any) rig.Answer {
		t.Helper()
		doc := transfer(t, r)
		for name, value := range change {
			doc[name] = value
		}
		owner.Header.Set("Idempotency-Key", actionKey+key)
		return send(t, owner, "/approvals", doc)
	}
	state := func(id, want string) {
		t.Helper()
		a := owner.Get("/approvals/" + id)
		if a.Status != 200 || a.Doc["status"] != want {
			t.Fatalf("%d %s, want %s", a.Status, a.Body, want)
		}
	}
	signUp(t, r, v, ada, adaPhone)
	expect(t, ask("", nil), 409, "no_device")
	if vendorOf(t) == "authy" {
		r.Handset().App(adaPhone, map[string]any{"installed": true})
	} else {
		enrol(t, r, v, adaPhone)
	}
	for _, decision := range []string{"approved", "denied"} {
		a := ask(decision, nil)
		id, _ := a.Doc["id"].(string)
		state(id, "pending")
		r.Handset().Decide(adaPhone, decision)
		settled(t, r, id)
		state(id, decision)
	}
	expect(t, ask("approved", map[string]any{"reference": "another"}), 409, "idempotency")
	expect(t, ask("bad", map[string]any{"message": ""}), 422, "invalid")
	a := ask("late", map[string]any{"expires_in": 60})
	r.Clock.Advance(2 * time.Minute)
	state(a.Doc["id"].(string), "expired")
	r.Handset().Weather(`{"api":"429"}`)
	expect(t, ask("busy", nil), 429, "wait")
	r.Handset().Weather(`{"api":"ok"}`)
	r.Moved(store.Hash(ada), r.Clock.Now())
	expect(t, ask("cooling", nil), 403, "cooling")
	owner.Header.Del("Idempotency-Key")
	expect(t, send(t, owner, "/approvals", transfer(t, r)), 400, "malformed")
}

// walkPhoneChecks proves phones without an account.
func walkPhoneChecks(t *testing.T, r *rig.Rig, _ *rig.Visitor) {
	const second, third = "+14155552672", "+14155552673"
	v := r.Visitor(true).Signed(shop)
	expect(t, v.Post("/phone-checks", aCheck("")), 422, "invalid")
	id := begun(t, v.Post("/phone-checks", aCheck(adaPhone)))
	expect(t, v.Post("/phone-checks", aCheck(adaPhone)), 429, "wait")
	code := r.Handset().Code(adaPhone)
	expect(t, tryCode(v, id, "x"), 422, "invalid")
	expect(t, tryCode(v, id, other(code)), 401, "wrong_code")
	proved(t, tryCode(v, id, code), adaPhone)
	expect(t, tryCode(v, id, other(code)), 410, "expired")
	id = begun(t, v.Post("/phone-checks", aCheck(second)))
	r.Handset().Weather(`{"api":"429"}`)
	expect(t, tryCode(v, id, "123456"), 429, "wait")
	r.Handset().Weather(`{"api":"ok"}`)
	for range 4 {
		expect(t, tryCode(v, id, other(r.Handset().Code(second))), 401, "wrong_code")
	}
	r.Clock.Advance(10 * time.Second)
	expect(t, tryCode(v, id, "123456"), 410, "used_up")
	v.Header.Set("Idempotency-Key", actionKey)
	begun(t, v.Post("/phone-checks", aCheck(third)))
	expect(t, v.Post("/phone-checks", aCheck(second)), 409, "idempotency")
	r.Clock.Advance(10 * time.Minute)
	expect(t, v.Post("/phone-checks", aCheck(third)), 410, "expired")
}

// walkNoPhoneChecks asks for them where they are off.
func walkNoPhoneChecks(t *testing.T, r *rig.Rig, _ *rig.Visitor) {
	v := owners(r)
	expect(t, v.Post("/phone-checks", aCheck(adaPhone)), 404, "not_found")
	expect(t, tryCode(v, strings.Repeat("x", 43), "123456"), 404, "not_found")
}
