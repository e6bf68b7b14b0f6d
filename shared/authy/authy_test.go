package authy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/otp"
)

const (
	number = "+573001234512"
	key    = "canarykey"
	typed  = "7351730"
	email  = "canary@example.com"
)

var (
	stranger = otp.Target{Phone: number, CountryCode: "57", Email: email}
	known    = otp.Target{Phone: number, CountryCode: "57", Email: email, User: "1635"}
	settings = map[string]string{"AUTHY_API_KEY": key}
)

// door returns a client of a server that answers with h.
func door(t *testing.T, h http.HandlerFunc) *authy.Client {
	t.Helper()
	return doortest.Open(t, doortest.Serve(t, h).Settings(settings, "AUTHY_API_URL"), open)
}

func open(cfg env.Config, vars *env.Vars) *authy.Client { return authy.New(cfg, vars, true) }

// refuses is Authy's error body, with number and code quoted in its text.
func refuses(code int) string {
	return fmt.Sprintf(`{"message":"%s %s","success":false,"errors":{"message":"%s"},"error_code":"%d"}`, number, typed, number, code)
}

// discreet fails the test if an error's text holds what nobody may log.
func discreet(t *testing.T, err error) {
	t.Helper()
	doortest.Discreet(t, err, number, number[3:], key, typed, email, "/protected", "force=")
}

func TestNewSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		set      map[string]string
		required bool
		none     bool
		fault    string
	}{
		{name: "key", set: settings},
		{name: "alias", set: map[string]string{"ACCOUNT_SECURITY_API_KEY": key}, required: true},
		{name: "no Authy here", none: true},
		{name: "required", required: true, fault: "AUTHY_API_KEY is not set: the key of an Authy application"},
		{name: "line end", set: map[string]string{"AUTHY_API_KEY": key + "\n"}, fault: "AUTHY_API_KEY must be one word"},
		{name: "plain http", set: map[string]string{"AUTHY_API_KEY": key, "AUTHY_API_URL": "http://api.example.com"}, fault: "AUTHY_API_URL must begin with https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := doortest.Config(c.set)
			vars := env.Read(cfg)
			client := authy.New(cfg, vars, c.required)
			if (client == nil) != c.none {
				t.Errorf("client is %v", client)
			}
			doortest.Faults(t, vars.Err(), c.fault)
			doortest.Hides(t, key, client, vars.Err())
		})
	}
}

func TestNewWarms(t *testing.T) {
	cfg := doortest.Config(settings)
	var warmed []string
	cfg.Warm = func(url string, _ int) { warmed = append(warmed, url) }
	authy.New(cfg, env.Read(cfg), true)
	if len(warmed) != 1 || warmed[0] != "https://api.authy.com" {
		t.Errorf("warmed %q", warmed)
	}
}

// vendor notes the requests it gets and answers them as Authy would.
type vendor struct {
	requests []string
	sms      http.HandlerFunc
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	line := r.Method + " " + r.URL.String() + " " + r.PostForm.Encode()
	if r.Header.Get("X-Authy-API-Key") != key {
		line += " without key"
	}
	v.requests = append(v.requests, strings.TrimSpace(line))
	switch {
	case strings.Contains(r.URL.Path, "users/new"):
		io.WriteString(w, `{"message":"User created successfully.","user":{"id":1635},"success":true}`)
	case strings.Contains(r.URL.Path, "verify/"):
		io.WriteString(w, `{"message":"Token is valid.","token":"is valid","success":"true","device":{"city":null,"id":null}}`)
	default:
		v.sms(w, r)
	}
}

var (
	smsSent    = doortest.Answers(200, `{"success":true,"message":"SMS token was sent","cellphone":"+57-XXX-XXX-XX12"}`)
	smsIgnored = doortest.Answers(200, `{"message":"Ignored: SMS is not needed for smartphones. Pass force=true if you want to actually send it anyway.","cellphone":"+57-XXX-XXX-XX12","device":null,"ignored":true,"success":true}`)
)

func TestRequests(t *testing.T) {
	v := &vendor{sms: smsSent}
	c := door(t, v.ServeHTTP)
	sent, err := c.Signup().Send(t.Context(), stranger, otp.SMS)
	if err != nil || sent != (otp.Sent{User: "1635"}) {
		t.Errorf("sent %+v, error %v", sent, err)
	}
	sent, err = c.Login().Send(t.Context(), known, otp.Call)
	if err != nil || sent != (otp.Sent{User: "1635"}) {
		t.Errorf("sent %+v, error %v", sent, err)
	}
	for _, codes := range []otp.Codes{c.Signup(), c.Login()} {
		err = codes.Check(t.Context(), known, "", typed)
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{
		"POST /protected/json/users/new send_install_link_via_sms=false&user%5Bcellphone%5D=3001234512&user%5Bcountry_code%5D=57&user%5Bemail%5D=canary%40example.com",
		"GET /protected/json/sms/1635?force=true",
		"GET /protected/json/call/1635?force=false",
		"GET /protected/json/verify/7351730/1635?force=true",
		"GET /protected/json/verify/7351730/1635?force=true",
	}
	if strings.Join(v.requests, "\n") != strings.Join(want, "\n") {
		t.Errorf("requested\n%s", strings.Join(v.requests, "\n"))
	}
}

// (parity 45, 46)
func TestPersonWithTheApp(t *testing.T) {
	v := &vendor{sms: smsIgnored}
	c := door(t, v.ServeHTTP)
	sent, err := c.Login().Send(t.Context(), known, otp.SMS)
	if err != nil || sent != (otp.Sent{User: "1635", App: true}) {
		t.Errorf("login: sent %+v, error %v", sent, err)
	}
	// Sign-up proves the number: no text is no proof.
	sent, err = c.Signup().Send(t.Context(), known, otp.SMS)
	if doortest.Outcome(err) != "unavailable" || sent.App {
		t.Errorf("sign-up: sent %+v, error %v", sent, err)
	}
}

func TestRegistrationOutlivesAFailedSend(t *testing.T) {
	v := &vendor{sms: doortest.Answers(429, refuses(60003))}
	sent, err := door(t, v.ServeHTTP).Signup().Send(t.Context(), stranger, otp.SMS)
	if sent != (otp.Sent{User: "1635"}) || doortest.Outcome(err) != "wait 1h0m0s" {
		t.Errorf("sent %+v, error %v", sent, err)
	}
	if len(v.requests) != 2 {
		t.Errorf("%d requests", len(v.requests))
	}
}
