package verify

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/twilio/twilio-go/client"

	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/outbound/twilio"
)

// Verify's error codes that mean something to a visitor
// (https://www.twilio.com/docs/api/errors). All others are our trouble.
const (
	invalidParameter = 60200
	tooManyChecks    = 60202
	tooManySends     = 60203
	tooManyAtOnce    = 60212
	tooManyRequests  = 20429
	notFound         = 20404
)

const (
	window    = 10 * time.Minute // in which Verify counts sends and checks
	breathing = 5 * time.Second  // for every other limit that names no time
)

// unreachable are the refusals to send to this number, or over this channel.
var unreachable = map[int]bool{
	invalidParameter: true, // To or channel invalid
	60205:            true, // text to a landline
	60220:            true, // China needs vetting
	60223:            true, // channel switched off
	60238:            true, // blocked by Twilio
	60410:            true, // prefix blocked by Fraud Guard
	60605:            true, // country not permitted for Verify
	21211:            true, // To invalid
	21408:            true, // country not permitted
	21608:            true, // trial account, To is not verified
	21610:            true, // recipient unsubscribed
	21612:            true, // no route to the number
	21614:            true, // not a mobile number
}

// sendFault and checkFault turn twilio-go's error into one of package otp, with
// a text for the operator. They do not wrap what they are given: it
// quotes addresses and numbers.

func sendFault(call *outbound.Call, err error) error {
	status, number, ok := refusal(call, err)
	if ok && unreachable[number] {
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), otp.ErrUnreachable)
	}
	return fault(call, status, number)
}

func checkFault(call *outbound.Call, err error) error {
	status, number, ok := refusal(call, err)
	switch {
	case ok && number == invalidParameter:
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), otp.ErrWrong)
	case ok && (number == notFound || status == http.StatusNotFound):
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), otp.ErrGone)
	default:
		return fault(call, status, number)
	}
}

// refusal returns the HTTP status and Twilio's code. It is false when the answer
// was not in Twilio's form, such as a gateway's page.
func refusal(call *outbound.Call, err error) (int, int, bool) {
	var refused *client.TwilioRestError
	if !errors.As(err, &refused) {
		return call.Status(), 0, false
	}
	return call.Status(), refused.Code, true
}

func fault(call *outbound.Call, status, number int) error {
	if call.Err() != nil {
		return fmt.Errorf("%w: %w", call.Err(), otp.ErrUnavailable)
	}
	refused := twilio.Refusal(Name, status, number)
	switch {
	case number == tooManyChecks || number == tooManySends:
		return fmt.Errorf("%w: %w", refused, &otp.LimitedError{After: call.RetryAfter(window)})
	case number == tooManyAtOnce || number == tooManyRequests || status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w", refused, &otp.LimitedError{After: call.RetryAfter(breathing)})
	default:
		return fmt.Errorf("%w: %w", refused, otp.ErrUnavailable)
	}
}
