package knowledge_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/knowledge"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// factor is one whose table nobody asks.
func factor(t *testing.T) *knowledge.Factor {
	t.Helper()
	values := map[string]string{"TABLE_NAME": "t", "PUBLIC_URL": "http://localhost:3000", "BCRYPT_COST": "4"}
	cfg := env.Config{
		Getenv: func(name string) string { return values[name] }, Now: time.Now, HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler),
	}
	vars := env.Read(cfg)
	f := knowledge.New(cfg, vars, session.NewGuard(cfg, vars, store.Open(cfg, vars), web.New(cfg, vars)))
	err := vars.Err()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// with is a request under a session's secret.
func with(secret string) *http.Request {
	r := httptest.NewRequest("POST", "/password", nil)
	token := session.Token{Key: strings.Repeat("A", 43), ID: strings.Repeat("0", 32), Secret: strings.Repeat(secret, 43)}
	r.Header.Set("Authorization", "Bearer "+token.Value())
	return r
}

// A form is the same when all of it is, under the same secret, and no other; one
// that was never kept is nobody's.
func TestForm(t *testing.T) {
	t.Parallel()
	f := factor(t)
	form := f.Form(with("s"), "password", "correct horse", "another")
	if len(form) != 32 || !knowledge.Same(form, f.Form(with("s"), "password", "correct horse", "another")) {
		t.Errorf("%q is not itself", form)
	}
	for what, other := range map[string]string{
		"another secret": f.Form(with("t"), "password", "correct horse", "another"),
		"another step":   f.Form(with("s"), "phone", "correct horse", "another"),
		"another cut":    f.Form(with("s"), "password", "correct horse a", "nother"),
		"one field":      f.Form(with("s"), "password", `correct horse""another`),
		"none":           "",
	} {
		if knowledge.Same(form, other) || knowledge.Same(other, form) {
			t.Errorf("%s is the same form", what)
		}
	}
	if knowledge.Same("", "") {
		t.Error("no form is the one that no user has")
	}
}

// A hash that is none is a fault of ours, and no wrong password.
func TestCompare(t *testing.T) {
	t.Parallel()
	f := factor(t)
	hash, err := f.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hash, current string
		status        int
	}{{hash, "correct horse", 0}, {hash, "wrong horse", 401}, {"", "correct horse", 401}, {"no hash", "correct horse", 503}} {
		p := f.Compare(httptest.NewRequest("POST", "/password", nil), store.User{Profile: store.Profile{Hash: c.hash}}, c.current)
		if p == nil != (c.status == 0) || p != nil && p.Status != c.status {
			t.Errorf("%q, %q: %v", c.hash, c.current, p)
		}
	}
}
