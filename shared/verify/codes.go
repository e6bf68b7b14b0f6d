package verify

import (
	"context"
	"fmt"

	api "github.com/twilio/twilio-go/rest/verify/v2"

	"latchkey/shared/chars"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/outbound/twilio"
)

// isCode reports whether s can be a code of Verify's: 4 to 10 digits, as the
// service is set.
func isCode(s string) bool { return chars.Are(s, 4, 10, chars.Digit) }

// codes is one service of Verify.
type codes struct {
	bind    func(context.Context) (*outbound.Call, *api.ApiService)
	service string
}

// Carries is true: Verify has all of them, as far as the service allows.
func (c *codes) Carries(otp.Channel) bool { return true }

// Send starts a verification, or sends the code of a pending one again: within
// ten minutes Verify keeps both the code and the identifier, and counts to five.
func (c *codes) Send(ctx context.Context, to otp.Target, channel otp.Channel) (otp.Sent, error) {
	if !to.Phone.Valid() {
		return otp.Sent{}, fmt.Errorf("sending code: not a number in E.164: %w", otp.ErrUnreachable)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := c.bind(ctx)
	params := &api.CreateVerificationParams{}
	params.SetTo(string(to.Phone))
	params.SetChannel(string(channel))
	v, err := service.CreateVerification(c.service, params)
	if err != nil {
		return otp.Sent{}, fmt.Errorf("sending code: %w", sendFault(call, err))
	}
	if v.Sid == nil || !twilio.IsSID("VE", *v.Sid) {
		return otp.Sent{}, fmt.Errorf("sending code: verify named no verification: %w", otp.ErrUnavailable)
	}
	return otp.Sent{Ref: *v.Sid}, nil
}

// Check asks whether this is the code of the verification ref.
func (c *codes) Check(ctx context.Context, _ otp.Target, ref, typed string) error {
	if !twilio.IsSID("VE", ref) {
		return fmt.Errorf("checking code: no verification was started: %w", otp.ErrGone)
	}
	if !isCode(typed) {
		return fmt.Errorf("checking code: not 4 to 10 digits: %w", otp.ErrWrong)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := c.bind(ctx)
	params := &api.CreateVerificationCheckParams{}
	params.SetVerificationSid(ref)
	params.SetCode(typed)
	v, err := service.CreateVerificationCheck(c.service, params)
	if err != nil {
		return fmt.Errorf("checking code: %w", checkFault(call, err))
	}
	err = verdict(v, ref)
	if err != nil {
		return fmt.Errorf("checking code: %w", err)
	}
	return nil
}

// verdict is nil for an approval of ref and for nothing else. The statuses are
// those of Verify's OpenAPI file; the field valid is a legacy and not read.
func verdict(v *api.VerifyV2VerificationCheck, ref string) error {
	if v.Status == nil {
		return fmt.Errorf("verify gave no status: %w", otp.ErrUnavailable)
	}
	if v.Sid != nil && *v.Sid != ref {
		return fmt.Errorf("verify answered for another verification: %w", otp.ErrUnavailable)
	}
	switch *v.Status {
	case "approved":
		return nil
	case "pending":
		return otp.ErrWrong
	case "canceled", "max_attempts_reached", "deleted", "failed", "expired":
		return fmt.Errorf("verification is %s: %w", *v.Status, otp.ErrGone)
	default:
		return fmt.Errorf("verify gave an unknown status: %w", otp.ErrUnavailable)
	}
}
