package authy

import (
	"fmt"
	"net/http"
	"time"

	"latchkey/shared/otp"
	"latchkey/shared/outbound"
)

// Authy's error codes that mean something to a visitor. Numbers from 60001 on
// mean other things in Twilio's newer products; the two tables stay apart.
const (
	tooManyRequests = 60003 // "too many tokens in the last hour"
	tokenUsed       = 60019
	tokenInvalid    = 60020
	requestUnknown  = 60049 // no such approval request
)

const (
	window    = time.Hour       // in which Authy counts a person's tokens, by its own words
	breathing = 5 * time.Second // for a 429 that says neither code nor time
)

// unreachable are the refusals to send to this person, or over this channel.
var unreachable = map[int]bool{
	60006: true, // calls switched off for the application
	60007: true, // texts switched off for the application
	60013: true, // banned country
	60017: true, // person suspended
	60018: true, // person disabled
	60027: true, // phone, country code or email invalid
	60033: true, // number invalid
	60078: true, // country code invalid
	60082: true, // text to a landline
	60083: true, // number not provisioned
	60106: true, // person suspended
	60107: true, // person blocked
	60115: true, // recipient opted out
}

// noDevice are the refusals to ask this person for an approval. A code is the
// way then (parity 75).
var noDevice = map[int]bool{
	60016: true, // no such person
	60017: true, // person suspended
	60018: true, // person disabled
	60026: true, // no such person
	60050: true, // person not registered for OneTouch
	60051: true, // no device
	60064: true, // OneTouch not enabled for the application
	60065: true, // the same
	60066: true, // the same
	60106: true, // person suspended
	60107: true, // person blocked
}

// credentials are the refusals of our key.
var credentials = map[int]bool{
	60001: true, // key invalid
	60047: true, // a Twilio key in place of an Authy one
	60063: true, // our address is not allowed
}

// sendFault is nil for a success. Otherwise it is an error of package otp, with
// a text for the operator.
func sendFault(call *outbound.Call, a answer, err error) error {
	switch {
	case err == nil && call.Status() == http.StatusOK && a.success():
		return nil
	case err == nil && unreachable[a.code()]:
		return fmt.Errorf("%w: %w", refusal(call, a), otp.ErrUnreachable)
	default:
		return fault(call, a, err)
	}
}

// checkFault is never nil: approval is decided before.
func checkFault(call *outbound.Call, a answer, err error) error {
	switch {
	case err != nil:
		return fault(call, a, err)
	case a.code() == tokenInvalid || a.code() == 0 && a.text("token") == "is invalid":
		return otp.ErrWrong
	case a.code() == tokenUsed:
		return fmt.Errorf("%w: %w", refusal(call, a), otp.ErrGone)
	default:
		return fault(call, a, nil)
	}
}

func fault(call *outbound.Call, a answer, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", err, otp.ErrUnavailable)
	case a.code() == tooManyRequests:
		return fmt.Errorf("%w: %w", refusal(call, a), &otp.LimitedError{After: call.RetryAfter(window)})
	case call.Status() == http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w", refusal(call, a), &otp.LimitedError{After: call.RetryAfter(breathing)})
	default:
		return fmt.Errorf("%w: %w", refusal(call, a), otp.ErrUnavailable)
	}
}

func refusal(call *outbound.Call, a answer) *outbound.Refusal {
	unnamed := a.code() == 0 && (call.Status() == http.StatusUnauthorized || call.Status() == http.StatusForbidden)
	return &outbound.Refusal{
		Vendor:      Name,
		Status:      call.Status(),
		Code:        a.code(),
		Credentials: credentials[a.code()] || unnamed,
	}
}
