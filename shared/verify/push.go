package verify

import (
	"context"
	"fmt"
	"strings"

	api "github.com/twilio/twilio-go/rest/verify/v2"

	"latchkey/shared/chars"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/outbound/twilio"
	"latchkey/shared/push"
)

// isIdentity reports whether s is an identity as we make them: Verify allows
// capitals as well, and takes both spellings for one.
func isIdentity(s string) bool {
	return chars.Are(s, 8, 64, func(c byte) bool { return chars.LowerAlphanumeric(c) || c == '-' })
}

// Limits is how much of a challenge Verify takes
// (https://www.twilio.com/docs/verify/api/challenge). It has no logos.
func Limits() push.Limits {
	return push.Limits{Vendor: "Verify", Message: 256, Label: 36, Value: 128, Details: 20}
}

// pushes is Verify Push in one service.
type pushes struct {
	bind    func(context.Context) (*outbound.Call, *api.ApiService)
	service string
}

// field is a line of a challenge, as Verify spells it.
type field struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Ask makes a challenge for one device.
func (p *pushes) Ask(ctx context.Context, to push.Target, r push.Request) (string, error) {
	if !factor(to.User, to.Device) {
		return "", fmt.Errorf("asking device: none is registered: %w", push.ErrNoDevice)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := p.bind(ctx)
	fields := make([]any, len(r.Details))
	for i, d := range r.Details {
		fields[i] = field{d.Label, d.Value}
	}
	params := &api.CreateChallengeParams{}
	params.SetFactorSid(to.Device)
	params.SetExpirationDate(r.At.Add(r.Life).UTC())
	params.SetDetailsMessage(r.Message)
	params.SetDetailsFields(fields)
	params.SetHiddenDetails(map[string]string{"session": r.Session})
	v, err := service.CreateChallenge(p.service, to.User, params)
	if err != nil {
		return "", fmt.Errorf("asking device: %w", askFault(call, err))
	}
	if v.Sid == nil || !twilio.IsSID("YC", *v.Sid) {
		return "", fmt.Errorf("asking device: verify named no challenge: %w", otp.ErrUnavailable)
	}
	return *v.Sid, nil
}

// Decision reads the challenge ref.
func (p *pushes) Decision(ctx context.Context, to push.Target, ref string) (push.Decision, error) {
	if !factor(to.User, to.Device) || !twilio.IsSID("YC", ref) {
		return "", fmt.Errorf("reading decision: no device was asked: %w", otp.ErrGone)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := p.bind(ctx)
	v, err := service.FetchChallenge(p.service, to.User, ref)
	if err != nil {
		return "", fmt.Errorf("reading decision: %w", decisionFault(call, err))
	}
	d, err := decision(v, to, ref)
	if err != nil {
		return "", fmt.Errorf("reading decision: %w", err)
	}
	return d, nil
}

// decision believes an answer that is about this challenge, this device and
// this person, and that uses one of the statuses of Verify's OpenAPI file.
func decision(v *api.VerifyV2Challenge, to push.Target, ref string) (push.Decision, error) {
	if v.Sid == nil || v.FactorSid == nil || v.Identity == nil || v.Status == nil {
		return "", fmt.Errorf("verify's answer lacks something: %w", otp.ErrUnavailable)
	}
	if *v.Sid != ref {
		return "", fmt.Errorf("verify answered for another challenge: %w", otp.ErrUnavailable)
	}
	if *v.FactorSid != to.Device || !strings.EqualFold(*v.Identity, to.User) {
		return "", push.ErrStranger
	}
	switch d := push.Decision(*v.Status); d {
	case push.Pending, push.Approved, push.Denied, push.Expired:
		return d, nil
	default:
		return "", fmt.Errorf("verify gave an unknown status: %w", otp.ErrUnavailable)
	}
}

// factor reports whether an identity and a factor may go into a path.
func factor(identity, sid string) bool {
	return isIdentity(identity) && twilio.IsSID("YF", sid)
}
