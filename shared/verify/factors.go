package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	api "github.com/twilio/twilio-go/rest/verify/v2"

	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/outbound/twilio"
)

const (
	enrolLimit = 300 // seconds in which a device must register, the most Verify allows
	pageSize   = 50
	pages      = 2  // Verify allows 120 factors; a person has a few, and some that were given up
	nameLimit  = 64 // of a factor's friendly name
)

// ErrNotRegistered: no device has registered under this enrolment yet.
var ErrNotRegistered = errors.New("no device has registered")

// Factors are users' devices and authenticator apps. A user is an identity, and
// an enrolment has an id of our own, which the factor bears as its friendly
// name. Errors are package otp's, unless a method says otherwise. Every request
// has its own time limit of four seconds within the context's.
type Factors struct {
	bind    func(context.Context) (*outbound.Call, *api.ApiService)
	service string
}

// enrolment is what a device registers with. The order is the one shown.
type enrolment struct {
	Token        string `json:"token"`
	Identity     string `json:"identity"`
	ServiceSid   string `json:"serviceSid"`
	FriendlyName string `json:"friendlyName"`
}

// Enrol returns the text that a device registers with, within five minutes:
// compact JSON of token, identity, serviceSid and friendlyName. It is a secret:
// whoever has it may register a device of theirs.
func (f *Factors) Enrol(ctx context.Context, identity, id string) (string, error) {
	err := f.entity(ctx, identity, id)
	if err != nil {
		return "", fmt.Errorf("enrolling device: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := f.bind(ctx)
	params := &api.CreateAccessTokenParams{}
	params.SetIdentity(identity)
	params.SetFactorType("push")
	params.SetFactorFriendlyName(id)
	params.SetTtl(enrolLimit)
	v, err := service.CreateAccessToken(f.service, params)
	if err != nil {
		status, number, _ := refusal(call, err)
		return "", fmt.Errorf("enrolling device: %w", fault(call, status, number))
	}
	if v.Token == nil || *v.Token == "" || differs(v.EntityIdentity, identity) {
		return "", fmt.Errorf("enrolling device: verify gave no token: %w", otp.ErrUnavailable)
	}
	text, err := json.Marshal(enrolment{*v.Token, identity, f.service, id})
	if err != nil {
		return "", fmt.Errorf("enrolling device: token is no text: %w", otp.ErrUnavailable)
	}
	return string(text), nil
}

// entity makes the identity known to Verify, unless it is.
func (f *Factors) entity(ctx context.Context, identity, id string) error {
	if !isIdentity(identity) || id == "" || len(id) > nameLimit {
		return fmt.Errorf("not an identity and an enrolment of ours: %w", otp.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := f.bind(ctx)
	params := &api.CreateEntityParams{}
	params.SetIdentity(identity)
	_, err := service.CreateEntity(f.service, params)
	if err == nil {
		return nil
	}
	status, number, ok := refusal(call, err)
	if ok && number == entityExists {
		return nil
	}
	return fmt.Errorf("making identity known: %w", fault(call, status, number))
}

// Registered returns the factor of the device that registered under the
// enrolment id and proved its key. It fails with ErrNotRegistered when there is
// none, or when more than a hundred others are listed before it.
func (f *Factors) Registered(ctx context.Context, identity, id string) (string, error) {
	if !isIdentity(identity) || id == "" {
		return "", fmt.Errorf("looking for device: not an identity and an enrolment of ours: %w", ErrNotRegistered)
	}
	token, number := "", ""
	for range pages {
		page, err := f.page(ctx, identity, token, number)
		if err != nil {
			return "", fmt.Errorf("looking for device: %w", err)
		}
		for _, v := range page.Factors {
			if registered(v, identity, id) {
				return *v.Sid, nil
			}
		}
		token, number = following(page.Meta.NextPageUrl)
		if token == "" && number == "" {
			break
		}
	}
	return "", fmt.Errorf("looking for device: %w", ErrNotRegistered)
}

func (f *Factors) page(ctx context.Context, identity, token, number string) (*api.ListFactorResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := f.bind(ctx)
	params := &api.ListFactorParams{}
	params.SetPageSize(pageSize)
	page, err := service.PageFactor(f.service, identity, params, token, number)
	if err != nil {
		status, code, ok := refusal(call, err)
		if ok && gone(status, code) {
			return nil, fmt.Errorf("%w: %w", twilio.Refusal(Name, status, code), ErrNotRegistered)
		}
		return nil, fault(call, status, code)
	}
	if page.Factors == nil {
		return nil, fmt.Errorf("verify listed nothing: %w", otp.ErrUnavailable)
	}
	return page, nil
}

func registered(v api.VerifyV2Factor, identity, id string) bool {
	return v.Sid != nil && twilio.IsSID("YF", *v.Sid) &&
		!differs(v.Identity, identity) &&
		is(v.FactorType, "push") && is(v.FriendlyName, id) && is(v.Status, "verified")
}

// following takes from the address of a next page what makes it the next one.
// The rest of it is not believed.
func following(address *string) (token, number string) {
	if address == nil {
		return "", ""
	}
	u, err := url.Parse(*address)
	if err != nil {
		return "", ""
	}
	return u.Query().Get("PageToken"), u.Query().Get("Page")
}

// Remove deletes a factor of either kind. One that Verify does not have is a
// success.
func (f *Factors) Remove(ctx context.Context, identity, sid string) error {
	if !factor(identity, sid) {
		return fmt.Errorf("removing factor: not one of ours: %w", otp.ErrGone)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := f.bind(ctx)
	err := service.DeleteFactor(f.service, identity, sid)
	if err == nil && call.Status() == http.StatusNoContent {
		return nil
	}
	status, number, ok := refusal(call, err)
	if ok && gone(status, number) {
		return nil
	}
	return fmt.Errorf("removing factor: %w", fault(call, status, number))
}

// is reports whether an answer's field is present and says this.
func is(field *string, want string) bool { return field != nil && *field == want }

// differs reports whether an answer names somebody else.
func differs(field *string, identity string) bool {
	return field != nil && !strings.EqualFold(*field, identity)
}
