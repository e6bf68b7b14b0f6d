package authy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
)

func config(set map[string]string) env.Config {
	return env.Config{Getenv: func(name string) string { return set[name] }, HTTP: http.DefaultClient}
}

// door returns a client of a server that answers with h.
func door(t *testing.T, h http.HandlerFunc) *authy.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg := config(map[string]string{"AUTHY_API_KEY": key, "AUTHY_API_URL": srv.URL})
	cfg.HTTP = srv.Client()
	vars := env.Read(cfg)
	c := authy.New(cfg, vars, true)
	if vars.Err() != nil {
		t.Fatal(vars.Err())
	}
	return c
}

// answers returns a handler that always says the same.
func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// refuses is Authy's error body, with number and code quoted in its text.
func refuses(code int) string {
	return fmt.Sprintf(`{"message":"%s %s","success":false,"errors":{"message":"%s"},"error_code":"%d"}`, number, typed, number, code)
}

// discreet fails the test if an error's text holds what nobody may log.
func discreet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, s := range []string{number, number[3:], key, typed, email, "/protected", "force="} {
		if strings.Contains(err.Error(), s) {
			t.Errorf("error text holds %q: %v", s, err)
		}
	}
}

func TestNewSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		set      map[string]string
		required bool
		none     bool
		fault    string
	}{
		{name: "key", set: map[string]string{"AUTHY_API_KEY": key}},
		{name: "alias", set: map[string]string{"ACCOUNT_SECURITY_API_KEY": key}, required: true},
		{name: "no Authy here", none: true},
		{name: "required", required: true, fault: "AUTHY_API_KEY is not set: the key of an Authy application"},
		{name: "line end", set: map[string]string{"AUTHY_API_KEY": key + "\n"}, fault: "AUTHY_API_KEY must be one word"},
		{name: "plain http", set: map[string]string{"AUTHY_API_KEY": key, "AUTHY_API_URL": "http://api.example.com"}, fault: "AUTHY_API_URL must begin with https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(c.set)
			vars := env.Read(cfg)
			client := authy.New(cfg, vars, c.required)
			if (client == nil) != c.none {
				t.Errorf("client is %v", client)
			}
			err := vars.Err()
			if c.fault == "" && err != nil || !strings.Contains(fmt.Sprint(err), c.fault) && c.fault != "" {
				t.Errorf("faults are %v, want %q", err, c.fault)
			}
			if strings.Contains(fmt.Sprintf("%+v %#v %v", client, client, err), key) {
				t.Error("prints the key")
			}
		})
	}
}

func TestNewWarms(t *testing.T) {
	cfg := config(map[string]string{"AUTHY_API_KEY": key})
	var warmed []string
	cfg.Warm = func(url string) { warmed = append(warmed, url) }
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
	smsSent    = answers(200, `{"success":true,"message":"SMS token was sent","cellphone":"+57-XXX-XXX-XX12"}`)
	smsIgnored = answers(200, `{"message":"Ignored: SMS is not needed for smartphones. Pass force=true if you want to actually send it anyway.","cellphone":"+57-XXX-XXX-XX12","device":null,"ignored":true,"success":true}`)
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

func TestPersonWithTheApp(t *testing.T) {
	v := &vendor{sms: smsIgnored}
	c := door(t, v.ServeHTTP)
	sent, err := c.Login().Send(t.Context(), known, otp.SMS)
	if err != nil || sent != (otp.Sent{User: "1635", App: true}) {
		t.Errorf("login: sent %+v, error %v", sent, err)
	}
	// Sign-up proves the number: no text is no proof.
	sent, err = c.Signup().Send(t.Context(), known, otp.SMS)
	if outcome(err) != "unavailable" || sent.App {
		t.Errorf("sign-up: sent %+v, error %v", sent, err)
	}
}

func TestRegistrationOutlivesAFailedSend(t *testing.T) {
	v := &vendor{sms: answers(429, refuses(60003))}
	sent, err := door(t, v.ServeHTTP).Signup().Send(t.Context(), stranger, otp.SMS)
	if sent != (otp.Sent{User: "1635"}) || outcome(err) != "wait 1h0m0s" {
		t.Errorf("sent %+v, error %v", sent, err)
	}
	if len(v.requests) != 2 {
		t.Errorf("%d requests", len(v.requests))
	}
}
