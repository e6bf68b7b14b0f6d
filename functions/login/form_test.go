package login

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"latchkey/shared/web"
)

// Each missing field has a sentence of its own; whether the two belong to
// anybody is not said here, nor is a password judged (parity 80; R-007).
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		email, password, address string
		wrong                    []string
	}{
		"both":            {"ada@example.com", "correct horse", "ada@example.com", nil},
		"another case":    {"  Ada@EXAMPLE.com ", "x", "ada@example.com", nil},
		"nothing":         {"", "", "", []string{"email", "password"}},
		"no password":     {"ada@example.com", "", "ada@example.com", []string{"password"}},
		"no email":        {"", "correct horse", "", []string{"email"}},
		"no address":      {"ada", "correct horse", "", []string{"email"}},
		"a short one":     {"ada@example.com", "x", "ada@example.com", nil},
		"a very long one": {"ada@example.com", strings.Repeat("x", 9000), "ada@example.com", nil},
		"a NUL":           {"ada@example.com", "a\x00b", "ada@example.com", nil},
	} {
		f := form{Email: c.email, password: c.password}
		wrong := f.check()
		var names []string
		for _, w := range wrong {
			names = append(names, w.Name)
			if w.Text == "" || c.password != "" && strings.Contains(w.Text, c.password) {
				t.Errorf("%s: %q", name, w.Text)
			}
		}
		if strings.Join(names, " ") != strings.Join(c.wrong, " ") || c.address != "" && f.address != c.address {
			t.Errorf("%s: %v, address %q", name, names, f.address)
		}
	}
	f := form{}
	if wrong := f.check(); wrong[0].Text == wrong[1].Text {
		t.Error("both fields have one sentence")
	}
}

// The same form is the same session, however the address is spelled; whatever
// else differs makes another.
func TestFormIsOneSession(t *testing.T) {
	token := func(seed, email, password string) string {
		t.Helper()
		f := form{Seed: seed, Email: email, password: password}
		f.check()
		return f.token().Value()
	}
	seed := strings.Repeat("s", 43)
	want := token(seed, "ada@example.com", "correct horse")
	if token(seed, " ADA@example.com", "correct horse") != want {
		t.Error("another spelling is another session")
	}
	seen := map[string]string{want: "itself"}
	for name, got := range map[string]string{
		"another seed":     token(strings.Repeat("t", 43), "ada@example.com", "correct horse"),
		"another address":  token(seed, "bob@example.com", "correct horse"),
		"another password": token(seed, "ada@example.com", "correct horsf"),
		"a moved border":   token(seed, "ada@example.comc", "orrect horse"),
		"a quote":          token(seed, "ada@example.com", `correct horse"`),
		"with a blank":     token(seed, "ada@example.com", "correct horse "),
	} {
		if seen[got] != "" {
			t.Errorf("%s is %s", name, seen[got])
		}
		seen[got] = name
	}
	if strings.Contains(want, "horse") {
		t.Error("the password is in the token")
	}
}

// A program's key is its seed; a browser's hidden field is; neither may be
// guessable.
func TestRead(t *testing.T) {
	key := strings.Repeat("k", 32)
	for name, c := range map[string]struct {
		json        bool
		key, form   string
		seed, keyed string
		malformed   bool
	}{
		"browser":                {form: key, seed: key},
		"browser without a seed": {seed: "new"},
		"browser, short":         {form: "short", malformed: true},
		"browser with a key":     {form: key, key: strings.Repeat("x", 32), seed: key},
		"program":                {json: true, seed: "new"},
		"program with a key":     {json: true, key: key, seed: key, keyed: key},
		"program with both":      {json: true, key: key, form: strings.Repeat("f", 32), seed: key, keyed: key},
		"program, short":         {json: true, key: "short", malformed: true},
		"program, an empty key":  {json: true, key: " ", malformed: true},
		"program with a form":    {json: true, form: key, seed: key},
	} {
		body, kind := url.Values{"email": {"ada@example.com"}, "password": {"x"}, "form": {c.form}}.Encode(), "application/x-www-form-urlencoded"
		if c.json {
			body, kind = `{"email":"ada@example.com","password":"x","form":"`+c.form+`"}`, "application/json"
		}
		r := httptest.NewRequest("POST", "/login", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		if c.key != "" {
			r.Header.Set("Idempotency-Key", strings.TrimSpace(c.key))
		}
		f, err := read(r)
		p, _ := err.(*web.Problem)
		if (p != nil) != c.malformed || p != nil && p.Code != "malformed" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.malformed {
			continue
		}
		fresh := c.seed == "new" && len(f.Seed) == 43
		if !fresh && f.Seed != c.seed || f.key != c.keyed || f.Email != "ada@example.com" || f.password != "x" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
