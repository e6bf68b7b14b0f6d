// Package phonechecks proves a phone without an account: the owner's own back
// end names a number, we send it a code, and the back end brings the code that
// its visitor typed. It never gives anybody a session.
//
// Only callers that signed their request (AWS_IAM) are served, also if the
// routes should be deployed without that authorization, and nobody unless
// PHONE_CHECKS is on.
//
// A check is an item like a half sign-up's, under a key that no cookie can
// name, with the same tries, limits and vendor. Its id is the only thing that
// leads to it: key and secret are derived from it.
package phonechecks

import (
	"context"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/caller"
	"latchkey/shared/env"
	"latchkey/shared/numbers"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// life is how long a check waits for its code: as long as the vendors' codes are
// good.
const life = 10 * time.Minute

type step struct {
	now    func() time.Time
	on     bool
	site   *web.Site
	table  *store.Table
	guard  *session.Guard
	audit  audit.Log
	budget *budget.Budget
	set    *providers.Set
	codes  otp.Codes // the default vendor's
	plan   *numbers.Plan
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.site.AnyHost = true // signed
	s.on = vars.OneOf("PHONE_CHECKS", "off", "on") == "on"
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.budget = budget.New(cfg, vars, s.table, store.Signup)
	s.set = providers.New(cfg, vars)
	s.plan = numbers.New(vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	s.codes, err = s.set.Codes(store.Signup, s.set.Default)
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"POST /phone-checks":      s.signed(s.start),
		"POST /phone-checks/{id}": s.signed(s.check),
	}), nil
}

// signed lets only the owner's back end in.
func (s *step) signed(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch {
		case !s.on:
			return web.NotFound()
		case caller.Of(r.Context()).IAM == "":
			return web.Forbidden()
		}
		return h(w, r)
	}
}

// tokenOf says where the check with this id is, and holds its secret. The slash
// keeps the key out of every cookie: session.Parse takes none.
func tokenOf(id string) session.Token {
	return session.Derive(id, "check/"+store.Hash(id), "phone check")
}

// noted is a check as the audit trail names it: it is no sign-up, and nobody's.
func noted(half store.Session) store.Session {
	half.UID, half.Flow = "", "check"
	return half
}

// target is the phone as the vendor sees it. Authy wants an address of everybody
// and never writes to it; there is none here, so it gets one that cannot exist
// (RFC 2606).
func target(half store.Session) otp.Target {
	to := providers.Target(half.Profile)
	to.Email = half.ID + "@phone-checks.invalid"
	return to
}
