// Package password hashes passwords with bcrypt, and refuses what bcrypt would
// get wrong.
//
// It must not know forms, users or the table.
package password

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"
)

// Length of a password, in bytes of its NFC form: the same accented letter is
// typed as one character or as two, and must be one password. bcrypt reads no
// more than 72; what is longer is refused, never cut, since otherwise any
// suffix would be right.
const (
	MinBytes = 8
	MaxBytes = 72
)

// Why a password is refused.
var (
	ErrShort   = fmt.Errorf("shorter than %d bytes", MinBytes)
	ErrLong    = fmt.Errorf("longer than %d bytes", MaxBytes)
	ErrControl = errors.New("contains a control character")
)

// Check says whether a password can be one, before any work is spent on it
// . There are no rules of composition.
func Check(password string) error {
	password = norm.NFC.String(password)
	switch {
	case len(password) < MinBytes:
		return ErrShort
	case len(password) > MaxBytes:
		return ErrLong
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return ErrControl // above all NUL: the hash of "a" accepts "a\x00b"
	}
	return nil
}

// Hash returns the bcrypt hash of a password that passed Check. It takes some
// fifty milliseconds of CPU at cost 10 and twice as long for each more.
func Hash(password string, cost int) (string, error) {
	err := Check(password)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	h, err := bcrypt.GenerateFromPassword([]byte(norm.NFC.String(password)), cost)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return string(h), nil
}
