package phone_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latchkey/shared/phone"
)

const number phone.Number = "+14155552671"

func TestValid(t *testing.T) {
	for n, want := range map[phone.Number]bool{
		"+1234567": true, "+123456789012345": true, number: true,
		"": false, "+": false, "+123456": false, "+1234567890123456": false, "+0234567": false, "1234567": false,
		"++1234567": false, "+123 4567": false, "+1234567\n": false, "\n+1234567": false, "+12345a7": false, "+１２３４５６７８": false,
	} {
		if n.Valid() != want {
			t.Errorf("%q: %v, want %v", string(n), n.Valid(), want)
		}
	}
}

// at most the last two digits.
func TestMask(t *testing.T) {
	for n, want := range map[phone.Number]string{
		number: "+•• ••• •••71", "+4915123456789": "+•• ••• •••89", "": "", "+1": "", "12": "",
	} {
		if n.Mask() != want {
			t.Errorf("mask of %q is %q, want %q", string(n), n.Mask(), want)
		}
	}
	if a, b := number.Mask(), phone.Number("+49123456771").Mask(); a != b {
		t.Errorf("masks %q and %q tell the length or the country", a, b)
	}
}

func TestNational(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"1", "4155552671"}, {"", "14155552671"}, {"44", "14155552671"}, {"141", "55552671"},
	} {
		if got := number.National(c.code); got != c.want {
			t.Errorf("without %q: %q, want %q", c.code, got, c.want)
		}
	}
}

// the verbs that print strings print the mask, wherever the number stands.
func TestVerbsPrintTheMask(t *testing.T) {
	type record struct{ Phone phone.Number }
	values := map[string]any{
		"number": number, "pointer inside": &record{number}, "struct": record{number}, "slice": []phone.Number{number},
		"map value": map[string]phone.Number{"k": number}, "map key": map[phone.Number]int{number: 1}, "interface": []any{number},
	}
	for name, value := range values {
		for _, verb := range []string{"%v", "%s", "%+v", "%#v", "%q", "%x", "%X", "% x", "%20v", "%-20s", "%.40s"} {
			got := fmt.Sprintf(verb, value)
			if leaks(got) {
				t.Errorf("%s with %s prints %q", name, verb, got)
			}
		}
		if got := fmt.Sprint(value) + fmt.Sprintln(value) + fmt.Errorf("sending: %v", value).Error(); leaks(got) {
			t.Errorf("%s prints %q", name, got)
		}
	}
}

func TestLogsPrintTheMask(t *testing.T) {
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		log := slog.New(handler(&b))
		log.Info("sent", "phone", number, slog.Any("again", number), slog.Group("to", "phone", number))
		log.With("phone", number).Info("sent")
		if leaks(b.String()) || strings.Count(b.String(), "•71") != 4 {
			t.Errorf("%s log: %s", name, b.String())
		}
	}
}

// leaks reports whether more than the last two digits can be read, plain or as
// hexadecimal text.
func leaks(s string) bool {
	s = strings.ToLower(strings.ReplaceAll(s, " ", ""))
	return strings.Contains(s, "671") || strings.Contains(s, fmt.Sprintf("%x", "671"))
}
