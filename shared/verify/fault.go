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
	"latchkey/shared/push"
)

// Verify's error codes that mean something to a visitor
// (https://www.twilio.com/docs/api/errors). All others are our trouble.
const (
	invalidParameter = 60200
	notFound         = 20404
	entityExists     = 60301
	tokenWrong       = 60311 // of a factor, before October 2021
	challengeWrong   = 60324 // of a challenge, before October 2021
	unverified       = 60318 // the factor was never confirmed
)

const (
	window    = 10 * time.Minute // in which Verify counts sends and checks
	breathing = 5 * time.Second  // for every other limit that names no time
)

// waits are how long Verify's limits last when the answer does not say. Those of
// factors are not documented: five tries are taken to be counted like checks.
var waits = map[int]time.Duration{
	20429: breathing,      // too many requests
	60202: window,         // too many checks
	60203: window,         // too many sends
	60212: breathing,      // too many at once for one number
	60308: window,         // too many tries at a challenge
	60310: window,         // too many tries to confirm a factor
	60312: time.Hour,      // too many challenges: 50 an hour, 100 a day
	60326: 24 * time.Hour, // too many factors: 100 a day
}

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

// deviceless are the refusals to ask this device, or any.
var deviceless = map[int]bool{
	60204:      true, // push is not available to the service
	60223:      true, // push is switched off
	60307:      true, // the device takes no notifications
	unverified: true,
}

// The following turn twilio-go's error into one of package otp or push, with a
// text for the operator. They do not wrap what they are given: it quotes
// addresses and numbers.

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
	case ok && gone(status, number):
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), otp.ErrGone)
	default:
		return fault(call, status, number)
	}
}

// tokenFault is checkFault for the codes of a factor.
func tokenFault(call *outbound.Call, err error) error {
	status, number, ok := refusal(call, err)
	switch {
	case ok && (number == tokenWrong || number == challengeWrong):
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), otp.ErrWrong)
	case ok && number == unverified:
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), otp.ErrGone)
	default:
		return checkFault(call, err)
	}
}

func askFault(call *outbound.Call, err error) error {
	status, number, ok := refusal(call, err)
	if ok && (deviceless[number] || gone(status, number)) {
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), push.ErrNoDevice)
	}
	return fault(call, status, number)
}

func decisionFault(call *outbound.Call, err error) error {
	status, number, ok := refusal(call, err)
	if ok && gone(status, number) {
		return fmt.Errorf("%w: %w", twilio.Refusal(Name, status, number), otp.ErrGone)
	}
	return fault(call, status, number)
}

// gone reports whether Verify does not have what was named.
func gone(status, number int) bool {
	return number == notFound || status == http.StatusNotFound
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
	wait, limited := waits[number]
	if !limited && status == http.StatusTooManyRequests {
		wait, limited = breathing, true
	}
	if limited {
		return fmt.Errorf("%w: %w", refused, &otp.LimitedError{After: call.RetryAfter(wait)})
	}
	return fmt.Errorf("%w: %w", refused, otp.ErrUnavailable)
}
