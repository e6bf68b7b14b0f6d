package simulator_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"
)

const newUser = "user[email]=ada@example.com&user[cellphone]=415-555-2671&user[country_code]=1"

// enrol returns the id as it is written in a path.
func (r *rig) enrol() string {
	r.t.Helper()
	a := r.authy("POST", "users/new", newUser+"&send_install_link_via_sms=false").want(200)
	id, ok := a.json()["user"].(map[string]any)["id"].(json.Number)
	if !ok {
		r.t.Fatalf("id is no number: %s", a.body)
	}
	return id.String()
}

func authyFault(code, message string) string {
	return `{"message":"` + message + `","success":false,"errors":{"message":"` + message + `"},"error_code":"` + code + `"}`
}

const (
	tokenValid = `{"message":"Token is valid.","token":"is valid","success":"true","device":{"id":null,"os_type":null,
		"registration_date":null,"registration_method":null,"registration_country":null,"registration_region":null,
		"registration_city":null,"country":null,"region":null,"city":null,"ip":null,"last_account_recovery_at":null,"last_sync_date":null}}`
	tokenInvalid = `{"message":"Token is invalid","token":"is invalid","success":false,"errors":{"message":"Token is invalid"},"error_code":"60020"}`
	tokenUsed    = `{"message":"Token is invalid. Token was used recently","success":false,
		"errors":{"message":"Token is invalid. Token was used recently"},"error_code":"60019"}`
	smsSent = `{"success":true,"message":"SMS token was sent","cellphone":"+1-XXX-XXX-XX71"}`
)

func TestAuthyUserIsOnePerPhone(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.authy("POST", "users/new", "user[email]=bob@example.com&user[cellphone]=(415) 555.2671&user[country_code]=1").
		want(200).like(`{"message":"User created successfully.","user":{"id":` + id + `},"success":true}`)
	req := r.request("POST", r.vendor.URL+"/protected/json/users/new?api_key="+authyKey, "application/json",
		`{"user":{"email":"ada@example.com","cellphone":"4155552671","country_code":1},"send_install_link_via_sms":true}`)
	r.do(req).want(200).like(`{"message":"*","user":{"id":` + id + `},"success":true}`)
	other := r.authy("POST", "users/new", "user[email]=ada@example.com&user[cellphone]=3001234567&user[country_code]=57").want(200)
	if strings.Contains(other.body, id) {
		t.Error("another phone got the same id")
	}
	if len(r.messages(phone)) != 0 {
		t.Error("enrolling sent a message")
	}
}

func TestAuthyUserRefusals(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ name, form, want string }{
		{"bad phone", "user[email]=a@b.co&user[cellphone]=12&user[country_code]=1",
			`{"cellphone":"is invalid","message":"User was not valid","success":false,"errors":{"cellphone":"is invalid","message":"User was not valid"},"error_code":"60027"}`},
		{"magic phone", "user[email]=a@b.co&user[cellphone]=5005550001&user[country_code]=1",
			`{"cellphone":"is invalid","message":"User was not valid","success":false,"errors":{"cellphone":"is invalid","message":"User was not valid"},"error_code":"60027"}`},
		{"bad email and country", "user[email]=nobody&user[cellphone]=4155552671&user[country_code]=US",
			`{"email":"is invalid","country_code":"is invalid","message":"User was not valid","success":false,
			"errors":{"email":"is invalid","country_code":"is invalid","message":"User was not valid"},"error_code":"60027"}`},
		{"no country", "user[email]=a@b.co&user[cellphone]=4155552671", authyFault("60004", "Invalid parameter: country_code - Parameter is required")},
		{"no email", "user[cellphone]=4155552671&user[country_code]=1", authyFault("60004", "Invalid parameter: email - Parameter is required")},
		{"nothing", "", authyFault("60004", "Invalid parameter: email - Parameter is required")},
	} {
		t.Run(c.name, func(t *testing.T) { r.authy("POST", "users/new", c.form).want(400).like(c.want) })
	}
	for _, body := range []string{"{", `[]`, `{"user":[1]}`} {
		req := r.request("POST", r.vendor.URL+"/protected/json/users/new", "application/json", body)
		req.Header.Set("X-Authy-API-Key", authyKey)
		r.do(req).want(400).like(authyFault("60002", "Invalid request"))
	}
}

