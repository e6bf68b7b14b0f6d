package providers_test

import (
	"errors"
	"testing"

	"latchkey/shared/authy"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/push"
	"latchkey/shared/store"
	"latchkey/shared/verify"
)

// A vendor that a deployment lacks asks nobody, and no other in its place; only
// Verify's users have something to enrol.
func TestPushes(t *testing.T) {
	for name, c := range map[string]struct {
		set     []map[string]string
		vendors map[string]bool
		factors bool
	}{
		"verify alone": {[]map[string]string{verifyVars}, map[string]bool{verify.Name: true, authy.Name: false, "": false, "other": false}, true},
		"authy alone":  {[]map[string]string{authyVars, {"PROVIDER": "authy"}}, map[string]bool{verify.Name: false, authy.Name: true, "": false}, false},
		"both":         {[]map[string]string{verifyVars, authyVars}, map[string]bool{verify.Name: true, authy.Name: true}, true},
	} {
		s, err := open(c.set...)
		if err != nil {
			t.Fatal(err)
		}
		for vendor, has := range c.vendors {
			p, err := s.Pushes(vendor)
			if (p != nil) != has || (err == nil) != has || !has && !errors.Is(err, otp.ErrUnavailable) {
				t.Errorf("%s, %q: %v %v", name, vendor, p != nil, err)
			}
		}
		if (s.Factors() != nil) != c.factors {
			t.Errorf("%s: factors %v", name, s.Factors() != nil)
		}
	}
}

// A push goes to the newest device that was confirmed, or to the person whom
// Authy knows; to nobody else (parity 86, 134).
func TestDevice(t *testing.T) {
	factor := func(kind, sid string, active bool) store.Factor {
		return store.Factor{ID: sid, Type: kind, SID: sid, Active: active}
	}
	user := func(provider, ref string, factors ...store.Factor) store.User {
		return store.User{UID: "uid", Profile: store.Profile{Provider: provider, ProviderRef: ref}, Factors: factors}
	}
	for name, c := range map[string]struct {
		user store.User
		want push.Target
		ok   bool
	}{
		"authy":                         {user("authy", "12345"), push.Target{User: "12345"}, true},
		"authy without an id":           {user("authy", ""), push.Target{}, false},
		"authy with a factor":           {user("authy", "12345", factor("push", "YF1", true)), push.Target{User: "12345"}, true},
		"verify":                        {user("verify", "", factor("push", "YF1", true)), push.Target{User: "uid", Device: "YF1"}, true},
		"verify without a factor":       {user("verify", ""), push.Target{User: "uid"}, false},
		"verify, not confirmed":         {user("verify", "", factor("push", "YF1", false)), push.Target{User: "uid"}, false},
		"verify, an authenticator only": {user("verify", "", factor("totp", "YF1", true)), push.Target{User: "uid"}, false},
		"verify, the newest of several": {
			user("verify", "", factor("push", "YF1", true), factor("push", "YF2", true), factor("push", "YF3", false), factor("totp", "YF4", true)),
			push.Target{User: "uid", Device: "YF2"}, true,
		},
	} {
		got, ok := providers.Device(c.user)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v %v", name, got, ok)
		}
		if ok && (got.Subject() == "" || got.Subject() != c.want.Device && c.want.Device != "") {
			t.Errorf("%s: a callback must name %q", name, got.Subject())
		}
	}
}

func TestNewest(t *testing.T) {
	u := store.User{Factors: []store.Factor{
		{ID: "1", Type: "totp", Active: true}, {ID: "2", Type: "totp", Active: true}, {ID: "3", Type: "totp"}, {ID: "4", Type: "push", Active: true},
	}}
	for kind, want := range map[string]string{"totp": "2", "push": "4", "other": "", "": ""} {
		f, ok := providers.Newest(u, kind)
		if f.ID != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", kind, f.ID, ok, want)
		}
	}
}
