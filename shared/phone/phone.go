// Package phone holds a telephone number in a type that does not leak it: format
// verbs, JSON and logs show the mask, and only an explicit conversion to string
// gives the number. A number in an unexported field of something printed is out
// of that protection's reach: print nothing that holds one.
//
// It must not know the numbering plan. Parsing what a person typed needs a table of
// every country and is for the few steps that take a number (shared/numbers).
package phone

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"latchkey/shared/chars"
)

// Number is a telephone number in E.164: "+" and 7 to 15 digits, the first of
// them not zero (ITU-T E.164, R-023).
type Number string

// Valid reports whether n has the shape of E.164. It does not say that the
// number exists.
func (n Number) Valid() bool {
	digits, plus := strings.CutPrefix(string(n), "+")
	return plus && chars.Are(digits, 7, 15, chars.Digit) && digits[0] != '0'
}

// Mask shows no more than the last two digits: "+•• ••• •••71".
func (n Number) Mask() string {
	if len(n) < 3 {
		return ""
	}
	return "+•• ••• •••" + string(n[len(n)-2:])
}

// Ending is the last two digits, for a sentence.
func (n Number) Ending() string { return string(n[max(0, len(n)-2):]) }

// National is the number without "+" and its calling code. A calling code that
// is not the number's own is left in place.
func (n Number) National(callingCode string) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(n), "+"), callingCode)
}

// String is the mask.
func (n Number) String() string { return n.Mask() }

// Format is the mask under every verb.
func (n Number) Format(f fmt.State, _ rune) { io.WriteString(f, n.Mask()) } //nolint:errcheck // fmt's own writer

// MarshalText is the mask in JSON.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.Mask()), nil }

// LogValue is the mask in structured logs.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.Mask()) }
