package otp

import (
	"strings"

	"golang.org/x/text/width"

	"latchkey/shared/chars"
)

// isCode reports whether s is a code, after cleaning. It stays a string: leading
// zeros count. Shorter codes are guessed too easily; a Verify service must
// not be set to any.
func isCode(s string) bool { return chars.Are(s, 6, 10, chars.Digit) }

// Clean forgives how a code is typed: blanks, hyphens, and the wide digits of
// East Asian keyboards (parity 56). It is false for what no code can be.
func Clean(typed string) (string, bool) {
	if len(typed) > 64 {
		return "", false
	}
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\u00a0\u3000\t\r\n", r) {
			return -1
		}
		return r
	}, width.Narrow.String(typed))
	return code, isCode(code)
}
