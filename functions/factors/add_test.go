package factors

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/url"
	"strings"
	"testing"
)

// An authenticator shows whose code it is, and the secret is untouched.
func TestLabelled(t *testing.T) {
	const secret = "secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"
	for name, c := range map[string]struct{ uri, email, label string }{
		"usual":               {"otpauth://totp/latchkey:0123456789abcdef?issuer=latchkey&" + secret, "ada@example.com", "latchkey:ada@example.com"},
		"issuer of two words": {"otpauth://totp/x?issuer=My%20Shop&" + secret, "ada@example.com", "My Shop:ada@example.com"},
		"issuer with a colon": {"otpauth://totp/x?issuer=a%3Ab&" + secret, "ada@example.com", "a b:ada@example.com"},
		"no issuer":           {"otpauth://totp/x?" + secret, "ada@example.com", ":ada@example.com"},
		"odd address":         {"otpauth://totp/x?issuer=i&" + secret, `"a?b#c/%d"@example.com`, `i:"a?b#c/%d"@example.com`},
		"other script":        {"otpauth://totp/x?issuer=i&" + secret, "zoë@example.com", "i:zoë@example.com"},
	} {
		u, err := url.Parse(labelled(c.uri, c.email))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, err := url.Parse(c.uri)
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/"+c.label || u.RawQuery != before.RawQuery || u.Fragment != "" {
			t.Errorf("%s: %s", name, u)
		}
	}
	if got := labelled("otpauth://totp/%zz", "ada@example.com"); got != "otpauth://totp/%zz" {
		t.Errorf("what cannot be read becomes %s", got)
	}
}

// The picture is an image of its own, with the quiet border that a camera needs
// (ISO/IEC 18004, 6.3.8), and each text has another.
func TestPicture(t *testing.T) {
	seen := map[image]bool{}
	for _, text := range []string{"otpauth://totp/latchkey:ada@example.com?secret=JBSWY3DPEHPK3PXP", "x", strings.Repeat("enrolment ", 100)} {
		got, err := picture(text)
		data, ok := strings.CutPrefix(string(got), "data:image/png;base64,")
		if err != nil || !ok || seen[got] {
			t.Fatalf("%.40q %v", got, err)
		}
		seen[got] = true
		raw, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		b := img.Bounds()
		if b.Dx() != b.Dy() || b.Dx() < 21*4 {
			t.Errorf("%d by %d", b.Dx(), b.Dy())
		}
		for i := range b.Dx() {
			for depth := range 16 {
				for _, at := range [][2]int{{i, depth}, {depth, i}, {i, b.Dy() - 1 - depth}, {b.Dx() - 1 - depth, i}} {
					r, _, _, _ := img.At(at[0], at[1]).RGBA()
					if r == 0 {
						t.Fatalf("the border is not quiet at %v", at)
					}
				}
			}
		}
	}
	_, err := picture(strings.Repeat("x", 4000))
	if err == nil || strings.Contains(err.Error(), "xxx") {
		t.Errorf("a text that fits no code: %v", err)
	}
}
