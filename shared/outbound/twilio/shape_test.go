package twilio

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
)

// The shapes, as expressions.
var (
	plain = regexp.MustCompile(`^[a-zA-Z0-9]+$`)
	sid   = regexp.MustCompile(`^[A-Z]{2}[0-9a-fA-F]{32}$`)
	verif = regexp.MustCompile(`^VE[0-9a-fA-F]{32}$`)
)

var (
	zeros = strings.Repeat("0", 32)
	digit = strings.Repeat("09aFAf5c", 4)
)

func TestShapes(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, plain, isPlain, []string{"a", "Z", "0", "aZ09", digit}, []string{
		"", "a b", "a\n", "\na", "a-b", "a_b", "a\x00", "é", "a\xff", "\u212a", "a:b",
	})
	shapetest.Same(t, verif, func(s string) bool { return IsSID("VE", s) }, []string{"VE" + zeros, "VE" + digit}, []string{
		"", "VE", "VE" + zeros[1:], "VE" + zeros + "0", "VE" + zeros + "\n", "VA" + zeros, "ve" + zeros, "VE" + zeros[1:] + "g", "VE" + zeros[1:] + "\n", "VE" + zeros[2:] + "é", "VE" + zeros[1:] + "\x00", "VE" + zeros[1:] + "\xff",
		"VE/../" + zeros[4:], zeros, "VEVE" + zeros[2:],
	})
}

// Any two capitals make a prefix, and nothing else does, whatever s begins with.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"AC", "ZZ", "", "A", "ACA", "ac", "Ac", "0a", "é", "A\n", "\xff\xff", "AC0"} {
		for _, s := range []string{"AC" + zeros, "ZZ" + zeros, prefix + zeros, prefix + digit, prefix + zeros[max(0, len(prefix)-2):], zeros + "00", prefix} {
			want := sid.MatchString(s) && s[:2] == prefix
			if got := IsSID(prefix, s); got != want {
				t.Errorf("%q, %q: %v", prefix, s, got)
			}
		}
	}
}
