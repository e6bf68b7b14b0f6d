// Package session is how a browser holds a sign-up or a login: the cookie, its
// secret, the rotation of that secret when the session is confirmed, and the
// guards that say what a request may reach.
//
// The argument. A cookie is key.id.secret: the key and id say where the item
// is, the secret says that the bearer made the session or was given it. The
// table keeps SHA-256 of the secret only, so that reading the table gives no
// cookie, and a random salt that never leaves it. Confirming replaces the
// secret by HMAC(salt, secret): who stole the cookie of a half session holds
// nothing afterwards, and yet a repeat of the confirming request, whose answer
// was lost, can be given the very same new cookie, without storing it. Such a
// repeat must bring the old secret and the same proof (the code it was
// confirmed with), within thirty seconds.
//
// A visitor's form carries a random seed. The session's id and first secret are
// derived from the seed and from what was typed, so that the same form sent
// twice is one session, and a corrected one is another.
//
// A login that waits for an approval has that approval's name in its cookie, so
// that one read finds both. The name is a hint: it is believed only if that
// approval names this session.
//
// It must not know vendors, a step's pages or what a session is confirmed by.
package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"latchkey/shared/chars"
)

// Token is what the cookie holds. Its Secret must be kept secret; the rest only
// says where to look.
type Token struct {
	Key    string // store.Hash of the email
	ID     string
	Secret string
	Ref    string // of the approval that a login waits for, as store.Ref writes it
}

var form = base64.RawURLEncoding

// Parse reads a cookie's value. What does not have the exact form is no token:
//
//	token  = key "." id "." secret [ "." ref ]
//	key    = 43 of A-Z a-z 0-9 - _   ; 32 bytes in base64url
//	id     = 32 of 0-9 a-f
//	secret = 43 of A-Z a-z 0-9 - _
func Parse(value string) (Token, bool) {
	var t Token
	t.Key, value, _ = strings.Cut(value, ".")
	t.ID, value, _ = strings.Cut(value, ".")
	secret, ref, waits := strings.Cut(value, ".")
	t.Secret, t.Ref = secret, ref
	whole := chars.Are(t.Key, 43, 43, chars.Base64URL) && chars.Are(t.ID, 32, 32, chars.LowerHex) && chars.Are(secret, 43, 43, chars.Base64URL)
	if !whole || waits && !isRef(ref) {
		return Token{}, false
	}
	return t, true
}

// isRef reports whether an approval may be named so:
//
//	ref  = kind ":" name
//	kind = 1 to 16 of a-z
//	name = 1 to 64 of A-Z a-z 0-9 -
func isRef(s string) bool {
	kind, name, _ := strings.Cut(s, ":")
	return chars.Are(kind, 1, 16, chars.Lower) && chars.Are(name, 1, 64, func(c byte) bool { return chars.Alphanumeric(c) || c == '-' })
}

// Value is the cookie's value.
func (t Token) Value() string {
	value := t.Key + "." + t.ID + "." + t.Secret
	if t.Ref != "" {
		value += "." + t.Ref
	}
	return value
}

// String keeps the secret out of whatever prints a token, and so do the three
// methods after it. A token in an unexported field of something printed is out
// of their reach: print nothing that holds one.
func (t Token) String() string { return "session " + t.ID }

// Format is String under every verb.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) } //nolint:errcheck // fmt's own writer

// MarshalText is String in JSON.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue is String in structured logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Hash is what the table keeps of the secret.
func (t Token) Hash() []byte {
	sum := sha256.Sum256([]byte(t.Secret))
	return sum[:]
}

// Rotated is the token after confirmation.
func (t Token) Rotated(salt []byte) Token {
	t.Ref = ""
	t.Secret = form.EncodeToString(mac(salt, "confirmed", t.Secret))
	return t
}

// Proof is what the table keeps of the code that confirmed a session, so that a
// repeat can be told from a thief.
func Proof(salt []byte, code string) []byte { return mac(salt, "proof", code) }

// NewSeed is a form's random value: 256 bits.
func NewSeed() string { return form.EncodeToString(Random(32)) }

// keyLife is for how long a program's key stays tied to its body.
const keyLife = 24 * time.Hour

// ValidSeed reports whether a client's seed or Idempotency-Key has the form
// that the contract asks for: 32 to 128 of A-Z a-z 0-9 - _.
func ValidSeed(seed string) bool { return chars.Are(seed, 32, 128, chars.Base64URL) }

// Derive is the token of the session that a form with this seed and this
// content makes. content may hold a password: without the seed, which nobody
// stores, the result tells nothing about it.
func Derive(seed, key, content string) Token {
	return Token{
		Key:    key,
		ID:     hex.EncodeToString(mac([]byte(seed), "id", content)[:16]),
		Secret: form.EncodeToString(mac([]byte(seed), "secret", content)),
	}
}

// Digest is what may be stored to recognise the same content under a seed.
func Digest(seed, content string) []byte { return mac([]byte(seed), "digest", content) }

// Random returns n bytes nobody can guess.
func Random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // never fails: crypto/rand ends the program instead
	return b
}

// Equal compares in constant time; nothing equals an empty value.
func Equal(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }

func mac(key []byte, purpose, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write([]byte(text))
	return h.Sum(nil)
}
