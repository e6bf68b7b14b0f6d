// Package signup is the first step: a form takes a name, an email address, a
// password and a phone, and the phone is sent a code. Nothing is reserved and
// nothing about existing users is read, so nothing can be learnt here about
// them: only who proves the phone becomes a user (step verify).
//
// The order of one request: what was typed is checked; the limits of the one
// who asks are taken while the session is written; then the wide limits; then
// the code is sent while bcrypt runs; then both results are kept. A crash
// anywhere leaves a session whose owner can ask for another code.
package signup

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/numbers"
	"latchkey/shared/otp"
	"latchkey/shared/password"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	now      func() time.Time
	site     *web.Site
	table    *store.Table
	guard    *session.Guard
	audit    audit.Log
	budget   *budget.Budget
	provider string
	codes    otp.Codes
	plan     *numbers.Plan
	rules    password.Rules
	hash     func(password string) (string, error)
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	s, err := open(cfg)
	if err != nil {
		return nil, err
	}
	return s.handler(), nil
}

func open(cfg env.Config) (*step, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.budget = budget.New(cfg, vars, s.table, store.Signup)
	s.plan = numbers.New(vars)
	set := providers.New(cfg, vars)
	s.provider = set.Default
	s.rules = password.NewRules(vars)
	cost := password.Cost(vars)
	s.hash = func(typed string) (string, error) { return password.Hash(typed, cost) }
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	s.codes, err = set.Codes(store.Signup, s.provider)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *step) handler() http.Handler {
	return s.site.Handler(web.Routes{
		"GET /signup":  s.show,
		"POST /signup": s.create,
	})
}

// show is the form, with a seed of its own. Who is signed in has no use for it.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	_, _, err := s.guard.Full(r.Context(), r)
	if err == nil {
		return s.site.Next(w, r, "/account", web.NoNotice)
	}
	f := form{Seed: session.NewSeed(), Selected: s.plan.Guess(r.Header.Get("Accept-Language"))}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"fields": fields, "form": f.Seed})
	}
	f.UnderWay = underWay(err)
	return s.site.Page(w, r, s.view(f, nil))
}

// underWay reports whether the visitor seems to have a sign-up that waits for
// its code, by why they are not signed in: a code can still be of use to them.
func underWay(err error) bool {
	return errors.Is(err, session.ErrHalf) && !errors.Is(err, session.ErrSpent)
}

// view is what the page shows. The password is never in it.
func (s *step) view(f form, p *web.Problem) web.View {
	return web.View{Title: "Create your account", Main: page(f, s.plan.Countries, p)}
}

// refuse shows the form again with what was typed.
func (s *step) refuse(f form, p *web.Problem) error { return p.On(s.view(f, p)) }
