package simulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	entities   = "/v2/Services/" + service + "/Entities"
	identity   = "ff483d1ff591898a9942916050d2ca3f"
	entityPath = entities + "/" + identity
	tokensPath = "/v2/Services/" + service + "/AccessTokens"
	device     = "login-of-ada"
)

// entityURL is where Twilio would say that the entity is.
const entityURL = "https://verify.twilio.com" + entityPath

func (r *rig) entity() answer {
	r.t.Helper()
	return r.twilio("POST", entities, "Identity", identity)
}

// accessToken returns a token for the test's identity.
func (r *rig) accessToken(pairs ...string) string {
	r.t.Helper()
	form := append([]string{"Identity", identity, "FactorType", "push", "FactorFriendlyName", device}, pairs...)
	return r.twilio("POST", tokensPath, form...).want(201).text("token")
}

// putApp gives the phone a text to register with, or a URI to scan.
func (r *rig) putApp(number, member, text string) answer {
	r.t.Helper()
	body, err := json.Marshal(map[string]string{member: text})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.api("PUT", "/api/phones/"+number+"/app", string(body))
}

func enrolment(token, identity, service, name string) string {
	return fmt.Sprintf(`{"token":%q,"identity":%q,"serviceSid":%q,"friendlyName":%q}`, token, identity, service, name)
}

// factorSIDs lists the entity's factors in the order of the answer.
func (r *rig) factorSIDs(query string) []string {
	r.t.Helper()
	return sids(r.t, r.twilio("GET", entityPath+"/Factors"+query).want(200), "factors")
}

func sids(t *testing.T, a answer, key string) []string {
	t.Helper()
	list, ok := a.json()[key].([]any)
	if !ok {
		t.Fatalf("no %s in %s", key, a.body)
	}
	var out []string
	for _, item := range list {
		out = append(out, fmt.Sprint(item.(map[string]any)["sid"]))
	}
	return out
}

// pushFactor registers the phone and returns the factor's sid.
func (r *rig) pushFactor(number string) string {
	r.t.Helper()
	r.putApp(number, "enrolment", enrolment(r.accessToken(), identity, service, device)).want(200)
	list := r.factorSIDs("")
	return list[len(list)-1]
}

// registered counts the push factors on the phone.
func (r *rig) registered(number string) string {
	r.t.Helper()
	var list []struct {
		Phone   string
		Factors json.Number
	}
	decode(r.t, r.api("GET", "/api/phones", "").want(200).body, &list)
	for _, p := range list {
		if p.Phone == number {
			return p.Factors.String()
		}
	}
	return "no phone"
}

func TestEntityShape(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	shape := `{"sid":"*","identity":"` + identity + `","account_sid":"` + account + `","service_sid":"` + service + `",
		"date_created":"2026-03-04T05:06:07Z","date_updated":"2026-03-04T05:06:07Z","url":"` + entityURL + `",
		"links":{"factors":"` + entityURL + `/Factors","new_factors":"` + entityURL + `/Factors","challenges":"` + entityURL + `/Challenges"}}`
	r.twilio("GET", entityPath).want(404).like(twilioFault(404, 20404))
	a := r.entity().want(201).like(shape)
	if sid := a.text("sid"); !strings.HasPrefix(sid, "YE") || len(sid) != 34 {
		t.Errorf("sid %q", sid)
	}
	r.entity().want(409).like(twilioFault(409, 60301))
	r.twilio("POST", entities, "Identity", strings.ToUpper(identity)).want(409).like(twilioFault(409, 60301))
	r.twilio("GET", entities+"/"+strings.ToUpper(identity)).want(200).like(shape)
	r.twilio("POST", "/v2/Services/"+service2+"/Entities", "Identity", identity).want(201) // services keep apart
	if b := r.twilio("DELETE", entityPath).want(204); b.body != "" {
		t.Errorf("body %q", b.body)
	}
	r.twilio("DELETE", entityPath).want(404)
	r.twilio("GET", "/v2/Services/"+service2+"/Entities/"+identity).want(200)
	if r.entity().want(201).text("sid") == a.text("sid") {
		t.Error("a removed entity came back")
	}
}

func TestEntityRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, id := range []string{"", "short-7", strings.Repeat("x", 65), "ada@example.com", "with blank", "under_score", "path/../identity"} {
		r.twilio("POST", entities, "Identity", id).want(400).like(twilioFault(400, 60306))
	}
	r.twilio("POST", entities, "Identity", strings.Repeat("x", 64)).want(201)
	r.twilio("POST", entities, "Identity", "eight-88").want(201)
	other := "/v2/Services/VA00000000000000000000000000000009"
	for _, c := range [][2]string{
		{"POST", other + "/Entities"}, {"POST", other + "/AccessTokens"}, {"POST", other + "/Entities/" + identity + "/Factors"},
		{"GET", entityPath + "/Factors"}, {"POST", entityPath + "/Challenges"}, {"GET", entityPath + "/Challenges"},
		{"GET", entityPath + "/Factors/YF0"}, {"DELETE", entityPath + "/Factors/YF0"}, {"GET", entityPath + "/Challenges/YC0"},
	} {
		a := r.twilio(c[0], c[1], "Identity", identity, "FactorType", "push", "FriendlyName", "x").want(404).like(twilioFault(404, 20404))
		if want := "The requested resource " + c[1][len("/v2"):] + " was not found"; a.text("message") != want {
			t.Errorf("message %q, want %q", a.text("message"), want)
		}
		req := r.request(c[0], r.vendor.URL+c[1], "", "")
		req.SetBasicAuth(account, "wrong")
		r.do(req).want(401).like(twilioFault(401, 20003))
	}
}

func TestAccessTokenShape(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	form := []string{"Identity", identity, "FactorType", "push", "FactorFriendlyName", device, "Ttl", "300"}
	a := r.twilio("POST", tokensPath, form...).want(201).like(`{"sid":"*","account_sid":"` + account + `","service_sid":"` + service + `",
		"entity_identity":"` + identity + `","factor_type":"push","factor_friendly_name":"login-of-ada","ttl":300,
		"date_created":"2026-03-04T05:06:07Z","token":"*","url":"*"}`)
	if sid := a.text("sid"); !strings.HasPrefix(sid, "YK") || a.text("url") != "https://verify.twilio.com"+tokensPath+"/"+sid {
		t.Errorf("sid %q, url %q", sid, a.text("url"))
	}
	parts := strings.Split(a.text("token"), ".")
	if len(parts) != 5 || strings.Trim(a.text("token"), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		t.Errorf("token %q", a.text("token"))
	}
	if r.twilio("POST", tokensPath, form...).want(201).text("token") == a.text("token") {
		t.Error("the same token twice")
	}
	r.twilio("GET", entityPath).want(404) // a token makes no entity
	for _, pairs := range [][]string{
		{"FactorType", "push"},
		{"Identity", "short", "FactorType", "push"},
		{"Identity", identity},
		{"Identity", identity, "FactorType", "totp"},
		{"Identity", identity, "FactorType", "push", "Ttl", "59"},
		{"Identity", identity, "FactorType", "push", "Ttl", "301"},
		{"Identity", identity, "FactorType", "push", "Ttl", "1m"},
		{"Identity", identity, "FactorType", "push", "FactorFriendlyName", strings.Repeat("x", 65)},
	} {
		r.twilio("POST", tokensPath, pairs...).want(400).like(twilioFault(400, 60305))
	}
}