func TestAuthyKey(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/protected/json/sms/1", "/protected/json/verify/1234567/1?force=true", "/protected/json/", "/onetouch/json/users/1/approval_requests"} {
		for _, key := range []string{"", "wrong"} {
			req := r.request("GET", r.vendor.URL+path, "", "")
			req.Header.Set("X-Authy-API-Key", key)
			a := r.do(req).want(401).like(authyFault("60001", "Invalid API key"))
			if got := a.header.Get("Content-Type"); got != "application/json;charset=utf-8" {
				t.Errorf("content type %q", got)
			}
		}
	}
	r.authy("GET", "nothing", "").want(404)
}

func TestAuthyStatusAndRemoval(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	status := func(confirmed, registered, devices string) string {
		return `{"status":{"authy_id":` + id + `,"confirmed":` + confirmed + `,"registered":` + registered + `,"country_code":1,
			"phone_number":"XXX-XXX-2671","email":"ada@example.com","devices":` + devices + `,"has_hard_token":false,
			"account_disabled":false,"detailed_devices":[],"deleted_devices":[]},"message":"User status.","success":true}`
	}
	r.authy("GET", "users/"+id+"/status", "").want(200).like(status("false", "false", "[]"))
	r.authy("GET", "sms/"+id+"?force=true", "").want(200)
	r.authy("GET", "verify/"+r.code(phone)+"/"+id+"?force=true", "").want(200)
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":true}`).want(200)
	r.authy("GET", "users/"+id+"/status", "").want(200).like(status("true", "true", `["android"]`))
	r.authy("POST", "users/"+id+"/remove", "").want(200).like(`{"message":"User was added to remove.","success":true}`)
	for _, path := range []string{"users/" + id + "/status", "sms/" + id, "call/" + id, "verify/1234567/" + id, "sms/abc", "sms/0"} {
		r.authy("GET", path, "").want(404).like(authyFault("60026", "User not found."))
	}
	if r.enrol() == id {
		t.Error("a removed id came back")
	}
}

func TestAuthyTokenOnce(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.authy("GET", "sms/"+id+"?force=true&action=login&action_message=for+the+bank", "").want(200).like(smsSent)
	code := r.code(phone)
	if len(code) != 7 || !strings.HasSuffix(r.messages(phone)[0].Body, "\nfor the bank") {
		t.Errorf("message %q", r.messages(phone)[0].Body)
	}
	verify := func(code, query string) answer { return r.authy("GET", "verify/"+code+"/"+id+"?force=true"+query, "") }
	verify(wrong(code), "&action=login").want(401).like(tokenInvalid)
	verify(code, "").want(401).like(tokenInvalid)
	verify(code, "&action=other").want(401).like(tokenInvalid)
	verify("letters", "&action=login").want(401).like(tokenInvalid)
	verify(code, "&action=login").want(200).like(tokenValid)
	verify(code, "&action=login").want(401).like(tokenUsed)
	r.clock.move(10 * time.Minute)
	verify(code, "&action=login").want(401).like(tokenInvalid)
	r.authy("GET", "sms/"+id+"?action=", "").want(400).like(authyFault("60004", "*"))
}

func TestAuthyTokensExpire(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.authy("GET", "call/"+id+"?force=true", "").want(200).like(`{"success":true,"message":"Call started...","cellphone":"+1-XXX-XXX-XX71"}`)
	first := r.code(phone)
	r.clock.move(9 * time.Minute)
	r.authy("GET", "sms/"+id, "").want(200).like(smsSent)
	second := r.code(phone)
	r.authy("GET", "verify/"+first+"/"+id+"?force=true", "").want(200)
	r.clock.move(10 * time.Minute)
	r.authy("GET", "verify/"+second+"/"+id+"?force=true", "").want(401).like(tokenInvalid)
}

