// Package providers opens the vendors that a deployment has credentials for.
// The stack names the one that new users get; each user keeps its own, so that
// both serve side by side.
//
// It must not know what a code is sent for.
package providers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/push"
	"latchkey/shared/store"
	"latchkey/shared/testnumbers"
	"latchkey/shared/verify"
)

// Set is the vendors of one deployment.
type Set struct {
	Default  string        // the name of the vendor that new users get
	Channels []otp.Channel // that visitors may ask for, where their vendor has them

	callAfter int // codes sent to a phone before a call is offered

	codes   map[store.Flow]map[string]otp.Codes // by the vendor's name
	pushes  map[string]push.Pushes
	factors *verify.Factors
	audit   audit.Log
}

// New reads PROVIDER, CHANNELS, CALL_AFTER, the numbers for tests and every
// vendor's variables. The default vendor's are required, the other's may be
// missing as a whole.
func New(cfg env.Config, vars *env.Vars) *Set {
	s := &Set{
		Default:   vars.OneOf("PROVIDER", verify.Name, authy.Name),
		Channels:  otp.Channels(vars),
		callAfter: vars.Int("CALL_AFTER", 3, 0, 10),
		codes:     map[store.Flow]map[string]otp.Codes{},
		pushes:    map[string]push.Pushes{},
		audit:     audit.New(cfg),
	}
	tests := testnumbers.New(cfg, vars)
	tests.Warn(cfg)
	fix := func(vendor otp.Codes) otp.Codes { return &fixed{vendor, tests, cfg.Now} }
	v := verify.New(cfg, vars, s.Default == verify.Name)
	if v != nil {
		s.serve(verify.Name, fix(v.Signup()), fix(v.Login()))
		s.pushes[verify.Name], s.factors = v.Pushes(), v.Factors()
	}
	a := authy.New(cfg, vars, s.Default == authy.Name)
	if a != nil {
		s.serve(authy.Name, fix(a.Signup()), fix(a.Login()))
		s.pushes[authy.Name] = a.Pushes()
	}
	return s
}

// serve notes how a vendor sends codes, to phones that nobody has proved and to
// those of users.
func (s *Set) serve(name string, strangers, users otp.Codes) {
	for _, flow := range []store.Flow{store.Signup, store.Login, store.Proof, store.Move} {
		if s.codes[flow] == nil {
			s.codes[flow] = map[string]otp.Codes{}
		}
		s.codes[flow][name] = users
		if flow.Stranger() {
			s.codes[flow][name] = strangers
		}
	}
}

// Codes is how the named vendor sends and checks the codes of a flow, or
// otp.ErrUnavailable when this deployment holds no credentials for it.
func (s *Set) Codes(flow store.Flow, name string) (otp.Codes, error) {
	c, ok := s.codes[flow][name]
	if !ok {
		return nil, fmt.Errorf("provider %q is not configured: %w", name, otp.ErrUnavailable)
	}
	return c, nil
}

// Pushes is how the named vendor asks for approvals, or otp.ErrUnavailable when
// this deployment holds no credentials for it.
func (s *Set) Pushes(name string) (push.Pushes, error) {
	p, ok := s.pushes[name]
	if !ok {
		return nil, fmt.Errorf("provider %q is not configured: %w", name, otp.ErrUnavailable)
	}
	return p, nil
}

// Limits is how much the named vendor's devices show of a push.
func Limits(name string) push.Limits {
	if name == authy.Name {
		return authy.Limits()
	}
	return verify.Limits()
}

// Factors is how users of Verify enrol devices and authenticator apps, nil when
// this deployment holds no credentials for it. Authy's users enrol by
// installing its app.
func (s *Set) Factors() *verify.Factors { return s.factors }

// Device is whom a push to this user goes to. It is false when there is nobody:
// a person with Authy may have its app, one with Verify enrolled a device.
func Device(u store.User) (push.Target, bool) {
	if u.Provider == authy.Name {
		return push.Target{User: u.ProviderRef}, u.ProviderRef != ""
	}
	f, ok := Newest(u, "push")
	return push.Target{User: u.UID, Device: f.SID}, ok
}

// Asks reports whether this is still whom a push to the user may have gone to:
// the person's id at Authy, or a device that was not removed since.
func Asks(u store.User, subject string) bool {
	if u.Provider == authy.Name {
		return subject != "" && subject == u.ProviderRef
	}
	return Uses(u, subject)
}

// Uses reports whether a factor of the user, by the vendor's id, is usable.
func Uses(u store.User, sid string) bool {
	return sid != "" && slices.ContainsFunc(u.Factors, func(f store.Factor) bool { return f.SID == sid && f.Active })
}

// Newest is the user's newest usable factor of a type.
func Newest(u store.User, kind string) (store.Factor, bool) {
	for _, f := range slices.Backward(u.Factors) {
		if f.Type == kind && f.Active {
			return f, true
		}
	}
	return store.Factor{}, false
}

// Offered are the channels that a session's visitor may choose from. A call is
// one of them only after so many codes to the phone, of the last day and as far
// as the session knows of them: calls cost the most.
func (s *Set) Offered(half store.Session, now time.Time) []otp.Channel {
	codes, err := s.Codes(half.Flow, half.Provider)
	if err != nil {
		return nil
	}
	recent := 0
	for _, at := range half.Sends.Times {
		if now.Sub(at) < 24*time.Hour {
			recent++
		}
	}
	var list []otp.Channel
	for _, c := range s.Channels {
		if codes.Carries(c) && (c != otp.Call || recent >= s.callAfter) {
			list = append(list, c)
		}
	}
	return list
}

// Target is the person of a profile as a vendor sees it.
func Target(p store.Profile) otp.Target {
	return otp.Target{Phone: p.Phone, CountryCode: p.CallingCode, Email: p.Email, User: p.ProviderRef}
}

// reserve is what a call to a vendor leaves of the request's time, so that what
// came of it can be kept.
const reserve = 1500 * time.Millisecond

// Sparing is the request's context for a call to a vendor.
func Sparing(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}
