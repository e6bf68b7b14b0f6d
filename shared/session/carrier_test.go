package session_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/web"
)

// FuzzCarrier lets a client bring any cookies and any Authorization. A token that
// is found stands in what was brought, letter for letter; beside the header no
// cookie counts; and the one of a step hides no session but its own.
func FuzzCarrier(f *testing.F) {
	whole, other := token().Value(), session.Derive(strings.Repeat("t", 43), token().Key, "beside").Value()
	site := func(name string) string { return "__Host-latchkey-" + name + "=" }
	for _, cookies := range []string{
		"", site("session") + whole, site("step") + other, site("session") + whole + "; " + site("step") + other, site("step") + "x; " + site("session") + whole,
		site("session") + `"` + whole + `"`, site("session") + whole + "; " + site("session") + other, "latchkey-session=" + whole, site("device") + whole,
	} {
		for _, header := range []string{"", "Bearer " + other, "bearer\t" + other, "Bearer", "Basic eDp5", "Bearer  " + whole + " ", "BearerX " + whole, " Bearer " + whole} {
			f.Add(cookies, header)
		}
	}
	cfg := env.Config{Getenv: func(string) string { return "" }}
	vars := env.Read(cfg)
	s := web.New(cfg, vars)
	guard := session.NewGuard(cfg, vars, nil, s)
	f.Fuzz(func(t *testing.T, cookies, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{cookies}
		if header != "" {
			r.Header["Authorization"] = []string{header}
		}
		step, ok := guard.Token(r)
		whole, signed := guard.Whole(r)
		device, known := guard.Device(r, whole.Key)
		bearer := len(header) >= 6 && strings.EqualFold(header[:6], "Bearer") && (len(header) == 6 || header[6] == ' ' || header[6] == '\t')
		for name, c := range map[string]struct {
			t  session.Token
			ok bool
		}{"step": {step, ok}, "whole": {whole, signed}, "device": {device, known}} {
			from := cookies
			if bearer {
				from = header
			}
			if c.ok && !strings.Contains(from, c.t.Value()) || !c.ok && c.t != (session.Token{}) && name != "device" {
				t.Errorf("%s: %q from %q and %q", name, c.t.Value(), cookies, header)
			}
		}
		if bearer && (ok != signed || step != whole || known) {
			t.Errorf("a cookie counts beside %q", header)
		}
		if signed && !ok {
			t.Errorf("a step hides the session: %q", cookies)
		}
	})
}
