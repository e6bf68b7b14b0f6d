package simulator_test

import (
	"strings"
	"testing"

	"latchkey/local/simulator"
)

// What an operator's tool reads is there in the vendors' shapes, for who has the
// credentials.
func TestSettings(t *testing.T) {
	t.Parallel()
	r := newRigOf(t, func(o *simulator.Options) { o.CallbackURL = "https://id.example.com/onetouch/callback" })
	a := r.twilio("GET", "/2010-04-01/Accounts/"+account+".json").want(200)
	if a.text("status") != "active" || a.text("type") != "Full" || strings.Contains(a.body, secret) {
		t.Errorf("account: %s", a.body)
	}
	for path, want := range map[string]string{
		"/v2/Services/" + service:                                                                      `"code_length":6`,
		"/v2/Services/" + service2 + "/Webhooks":                                                       `"webhook_url":"https://id.example.com/onetouch/callback"`,
		"/v1/Services/MG00000000000000000000000000000001":                                              `"sid":"MG00000000000000000000000000000001"`,
		"/v1/Services/MG00000000000000000000000000000001/PhoneNumbers":                                 `"phone_numbers":[{`,
		"/2010-04-01/Accounts/" + account + "/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550006":    `"phone_number":"` + sender + `"`,
		"/2010-04-01/Accounts/" + account + "/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550007":    `"incoming_phone_numbers":[]`,
		"/2010-04-01/Accounts/" + account + "/IncomingPhoneNumbers.json?PageSize=20&PhoneNumber=50055": `"phone_number":"` + sender + `"`,
	} {
		a := r.twilio("GET", path).want(200)
		if !strings.Contains(a.body, want) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	for _, path := range []string{
		"/2010-04-01/Accounts/AC00000000000000000000000000000002.json", "/v2/Services/VA00000000000000000000000000000009",
		"/v2/Services/VA00000000000000000000000000000009/Webhooks", "/v1/Services/VA00000000000000000000000000000001", "/v1/Services",
	} {
		r.twilio("GET", path).want(404)
	}
	if b := r.do(r.request("GET", r.vendor.URL+"/v2/Services/"+service, "", "")); b.status != 401 {
		t.Errorf("without credentials: %d", b.status)
	}
	req := r.request("GET", r.vendor.URL+"/protected/json/app/details", "", "")
	if b := r.do(req); b.status != 401 || !strings.Contains(b.body, "60001") {
		t.Errorf("without key: %d %s", b.status, b.body)
	}
	req = r.request("GET", r.vendor.URL+"/protected/json/app/details", "", "")
	req.Header.Set("X-Authy-API-Key", authyKey)
	if b := r.do(req); b.status != 200 || !strings.Contains(b.body, `"plan":"starter"`) {
		t.Errorf("application: %d %s", b.status, b.body)
	}
}
