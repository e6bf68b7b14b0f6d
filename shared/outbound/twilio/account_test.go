package twilio_test

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/env"
	"latchkey/shared/outbound/twilio"
)

var (
	account = "AC" + strings.Repeat("0a", 16)
	key     = "SK" + strings.Repeat("0b", 16)
)

func vars(set map[string]string) *env.Vars { return env.Read(doortest.Config(set)) }

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name           string
		set            map[string]string
		user, password string
		faults         []string
	}{
		{"token", map[string]string{"TWILIO_ACCOUNT_SID": account, "TWILIO_AUTH_TOKEN": "canary1"}, account, "canary1", nil},
		{"key wins", map[string]string{"TWILIO_ACCOUNT_SID": account, "TWILIO_AUTH_TOKEN": "canary1", "TWILIO_API_KEY_SID": key, "TWILIO_API_KEY_SECRET": "canary2"}, key, "canary2", nil},
		{"nothing", nil, "", "", []string{"TWILIO_ACCOUNT_SID is not set", "TWILIO_AUTH_TOKEN is not set"}},
		{"key without secret", map[string]string{"TWILIO_ACCOUNT_SID": account, "TWILIO_AUTH_TOKEN": "canary1", "TWILIO_API_KEY_SID": key}, key, "", []string{"TWILIO_API_KEY_SECRET is not set"}},
		{"secret without key", map[string]string{"TWILIO_ACCOUNT_SID": account, "TWILIO_API_KEY_SECRET": "canary2"}, "", "canary2", []string{"TWILIO_API_KEY_SID is not set"}},
		{"swapped", map[string]string{"TWILIO_ACCOUNT_SID": key, "TWILIO_AUTH_TOKEN": "canary1"}, key, "canary1", []string{"TWILIO_ACCOUNT_SID must be AC"}},
		{"token with a line end", map[string]string{"TWILIO_ACCOUNT_SID": account, "TWILIO_AUTH_TOKEN": "canary1\n"}, account, "canary1\n", []string{"TWILIO_AUTH_TOKEN must be letters"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := vars(c.set)
			a := twilio.Read(v)
			if a.User != c.user || a.Password != c.password {
				t.Errorf("calls as %q with %q", a.User, a.Password)
			}
			wantFaults(t, v.Err(), c.faults)
			doortest.Hides(t, "canary", a)
		})
	}
}

func wantFaults(t *testing.T, err error, want []string) {
	t.Helper()
	text := fmt.Sprint(err)
	if len(want) == 0 && err != nil {
		t.Errorf("faults: %v", err)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("faults %q lack %q", text, w)
		}
	}
	if strings.Contains(text, "canary") {
		t.Errorf("faults %q hold a secret", text)
	}
}

func TestSID(t *testing.T) {
	good := "VA" + strings.Repeat("0c", 16)
	for _, c := range []struct {
		name  string
		set   map[string]string
		want  string
		fault []string
	}{
		{"first", map[string]string{"ONE": good}, good, nil},
		{"alias", map[string]string{"TWO": good}, good, nil},
		{"first before alias", map[string]string{"ONE": good, "TWO": "nonsense"}, good, nil},
		{"none", nil, "", []string{"ONE is not set: look there"}},
		{"path in it", map[string]string{"TWO": "VA/../" + strings.Repeat("0", 28)}, "VA/../" + strings.Repeat("0", 28), []string{"TWO must be VA and 32 hexadecimal digits: look there"}},
		{"other kind", map[string]string{"ONE": account}, account, []string{"ONE must be VA"}},
		{"line end", map[string]string{"ONE": good + "\n"}, good + "\n", []string{"ONE must be VA"}},
	} {
		v := vars(c.set)
		got := twilio.SID(v, "VA", "look there", "ONE", "TWO")
		if got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
		wantFaults(t, v.Err(), c.fault)
	}
}

func TestRefusalTellsCredentialsFromOutage(t *testing.T) {
	for _, c := range []struct {
		status, code int
		credentials  bool
	}{
		{401, 20003, true},
		{401, 0, true},
		{403, 20003, true},
		{403, 20008, true},
		{403, 0, true},
		{403, 60605, false},
		{403, 60410, false},
		{400, 60200, false},
		{404, 20404, false},
		{429, 20429, false},
		{500, 20500, false},
		{503, 0, false},
	} {
		got := twilio.Refusal("verify", c.status, c.code)
		if got.Credentials != c.credentials {
			t.Errorf("%d, %d: credentials %v", c.status, c.code, got.Credentials)
		}
	}
}

// Who tries the product with a trial account finds the reason in the log
// (parity 126).
func TestTrialAccount(t *testing.T) {
	for code, told := range map[int]bool{21608: true, 21211: false, 0: false} {
		text := twilio.Refusal("verify", 400, code).Error()
		if strings.Contains(text, "trial account") != told {
			t.Errorf("%d: %s", code, text)
		}
	}
}

// FuzzIsSID compares with a reading letter by letter: what passes goes into a path
// as it is.
func FuzzIsSID(f *testing.F) {
	for _, s := range []string{account, strings.ToLower(account), account + "\n", account[:33], account + "0", "VA/../" + strings.Repeat("0", 28), "AC" + strings.Repeat("é", 16), ""} {
		f.Add("AC", s)
	}
	f.Add("", account)
	f.Add("AC0", account)
	f.Fuzz(func(t *testing.T, prefix, s string) {
		rest, ok := strings.CutPrefix(s, prefix)
		capitals := len(prefix) == 2 && prefix[0] >= 'A' && prefix[0] <= 'Z' && prefix[1] >= 'A' && prefix[1] <= 'Z'
		want := ok && capitals && len(rest) == 32 && strings.Trim(rest, "0123456789abcdefABCDEF") == ""
		if twilio.IsSID(prefix, s) != want {
			t.Errorf("%q of %q: %v", s, prefix, !want)
		}
	})
}
