package simulator

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What an authenticator app takes, and what Verify gives unless told
// otherwise.
const (
	totpDigits = 6
	totpPeriod = 30 // seconds
	totpAlg    = "sha1"
	// maxTOTPSecret bounds a secret, in bytes: the block of the longest hash.
	maxTOTPSecret = 128
)

// totpSecret is what makes the codes of RFC 6238: a TOTP factor has one, and
// the authenticator app that scanned its URI. The exported fields go into the
// state file.
type totpSecret struct {
	Secret []byte `json:"secret"`
	Alg    string `json:"alg"` // sha1, sha256 or sha512
	Digits int    `json:"digits"`
	Period int64  `json:"period"` // seconds
}

// check tells whether codes can be made; the lengths are those of Verify.
func (t *totpSecret) check() error {
	switch {
	case t == nil || len(t.Secret) == 0 || len(t.Secret) > maxTOTPSecret:
		return errors.New("the secret is missing or too long")
	case t.hash() == nil:
		return errors.New("the algorithm is none of SHA1, SHA256 and SHA512")
	case t.Digits < 3 || t.Digits > 8:
		return errors.New("a code has 3 to 8 digits")
	case t.Period < 20 || t.Period > 60:
		return errors.New("a code lasts 20 to 60 seconds")
	}
	return nil
}

func (t *totpSecret) hash() func() hash.Hash {
	switch t.Alg {
	case "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

func (t *totpSecret) stepAt(now time.Time) int64 { return now.Unix() / t.Period }

func (t *totpSecret) code(step int64) string {
	mac := hmac.New(t.hash(), t.Secret)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	n := uint64(binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff)
	modulus := uint64(1)
	for range t.Digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", t.Digits, n%modulus)
}

var base32Plain = base32.StdEncoding.WithPadding(base32.NoPadding)

// parseBase32 reads a secret with or without padding, in either case, and with
// the blanks that people copy along.
func parseBase32(text string) ([]byte, error) {
	text = strings.TrimRight(strings.ToUpper(strings.ReplaceAll(text, " ", "")), "=")
	secret, err := base32Plain.DecodeString(text)
	if err != nil || len(secret) == 0 {
		return nil, errors.New("the secret is not base32")
	}
	return secret, nil
}

// parseOTPAuth reads the URI of a QR code (otpauth://totp/…). Like the usual
// apps it takes six to eight digits only.
func parseOTPAuth(text string) (*totpSecret, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "otpauth" || !strings.EqualFold(u.Host, "totp") {
		return nil, errors.New("it does not begin with otpauth://totp/")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("its parameters cannot be read")
	}
	secret, err := parseBase32(q.Get("secret"))
	if err != nil {
		return nil, err
	}
	t := &totpSecret{Secret: secret, Alg: totpAlg}
	if q.Has("algorithm") {
		t.Alg = strings.ToLower(q.Get("algorithm"))
	}
	digits, ok := formInt(q, "digits", totpDigits, 6, 8)
	if !ok {
		return nil, errors.New("a code has 6 to 8 digits")
	}
	period, ok := formInt(q, "period", totpPeriod, 20, 60)
	if !ok {
		return nil, errors.New("a code lasts 20 to 60 seconds")
	}
	t.Digits, t.Period = digits, int64(period)
	err = t.check()
	if err != nil {
		return nil, err
	}
	return t, nil
}

// otpauth is the URI for a QR code, in the spelling of Verify.
func (t *totpSecret) otpauth(issuer, name string) string {
	label := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=%s&digits=%d&period=%d",
		issuer, label, base32Plain.EncodeToString(t.Secret), issuer, strings.ToUpper(t.Alg), t.Digits, t.Period)
}

// formInt reads a number between least and most; absent it is otherwise.
func formInt(form url.Values, name string, otherwise, least, most int) (int, bool) {
	if !form.Has(name) {
		return otherwise, true
	}
	n, err := strconv.Atoi(form.Get(name))
	return n, err == nil && n >= least && n <= most
}
