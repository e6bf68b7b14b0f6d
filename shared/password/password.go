// Package password hashes passwords with bcrypt, refuses what bcrypt would get
// wrong, and says of a new one why it is too easy to guess.
//
// common.txt is the 10,000 most common passwords that are long enough, taken from
// zxcvbn 4.4.2 (common.LICENSE): the first of its list "passwords" with eight bytes
// or more, folded to lower case and sorted by their bytes.
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

	"latchkey/shared/env"
)

// Length of a password, of its NFC form: the same accented letter is
// typed as one character or as two, and must be one password. The least is in
// code points, as people count. bcrypt reads no
// more than 72 bytes; what is longer is refused, never cut, since otherwise any
// suffix would be right.
const (
	MinLetters = 8
	MaxBytes   = 72
)

// Why a password is refused.
var (
	ErrShort   = fmt.Errorf("shorter than %d characters", MinLetters)
	ErrLong    = fmt.Errorf("longer than %d bytes", MaxBytes)
	ErrControl = errors.New("contains a control character")
)

// Cost reads BCRYPT_COST, the binary logarithm of the work of one hash. Only a
// laptop may have hashes that are cheap to guess.
func Cost(vars *env.Vars) int {
	lowest := 10
	if vars.Laptop() {
		lowest = 4
	}
	return vars.Int("BCRYPT_COST", 10, lowest, 16)
}

// Check says whether a password can be one, before any work is spent on it
// . There are no rules of composition.
func Check(password string) error {
	password = norm.NFC.String(password)
	switch {
	case utf8.RuneCountInString(password) < MinLetters:
		return ErrShort
	case len(password) > MaxBytes:
		return ErrLong
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return ErrControl // above all NUL: the hash of "a" accepts "a\x00b"
	}
	return nil
}

// ErrWrong: this is not the password of the hash.
var ErrWrong = errors.New("wrong password")

// nobody is a hash of this cost that no password has: for an email address that
// nobody signed up with, so that its refusal costs what any other does.
// It is of the true form, since bcrypt does no work for any other.
func nobody(cost int) string {
	return fmt.Sprintf("$2a$%02d$%s", cost, strings.Repeat("latchkeynobody......", 3)[:53])
}

// Compare returns nil if this is the password of the hash, and ErrWrong if it is
// not. Any other error is a hash that is none. An empty hash stands for
// nobody's.
//
// It costs the work of one hash of the given cost, whatever comes of it: for a
// password that cannot be one, for nobody's, and for a hash that was made
// cheaper, which is topped up. A hash that was made dearer costs what it costs.
func Compare(hash, password string, cost int) error {
	return compare(hash, password, cost, bcrypt.CompareHashAndPassword)
}

// compare is Compare with whoever does the work.
func compare(hash, password string, cost int, work func(hash, password []byte) error) error {
	unfit := Check(password)
	if hash == "" || unfit != nil {
		hash, password = nobody(cost), "-"
	}
	err := work([]byte(hash), []byte(norm.NFC.String(password)))
	made, _ := bcrypt.Cost([]byte(hash))
	for c := made; made > 0 && c < cost; c++ { // 2^made + … + 2^(cost-1) make up for the difference
		work([]byte(nobody(c)), []byte("-")) //nolint:errcheck // for its work alone
	}
	switch {
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword), err == nil && unfit != nil:
		return ErrWrong
	case err != nil:
		return fmt.Errorf("comparing a password: %w", err)
	}
	return nil
}

// Cheap reports whether a hash was made at less than this cost.
func Cheap(hash string, cost int) bool {
	made, err := bcrypt.Cost([]byte(hash))
	return err == nil && made < cost
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
