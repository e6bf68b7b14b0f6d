package verify

import (
	"context"
	"fmt"
	"strings"

	api "github.com/twilio/twilio-go/rest/verify/v2"

	"latchkey/shared/chars"
	"latchkey/shared/otp"
	"latchkey/shared/outbound/twilio"
)

// isAppCode reports whether s can be an authenticator app's code: 3 to 8 digits,
// as the service is set.
func isAppCode(s string) bool { return chars.Are(s, 3, 8, chars.Digit) }

// NewToken makes a factor for an authenticator app. The secret (base 32) and the
// otpauth address that holds it are returned this once: Verify never shows them
// again. The factor serves only after ConfirmToken.
func (f *Factors) NewToken(ctx context.Context, identity, id string) (sid, secret, uri string, err error) {
	err = f.entity(ctx, identity, id)
	if err != nil {
		return "", "", "", fmt.Errorf("enrolling app: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := f.bind(ctx)
	params := &api.CreateNewFactorParams{}
	params.SetFriendlyName(id)
	params.SetFactorType("totp")
	v, err := service.CreateNewFactor(f.service, identity, params)
	if err != nil {
		status, number, _ := refusal(call, err)
		return "", "", "", fmt.Errorf("enrolling app: %w", fault(call, status, number))
	}
	secret, uri = binding(v.Binding)
	if v.Sid == nil || !twilio.IsSID("YF", *v.Sid) || differs(v.Identity, identity) || secret == "" {
		return "", "", "", fmt.Errorf("enrolling app: verify gave no secret: %w", otp.ErrUnavailable)
	}
	return *v.Sid, secret, uri, nil
}

// binding returns a new factor's secret and address, both or neither.
func binding(v *any) (secret, uri string) {
	if v == nil {
		return "", ""
	}
	fields, _ := (*v).(map[string]any)
	secret, _ = fields["secret"].(string)
	uri, _ = fields["uri"].(string)
	if secret == "" || !strings.HasPrefix(uri, "otpauth://totp/") {
		return "", ""
	}
	return secret, uri
}

// ConfirmToken proves that the person's app has the factor's secret. It fails
// with otp.ErrGone when Verify has no such factor: an unconfirmed one is
// deleted some hours after it was made.
func (f *Factors) ConfirmToken(ctx context.Context, identity, sid, code string) error {
	err := typed(identity, sid, code)
	if err != nil {
		return fmt.Errorf("confirming app: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := f.bind(ctx)
	params := &api.UpdateFactorParams{}
	params.SetAuthPayload(code)
	v, err := service.UpdateFactor(f.service, identity, sid, params)
	if err != nil {
		return fmt.Errorf("confirming app: %w", tokenFault(call, err))
	}
	switch {
	case !is(v.Sid, sid) || differs(v.Identity, identity):
		return fmt.Errorf("confirming app: verify answered for another factor: %w", otp.ErrUnavailable)
	case is(v.Status, "verified"):
		return nil
	case is(v.Status, "unverified"):
		return fmt.Errorf("confirming app: %w", otp.ErrWrong)
	default:
		return fmt.Errorf("confirming app: verify gave an unknown status: %w", otp.ErrUnavailable)
	}
}

// CheckToken asks whether this is the code that the person's app shows. Each
// check is a challenge of its own, of which Verify allows 50 an hour.
func (f *Factors) CheckToken(ctx context.Context, identity, sid, code string) error {
	err := typed(identity, sid, code)
	if err != nil {
		return fmt.Errorf("checking app's code: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := f.bind(ctx)
	params := &api.CreateChallengeParams{}
	params.SetFactorSid(sid)
	params.SetAuthPayload(code)
	v, err := service.CreateChallenge(f.service, identity, params)
	if err != nil {
		return fmt.Errorf("checking app's code: %w", tokenFault(call, err))
	}
	switch {
	case !is(v.FactorSid, sid) || differs(v.Identity, identity):
		return fmt.Errorf("checking app's code: verify answered for another factor: %w", otp.ErrUnavailable)
	case is(v.Status, "approved"):
		return nil
	case is(v.Status, "pending"):
		return fmt.Errorf("checking app's code: %w", otp.ErrWrong)
	case is(v.Status, "denied") || is(v.Status, "expired"):
		return fmt.Errorf("checking app's code: challenge is %s: %w", *v.Status, otp.ErrGone)
	default:
		return fmt.Errorf("checking app's code: verify gave an unknown status: %w", otp.ErrUnavailable)
	}
}

// typed refuses what cannot be right, so that nobody is asked.
func typed(identity, sid, code string) error {
	if !factor(identity, sid) {
		return fmt.Errorf("no app is enrolled: %w", otp.ErrGone)
	}
	if !isAppCode(code) {
		return fmt.Errorf("not 3 to 8 digits: %w", otp.ErrWrong)
	}
	return nil
}
