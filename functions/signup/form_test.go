package signup

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"latchkey/shared/env"
	"latchkey/shared/numbers"
	"latchkey/shared/phone"
	"latchkey/shared/session"
	"latchkey/shared/store"
)

func TestCheckName(t *testing.T) {
	for typed, want := range map[string]string{
		"Ada Lovelace": "Ada Lovelace", "  Ada\t": "Ada", "\u3000Ada\u00a0": "Ada", "Zoe\u0308": "Zoë", "李小龍": "李小龍", "X": "X",
		"<b>Ada</b>": "<b>Ada</b>", "O'Neil \"Ada\" & Co": "O'Neil \"Ada\" & Co", "👩‍🔧": "👩‍🔧",
		strings.Repeat("ü", 100): strings.Repeat("ü", 100), strings.Repeat("u\u0308", 100): strings.Repeat("ü", 100),
		"": "", "  ": "", "\u00a0": "", strings.Repeat("x", 101): "", "Ada\x00": "", "A\nda": "", "A\u202eda": "", "\ufeffAda": "", "Ada\x1b[0m": "",
	} {
		got, wrong := checkName(typed)
		if got != want || (wrong == "") != (want != "") {
			t.Errorf("%q: %q %q, want %q", typed, got, wrong, want)
		}
	}
}

// profileOf is a step without its vendors, good for check.
func profileOf(t *testing.T, f form) (store.Profile, map[string]string) {
	t.Helper()
	plan := numbers.New(env.Read(env.Config{Getenv: getenv(nil)}))
	s := &step{plan: plan, provider: "verify"}
	p, wrong := s.check(f)
	found := map[string]string{}
	for _, w := range wrong {
		if found[w.Name] != "" {
			t.Errorf("%s is wrong twice", w.Name)
		}
		found[w.Name] = w.Text
	}
	return p, found
}

func TestCheck(t *testing.T) {
	f := form{Name: " Ada ", Email: "Ada@Example.com", Country: "gb", Phone: "07400 123456", password: "correct horse"}
	p, wrong := profileOf(t, f)
	want := store.Profile{Name: "Ada", Email: "ada@example.com", Phone: "+447400123456", Country: "GB", CallingCode: "44", Provider: "verify"}
	if p != want || len(wrong) != 0 {
		t.Errorf("%q %v", wrong, p == want)
	}
	// All faults at once, each beside its field.
	_, wrong = profileOf(t, form{})
	for _, name := range []string{"fullName", "email", "password", "countryCode", "phone"} {
		if wrong[name] == "" {
			t.Errorf("%s is missing, and nothing is said: %q", name, wrong)
		}
	}
	_, wrong = profileOf(t, form{Country: "US"})
	if wrong["phone"] == "" || wrong["countryCode"] != "" || len(wrong) != 4 {
		t.Errorf("%q", wrong)
	}
}

func post(body, accept, key string) *http.Request {
	r := httptest.NewRequest("POST", "/signup", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", accept)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return r
}

func TestRead(t *testing.T) {
	seed, key := strings.Repeat("s", 32), strings.Repeat("k", 32)
	typed := url.Values{"form": {seed}, "fullName": {"Ada"}, "email": {"a@b.c"}, "password": {" p w "}, "countryCode": {"US"}, "phone": {"1"}, "role": {"admin"}}
	f, err := read(post(typed.Encode(), "text/html", ""))
	want := form{Seed: seed, Name: "Ada", Email: "a@b.c", password: " p w ", Country: "US", Phone: "1"}
	if err != nil || f != want {
		t.Errorf("a form is read as %+v, %v", f, err)
	}
	f, err = read(post(typed.Encode(), "text/html", key))
	if err != nil || f.Seed != seed || f.key != "" {
		t.Errorf("a browser's key: %+v, %v", f, err)
	}
	f, err = read(post(`{"email":"a@b.c"}`, "", key))
	if err != nil || f.Seed != key || f.key != key || f.Email != "a@b.c" {
		t.Errorf("a program's key: %+v, %v", f, err)
	}
	a, err := read(post(`{"email":"a@b.c"}`, "", ""))
	if err != nil || !session.ValidSeed(a.Seed) || a.key != "" {
		t.Errorf("no key: %+v, %v", a, err)
	}
	b, err := read(post(`{"email":"a@b.c"}`, "", ""))
	if err != nil || a.Seed == b.Seed {
		t.Errorf("two requests without a key are one: %v", err)
	}
}

// a document with anything else is refused, mass assignment too.
func TestReadRefuses(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"role":                 post(`{"email":"a@b.c","role":"admin"}`, "", ""),
		"upper case":           post(`{"Email":"a@b.c"}`, "", ""),
		"email twice":          post("email=a&email=b", "", ""),
		"short key":            post(`{}`, "", strings.Repeat("k", 31)),
		"long key":             post(`{}`, "", strings.Repeat("k", 129)),
		"key of other letters": post(`{}`, "", strings.Repeat("k", 40)+"!"),
		"short seed":           post("form=abc", "", ""),
		"seed of other signs":  post("form="+strings.Repeat("%20", 40), "", ""),
	} {
		f, err := read(r)
		if err == nil || err.Error() != "malformed" || f != (form{}) {
			t.Errorf("%s: %v, read as %+v", name, err, f)
		}
	}
}

func contentOf(name, email, pw, number string) string {
	return form{password: pw}.content(store.Profile{Name: name, Email: email, Phone: phone.Number(number)})
}

// What was typed differently is another form, whatever stands where.
func TestContentKeepsFieldsApart(t *testing.T) {
	seen := map[string]string{}
	for _, v := range [][4]string{
		{"a", "b", "c", "d"}, {"ab", "", "c", "d"}, {"", "ab", "c", "d"}, {"a", "bc", "", "d"}, {"a", "b", "", "cd"}, {"a", "b", "cd", ""},
		{`a""b`, "", "c", "d"}, {`a"`, `b`, "c", "d"}, {`a`, `"b`, "c", "d"}, {`a\`, `b`, "c", "d"}, {`a\"`, "", `b`, "d"},
		{"a\x00b", "", "c", "d"}, {"a", "\x00b", "c", "d"}, {"a\\x00b", "", "c", "d"}, {"a\xffb", "", "c", "d"}, {"a\\xffb", "", "c", "d"}, {"a\ufffdb", "", "c", "d"},
	} {
		got := contentOf(v[0], v[1], v[2], v[3])
		if seen[got] != "" {
			t.Errorf("%q and %s are the same form", v, seen[got])
		}
		seen[got] = strings.Join(v[:], "|")
	}
}

func FuzzContent(f *testing.F) {
	f.Add("a", `"b`, "c\x00", "d", `a"`, "b", "\x00c", "d")
	f.Add(`\`, `"`, "", "", ``, `\"`, "", "")
	f.Add("\xff", "", "", "", "\ufffd", "", "", "")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i string) {
		same := a == e && b == g && c == h && d == i
		if (contentOf(a, b, c, d) == contentOf(e, g, h, i)) != same {
			t.Errorf("%q and %q: same %v", []string{a, b, c, d}, []string{e, g, h, i}, same)
		}
	})
}
