package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"latchkey/shared/web"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// read reads a body with the fields a and b, and returns the refusal's code.
func read(contentType string, body io.Reader) (web.Values, string) {
	r := httptest.NewRequest(http.MethodPost, "/", body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	v, err := web.Read(r, "a", "b")
	var p *web.Problem
	if errors.As(err, &p) {
		return v, p.Code
	}
	if err != nil {
		return v, "not a problem: " + err.Error()
	}
	return v, ""
}

func TestReadForm(t *testing.T) {
	for _, c := range []struct{ body, code, a, b string }{
		{body: ""},
		{body: "a=1&b=2", a: "1", b: "2"},
		{body: "b=x+y%20z&a=%C3%A9", a: "é", b: "x y z"},
		{body: "a", a: ""},
		{body: "a=1=2", a: "1=2"},
		{body: "&&a=1&&", a: "1"},
		{body: "A=1&b=2", b: "2"}, // another name, and of no concern
		{body: "a=1&extension=x&=y", a: "1"},
		{body: "a=1&a=2", code: "malformed"},
		{body: "a=1&a=1", code: "malformed"},
		{body: "a=1&%61=1", code: "malformed"},
		{body: "a&a", code: "malformed"},
		{body: "a=1&x=1&x=2", code: "malformed"},
		{body: "a=%", code: "malformed"},
		{body: "a=%zz", code: "malformed"},
		{body: "a=1;b=2", code: "malformed"},
		{body: "a=\xff", code: "malformed"},
		{body: "a=%ff", code: "malformed"},
		{body: "x=%ff", code: "malformed"},
		{body: "%ff=x", code: "malformed"},
		{body: "a=%ed%a0%80", code: "malformed"}, // a surrogate
	} {
		v, code := read(formType, strings.NewReader(c.body))
		if code != c.code || code == "" && (v["a"] != c.a || v["b"] != c.b || len(v) > 2) || code != "" && v != nil {
			t.Errorf("%q: %q %q, want %+v", c.body, v, code, c)
		}
	}
}

func TestReadJSON(t *testing.T) {
	for _, c := range []struct{ body, code, a, b string }{
		{body: `{}`},
		{body: ` { "a" : "1" , "b" : "" } ` + "\n", a: "1"},
		{body: `{"b":"\u00e9\n","a":"\ud83d\ude00"}`, a: "😀", b: "é\n"},
		{body: `{"\u0061":"1"}`, a: "1"},
		{body: `{"a":"\u0000"}`, a: "\x00"}, // Clean is for the fields to ask for
		{body: `{"a":"1","a":"1"}`, code: "malformed"},
		{body: `{"a":"1","\u0061":"2"}`, code: "malformed"},
		{body: `{"a":"","a":"2"}`, code: "malformed"},
		{body: `{"A":"1"}`, code: "malformed"},
		{body: `{"a":"1","A":"2"}`, code: "malformed"},
		{body: `{"c":"1"}`, code: "malformed"},
		{body: `{"":"1"}`, code: "malformed"},
		{body: `{"a":1}`, code: "malformed"},
		{body: `{"a":1e999}`, code: "malformed"},
		{body: `{"a":true}`, code: "malformed"},
		{body: `{"a":null}`, code: "malformed"},
		{body: `{"a":["1"]}`, code: "malformed"},
		{body: `{"a":{"b":"1"}}`, code: "malformed"},
		{body: `{"a":"\ud800"}`, code: "malformed"},
		{body: `{"a":"\udc00\ud800"}`, code: "malformed"},
		{body: `{"a":"\ufffd"}`, code: "malformed"},
		{body: "{\"a\":\"\xff\"}", code: "malformed"},
		{body: "{\"a\":\"\xed\xa0\x80\"}", code: "malformed"},
		{body: "{\"a\":\"\n\"}", code: "malformed"},
		{body: `{"a":"\x41"}`, code: "malformed"},
		{body: ``, code: "malformed"}, {body: ` `, code: "malformed"}, {body: `null`, code: "malformed"},
		{body: `[]`, code: "malformed"}, {body: `"a"`, code: "malformed"}, {body: `[{"a":"1"}]`, code: "malformed"},
		{body: `{`, code: "malformed"}, {body: `{"a"`, code: "malformed"}, {body: `{"a":`, code: "malformed"},
		{body: `{"a":"1"`, code: "malformed"}, {body: `{"a":"1",`, code: "malformed"}, {body: `{"a":"1",}`, code: "malformed"},
		{body: `{,"a":"1"}`, code: "malformed"}, {body: `{"a" "1"}`, code: "malformed"}, {body: `{"a":"1" "b":"2"}`, code: "malformed"},
		{body: `{"a":"1",,"b":"2"}`, code: "malformed"}, {body: `{"a":"1"]`, code: "malformed"}, {body: `{a:"1"}`, code: "malformed"},
		{body: `{'a':'1'}`, code: "malformed"}, {body: `{"a":"1"} {}`, code: "malformed"}, {body: `{"a":"1"}}`, code: "malformed"},
		{body: `{"a":"1"}x`, code: "malformed"}, {body: `{"a":"1"},`, code: "malformed"}, {body: `{"a":"1"}//`, code: "malformed"},
		{body: `{1:"1"}`, code: "malformed"}, {body: `{null:"1"}`, code: "malformed"}, {body: "\ufeff{}", code: "malformed"},
		{body: strings.Repeat(`{"a":`, 3000) + `"1"`, code: "malformed"},
	} {
		v, code := read(jsonType, strings.NewReader(c.body))
		if code != c.code || code == "" && (v["a"] != c.a || v["b"] != c.b) || code != "" && v != nil {
			t.Errorf("%.60q: %q %q, want %+.60v", c.body, v, code, c)
		}
	}
}

func TestReadContentType(t *testing.T) {
	for contentType, want := range map[string]string{
		formType: "", formType + "; charset=UTF-8": "", jsonType: "", "Application/JSON; charset=utf-8": "", "application/json;": "",
		"": "content_type", "text/plain": "content_type", "multipart/form-data; boundary=x": "content_type", "application/xml": "content_type",
		"application/json, text/plain": "content_type", "application/jsonx": "content_type", "application/problem+json": "content_type",
		"text/json": "content_type", "json": "content_type", "application/json; x": "content_type", ";": "content_type",
	} {
		body := "a=1"
		if strings.Contains(strings.ToLower(contentType), "json") {
			body = `{"a":"1"}`
		}
		v, code := read(contentType, strings.NewReader(body))
		if code != want || want == "" && v["a"] != "1" {
			t.Errorf("%q: %q %q, want %q", contentType, v, code, want)
		}
	}
}

// A button without fields sends nothing, and says so by saying nothing.
func TestReadNothing(t *testing.T) {
	for contentType, want := range map[string]string{"": "", formType: "", jsonType: "malformed", "text/plain": "content_type"} {
		v, code := read(contentType, http.NoBody)
		if code != want || len(v) != 0 {
			t.Errorf("%q: %q %q, want %q", contentType, v, code, want)
		}
	}
	v, code := read("", strings.NewReader("a=1"))
	if code != "content_type" || v != nil {
		t.Errorf("a body without a type: %q %q", v, code)
	}
}

// 16 KiB are read, a byte more is refused, and not read to its end.
func TestReadBound(t *testing.T) {
	for _, contentType := range []string{formType, jsonType} {
		frame := "a=%s"
		if contentType == jsonType {
			frame = `{"a":"%s"}`
		}
		long := func(size int) string { return fmt.Sprintf(frame, strings.Repeat("x", size-len(frame)+2)) }
		v, code := read(contentType, strings.NewReader(long(web.MaxBody)))
		if code != "" || len(v["a"]) < web.MaxBody-20 {
			t.Errorf("%s of 16 KiB: %q, %d bytes", contentType, code, len(v["a"]))
		}
		v, code = read(contentType, strings.NewReader(long(web.MaxBody+1)))
		if code != "too_large" || v != nil {
			t.Errorf("%s of 16 KiB and 1: %q", contentType, code)
		}
		rest := strings.NewReader(long(4 * web.MaxBody))
		_, code = read(contentType, rest)
		if code != "too_large" || rest.Len() < 2*web.MaxBody {
			t.Errorf("%s of 64 KiB: %q, with %d bytes left", contentType, code, rest.Len())
		}
	}
	if web.MaxBody != 16384 {
		t.Errorf("the bound is %d", web.MaxBody)
	}
}

// A form of nothing but separators is bounded by its size alone.
func TestReadManyFields(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < web.MaxBody-10; i++ {
		fmt.Fprintf(&b, "%x&", i)
	}
	v, code := read(formType, strings.NewReader(b.String()))
	if code != "" || len(v) != 2 { // "a" and "b" are among the numbers
		t.Errorf("%q %q", v, code)
	}
}

func TestReadBrokenOff(t *testing.T) {
	for _, contentType := range []string{formType, jsonType} {
		body := io.MultiReader(strings.NewReader("a=1"), iotest.ErrReader(errors.New("canary")))
		v, code := read(contentType, body)
		if code != "malformed" || v != nil {
			t.Errorf("%s: %q %q", contentType, v, code)
		}
	}
}

func FuzzReadForm(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=1&a=2", "a=%ff", "%61=1&a=2", "a=1;b=2", "=&=", "a=+%2B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, code := read(formType, strings.NewReader(body))
		if code != "" {
			if v != nil {
				t.Errorf("%q: refused as %s, and read as %q", body, code, v)
			}
			return
		}
		seen := map[string]bool{}
		for part := range strings.SplitSeq(body, "&") {
			name, value, _ := strings.Cut(part, "=")
			if part == "" {
				continue
			}
			name, err := url.QueryUnescape(name)
			if err != nil || seen[name] {
				t.Fatalf("%q is accepted: %q again, %v", body, name, err)
			}
			seen[name] = true
			value, err = url.QueryUnescape(value)
			if err != nil || (name == "a" || name == "b") && v[name] != value {
				t.Errorf("%q: %s is %q, want %q %v", body, name, v[name], value, err)
			}
		}
	})
}

