package verify_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/verify"
)

const (
	number = "+15017122661"
	token  = "canarytoken"
	typed  = "735173"
)

var (
	account = "AC" + strings.Repeat("0a", 16)
	login   = "VA" + strings.Repeat("0b", 16)
	signup  = "VA" + strings.Repeat("0c", 16)
	ref     = "VE" + strings.Repeat("0d", 16)
	target  = otp.Target{Phone: number, CountryCode: "1", Email: "a@example.com"}
)

func settings() map[string]string {
	return map[string]string{
		"TWILIO_ACCOUNT_SID":        account,
		"TWILIO_AUTH_TOKEN":         token,
		"VERIFY_SERVICE_SID":        login,
		"VERIFY_SIGNUP_SERVICE_SID": signup,
	}
}

// door returns a client of a server that answers with h.
func door(t *testing.T, h http.HandlerFunc) *verify.Client {
	t.Helper()
	return doortest.Open(t, doortest.Serve(t, h).Settings(settings(), "TWILIO_VERIFY_URL"), open)
}

func open(cfg env.Config, vars *env.Vars) *verify.Client { return verify.New(cfg, vars, true) }

// refuses is Twilio's error body, with the number quoted in its text.
func refuses(status, code int) string {
	return fmt.Sprintf(`{"code":%d,"message":"Invalid parameter `+"`To`"+`: %s","more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`, code, number, code, status)
}

// discreet fails the test if an error's text holds what nobody may log.
func discreet(t *testing.T, err error) {
	t.Helper()
	doortest.Discreet(t, err, number, number[1:], token, typed, "example.com/", "/v2/")
}

func TestNewSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   map[string]string
		required bool
		none     bool
		fault    string
	}{
		{name: "complete", required: true},
		{name: "one service", change: map[string]string{"VERIFY_SIGNUP_SERVICE_SID": ""}},
		{name: "alias", change: map[string]string{"VERIFY_SERVICE_SID": "", "VERIFICATION_SID": login}, required: true},
		{name: "other alias", change: map[string]string{"VERIFY_SERVICE_SID": "", "VERIFY_SERVICE": login}, required: true},
		{name: "no Verify here", change: map[string]string{"VERIFY_SERVICE_SID": "", "VERIFY_SIGNUP_SERVICE_SID": ""}, none: true},
		{name: "required", change: map[string]string{"VERIFY_SERVICE_SID": "", "VERIFY_SIGNUP_SERVICE_SID": ""}, required: true, fault: "VERIFY_SERVICE_SID is not set: make a Verify service"},
		{name: "signup service alone", change: map[string]string{"VERIFY_SERVICE_SID": ""}, fault: "VERIFY_SERVICE_SID is not set"},
		{name: "no account", change: map[string]string{"TWILIO_ACCOUNT_SID": ""}, fault: "TWILIO_ACCOUNT_SID is not set"},
		{name: "path in a service", change: map[string]string{"VERIFY_SIGNUP_SERVICE_SID": "VA/../x"}, fault: "VERIFY_SIGNUP_SERVICE_SID must be VA"},
		{name: "plain http", change: map[string]string{"TWILIO_VERIFY_URL": "http://verify.example.com"}, fault: "TWILIO_VERIFY_URL must begin with https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := settings()
			for k, v := range c.change {
				set[k] = v
			}
			cfg := doortest.Config(set)
			vars := env.Read(cfg)
			client := verify.New(cfg, vars, c.required)
			if (client == nil) != c.none {
				t.Errorf("client is %v", client)
			}
			doortest.Faults(t, vars.Err(), c.fault)
			doortest.Hides(t, token, client, vars.Err())
		})
	}
}

func TestNewWarms(t *testing.T) {
	cfg := doortest.Config(settings())
	var warmed []string
	cfg.Warm = func(url string, _ int) { warmed = append(warmed, url) }
	verify.New(cfg, env.Read(cfg), true)
	if len(warmed) != 1 || warmed[0] != "https://verify.twilio.com" {
		t.Errorf("warmed %q", warmed)
	}
}

func TestRequests(t *testing.T) {
	var path, form, user, password string
	c := door(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		path, form = r.Method+" "+r.URL.Path, r.PostForm.Encode()
		user, password, _ = r.BasicAuth()
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"sid":"`+ref+`","status":"approved"}`)
	})
	for _, k := range []struct {
		codes   otp.Codes
		service string
	}{{c.Signup(), signup}, {c.Login(), login}} {
		sent, err := k.codes.Send(t.Context(), target, otp.Call)
		if err != nil || sent != (otp.Sent{Ref: ref}) {
			t.Fatalf("sent %+v, error %v", sent, err)
		}
		if path != "POST /v2/Services/"+k.service+"/Verifications" || form != "Channel=call&To=%2B15017122661" {
			t.Errorf("sending: %s with %s", path, form)
		}
		err = k.codes.Check(t.Context(), target, ref, typed)
		if err != nil {
			t.Fatal(err)
		}
		if path != "POST /v2/Services/"+k.service+"/VerificationCheck" || form != "Code=735173&VerificationSid="+ref {
			t.Errorf("checking: %s with %s", path, form)
		}
		if user != account || password != token {
			t.Errorf("called as %q with %q", user, password)
		}
	}
}

func TestOneServiceServesBoth(t *testing.T) {
	var path string
	srv := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		io.WriteString(w, `{"sid":"`+ref+`"}`)
	})
	set := settings()
	set["VERIFY_SIGNUP_SERVICE_SID"] = ""
	c := doortest.Open(t, srv.Settings(set, "TWILIO_VERIFY_URL"), open)
	_, err := c.Signup().Send(t.Context(), target, otp.SMS)
	if err != nil || !strings.Contains(path, login) {
		t.Errorf("requested %s, error %v", path, err)
	}
}
