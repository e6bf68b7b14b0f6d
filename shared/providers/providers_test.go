package providers_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/store"
	"latchkey/shared/verify"
)

// start is the time at which a test begins.
var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

var (
	verifyVars = map[string]string{
		"TWILIO_ACCOUNT_SID": "AC" + strings.Repeat("0", 32), "TWILIO_AUTH_TOKEN": "token", "VERIFY_SERVICE_SID": "VA" + strings.Repeat("0", 32),
	}
	authyVars = map[string]string{"AUTHY_API_KEY": "key"}
)

func open(sets ...map[string]string) (*providers.Set, error) {
	vars := map[string]string{}
	for _, s := range sets {
		maps.Copy(vars, s)
	}
	cfg := env.Config{Getenv: func(name string) string { return vars[name] }}
	v := env.Read(cfg)
	return providers.New(cfg, v), v.Err()
}

// The default vendor must be there; the other may be missing as a whole, and
// both serve side by side.
func TestNew(t *testing.T) {
	named := func(name string) map[string]string { return map[string]string{"PROVIDER": name} }
	for name, c := range map[string]struct {
		sets []map[string]string
		std  string
		has  []string
		ok   bool
	}{
		"verify alone":             {[]map[string]string{verifyVars}, verify.Name, []string{verify.Name}, true},
		"authy alone":              {[]map[string]string{authyVars, named("authy")}, authy.Name, []string{authy.Name}, true},
		"both, verify":             {[]map[string]string{verifyVars, authyVars}, verify.Name, []string{verify.Name, authy.Name}, true},
		"both, authy":              {[]map[string]string{verifyVars, authyVars, named("authy")}, authy.Name, []string{verify.Name, authy.Name}, true},
		"nothing":                  {nil, verify.Name, nil, false},
		"the default is not there": {[]map[string]string{authyVars}, verify.Name, nil, false},
		"authy is not there":       {[]map[string]string{verifyVars, named("authy")}, authy.Name, nil, false},
		"no such vendor":           {[]map[string]string{verifyVars, named("other")}, "other", nil, false},
	} {
		s, err := open(c.sets...)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if s.Default != c.std {
			t.Errorf("%s: default %q", name, s.Default)
		}
		for _, flow := range []store.Flow{store.Signup, store.Login} {
			for _, vendor := range c.has {
				codes, err := s.Codes(flow, vendor)
				if err != nil || codes == nil {
					t.Errorf("%s: %s for %s: %v", name, vendor, flow, err)
				}
			}
		}
	}
}

// A vendor that a deployment lacks is out of order for its users, and no
// other's codes pass in its place.
func TestCodesOfAMissingVendor(t *testing.T) {
	s, err := open(verifyVars)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flow store.Flow
		name string
	}{{store.Signup, authy.Name}, {store.Login, authy.Name}, {store.Signup, ""}, {"", verify.Name}, {"other", verify.Name}} {
		codes, err := s.Codes(c.flow, c.name)
		if codes != nil || !errors.Is(err, otp.ErrUnavailable) {
			t.Errorf("%q for %q: %v %v", c.name, c.flow, codes, err)
		}
	}
}

// Sign-up and login are two views: what was sent to prove a phone is no second
// factor.
func TestFlowsDiffer(t *testing.T) {
	s, err := open(verifyVars, authyVars)
	if err != nil {
		t.Fatal(err)
	}
	for _, vendor := range []string{verify.Name, authy.Name} {
		a, err := s.Codes(store.Signup, vendor)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Codes(store.Login, vendor)
		if err != nil || a == b {
			t.Errorf("%s: one view for both flows, %v", vendor, err)
		}
		for flow, want := range map[store.Flow]any{store.Move: a, store.Proof: b} { // a new phone is a stranger's until it is proved
			got, err := s.Codes(flow, vendor)
			if err != nil || got != want {
				t.Errorf("%s: %s has the codes of another flow, %v", vendor, flow, err)
			}
		}
	}
}

// A visitor is offered what the operator allows and the vendor has.
func TestOffered(t *testing.T) {
	s, err := open(verifyVars, authyVars, map[string]string{"CHANNELS": "whatsapp,sms,call", "CALL_AFTER": "0"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]otp.Channel{
		verify.Name: {otp.WhatsApp, otp.SMS, otp.Call}, authy.Name: {otp.SMS, otp.Call}, "other": nil,
	} {
		half := store.Session{Flow: store.Signup, Profile: store.Profile{Provider: name}}
		if got := s.Offered(half, start); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A call is offered after so many codes to the phone, of the last day and known
// to the session; at once only where the operator says so.
func TestCallsAreOfferedLate(t *testing.T) {
	hours := func(ago ...int) store.Sends {
		var s store.Sends
		for _, n := range ago {
			s.Times = append(s.Times, start.Add(-time.Duration(n)*time.Hour))
		}
		return s
	}
	for _, c := range []struct {
		after string
		sends store.Sends
		want  bool
	}{
		{"", hours(), false}, {"", hours(2, 1), false}, {"", hours(2, 1, 0), true}, {"", hours(5, 4, 3, 2, 1), true},
		{"", hours(24, 2, 1), false}, {"", hours(23, 2, 1), true},
		{"0", hours(), true}, {"1", hours(), false}, {"1", hours(1), true}, {"10", hours(9, 8, 7, 6, 5, 4, 3, 2, 1), false},
	} {
		s, err := open(verifyVars, authyVars, map[string]string{"CHANNELS": "call,sms", "CALL_AFTER": c.after})
		if err != nil {
			t.Fatal(err)
		}
		for _, vendor := range []string{verify.Name, authy.Name} {
			got := s.Offered(store.Session{Flow: store.Login, Sends: c.sends, Profile: store.Profile{Provider: vendor}}, start)
			if slices.Contains(got, otp.Call) != c.want || !slices.Contains(got, otp.SMS) {
				t.Errorf("CALL_AFTER=%s, %s, after %v: %q", c.after, vendor, c.sends.Times, got)
			}
		}
	}
	for _, after := range []string{"-1", "11", "never"} {
		_, err := open(verifyVars, map[string]string{"CALL_AFTER": after})
		if err == nil || !strings.HasPrefix(err.Error(), "CALL_AFTER must be a whole number from 0 to 10") {
			t.Errorf("CALL_AFTER=%s: %v", after, err)
		}
	}
	s, err := open(verifyVars, map[string]string{"CALL_AFTER": "0"})
	if err != nil || slices.Contains(s.Offered(store.Session{Flow: store.Login, Profile: store.Profile{Provider: verify.Name}}, start), otp.Call) {
		t.Errorf("a call is offered where calls are off, %v", err)
	}
}
