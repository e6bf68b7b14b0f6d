package main

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/flowtest/bench"
)

// either makes one answerer of several.
func either(list ...spoil) spoil {
	return func(w http.ResponseWriter, r *http.Request) bool {
		for _, s := range list {
			if s(w, r) {
				return true
			}
		}
		return false
	}
}

const (
	accountPath = "/2010-04-01/Accounts/" + accountID + ".json"
	numbersPath = "/2010-04-01/Accounts/" + accountID + "/IncomingPhoneNumbers.json"
	loginPath   = "/v2/Services/" + loginID
	signupPath  = "/v2/Services/" + signupID
	hooksPath   = loginPath + "/Webhooks"
	authyPath   = "/protected/json/app/details"
	groupID     = "MG00000000000000000000000000000001"
)

// hook is one webhook's document.
func hook(url, events, status, method, version string) string {
	return `{"webhooks":[{"event_types":[` + events + `],"webhook_url":"` + url + `","status":"` + status + `","webhook_method":"` + method + `","version":"` + version + `"}]}`
}

// Each answer of a vendor's that is not as it should be is said once, with its
// level, and nobody is sent anything.
func TestDoctorVendors(t *testing.T) {
	t.Parallel()
	const both = `"challenge.approved","challenge.denied"`
	refused := `{"code":20003,"message":"Authenticate","status":401}`
	for name, c := range map[string]struct {
		vendor spoil
		vars   string
		level  level
		want   []string // of that level
	}{
		"as it should be":    {nil, "", faulty, nil},
		"account refused":    {on(accountPath, 401, refused), "", faulty, []string{"Auth Token: credentials refused: Twilio answered 401, code 20003"}},
		"account suspended":  {on(accountPath, 200, `{"status":"suspended","type":"Full","auth_token":"`+theToken+`"}`), "", faulty, []string{"account: it is suspended"}},
		"trial":              {on(accountPath, 200, `{"status":"active","type":"Trial","friendly_name":"`+ada+`"}`), "", warned, []string{"account: it is a trial", "push"}},
		"account in HTML":    {on(accountPath, 200, `<html>`), "", faulty, []string{"Auth Token: the answer is not what"}},
		"account is down":    {on(accountPath, 503, ``), "", faulty, []string{"Auth Token: Twilio answered 503"}},
		"redirect":           {on(accountPath, 302, ``), "", faulty, []string{"Auth Token: the answer is a redirect"}},
		"standard key":       {on(accountPath, 401, refused), "TWILIO_AUTH_TOKEN= TWILIO_API_KEY_SID=SK00000000000000000000000000000001 TWILIO_API_KEY_SECRET=s", unseen, []string{"API key: it may not read the account", "geo", "callback"}},
		"no such service":    {on(loginPath, 404, `{"code":20404}`), "", faulty, []string{"login service: the account has no such service"}},
		"four digits":        {on(loginPath, 200, `{"friendly_name":"X","code_length":4,"push":{"apn_credential_sid":"CR1","fcm_credential_sid":"CR2"},"totp":{"issuer":"X","time_step":30,"code_length":6}}`), "", faulty, []string{"login service: its codes have 4 digits"}},
		"four for strangers": {on(signupPath, 200, `{"code_length":5}`), "", faulty, []string{"sign-up service: its codes have 5 digits"}},
		"PSD2":               {on(signupPath, 200, `{"code_length":6,"psd2_enabled":true}`), "", faulty, []string{"sign-up service: PSD2 is on"}},
		"short tokens":       {on(loginPath, 200, `{"code_length":6,"totp":{"time_step":30,"code_length":4}}`), "", faulty, []string{"authenticator apps: their tokens have 4 digits"}},
		"odd tokens":         {on(loginPath, 200, `{"code_length":6,"push":{"fcm_credential_sid":"CR2"},"totp":{"time_step":60,"code_length":6}}`), "", warned, []string{"push: no credentials for Apple's", "authenticator apps: their tokens have 6 digits for 60 seconds"}},
		"no issuer":          {on(loginPath, 200, `{"code_length":6,"push":{"apn_credential_sid":"CR2"},"totp":{"time_step":30,"code_length":6}}`), "", warned, []string{"push: no credentials for Google's", "authenticator apps: no issuer"}},
		"no webhook":         {on(hooksPath, 200, `{"webhooks":[]}`), "", warned, []string{"push", "webhook: none of the service's no webhooks is for this stack"}},
		"other webhook":      {on(hooksPath, 200, hook("https://old.example.com/cb?key=rigtoken", both, "enabled", "POST", "v2")), "", warned, []string{"push", "they go to old.example.com/cb"}},
		"disabled webhook":   {on(hooksPath, 200, hook(callAt, both, "disabled", "POST", "v2")), "", warned, []string{"push", "nothing enabled there tells of challenge.approved and challenge.denied"}},
		"half a webhook":     {on(hooksPath, 200, hook(callAt, `"challenge.approved"`, "enabled", "POST", "v2")), "", warned, []string{"push", "nothing enabled there tells of challenge.denied"}},
		"webhook by GET":     {on(hooksPath, 200, hook(callAt, `"*"`, "enabled", "GET", "v2")), "", warned, []string{"push", "webhook: it calls by GET"}},
		"old webhook":        {on(hooksPath, 200, hook(callAt, both, "enabled", "POST", "v1")), "", warned, []string{"push", "webhook: it is of version v1"}},
		"all events":         {on(hooksPath, 200, hook(callAt, `"*"`, "enabled", "POST", "v2")), "", warned, []string{"push"}},
		"webhooks refused":   {on(hooksPath, 403, ``), "", faulty, []string{"webhook: credentials refused: Twilio answered 403"}},
		"unknown number":     {on(numbersPath, 200, `{"incoming_phone_numbers":[{"phone_number":"+150055500067","capabilities":{"sms":true}}]}`), "", faulty, []string{"sender's number: TWILIO_NUMBER is not among"}},
		"mute number":        {on(numbersPath, 200, `{"incoming_phone_numbers":[{"phone_number":"+15005550006","capabilities":{"sms":false}}]}`), "", faulty, []string{"sender's number: it cannot send texts"}},
		"messaging service":  {nil, "TWILIO_MESSAGING_SERVICE_SID=" + groupID, faulty, nil},
		"no such sender":     {on("/v1/Services/"+groupID, 404, `{"code":20404}`), "TWILIO_MESSAGING_SERVICE_SID=" + groupID, faulty, []string{"messaging service: the account has no such service"}},
		"empty sender":       {on("/v1/Services/"+groupID+"/PhoneNumbers", 200, `{"phone_numbers":[]}`), "TWILIO_MESSAGING_SERVICE_SID=" + groupID, warned, []string{"push", "messaging service: it is there, and has no number"}},
		"a name":             {nil, "TWILIO_NUMBER=Latchkey", unseen, []string{"geo", "sender: it is no number", "callback"}},
		"authy refused":      {on(authyPath, 401, `{"error_code":"60001","success":false}`), "", faulty, []string{"application: Authy does not accept the key (60001)"}},
		"authy, other key":   {on(authyPath, 401, `{"error_code":60047,"success":false}`), "", faulty, []string{"application: this is a key of Twilio's"}},
		"authy suspended":    {on(authyPath, 503, `{"error_code":"60061"}`), "", faulty, []string{"application: the account or the application is suspended"}},
		"authy in HTML":      {on(authyPath, 502, `<h1>`), "", faulty, []string{"application: Authy answered 502"}},
		"authy, odd":         {on(authyPath, 200, `{"success":true}`), "", faulty, []string{"application: the answer is not what"}},
		"authy without push": {on(authyPath, 200, `{"app":{"name":"A \u001b[2J","plan":"x","onetouch_enabled":"false","phone_calls_enabled":false,"sms_enabled":"true"}}`), "", warned, []string{"push", "application: calls are off", "application: OneTouch are off"}},
		"everything refused": {either(on(accountPath, 401, refused), on(loginPath, 401, refused), on(signupPath, 401, refused), on(hooksPath, 401, refused), on(numbersPath, 401, refused)), "", faulty, []string{
			"Auth Token: credentials", "login service: credentials", "webhook: credentials", "sign-up service: credentials", "sender's number: credentials",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, nil, nil, c.vendor)
			for pair := range strings.FieldsSeq(c.vars) {
				name, value, _ := strings.Cut(pair, "=")
				w.vars[name] = value
			}
			w.vars["AWS_REGION"] = ""
			o, d := examined(t, w)
			vendors := diagnosis{}
			for _, f := range d.Checks {
				if f.Group != "Configuration" {
					vendors.Checks = append(vendors.Checks, f)
				}
			}
			vendors.says(t, c.level, c.want...)
			if strings.Contains(o.out, ada) || strings.Contains(o.out, "\x1b") {
				t.Errorf("what a vendor answered is shown as it is: %s", o.out)
			}
		})
	}
}