func TestAuthyPassesAnythingWithoutForce(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.authy("GET", "sms/"+id, "").want(200)
	code := r.code(phone)
	r.authy("GET", "verify/"+wrong(code)+"/"+id, "").want(200).like(tokenValid)
	r.authy("GET", "verify/"+wrong(code)+"/"+id+"?force=false", "").want(200)
	r.authy("GET", "verify/"+wrong(code)+"/"+id+"?force=true", "").want(401).like(tokenInvalid)
	r.authy("GET", "verify/"+code+"/"+id+"?force=true", "").want(200)
	r.authy("GET", "verify/"+wrong(code)+"/"+id, "").want(401).like(tokenInvalid)
}

func TestAuthyIgnoresAppUsers(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":true}`).want(200)
	r.authy("GET", "sms/"+id, "").want(200).like(`{"message":"Ignored: SMS is not needed for smartphones. Pass force=true if you want to actually send it anyway.",
		"cellphone":"+1-XXX-XXX-XX71","device":"android","ignored":true,"success":true}`)
	r.authy("GET", "call/"+id, "").want(200).like(`{"message":"Call ignored. User is using  App Tokens and this call is not necessary. Pass force=true if you still want to call users that are using the App.",
		"cellphone":"+1-XXX-XXX-XX71","device":"android","ignored":true,"success":true}`)
	if len(r.messages(phone)) != 0 {
		t.Error("an ignored send arrived")
	}
	r.authy("GET", "sms/"+id+"?force=true", "").want(200).like(smsSent)
}

func TestAuthyAppTokens(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	token := func() string { return r.api("GET", "/api/phones/"+phone+"/token", "").want(200).text("token") }
	verify := func(code string) answer { return r.authy("GET", "verify/"+code+"/"+id+"?force=true", "") }
	r.api("GET", "/api/phones/"+phone+"/token", "").want(409)
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":true}`).want(200).like(`{"installed":true}`)
	r.api("GET", "/api/phones/"+phone+"/token", "").want(200).like(`{"token":"*","seconds_left":23}`)
	early := token()
	r.clock.move(30 * time.Second)
	now := token()
	if early == now || len(now) != 7 {
		t.Fatalf("tokens %q, %q", early, now)
	}
	verify(wrong(now)).want(401).like(tokenInvalid)
	verify(early).want(200).like(tokenValid) // one step late
	verify(early).want(401).like(tokenUsed)
	verify(now).want(200)
	verify(now).want(401).like(tokenUsed)
	r.clock.move(90 * time.Second)
	late := token()
	r.clock.move(60 * time.Second)
	verify(late).want(401).like(tokenInvalid) // two steps late
	r.clock.move(-90 * time.Second)
	verify(late).want(200) // one step early
	r.clock.move(10 * time.Minute)
	old := token()
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":false}`).want(200)
	verify(old).want(401)
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":true}`).want(200)
	verify(old).want(401)
}

func TestAuthyTokenLimit(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	for range 10 {
		r.authy("GET", "sms/"+id, "").want(200)
	}
	r.authy("GET", "call/"+id, "").want(429).like(authyFault("60003", "DoS protection: User has requested too many tokens in the last hour."))
	r.clock.move(time.Hour)
	r.authy("GET", "sms/"+id, "").want(200)
}

func TestAuthyNumbersThatFail(t *testing.T) {
	r := newRig(t)
	for number, code := range map[string]string{"5005550009": "60082", "5005550004": "60115"} {
		a := r.authy("POST", "users/new", "user[email]=a@b.co&user[cellphone]="+number+"&user[country_code]=1").want(200)
		id := a.json()["user"].(map[string]any)["id"].(json.Number).String()
		r.authy("GET", "sms/"+id, "").want(403).like(authyFault(code, "*"))
		r.authy("GET", "call/"+id, "").want(200)
	}
}

func TestAuthyParallelTokenPassesOnce(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.authy("GET", "sms/"+id, "").want(200)
	code := r.code(phone)
	statuses := make([]int, 20)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() { statuses[i] = r.authy("GET", "verify/"+code+"/"+id+"?force=true", "").status })
	}
	wg.Wait()
	passed := 0
	for _, status := range statuses {
		if status == 200 {
			passed++
		}
	}
	if passed != 1 {
		t.Errorf("%d passed, want 1", passed)
	}
}
