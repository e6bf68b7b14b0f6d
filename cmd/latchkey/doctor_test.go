package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/local/secretsmanager"
	"latchkey/shared/env"
)

// Wrong arguments are one sentence and code 2.
func TestDoctorArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--fast": "no flag --fast", "--secret": "no flag --secret, or something is missing", "https://a.example https://b.example": "Write it as",
		"id.example.com": "must be an absolute address", "http://id.example.com": "must begin with https://", "https://id.example.com/app": "must have no path",
		"https://id.example.com?a=b": "must be an absolute address",
	} {
		o := operate(t.Context(), nothing(), append([]string{"doctor"}, strings.Fields(args)...)...)
		if o.code != 2 || o.out != "" || !strings.Contains(o.stderr, want) || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%s: %+v", args, o)
		}
	}
	o := operate(t.Context(), nothing(), "doctor", "--json", "-h")
	if o.code != 0 || !strings.Contains(o.out, "latchkey doctor https://id.example.com") {
		t.Errorf("%+v", o)
	}
}

// stepFaults are what the steps say of an environment, in the same way that they
// would on their first start.
func stepFaults(t *testing.T, getenv func(string) string) []string {
	t.Helper()
	cfg := env.Config{Getenv: getenv, Now: time.Now, HTTP: &http.Client{}, Log: slog.New(slog.DiscardHandler)}
	var list []string
	for _, make := range rig.Steps() {
		_, err := make(t.Context(), cfg)
		if err != nil {
			list = append(list, strings.Split(err.Error(), "\n")...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// doctorFaults are what the doctor says of it.
func doctorFaults(getenv func(string) string) []string {
	v := &checkup{cfg: env.Config{Getenv: getenv, Now: time.Now, Log: slog.New(slog.DiscardHandler)}}
	var list []string
	for _, f := range v.configuration() {
		if f.Level == faulty {
			list = append(list, f.Check+" "+f.Seen)
		}
	}
	slices.Sort(list)
	return list
}

// Of every variable that a function declares the doctor says what the steps say,
// word for word: nothing is a fault to the one and none to the other.
func TestDoctorReadsAsTheStepsDo(t *testing.T) {
	t.Parallel()
	names := []string{"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SID", "VERIFY_SERVICE_SID", "VERIFY_SIGNUP_SERVICE_SID", "TWILIO_NUMBER", "TWILIO_MESSAGING_SERVICE_SID", "AUTHY_API_KEY"}
	for _, f := range rig.Template(t).Functions {
		for name := range f.Environment {
			if !slices.Contains(names, name) && !strings.Contains(name, "SECRET") { // a secret is read before a step is made
				names = append(names, name)
			}
		}
	}
	said := 0
	for _, value := range []string{"no such value " + strings.Repeat("x", 150), "999999999999", "9999h", "1ns", "http://id.example.com", ""} {
		for _, public := range []string{stackAt, "http://localhost:3000", "http://id.example.com"} {
			vars := worldOf(t, nil, nil, nil).vars
			for _, name := range names {
				vars[name] = value
			}
			vars["PUBLIC_URL"], vars["TABLE_NAME"] = public, "t"
			if value != "9999h" {
				vars["TWILIO_MESSAGING_SERVICE_SID"] = "" // or the number would not be read
			}
			getenv := func(name string) string { return vars[name] }
			if value == "999999999999" {
				vars["ALLOWED_COUNTRIES"] = "US" // which numbers are a country's code the doctor does not know
			}
			steps, doctor := stepFaults(t, getenv), doctorFaults(getenv)
			if !slices.Equal(steps, doctor) {
				t.Errorf("all are %.20s, at %s:\n  the steps say  %q\n  the doctor says %q", value, public, steps, doctor)
			}
			said += len(steps)
		}
	}
	if len(names) < 40 || said < 300 {
		t.Errorf("only %d variables and %d faults", len(names), said)
	}
}

// All faults of a configuration come at once, and none shows a value.
func TestDoctorConfiguration(t *testing.T) {
	t.Parallel()
	w := worldOf(t, nil, nil, nil)
	for name, value := range map[string]string{"PROVIDER": "canary", "BCRYPT_COST": "canary", "TWILIO_ACCOUNT_SID": "canary", "AUTHY_API_KEY": "canary canary", "PUSH_WINDOW": "canary", "SECRET_LIFE": "canary"} {
		w.vars[name] = value
	}
	o, d := examined(t, w)
	for _, want := range []string{"PROVIDER", "BCRYPT_COST", "TWILIO_ACCOUNT_SID", "AUTHY_API_KEY", "PUSH_WINDOW", "SECRET_LIFE"} {
		if !strings.Contains(strings.Join(d.at(faulty), "\n"), want+": must be") {
			t.Errorf("nothing of %s in %v", want, d.at(faulty))
		}
	}
	if strings.Contains(o.out, "canary") {
		t.Errorf("a value is shown: %s", o.out)
	}
	clear(w.vars)
	w.vars["VERIFY_SERVICE_SID"], w.vars["VERIFY_SIGNUP_SERVICE_SID"] = "VA…", "VA…"
	_, d = examined(t, w)
	if strings.Contains(strings.Join(d.at(warned), "\n"), "no second service") { // it is a fault already
		t.Errorf("of a malformed service: %v", d.at(warned))
	}
	clear(w.vars)
	_, d = examined(t, w)
	d.says(t, faulty, "VERIFY_SERVICE_SID: is not set", "TWILIO_ACCOUNT_SID: is not set", "TWILIO_AUTH_TOKEN: is not set")
	d.says(t, warned, "PUBLIC_URL: is not set", "ALLOWED_COUNTRIES: is not set", "TWILIO_NUMBER: is not set")
}

// The secret is read from a file or from where it is kept, and what only the
// shell has does not count then.
func TestDoctorSecret(t *testing.T) {
	t.Parallel()
	const whole = `{"TWILIO_ACCOUNT_SID":"` + accountID + `","TWILIO_AUTH_TOKEN":"` + theToken + `","VERIFY_SERVICE_SID":"` + loginID + `","VERIFY_SIGNUP_SERVICE_SID":"` + signupID + `"}`
	kept := secretsmanager.New()
	vault := httptest.NewServer(kept)
	t.Cleanup(vault.Close)
	for name, c := range map[string]struct {
		text string
		want []string // faults
	}{
		"whole":       {whole, nil},
		"lacks one":   {strings.Replace(whole, "TWILIO_AUTH_TOKEN", "TWILIO_NUMBER", 1), []string{"TWILIO_AUTH_TOKEN: is not set", "TWILIO_NUMBER"}},
		"empty":       {`{}`, []string{"VERIFY_SERVICE_SID: is not set", "TWILIO_ACCOUNT_SID: is not set", "TWILIO_AUTH_TOKEN: is not set"}},
		"no object":   {`["` + theToken + `"]`, []string{": the secret must be one JSON object", "VERIFY_SERVICE_SID", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}},
		"unknown key": {`{"PUBLIC_URL":"` + theKey + `"}`, []string{`: the secret holds "PUBLIC_URL"`, "VERIFY_SERVICE_SID", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, nil, nil, nil)
			path := filepath.Join(t.TempDir(), "secret.json")
			must(t, os.WriteFile(path, []byte(c.text), 0o600))
			_, d := examined(t, w, "--secret", path)
			want := slices.Clone(c.want)
			if name == "lacks one" {
				want = want[:1] // the token is no number, and says so under its own name
				d.Checks = slices.DeleteFunc(d.Checks, func(f finding) bool { return strings.Contains(f.Check, "TWILIO_NUMBER") })
			}
			d.says(t, faulty, want...)
			kept.Put("arn:"+name, &c.text)
			w.vars["SECRET_ARN"], w.vars["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = "arn:"+name, vault.URL
			w.vars["AWS_REGION"], w.vars["AWS_ACCESS_KEY_ID"], w.vars["AWS_SECRET_ACCESS_KEY"] = "eu-west-1", "k", "s"
			_, d = examined(t, w)
			if name == "lacks one" {
				d.Checks = slices.DeleteFunc(d.Checks, func(f finding) bool { return strings.Contains(f.Check, "TWILIO_NUMBER") })
			}
			d.says(t, faulty, want...)
		})
	}
	w := worldOf(t, nil, nil, nil)
	path := filepath.Join(t.TempDir(), "secret.json")
	must(t, os.WriteFile(path, []byte(whole), 0o644))
	_, d := examined(t, w, "--secret", path)
	if !strings.Contains(strings.Join(d.at(warned), "\n"), "secret's file: others on this machine can read it") {
		t.Errorf("%v", d.at(warned))
	}
	_, d = examined(t, w, "--secret", path+"x")
	if !strings.Contains(strings.Join(d.at(faulty), "\n"), "secret's file: ") {
		t.Errorf("%v", d.at(faulty))
	}
	w.vars["SECRET_ARN"], w.vars["AWS_ENDPOINT_URL_SECRETS_MANAGER"], w.vars["AWS_REGION"] = "arn:nobodys", vault.URL, "eu-west-1"
	w.vars["AWS_ACCESS_KEY_ID"], w.vars["AWS_SECRET_ACCESS_KEY"] = "k", "s"
	_, d = examined(t, w)
	if !strings.Contains(strings.Join(d.at(faulty), "\n"), "secret: the secret that SECRET_ARN names is not in this region") {
		t.Errorf("%v", d.at(faulty))
	}
}

// A network that swallows everything is a finding for each check, in less than
// twenty seconds.
func TestDoctorHangs(t *testing.T) {
	t.Parallel()
	vars := worldOf(t, nil, nil, nil).vars
	vars["TABLE_NAME"], vars["AWS_REGION"], vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"] = "t", "eu-west-1", "k", "s"
	for _, name := range []string{"TWILIO_VERIFY_URL", "TWILIO_API_URL", "AUTHY_API_URL"} {
		vars[name] = ""
	}
	for _, args := range [][]string{{"doctor", "--json"}, {"doctor", "--json", stackAt}} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			o := operate(t.Context(), env.Config{
				Getenv: func(name string) string { return vars[name] }, Now: time.Now,
				HTTP: &http.Client{Transport: carrier(func(r *http.Request) (*http.Response, error) {
					<-r.Context().Done()
					return nil, context.Cause(r.Context())
				})},
			}, args...)
			took := time.Since(began)
			if o.code != 1 || took < time.Second || took >= 20*time.Second || strings.Count(o.out, "there was no answer in time") < 5 {
				t.Errorf("%v: %s, %d %s", args, took, o.code, o.out)
			}
		})
	}
}

// The signatures are those of the vendors' recordings and documents, whoever else
// may make them.
func TestDoctorSignatures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ token, address, form, want string }{
		{"0123456789abcdef0123456789abcdef", "https://auth.example.com/hooks/twilio/verify?v=2",
			"account_sid=AC00000000000000000000000000000001&challenge_sid=YC00000000000000000000000000000001&entity_sid=YE00000000000000000000000000000001&factor_sid=YF00000000000000000000000000000001&factor_type=push&identity=ff483d1ff591898a9942916050d2ca3f&service_sid=VA00000000000000000000000000000001&type=challenge.approved&uid=EVaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"lsc/SBX9WLhqKhT5CiZ08RLZNWM="},
		{"12345", "https://mycompany.com/myapp.php?foo=1&bar=2",
			"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&Reason=Participant&ReasonConferenceEnded=test&To=%2B18005551212",
			"vOEb5UThFn24KEfnOFLQY2AE5FY="},
	} {
		form, err := url.ParseQuery(c.form)
		if got := twilioSignature(c.token, c.address, form); err != nil || got != c.want {
			t.Errorf("%s: %s, want %s", c.address, got, c.want)
		}
	}
	const key, hooks = "d57d919d11e6b221c9bf6f7c882028f9", "https://auth.example.com/hooks/authy"
	for _, c := range []struct{ key, nonce, address, body, want string }{
		{key, "1700000002", hooks, `{"authy_id":1234567,"device_uuid":2102943,"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","approval_request":{"transaction":{"details":{"location":"Bogotá, CO","username":"Ana María"},"device_details":{},"device_geolocation":"","device_signing_time":1700000001,"encrypted":false,"flagged":false,"hidden_details":{"sid":"s_1"},"message":"Log in to Example?","reason":null,"requester_details":null,"status":"approved","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","created_at_time":1699999990,"customer_uuid":15083},"expiration_timestamp":1700000110,"logos":[{"res":"default","url":"https://auth.example.com/l.png"},{"res":"med","url":"https://auth.example.com/m.png"}],"app_id":"582380eb7e1caa03317ec08c"},"signature":"c2ln+bmF0/dXJl==","device":{"city":null,"country":"Colombia","enabled_unlock_methods":["pin","fingerprint"],"ip":"203.0.113.7","multidevice_enabled":true,"os_type":"android","id":2102943}}`,
			"T8zWKh1n3o+6BwEAJ0Vts+iUzEnWBnFc6hJWkTEtLjg="},
		{key, "1700000003", hooks, `{"uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","authy_id":1234567,"status":"denied","device_uuid":2102943,"callback_action":"approval_request_status","signature":"c2ln+bmF0/dXJl==","approval_request":{"logos":null,"transaction":{"message":"Log in, ok? 50% off & more","flagged":false,"details":{},"hidden_details":{"sid":"s_1"}}},"device":{"id":2102943,"enabled_unlock_methods":["pin","fingerprint"],"city":null,"multidevice_enabled":true}}`,
			"LMO0cc50uHL/8nMcD0780NU+5AOGQhUvZcmrthx/5MA="},
		{"foo", "1455825429", "https://foo.bar/", `{"foo":{"bar":{"biz":"foo"}},"qux":"net"}`, "uq/wB8AR1Acvn0wFcjm7mmBJyR11nuuMhMy6semsAO8="},
		{"foo", "1455825429", "https://foo.bar/", `{"foo":{"bar":{"biz":"foo bar"}},"qux":"net"}`, "+fyGys+d5yNJx9SpeKZdf+N77od1t1cC/fVSWDW2+kY="},
	} {
		got, err := authySignature(c.key, c.nonce, c.address, []byte(c.body))
		if err != nil || got != c.want {
			t.Errorf("%s: %s %v, want %s", c.nonce, got, err, c.want)
		}
	}
}

// A Date has whole seconds and an answer takes its time: what both allow is no
// difference.
func TestDoctorDrift(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) time.Time { return when.Add(d) }
	for _, c := range []struct {
		date, sent, got, want time.Duration
	}{
		{0, 0, 0, 0}, {0, 900 * time.Millisecond, time.Second, 0}, {0, 0, 4 * time.Second, 0}, {3 * time.Second, 0, 4 * time.Second, 0},
		{0, 2 * time.Second, 3 * time.Second, -time.Second}, {9 * time.Second, 0, 2 * time.Second, 7 * time.Second}, {0, time.Minute, time.Minute, -59 * time.Second},
	} {
		if got := drift(at(c.date), at(c.sent), at(c.got)); got != c.want {
			t.Errorf("%v: %s", c, got)
		}
	}
	for d, want := range map[time.Duration]level{5 * time.Second: fine, -6 * time.Second: warned, 30 * time.Second: warned, 31 * time.Second: faulty, -time.Hour: faulty} {
		w := newWatch(nil, nil)
		w.note("a.example", d)
		w.note("a.example", d*2)
		if f := w.findings(); len(f) != 1 || f[0].Level != want {
			t.Errorf("%s: %v", d, f)
		}
	}
}
