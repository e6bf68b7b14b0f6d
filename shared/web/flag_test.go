package web_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/shared/web"
)

// flagged reads a body with the flag c and the field a.
func flagged(contentType, body string) (web.Values, string) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	v, err := web.Read(r, "a", "c?")
	var p *web.Problem
	if errors.As(err, &p) {
		return v, p.Code
	}
	return v, ""
}

// A flag is a boolean in a document and a field in a form, under the one name
// in both; everything else that could pass for one is refused.
func TestReadFlag(t *testing.T) {
	for _, c := range []struct{ kind, body, code, a, flag string }{
		{kind: jsonType, body: `{"c":true}`, flag: "true"},
		{kind: jsonType, body: `{"c":false,"a":"1"}`, flag: "false", a: "1"},
		{kind: jsonType, body: `{"a":"1"}`, a: "1"},
		{kind: jsonType, body: `{}`},
		{kind: jsonType, body: `{"\u0063":true}`, flag: "true"},
		{kind: jsonType, body: `{"c":"true"}`, code: "malformed"},
		{kind: jsonType, body: `{"c":1}`, code: "malformed"},
		{kind: jsonType, body: `{"c":null}`, code: "malformed"},
		{kind: jsonType, body: `{"c":[true]}`, code: "malformed"},
		{kind: jsonType, body: `{"c":TRUE}`, code: "malformed"},
		{kind: jsonType, body: `{"a":true}`, code: "malformed"},
		{kind: jsonType, body: `{"b":true}`, code: "malformed"},
		{kind: jsonType, body: `{"C":true}`, code: "malformed"},
		{kind: jsonType, body: `{"c?":true}`, code: "malformed"},
		{kind: jsonType, body: `{"c?":"true"}`, code: "malformed"},
		{kind: jsonType, body: `{"c\u003f":"true"}`, code: "malformed"},
		{kind: jsonType, body: `{"":true}`, code: "malformed"},
		{kind: jsonType, body: `{"c":true,"c":true}`, code: "malformed"},
		{kind: jsonType, body: `{"c":false,"c":true}`, code: "malformed"},
		{kind: jsonType, body: `{"c":true,"c?":"false"}`, code: "malformed"},
		{kind: jsonType, body: `{"c":true`, code: "malformed"},
		{kind: formType, body: "c=true", flag: "true"},
		{kind: formType, body: "c=&a=1", a: "1"},
		{kind: formType, body: "c=false", flag: "false"},
		{kind: formType, body: "c%3f=true"}, // another name, and of no concern
		{kind: formType, body: "c=true&c=true", code: "malformed"},
		{kind: formType, body: "c=maybe", code: "malformed"},
		{kind: formType, body: "c=True", code: "malformed"},
	} {
		v, code := flagged(c.kind, c.body)
		_, marked := v["c?"]
		if code != c.code || v["a"] != c.a || v["c"] != c.flag || marked || code != "" && v != nil {
			t.Errorf("%s: %q %q, want %+v", c.body, v, code, c)
		}
	}
}

// No document without flags takes one, whatever it is called.
func TestFlagsAreAskedFor(t *testing.T) {
	for _, body := range []string{`{"a":true}`, `{"b":false}`, `{"a?":"1"}`, `{"a?":true}`} {
		v, code := read(jsonType, strings.NewReader(body))
		if code != "malformed" || v != nil {
			t.Errorf("%s: %q %q", body, v, code)
		}
	}
}