// What is accepted is what encoding/json reads, and nothing more: no parser
// behind another door sees something else.
func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"1","b":"2"}`, `{"a":"1","a":"2"}`, `{"A":"1"}`, `{"a":"\ud800"}`, `{"a":"1",}`, `{"a":"1"}}`, `{"a":1}`, `{"c":""}`, `[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, code := read(jsonType, bytes.NewReader(body))
		if code != "" {
			if v != nil {
				t.Errorf("%q: refused as %s, and read as %q", body, code, v)
			}
			return
		}
		var other map[string]string
		err := json.Unmarshal(body, &other)
		if err != nil || len(other) != len(v) {
			t.Fatalf("%q is read as %q; encoding/json reads %q, %v", body, v, other, err)
		}
		for name, value := range other {
			if got, ok := v[name]; !ok || got != value || name != "a" && name != "b" {
				t.Errorf("%q is read as %q; encoding/json reads %q", body, v, other)
			}
		}
		// Each key costs a quote, so a repeated key shows as more quotes than two keys and two values have.
		if n := bytes.Count(bytes.ReplaceAll(body, []byte(`\"`), nil), []byte(`"`)); n > 4*len(v) && !bytes.Contains(body, []byte(`\\`)) {
			t.Errorf("%q has a key twice", body)
		}
	})
}

