package main

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"latchkey/local/dynamodb"
	"latchkey/local/lambdaruntime"
	"latchkey/local/template"
)

// shell is an environment for tests.
func shell(pairs ...string) func(string) string {
	values := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return func(name string) string { return values[name] }
}

func TestReadSettings(t *testing.T) {
	cases := []struct {
		name string
		env  []string
		want settings
		err  string
	}{
		{"nothing set", nil, settings{port: 3000, phonePort: 3001, provider: "verify", table: "latchkey"}, ""},
		{"all set", []string{"PORT=0", "PHONE_PORT=0", "PROVIDER=authy", "TABLE_NAME=t", "AWS_ENDPOINT_URL_DYNAMODB=http://h:1"}, settings{0, 0, "authy", "http://h:1", "t"}, ""},
		{"no number", []string{"PORT=abc"}, settings{}, `PORT is "abc"`},
		{"too large", []string{"PHONE_PORT=65536"}, settings{}, `PHONE_PORT is "65536"`},
		{"negative", []string{"PORT=-1"}, settings{}, `PORT is "-1"`},
		{"one port for both", []string{"PORT=3001"}, settings{}, "both 3001"},
		{"provider", []string{"PROVIDER=Verify"}, settings{}, `PROVIDER is "Verify"`},
		{"no address", []string{"AWS_ENDPOINT_URL_DYNAMODB=localhost:8000"}, settings{}, "AWS_ENDPOINT_URL_DYNAMODB"},
		{"vendor's address", []string{"TWILIO_API_URL=ftp://x"}, settings{}, "TWILIO_API_URL"},
	}
	for _, c := range cases {
		got, err := readSettings(shell(c.env...))
		if c.err == "" && (err != nil || got != c.want) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.err)
		}
	}
}

func TestVendors(t *testing.T) {
	shapes := map[string]string{
		"TWILIO_ACCOUNT_SID": "^AC[0-9a-f]{32}$", "TWILIO_AUTH_TOKEN": "^[0-9a-f]{32}$", "TWILIO_NUMBER": `^\+15005550006$`,
		"VERIFY_SERVICE_SID": "^VA[0-9a-f]{32}$", "VERIFY_SIGNUP_SERVICE_SID": "^VA[0-9a-f]{32}$", "AUTHY_API_KEY": "^[0-9a-f]{32}$",
	}
	v := newVendors(shell("TWILIO_AUTH_TOKEN=mine"), "http://sim")
	all := environment(template.Function{Environment: map[string]string{messagesURL: "", verifyURL: "", authyURL: ""}}, laptop(settings{}, 1, "", 2, "", v), shell(), v)
	for name, shape := range shapes {
		if !regexp.MustCompile(shape).MatchString(all[name]) {
			t.Errorf("%s = %q", name, all[name])
		}
	}
	if other := newVendors(shell(), "http://sim"); other.authy["AUTHY_API_KEY"] == v.authy["AUTHY_API_KEY"] {
		t.Error("credentials repeat")
	} else if !maps.Equal(other.verify, v.verify) {
		t.Error("another run has other services, and nobody's factors")
	}
	if v.verify["VERIFY_SERVICE_SID"] == v.verify["VERIFY_SIGNUP_SERVICE_SID"] || v.check() != nil {
		t.Error("the two services are one")
	}
}

// Who names a vendor's real address brings its credentials, and only those.
func TestRealVendor(t *testing.T) {
	getenv := shell("TWILIO_VERIFY_URL=https://real", "TWILIO_ACCOUNT_SID=AC1", "TWILIO_AUTH_TOKEN=t", "VERIFY_SERVICE_SID=VA1", "AUTHY_API_KEY=k")
	v := newVendors(getenv, "http://sim")
	f := template.Function{Environment: map[string]string{verifyURL: "", authyURL: "", messagesURL: ""}}
	got := environment(f, laptop(settings{}, 1, "", 2, "", v), getenv, v)
	for name, want := range map[string]string{
		verifyURL: "https://real", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "VERIFY_SERVICE_SID": "VA1",
		"VERIFY_SIGNUP_SERVICE_SID": "", authyURL: "http://sim", messagesURL: "http://sim", "TWILIO_NUMBER": "+15005550006",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	if got["AUTHY_API_KEY"] == "k" {
		t.Error("the simulator is given a real key")
	}
	for _, name := range []string{messagesURL, verifyURL, authyURL} {
		err := newVendors(shell(name+"=https://real"), "").check()
		if err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s without credentials: %v", name, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	f := template.Function{Environment: map[string]string{"TABLE_NAME": "Table", "PUBLIC_URL": "", "OWN": "template", "ALLOWED_COUNTRIES": "US", "EMPTY": "", "SENDS_PER_DAY": "", "GUARD_SENDS": "", "GUARD_PAUSE": "",
		"CALL_AFTER": "", "PASSWORD_BLOCKLIST": "",
		"LATCHKEY_URL": "https://id.example.com", "AWS_ENDPOINT_URL_EVENTBRIDGE": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": ""}}
	getenv := shell("OWN=shell", "HOME=/root", "SENDS_PER_DAY=7")
	v := newVendors(getenv, "http://sim")
	got := environment(f, laptop(settings{table: "latchkey"}, 3000, "http://db", 3002, "", v), getenv, v)
	want := map[string]string{
		"TABLE_NAME": "latchkey", "PUBLIC_URL": "http://localhost:3000", "OWN": "shell",
		"ALLOWED_COUNTRIES": "", "EMPTY": "", "SENDS_PER_DAY": "7", "GUARD_SENDS": "1000", "GUARD_PAUSE": "", "CALL_AFTER": "0", "PASSWORD_BLOCKLIST": "off",
		"LATCHKEY_URL": "http://localhost:3000", "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://127.0.0.1:3002",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("names that are not declared, or empty addresses, in %v", got)
	}
}

// DynamoDB Local keeps a table per access key and region: who makes it and who uses it agree.
func TestOneTable(t *testing.T) {
	if dynamodb.Region != lambdaruntime.Region || dynamodb.AccessKey != lambdaruntime.AccessKey {
		t.Error("the table is made under another key or region than the functions use")
	}
}

// A stand-in on this machine needs no credentials of the developer's.
func TestStandIn(t *testing.T) {
	t.Parallel()
	v := newVendors(shell("TWILIO_VERIFY_URL=http://127.0.0.1:9", "AUTHY_API_URL=http://127.0.0.1:9", "AUTHY_API_KEY=mine"), "http://sim")
	err := v.check()
	if err != nil {
		t.Fatal(err)
	}
	if len(v.account["TWILIO_AUTH_TOKEN"]) != 32 || v.verify["VERIFY_SERVICE_SID"] == "" || v.authy["AUTHY_API_KEY"] != "mine" {
		t.Errorf("%+v", v)
	}
}
