// Package providers opens the vendors that a deployment has credentials for.
// The stack names the one that new users get; each user keeps its own, so that
// both serve side by side.
//
// It must not know what a code is sent for.
package providers

import (
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/store"
	"latchkey/shared/verify"
)

// Set is the vendors of one deployment.
type Set struct {
	Default string // the name of the vendor that new users get

	byFlow map[store.Flow]otp.Providers
}

// New reads PROVIDER and every vendor's variables. The default vendor's are
// required, the other's may be missing as a whole.
func New(cfg env.Config, vars *env.Vars) *Set {
	s := &Set{
		Default: vars.OneOf("PROVIDER", verify.Name, authy.Name),
		byFlow:  map[store.Flow]otp.Providers{store.Signup: {}, store.Login: {}},
	}
	v := verify.New(cfg, vars, s.Default == verify.Name)
	if v != nil {
		s.byFlow[store.Signup][verify.Name], s.byFlow[store.Login][verify.Name] = v.Signup(), v.Login()
	}
	a := authy.New(cfg, vars, s.Default == authy.Name)
	if a != nil {
		s.byFlow[store.Signup][authy.Name], s.byFlow[store.Login][authy.Name] = a.Signup(), a.Login()
	}
	return s
}

// Codes is how the named vendor sends and checks the codes of a flow, or
// otp.ErrUnavailable when this deployment does not have that vendor.
func (s *Set) Codes(flow store.Flow, name string) (otp.Codes, error) {
	return s.byFlow[flow].For(name)
}