// The table is read, and why it cannot be is told apart.
func TestDoctorTable(t *testing.T) {
	t.Parallel()
	aws := func(code string) spoil {
		return func(w http.ResponseWriter, r *http.Request) bool {
			return on("/", 400, `{"__type":"com.amazonaws.dynamodb.v20120810#`+code+`","message":"m"}`)(w, r)
		}
	}
	for name, c := range map[string]struct {
		engine spoil // nil: a real one
		table  string
		level  level
		want   string
	}{
		"there":       {nil, "", fine, "answers, and has the keys"},
		"not there":   {nil, "nobodys", faulty, "table: there is none of this name"},
		"not allowed": {aws("AccessDeniedException"), "", faulty, "table: these credentials may not read it"},
		"other keys":  {aws("ValidationException"), "", faulty, "table: its keys are other ones"},
		"odd":         {aws("UnrecognizedClientException"), "", faulty, "table: it answered UnrecognizedClientException"},
		"no region":   {nil, "-", skipped, "table: it was not asked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bench.Open(t)
			w := worldOf(t, nil, nil, c.engine)
			for _, name := range []string{"TABLE_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_DYNAMODB"} {
				w.vars[name] = b.Vars[name]
			}
			if c.engine != nil {
				w.vars["AWS_ENDPOINT_URL_DYNAMODB"] = w.vendor.URL
			}
			switch c.table {
			case "":
			case "-":
				w.vars["AWS_REGION"], w.vars["AWS_ENDPOINT_URL_DYNAMODB"] = "", ""
			default:
				w.vars["TABLE_NAME"] = c.table
			}
			_, d := examined(t, w)
			if !strings.Contains(strings.Join(d.at(c.level), "\n"), c.want) {
				t.Errorf("no %q in %v", c.want, d.Checks)
			}
			if n := len(b.Items(t)); n != 0 {
				t.Errorf("%d items were written", n)
			}
		})
	}
}
