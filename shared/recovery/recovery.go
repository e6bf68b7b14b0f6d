// Package recovery makes the codes that a person keeps for the day on which the
// phone is lost, and recognises them.
//
// A code is 80 random bits, more than the 64 that R-056 asks for. Therefore a
// plain, fast digest of it may be stored: a slow hash makes up for what people
// choose themselves, and nobody tries 2^80 codes.
//
// It must not know the table, sessions, or what a code opens.
package recovery

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"golang.org/x/text/width"
)

// alphabet is Crockford's base 32 in lower case: without i, l and o, which look
// like digits, and without u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	size   = 10 // random bytes of a code
	letter = 16 // of a code, without the dashes
	group  = 4  // letters between dashes
)

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// New makes n codes, each written as people are shown it: "7k3m-9qxd-w2ht-f5rz".
// They are secrets, and are shown once.
func New(n int) []string {
	var codes []string
	for range n {
		b := make([]byte, size)
		rand.Read(b) //nolint:errcheck // never fails: crypto/rand ends the program instead
		codes = append(codes, grouped(encoding.EncodeToString(b)))
	}
	return codes
}

func grouped(letters string) string {
	var parts []string
	for i := 0; i < len(letters); i += group {
		parts = append(parts, letters[i:i+group])
	}
	return strings.Join(parts, "-")
}

// Clean forgives how a code is typed: capitals, blanks, dashes of every kind or
// none, the wide letters of East Asian keyboards, and o for 0, i and l for 1, u
// for v. What it returns is written as New writes it; it is false for what no
// code can be.
func Clean(typed string) (code string, ok bool) {
	if len(typed) > 128 {
		return "", false
	}
	letters := strings.Map(fold, strings.ToLower(width.Narrow.String(typed)))
	if len(letters) != letter || strings.Trim(letters, alphabet) != "" {
		return "", false
	}
	return grouped(letters), true
}

// fold drops what only separates and turns a look-alike into what it looks like.
func fold(r rune) rune {
	switch {
	case strings.ContainsRune(" \u00a0\u3000\t\r\n-_.\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212", r):
		return -1
	case r == 'o':
		return '0'
	case r == 'i' || r == 'l':
		return '1'
	case r == 'u':
		return 'v'
	}
	return r
}

// Digest is what the table keeps of a user's code, as New or Clean wrote it. It
// differs from user to user, so that no table of digests serves for two.
func Digest(uid, code string) []byte {
	h := hmac.New(sha256.New, []byte(uid))
	h.Write([]byte("recovery\x00" + code))
	return h.Sum(nil)
}
