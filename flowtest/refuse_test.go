package flowtest

import (
	"encoding/json"
	"html"
	"maps"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// fault is one way to send sign-up something wrong, and what must come of it.
type fault struct {
	name   string
	change map[string]string // of a form that works
	field  string            // which is refused; "" if the form is to be accepted
}

var faults = []fault{
	{"no name", map[string]string{"fullName": ""}, "fullName"},
	{"blank name", map[string]string{"fullName": " \t "}, "fullName"},
	{"long name", map[string]string{"fullName": strings.Repeat("é", 101)}, "fullName"},
	{"name of 100", map[string]string{"fullName": strings.Repeat("é", 100)}, ""},
	{"name with NUL", map[string]string{"fullName": "a\x00b"}, "fullName"},
	{"name that reorders", map[string]string{"fullName": "a\u202eb"}, "fullName"},
	{"name of markup", map[string]string{"fullName": "<script>alert(1)</script>"}, ""},
	{"no email", map[string]string{"email": ""}, "email"},
	{"email with a space", map[string]string{"email": "a da@example.com"}, "email"},
	{"email with spaces around", map[string]string{"email": "  " + ada + " "}, ""},
	{"email in capitals", map[string]string{"email": "ADA@EXAMPLE.COM"}, ""},
	{"email beyond ASCII", map[string]string{"email": "ädа@example.com"}, "email"},
	{"email with IDN", map[string]string{"email": "ada@bücher.example"}, ""},
	{"email with a trailing dot", map[string]string{"email": ada + "."}, "email"},
	{"email without a domain", map[string]string{"email": "ada@"}, "email"},
	{"long email", map[string]string{"email": strings.Repeat("a", 65) + "@example.com"}, "email"},
	{"no password", map[string]string{"password": ""}, "password"},
	{"password of 7", map[string]string{"password": "1234567"}, "password"},
	{"password of 8", map[string]string{"password": "8 bytes."}, ""},
	{"common password", map[string]string{"password": "Trustno1"}, "password"},
	{"common password with digits and signs", map[string]string{"password": "iloveyou2026!!"}, "password"},
	{"product as password", map[string]string{"password": "LatchKey-2026!!"}, "password"},
	{"own email as password", map[string]string{"password": "Ada@Example.com1"}, "password"},
	{"own local part as password", map[string]string{"email": "countess@example.com", "password": "1countess!!"}, "password"},
	{"own name as password", map[string]string{"password": "LoveLace1815"}, "password"},
	{"own phone as password", map[string]string{"password": "(415) 555-2671"}, "password"},
	{"somebody else's name as password", map[string]string{"password": "babbage1815"}, ""},
	{"password of 72", map[string]string{"password": strings.Repeat("x", 72)}, ""},
	{"password of 73", map[string]string{"password": strings.Repeat("x", 73)}, "password"},
	{"password of 25 emoji", map[string]string{"password": strings.Repeat("🔑", 25)}, "password"},
	{"password with NUL", map[string]string{"password": "secret\x00secret"}, "password"},
	{"no country", map[string]string{"countryCode": "", "phone": "4155552671"}, "countryCode"},
	{"unknown country", map[string]string{"countryCode": "ZZ", "phone": "4155552671"}, "countryCode"},
	{"country as digits", map[string]string{"countryCode": "1", "phone": "4155552671"}, ""},
	{"country with plus", map[string]string{"countryCode": "+1", "phone": "4155552671"}, ""},
	{"country with zeros", map[string]string{"countryCode": "001", "phone": "4155552671"}, ""},
	{"no phone", map[string]string{"phone": ""}, "phone"},
	{"phone with a trunk zero", map[string]string{"countryCode": "GB", "phone": "07400 123456"}, ""},
	{"phone with separators", map[string]string{"phone": "(415) 555-2671"}, ""},
	{"phone with letters", map[string]string{"phone": "415-CALL-NOW"}, "phone"},
	{"phone of another country", map[string]string{"countryCode": "DE", "phone": "4155552671"}, "phone"},
	{"landline", map[string]string{"countryCode": "GB", "phone": "020 7031 3000"}, "phone"},
	{"plus pasted over the selector", map[string]string{"countryCode": "US", "phone": "+44 7400 123456"}, ""},
	{"plus without a country", map[string]string{"countryCode": "", "phone": "+44 7400 123456"}, ""},
	{"premium number", map[string]string{"phone": "900 555 0123"}, "phone"},
	{"long phone", map[string]string{"phone": strings.Repeat("1", 33)}, "phone"},
}

// Whatever is wrong in the form gets a sentence beside its field; what was
// typed stays, but the password; nothing is sent, written or logged (parity 8, 19
// 11-16, 18, 21, 151).
func TestRefusedForms(t *testing.T) {
	t.Parallel()
	for _, speaksJSON := range []bool{false, true} {
		r := rig.Start(t, rig.Options{Env: map[string]string{"SEND_WAITS": "1s", "SIGNUP_SENDS_PER_DAY": "10"}})
		for _, f := range faults {
			name := map[bool]string{false: "form/", true: "json/"}[speaksJSON] + f.name
			t.Run(name, func(t *testing.T) {
				r.Clock.Advance(25e9 * 3600)
				v := r.Visitor(speaksJSON)
				form := rig.Form(ada, adaPhone)
				maps.Copy(form, f.change)
				r.Wire.Reset()
				a := v.Post("/signup", form)
				if f.field == "" {
					expect(t, a, moved(v), "/verify")
					return
				}
				if a.Status != 422 || len(r.Wire.Calls()) > 0 || v.Cookie() != "" {
					t.Errorf("status %d, calls %v, cookie %q", a.Status, r.Wire.Calls(), v.Cookie())
				}
				if speaksJSON {
					refusedJSON(t, a, f.field)
				} else {
					refusedPage(t, a, f.field, form)
				}
			})
		}
		for _, f := range faults {
			if p := f.change["password"]; p != "" && strings.Contains(r.Log.String(), p) {
				t.Errorf("%s: the log shows the password", f.name)
			}
		}
	}
}

func refusedJSON(t *testing.T, a rig.Answer, field string) {
	t.Helper()
	fields, _ := a.Doc["fields"].(map[string]any)
	sentence, _ := fields[field].(string)
	if a.Code() != "invalid" || len(fields) != 1 || !strings.HasSuffix(sentence, ".") {
		t.Errorf("code %q, fields %v, want a sentence for %s alone", a.Code(), fields, field)
	}
}

func refusedPage(t *testing.T, a rig.Answer, field string, form map[string]string) {
	t.Helper()
	page := html.UnescapeString(a.Body)
	if !strings.Contains(page, `id="`+field+`-wrong"`) || !strings.Contains(page, `href="#`+field+`"`) || strings.Count(page, `class="wrong"`) != 1 {
		t.Errorf("the page does not point at %s alone", field)
	}
	for _, name := range []string{"fullName", "email", "phone"} {
		if !strings.Contains(form[name], "\x00") && !strings.Contains(page, `value="`+form[name]+`"`) {
			t.Errorf("what was typed as %s is lost", name)
		}
	}
	if len(form["password"]) > 1 && strings.Contains(page, form["password"]) {
		t.Error("the page shows the password")
	}
}

// All that is missing is named at once, and the country chosen is kept however
// it was written (parity 12, 15).
func TestEmptyForm(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	a := r.Visitor(true).Post("/signup", nil)
	fields, _ := a.Doc["fields"].(map[string]any)
	for _, name := range []string{"fullName", "email", "password", "countryCode", "phone"} {
		if fields[name] == nil {
			t.Errorf("%s is missing, and nothing says so: %v", name, fields)
		}
	}
	for _, typed := range []string{"GB", "gb", "44", "+44", "0044"} {
		a := r.Visitor(false).Post("/signup", map[string]string{"countryCode": typed})
		if a.Status != 422 || !strings.Contains(a.Body, `<option value="GB" selected>`) {
			t.Errorf("%q: the choice is lost", typed)
		}
	}
	v := r.Visitor(true)
	v.Header["Idempotency-Key"] = []string{""}
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 400, "malformed")
}

