package simulator

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// The reference values of RFC 6238, appendix B (SHA-1), cut to seven digits.
func TestAppTokenVectors(t *testing.T) {
	seed := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "4287082", 1111111109: "7081804", 1111111111: "4050471", 20000000000: "5353130"} {
		got := appToken(seed, at/30)
		if got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func FuzzWeather(f *testing.F) {
	for _, v := range []string{"ok", "slow:3s", "slow:60s", "slow:1e9s", "delay:2s", "429", "drop", ""} {
		f.Add(v, v, v)
	}
	f.Fuzz(func(t *testing.T, sms, api, callbacks string) {
		w := weather{SMS: sms, API: api, Callbacks: callbacks}
		if w.check() != nil {
			return
		}
		d := w.slowness()
		if d < 0 || d > maxWait || (d > 0) != strings.HasPrefix(api, "slow:") {
			t.Errorf("%q waits %v", api, d)
		}
		late := w.lateness()
		if late < 0 || late > maxWait || (late > 0) != strings.HasPrefix(callbacks, "delay:") {
			t.Errorf("%q is late by %v", callbacks, late)
		}
	})
}

func FuzzAuthyUser(f *testing.F) {
	f.Add("application/json", `{"user":{"email":"a@b.co","cellphone":"4155552671","country_code":1}}`)
	f.Add("application/json", `{"user":{"email":null,"cellphone":[[]],"country_code":true}}`)
	f.Add("application/x-www-form-urlencoded", "user[email]=a@b.co&user[cellphone]=415-555-2671&user[country_code]=%2B1")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		form, err := authyForm(r)
		if err != nil {
			return
		}
		u, faults := authyUserOf(form)
		if len(faults) == 0 && (!e164.MatchString(u.phone()) || len(u.masked()) < 5) {
			t.Errorf("accepted %q as %q", body, u.phone())
		}
	})
}
