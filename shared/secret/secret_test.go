package secret_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/local/secretsmanager"
	"latchkey/shared/env"
	"latchkey/shared/secret"
)

const arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:latchkey"

// vault is a deployment with a secret.
type vault struct {
	*secretsmanager.Store
	cfg env.Config
	now time.Time
	log strings.Builder
}

func open(t *testing.T, set ...string) *vault {
	t.Helper()
	v := &vault{Store: secretsmanager.New(), now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(v.Store)
	t.Cleanup(server.Close)
	vars := map[string]string{
		"SECRET_ARN": arn, "AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL, "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "key",
	}
	for _, s := range set {
		name, value, _ := strings.Cut(s, "=")
		vars[name] = value
	}
	v.cfg = env.Config{
		Getenv: func(name string) string { return vars[name] }, Now: func() time.Time { return v.now },
		HTTP: &http.Client{Transport: &http.Transport{}}, Log: slog.New(slog.NewJSONHandler(&v.log, nil)),
	}
	return v
}

func (v *vault) put(text string) { v.Put(arn, &text) }

func (v *vault) fetch(ctx context.Context) (secret.Values, error) {
	return secret.Open(v.cfg, env.Read(v.cfg)).Fetch(ctx)
}

// What is wrong with a secret is named by its keys, and nothing of its values is
// shown; a variable that is no credential cannot come from it.
func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: "", `{"TWILIO_AUTH_TOKEN":"canary"}`: "", ` {"AUTHY_API_KEY": "canary", "TEST_NUMBERS": ""} `: "",
		``: "one JSON object", `null`: "one JSON object", `"canary"`: "one JSON object", `["canary"]`: "one JSON object", `{"TWILIO_AUTH_TOKEN":"canary"`: "one JSON object",
		`{"TWILIO_AUTH_TOKEN":"canary"} canary`: "one JSON object",
		`{"TWILIO_AUTH_TOKEN":7}`:               "TWILIO_AUTH_TOKEN must be a text", `{"TWILIO_AUTH_TOKEN":null}`: "TWILIO_AUTH_TOKEN must be a text", `{"TWILIO_AUTH_TOKEN":{"a":"canary"}}`: "must be a text",
		`{"PUBLIC_URL":"https://canary.example"}`: "", `{"LATER":{"a":"canary"}}`: "",
	} {
		values, err := secret.Parse([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "canary") || values != nil) {
			t.Errorf("%s: shows a value: %v", text, err)
		}
	}
	_, err := secret.Parse([]byte(`{"A":1,"TWILIO_AUTH_TOKEN":7,"AUTHY_API_KEY":[]}`))
	if err == nil || strings.Count(err.Error(), "; ") != 1 {
		t.Errorf("not all faults at once: %v", err)
	}
}

// What may not come from a secret does not, and is named.
func TestUnknown(t *testing.T) {
	t.Parallel()
	values, err := secret.Parse([]byte(`{"PUBLIC_URL":"https://canary.example","AUTHY_API_KEY":"key","LATER":7}`))
	if err != nil || strings.Join(values.Unknown(), " ") != "LATER PUBLIC_URL" {
		t.Errorf("%v, %v", values.Unknown(), err)
	}
	getenv := values.Over(func(name string) string { return "process" })
	if getenv("PUBLIC_URL") != "process" || getenv("LATER") != "process" || getenv("AUTHY_API_KEY") != "key" {
		t.Errorf("%q %q %q", getenv("PUBLIC_URL"), getenv("LATER"), getenv("AUTHY_API_KEY"))
	}
}

// The secret's variables stand before the process's, also where they are empty;
// all others are the process's.
func TestOver(t *testing.T) {
	t.Parallel()
	getenv := secret.Values{"TWILIO_NUMBER": "secret", "AUTHY_API_KEY": ""}.Over(func(name string) string { return "process " + name })
	if getenv("TWILIO_NUMBER") != "secret" || getenv("AUTHY_API_KEY") != "" || getenv("C") != "process C" {
		t.Errorf("%q %q %q", getenv("TWILIO_NUMBER"), getenv("AUTHY_API_KEY"), getenv("C"))
	}
}

// Each way in which a secret cannot be read has the sentence that mends it.
func TestFetch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(v *vault)
		want    string
	}{
		"not there":     {func(v *vault) {}, "aws secretsmanager put-secret-value"},
		"no value yet":  {func(v *vault) { v.Put(arn, nil) }, "aws secretsmanager put-secret-value"},
		"not allowed":   {func(v *vault) { v.Refuse("AccessDeniedException") }, "secretsmanager:GetSecretValue"},
		"sealed":        {func(v *vault) { v.Refuse("DecryptionFailure") }, "kms:Decrypt"},
		"out of order":  {func(v *vault) { v.Refuse("InternalServiceError") }, "could not be read"},
		"no JSON":       {func(v *vault) { v.put("canary") }, "one JSON object"},
		"all is well":   {func(v *vault) { v.put(`{"AUTHY_API_KEY":"canary"}`) }, ""},
		"well, and big": {func(v *vault) { v.put(`{"TEST_NUMBERS":"` + strings.Repeat("x", 60<<10) + `"}`) }, ""},
	} {
		v := open(t)
		c.prepare(v)
		values, err := v.fetch(t.Context())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || err == nil && len(values) != 1 {
			t.Errorf("%s: %d variables, %v, want %q", name, len(values), err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: shows a value: %v", name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	v := open(t, "SECRET_ARN=")
	if secret.Open(v.cfg, env.Read(v.cfg)) != nil {
		t.Error("a laptop has a secret")
	}
	for set, want := range map[string]time.Duration{"": 10 * time.Minute, "1m": time.Minute, "24h": 24 * time.Hour, "30s": 0, "25h": 0, "x": 0} {
		v := open(t, "SECRET_LIFE="+set)
		vars := env.Read(v.cfg)
		s := secret.Open(v.cfg, vars)
		if (vars.Err() == nil) != (want > 0) || want > 0 && s.Life() != want {
			t.Errorf("%q: %v, %v", set, s.Life(), vars.Err())
		}
	}
}

// FuzzParse: what is taken holds variables that may come from a secret, and no
// text at all makes an error that quotes a value.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{}`, `{"AUTHY_API_KEY":"k"}`, `{"AUTHY_API_KEY":1}`, `{"x":"y"}`, `[]`, "{", `{"TEST_NUMBERS":"a","TEST_NUMBERS":"b"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := secret.Parse(text)
		if (err == nil) == (values == nil) {
			t.Fatalf("%q: %v %v", text, values, err)
		}
		getenv := values.Over(func(string) string { return "process" })
		for _, name := range values.Unknown() {
			if getenv(name) != "process" {
				t.Errorf("%q: %q comes from it", text, name)
			}
		}
	})
}