func TestPhoneRegistersForPush(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := r.accessToken()
	text := enrolment(token, identity, service, device)
	for _, bad := range []string{
		"", "x", "{}", "[]", `{"token":1}`, enrolment("", identity, service, device), enrolment(token, "short", service, device),
		enrolment(token, identity, service, ""),
	} {
		r.putApp(phone, "enrolment", bad).want(400).like(`{"error":"*"}`)
	}
	for _, bad := range []string{
		enrolment("other", identity, service, device), enrolment(token, "another-person", service, device),
		enrolment(token, identity, service2, device), enrolment(token, identity, service, "another name"),
	} {
		r.putApp(phone, "enrolment", bad).want(401).like(`{"error":"*"}`)
	}
	r.putApp(phone, "enrolment", text).want(200)
	r.putApp(phone, "enrolment", text).want(401) // once
	r.entity().want(409)                         // the phone has made it
	sid := r.factorSIDs("")[0]
	shape := `{"sid":"` + sid + `","account_sid":"` + account + `","service_sid":"` + service + `","entity_sid":"*","identity":"` + identity + `",
		"date_created":"2026-03-04T05:06:07Z","date_updated":"2026-03-04T05:06:07Z","friendly_name":"login-of-ada","status":"verified",
		"factor_type":"push","config":{"sdk_version":"*","app_id":"*","notification_platform":"none","notification_token":""},
		"metadata":null,"url":"` + entityURL + `/Factors/` + sid + `"}`
	r.twilio("GET", entityPath+"/Factors/"+sid).want(200).like(shape)
	r.twilio("GET", entityPath+"/Factors").want(200).like(`{"factors":[` + shape + `],"meta":{"page":0,"page_size":50,
		"first_page_url":"` + entityURL + `/Factors?Page=0&PageSize=50","previous_page_url":null,
		"url":"` + entityURL + `/Factors?Page=0&PageSize=50","next_page_url":null,"key":"factors"}}`)
	if n := r.registered(phone); n != "1" {
		t.Errorf("%s factors on the phone", n)
	}
	r.twilio("DELETE", entityPath+"/Factors/"+sid).want(204)
	r.twilio("GET", entityPath+"/Factors/"+sid).want(404).like(twilioFault(404, 20404))
	if n := r.registered(phone); n != "0" {
		t.Errorf("%s factors on the phone after removal", n)
	}
}

func TestAccessTokenEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	short, long, unnamed := r.accessToken(), r.accessToken("Ttl", "300"), r.accessToken("FactorFriendlyName", "")
	r.clock.move(59 * time.Second)
	r.putApp(phone, "enrolment", enrolment(unnamed, identity, service, device)).want(200)
	r.clock.move(time.Second)
	r.putApp(phone, "enrolment", enrolment(short, identity, service, device)).want(401)
	r.clock.move(4*time.Minute - time.Second)
	r.putApp(phone, "enrolment", enrolment(long, strings.ToUpper(identity), service, device)).want(200)
	last := r.accessToken()
	r.twilio("DELETE", entityPath).want(204)
	r.putApp(phone, "enrolment", enrolment(last, identity, service, device)).want(401)
}

func TestPushFactorLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 20 {
		r.pushFactor(phone)
	}
	token := r.accessToken()
	r.putApp(phone, "enrolment", enrolment(token, identity, service, device)).want(409).like(`{"error":"*"}`)
	r.twilio("DELETE", entityPath+"/Factors/"+r.factorSIDs("")[0]).want(204)
	r.putApp(phone, "enrolment", enrolment(token, identity, service, device)).want(200)
	for range 79 {
		r.twilio("DELETE", entityPath+"/Factors/"+r.factorSIDs("")[0]).want(204)
		r.pushFactor(phone)
	}
	r.twilio("DELETE", entityPath+"/Factors/"+r.factorSIDs("")[0]).want(204)
	r.putApp(phone, "enrolment", enrolment(r.accessToken(), identity, service, device)).want(409) // a hundred today
	r.clock.move(24 * time.Hour)
	r.pushFactor(phone)
}

func TestParallelEnrolmentsUseATokenOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	text := enrolment(r.accessToken(), identity, service, device)
	var wg sync.WaitGroup
	results := make(chan int, 20)
	for range 20 {
		wg.Go(func() { results <- r.putApp(phone, "enrolment", text).status })
	}
	wg.Wait()
	close(results)
	counts := map[int]int{}
	for status := range results {
		counts[status]++
	}
	if counts[200] != 1 || counts[401] != 19 || len(r.factorSIDs("")) != 1 {
		t.Errorf("statuses %v, %d factors", counts, len(r.factorSIDs("")))
	}
}