func TestWantsJSON(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, c := range []struct {
		accept, contentType string
		want                bool
	}{
		{"", "", false},
		{browser, "", false},
		{browser, formType, false},
		{browser, jsonType, false},
		{"", formType, false},
		{"", jsonType, true},
		{"", "application/json; charset=utf-8", true},
		{"*/*", "", false},
		{"*/*", formType, false},
		{"*/*", jsonType, true},
		{"application/json", "", true},
		{"application/json", formType, true},
		{"application/json, text/plain, */*", formType, true},
		{"application/problem+json", "", true},
		{"text/html, application/json", "", false},
		{"application/json, text/html;q=0.5", jsonType, false},
		{"text/plain", "", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Accept", c.accept)
		r.Header.Set("Content-Type", c.contentType)
		if got := web.WantsJSON(r); got != c.want {
			t.Errorf("accept %q, content %q: %v", c.accept, c.contentType, got)
		}
		r.Header.Set("Authorization", "bearer x")
		if !web.WantsJSON(r) {
			t.Errorf("accept %q, content %q, with a bearer token: a page", c.accept, c.contentType)
		}
		r.Header.Set("Authorization", "Basic x")
		if web.WantsJSON(r) != c.want {
			t.Errorf("accept %q, content %q: another scheme counts", c.accept, c.contentType)
		}
	}
}

// nothing that hides or reorders what stands around it.
func TestClean(t *testing.T) {
	for _, good := range []string{"", "Ada Lovelace", "Zoë", "李小龍", "محمد", "O'Neil-Smith Jr.", "👩‍🔧", "a\u00a0b"} {
		if !web.Clean(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []rune{0, '\t', '\n', '\r', 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x2029,
		0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff} {
		for _, text := range []string{string(bad), "Ada" + string(bad), string(bad) + "Ada", "A" + string(bad) + "da"} {
			if web.Clean(text) {
				t.Errorf("%q passes", text)
			}
		}
	}
}
