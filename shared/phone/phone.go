// Package phone holds a telephone number in a type that cannot leak it: every
// way a program prints a value shows the mask, and only an explicit conversion
// to string gives the number.
//
// It must not know the numbering plans. Parsing what a person typed needs six
// megabytes of tables and belongs to sign-up alone (functions/signup).
package phone

import (
	"log/slog"
	"regexp"
	"strings"
)

// Number is a telephone number in E.164: "+" and 7 to 15 digits, the first of
// them not zero (ITU-T E.164, R-023).
type Number string

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Valid reports whether n has the shape of E.164. It does not say that the
// number exists.
func (n Number) Valid() bool { return e164.MatchString(string(n)) }

// Mask shows no more than the last two digits: "+•• ••• •••71".
func (n Number) Mask() string {
	if len(n) < 3 {
		return ""
	}
	return "+•• ••• •••" + string(n[len(n)-2:])
}

// National is the number without "+" and its calling code. A calling code that
// is not the number's own is left in place.
func (n Number) National(callingCode string) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(n), "+"), callingCode)
}

// String is the mask, so that a format verb cannot print the number.
func (n Number) String() string { return n.Mask() }

// GoString is the mask too: %#v is a format verb.
func (n Number) GoString() string { return n.Mask() }

// LogValue is the mask in structured logs.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.Mask()) }
