package email

import (
	"strings"
	"testing"
)

// one spelling for each address.
func TestNormaliseEmail(t *testing.T) {
	long := strings.Repeat("x", 60) + "." + strings.Repeat("y", 60) + "." + strings.Repeat("z", 62) // 184 bytes
	for typed, want := range map[string]string{
		"ada@example.com":                        "ada@example.com",
		"  ada@example.com\t\r\n":                "ada@example.com",
		"\u00a0ada@example.com\u3000":            "ada@example.com",
		"Ada@EXAMPLE.Com":                        "ada@example.com",
		"ada+tag@example.com":                    "ada+tag@example.com",
		"a.d.a@example.com":                      "a.d.a@example.com",
		"o'neil/x=y@example.com":                 "o'neil/x=y@example.com",
		"ada@bücher.test":                        "ada@xn--bcher-kva.test",
		"ada@BÜCHER.test":                        "ada@xn--bcher-kva.test",
		"ada@bu\u0308cher.test":                  "ada@xn--bcher-kva.test",
		"ada@xn--bcher-kva.test":                 "ada@xn--bcher-kva.test",
		"ada@straße.test":                        "ada@xn--strae-oqa.test",
		"ada@пример.рф":                          "ada@xn--e1afmkfd.xn--p1ai",
		"ada@p\u0430ypal.test":                   "ada@xn--pypal-4ve.test", // a Cyrillic letter shows
		"ada@example\u3002com":                   "ada@example.com",
		"ada@ｅｘａｍｐｌｅ.com":                        "ada@example.com",
		"ada@sub.example.co.uk":                  "ada@sub.example.co.uk",
		strings.Repeat("a", 64) + "@example.com": strings.Repeat("a", 64) + "@example.com",
		strings.Repeat("a", 64) + "@" + long:     strings.Repeat("a", 64) + "@" + long,
	} {
		got, wrong := Normalise(typed)
		if got != want || (wrong == "") != (want != "") {
			t.Errorf("%q: %q %q, want %q", typed, got, wrong, want)
		}
	}
}

func TestNormaliseEmailRefuses(t *testing.T) {
	for name, typed := range map[string]string{
		"nothing": "", "blanks": " \t ", "no @": "example.com", "no local part": "@example.com", "no domain": "ada@", "only @": "@",
		"two @": "ada@home@example.com", "two @ at the end": "ada@@example.com", "quoted": `"ada love"@example.com`, "quoted @": `"a@b"@example.com`,
		"no dot": "ada@localhost", "trailing dot": "ada@example.com.", "trailing dots": "ada@example.com..", "leading dot": "ada@.example.com",
		"wide trailing dot": "ada@example.com\u3002", "address": "ada@[192.0.2.1]", "IPv6 address": "ada@[IPv6:2001:db8::1]",
		"dot first": ".ada@example.com", "dot last": "ada.@example.com", "two dots": "a..da@example.com",
		"blank inside": "ada lovelace@example.com", "blank in domain": "ada@exam ple.com", "blank after @": "ada@ example.com",
		"name and address": "Ada <ada@example.com>", "list": "ada@example.com,b@example.com", "comment": "ada(x)@example.com",
		"NUL": "ada\x00@example.com", "NUL in domain": "ada@exa\x00mple.com", "line feed": "ada\n@example.com", "header": "ada@example.com\nbcc:x@example.com",
		"accent": "adá@example.com", "Cyrillic local part": "\u0430da@example.com", "wide local part": "ａda@example.com", "emoji": "🔑@example.com",
		"zero width": "a\u200bda@example.com", "bidi": "a\u202eda@example.com", "bidi in domain": "ada@exam\u202eple.com",
		"underscore in domain": "ada@exa_mple.com", "hyphen first": "ada@-example.com", "hyphen last": "ada@example-.com", "broken punycode": "ada@xn--a.com",
		"joiner": "ada@exa\u200dmple.com", "invalid UTF-8": "ada\xff@example.com", "invalid UTF-8 in domain": "ada@exa\xffmple.com",
		"dotted capital I": "\u0130da@example.com", "Kelvin sign": "\u212aate@example.com", "Greek varia": "\u1fefada@example.com",
		"dotted capital I in domain": "ada@\u0130xample.invalid.", "empty label": "ada@example..com", "label of 64": "ada@" + strings.Repeat("x", 64) + ".com",
		"address of a machine": "ada@127.0.0.1", "number as last label": "ada@example.2",
		"65 bytes before the @": strings.Repeat("a", 65) + "@example.com",
	} {
		got, wrong := Normalise(typed)
		if got != "" || wrong == "" {
			t.Errorf("%s: %q is accepted as %q", name, typed, got)
		}
	}
}

// RFC 5321 4.5.3.1: 254 bytes in all.
func TestNormaliseEmailLength(t *testing.T) {
	domain := func(n int) string { // of n bytes
		d := strings.Repeat(strings.Repeat("x", 60)+".", 4)
		return d[:n-4] + ".com"
	}
	local := strings.Repeat("a", 64)
	for n, ok := range map[int]bool{254: true, 255: false, 253: true} {
		typed := local + "@" + domain(n-65)
		if len(typed) != n {
			t.Fatalf("the test is wrong: %d bytes, not %d", len(typed), n)
		}
		got, wrong := Normalise(typed)
		if (wrong == "") != ok || ok && got != typed {
			t.Errorf("%d bytes: %q", n, wrong)
		}
	}
	// What counts is the spelling that is kept.
	got, wrong := Normalise("a@" + strings.Repeat("ü", 100) + ".com")
	if len(got) > maxEmail {
		t.Errorf("%d bytes are kept, %s", len(got), wrong)
	}
}

// What is normal stays as it is, and keeps to its promises.
func FuzzNormaliseEmail(f *testing.F) {
	for _, s := range []string{"Ada@Example.com", " a@bücher.test ", "a@xn--bcher-kva.test", "a@b@c", "\u212a@k.test", "a@İ.test", "a@\u3002.b", `"a"@b.c`, "a@ß.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, wrong := Normalise(typed)
		if (got == "") != (wrong != "") {
			t.Fatalf("%q: %q and %q", typed, got, wrong)
		}
		if got == "" {
			return
		}
		again, wrong := Normalise(got)
		if again != got {
			t.Errorf("%q becomes %q, and that %q %s", typed, got, again, wrong)
		}
		if len(got) > maxEmail || strings.Count(got, "@") != 1 || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || r >= 'A' && r <= 'Z' }) {
			t.Errorf("%q becomes %q", typed, got)
		}
	})
}
