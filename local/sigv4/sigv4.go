// Package sigv4 verifies requests signed with AWS Signature Version 4 as a service of AWS does
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
// It is an implementation of its own, so that a mistake of the SDK that signs is not agreed
// with. It knows one key pair, and nothing of what a caller may do.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

// Refusal is an error whose text is the service's own, for the caller to read.
type Refusal string

// Error is the text.
func (r Refusal) Error() string { return string(r) }

// What Verify fails with besides a *TimeError.
const (
	// ErrMissing: the request is not signed at all.
	ErrMissing = Refusal("Missing Authentication Token")
	// ErrKey: there is no such access key.
	ErrKey = Refusal("The security token included in the request is invalid.")
	// ErrSignature: anything of the request differs from what was signed, the secret key
	// included, or the signature is malformed.
	ErrSignature = Refusal("The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
)

// Tolerance is how far the signer's clock may be off, either way.
const Tolerance = 5 * time.Minute

// TimeError: the request was signed longer than Tolerance ago, or is from the future.
type TimeError struct{ Signed, Now time.Time }

// Error is the service's text.
func (e *TimeError) Error() string {
	text, verb, sign, limit := "Signature expired", "now earlier", "-", e.Now.Add(-Tolerance)
	if e.Signed.After(e.Now) {
		text, verb, sign, limit = "Signature not yet current", "still later", "+", e.Now.Add(Tolerance)
	}
	return fmt.Sprintf("%s: %s is %s than %s (%s %s 5 min.)", text,
		e.Signed.Format(timeFormat), verb, limit.UTC().Format(timeFormat), e.Now.UTC().Format(timeFormat), sign)
}

const (
	algorithm  = "AWS4-HMAC-SHA256"
	scopeEnd   = "aws4_request"
	dateFormat = "20060102"
	timeFormat = "20060102T150405Z"
)

// Verifier verifies requests to one service in one region.
type Verifier struct {
	AccessKey, SecretKey string
	Region, Service      string
	// Now is the service's clock. Nil means time.Now.
	Now func() time.Time
}

// Verify returns nil if the request, with its whole body, was signed by the holder of the key.
// The signature is read from the Authorization header and its time from X-Amz-Date; presigned
// URLs are not understood. A Verifier without a key refuses everything.
func (v Verifier) Verify(r *http.Request, body []byte) error {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 || len(headers) == 1 && !isSigned(headers[0]) {
		return ErrMissing
	}
	if len(headers) != 1 {
		return ErrSignature
	}
	a, err := parse(headers[0])
	if err != nil {
		return err
	}
	if v.SecretKey == "" || a.key != v.AccessKey {
		return ErrKey
	}
	dates := r.Header.Values("X-Amz-Date")
	if len(dates) != 1 {
		return ErrSignature
	}
	signed, err := time.Parse(timeFormat, dates[0])
	if err != nil || signed.Format(timeFormat) != dates[0] {
		return ErrSignature
	}
	if a.date != signed.Format(dateFormat) || a.region != v.Region || a.service != v.Service {
		return ErrSignature
	}
	err = v.current(signed)
	if err != nil {
		return err
	}
	canonical, err := canonical(r, a.headers, body)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(v.sign(a, dates[0], canonical)), []byte(a.signature)) {
		return ErrSignature
	}
	return nil
}

func (v Verifier) current(signed time.Time) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	at := now()
	off := at.Sub(signed)
	if off > Tolerance || off < -Tolerance {
		return &TimeError{Signed: signed, Now: at}
	}
	return nil
}

// sign derives the key of the scope and signs.
func (v Verifier) sign(a authorization, date, canonical string) string {
	key := mac([]byte("AWS4"+v.SecretKey), a.date)
	for _, part := range []string{a.region, a.service, scopeEnd} {
		key = mac(key, part)
	}
	scope := a.date + "/" + a.region + "/" + a.service + "/" + scopeEnd
	return hex.EncodeToString(mac(key, algorithm+"\n"+date+"\n"+scope+"\n"+hash([]byte(canonical))))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