// Bodies that no form of ours makes (contract: 400, 413, 415).
func TestRefusedBodies(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	doc, err := json.Marshal(rig.Form(ada, adaPhone))
	if err != nil {
		t.Fatal(err)
	}
	good := string(doc)
	const form, jsonType = "application/x-www-form-urlencoded", "application/json"
	for _, c := range []struct {
		name, kind, body string
		status           int
		code             string
	}{
		{"invalid UTF-8", form, "fullName=%ff&email=a", 400, "malformed"},
		{"raw invalid UTF-8", form, "fullName=\xff", 400, "malformed"},
		{"broken escape", form, "fullName=%zz", 400, "malformed"},
		{"field twice", form, "email=a@example.com&email=b@example.com", 400, "malformed"},
		{"one megabyte", form, "fullName=" + strings.Repeat("a", 1<<20), 413, "too_large"},
		{"one megabyte of JSON", jsonType, `{"fullName":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "too_large"},
		{"multipart", "multipart/form-data; boundary=x", "--x--", 415, "content_type"},
		{"text", "text/plain", "email=a", 415, "content_type"},
		{"no JSON", jsonType, "email=a", 400, "malformed"},
		{"JSON list", jsonType, "[]", 400, "malformed"},
		{"unknown key", jsonType, strings.Replace(good, "{", `{"verified":"true",`, 1), 400, "malformed"},
		{"role as key", jsonType, strings.Replace(good, "{", `{"role":"admin",`, 1), 400, "malformed"},
		{"key twice", jsonType, strings.Replace(good, "{", `{"email":"b@example.com",`, 1), 400, "malformed"},
		{"key in capitals", jsonType, strings.Replace(good, "{", `{"EMAIL":"b@example.com",`, 1), 400, "malformed"},
		{"number as value", jsonType, strings.Replace(good, `"US"`, `1`, 1), 400, "malformed"},
		{"two documents", jsonType, good + good, 400, "malformed"},
		{"half a document", jsonType, good[:len(good)-1], 400, "malformed"},
		{"invalid UTF-8 in JSON", jsonType, strings.Replace(good, "Ada", "A\xffa", 1), 400, "malformed"},
		{"lone surrogate", jsonType, strings.Replace(good, "Ada", `\ud800`, 1), 400, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.Wire.Reset()
			v := r.Visitor(true)
			expect(t, v.Do("POST", "/signup", c.kind, c.body), c.status, c.code)
			v.JSON = false
			if a := v.Do("POST", "/signup", c.kind, c.body); a.Status != c.status || c.kind == form && !strings.Contains(a.Body, "<h1>") {
				t.Errorf("as a page: %d", a.Status)
			}
			if calls := r.Wire.Calls(); len(calls) > 0 {
				t.Errorf("it reached the table or a vendor: %v", calls)
			}
		})
	}
}

// A write that another site makes in the visitor's browser does nothing
// a path or method that does not exist gets our own page (R-028,
// parity 68, 144).
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Post("/signup", rig.Form(ada, adaPhone))
		code := map[string]string{"code": r.Handset().Code(adaPhone)}
		r.Wire.Reset()
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			v.Header.Set(name, value)
			for path, fields := range map[string]map[string]string{"/signup": rig.Form(ada, adaPhone), "/verify": code, "/resend": nil} {
				a := v.Post(path, fields)
				if a.Status != 403 || v.JSON && a.Code() != "cross_origin" {
					t.Errorf("%s %s: %d %s", name, path, a.Status, a.Code())
				}
			}
			v.Header.Del(name)
		}
		if calls := r.Wire.Calls(); len(calls) > 0 {
			t.Errorf("a cross-origin write reached the table: %v", calls)
		}
		for _, c := range []struct {
			method, path string
			status       int
			allow        string
		}{
			{"GET", "/nope", 404, ""}, {"GET", "/signup/", 404, ""}, {"GET", "/%2e%2e/etc", 404, ""}, {"POST", "/%00", 404, ""},
			{"DELETE", "/signup", 405, "GET, POST"}, {"GET", "/resend", 405, "POST"}, {"PUT", "/account", 405, "GET"}, {"POST", "/", 405, "GET"},
		} {
			a := v.Do(c.method, c.path, "", "")
			if a.Status != c.status || a.Header.Get("Allow") != c.allow || v.JSON && a.Code() == "" {
				t.Errorf("%s %s: %d, allow %q, code %q", c.method, c.path, a.Status, a.Header.Get("Allow"), a.Code())
			}
			if a.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s %s: not our own answer", c.method, c.path)
			}
		}
		expect(t, v.Post("/verify", code), moved(v), "/account")
	})
}

// Codes are refused without being counted when they cannot be codes (R-029,
// parity 56).
func TestRefusedCodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), moved(v), "/verify")
		r.Wire.Reset()
		for _, typed := range []string{"", " ", "12345", "1e5", "12345678901", "abcdef", "١٢٣٤٥٦", "123456'", strings.Repeat("1", 70)} {
			a := v.Post("/verify", map[string]string{"code": typed})
			if a.Status != 422 || len(typed) > 4 && strings.Contains(a.Body, typed) {
				t.Errorf("%q: %d", typed, a.Status)
			}
		}
		if v := r.Wire.Vendors(); len(v) > 0 {
			t.Errorf("vendors were asked: %v", v)
		}
		code := r.Handset().Code(adaPhone)
		wide := strings.Map(func(c rune) rune { return c - '0' + '０' }, code)
		expect(t, v.Post("/verify", map[string]string{"code": wide[:9] + " - " + wide[9:]}), moved(v), "/account")
	})
}

// Nothing that is secret or personal is logged over a whole run of everything
// above (R-131, I-29).
// (parity 70)
func TestLogsAreClean(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		secrets := []string{"correct horse battery", adaPhone, adaPhone[2:], ada, "Lovelace", "rigtoken", "rigkey"}
		for _, api := range []string{"500", "429", "ok"} {
			r.Handset().Weather(`{"api":"` + api + `"}`)
			v.Post("/signup", rig.Form(ada, adaPhone))
			secrets = append(secrets, v.Cookie())
			code := r.Handset().Code(adaPhone)
			for _, typed := range []string{"918273", "918-273", code} {
				if typed != "" {
					v.Post("/verify", map[string]string{"code": typed})
					secrets = append(secrets, typed)
				}
			}
			secrets = append(secrets, v.Cookie())
			v.Get("/account?email=" + ada)
			r.Clock.Advance(11 * 60e9)
			v.Post("/resend", nil)
		}
		log := r.Log.String()
		for _, s := range secrets {
			if s != "" && strings.Contains(log, s) {
				t.Errorf("the log shows %q", s)
			}
			if len(s) > 77 && strings.Contains(log, s[77:]) {
				t.Errorf("the log shows a cookie's secret")
			}
		}
		if !strings.Contains(log, `"code":"unavailable"`) {
			t.Error("the log does not say what broke")
		}
		if len(trail(t, r)) < 5 {
			t.Error("the log holds no audit trail to look through")
		}
	})
}
