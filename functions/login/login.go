// Package login is the way back in: an email address and a password, then the
// user's own second factor. A push goes to the device of who has one; everybody
// else goes to the code page (step verify).
//
// The order of one request: the limits are taken while the user is read; one
// comparison of the password, the same work whoever is named; the session is
// written while the push, or the text, is reserved; then the vendor is asked;
// then what came of it is kept. A wrong password and an unknown address are one
// answer, at one cost, and no vendor hears of them.
package login

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/password"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	now     func() time.Time
	site    *web.Site
	table   *store.Table
	guard   *session.Guard
	audit   audit.Log
	lane    session.Lane
	address store.Counter
	budget  *budget.Budget
	set     *providers.Set
	pushes  pushing
	cost    int           // of a password's hash
	fresh   time.Duration // how long nobody who is signed in has use for this page
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.table.Abreast(cfg, 6) // a session, and the limits of a text
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.lane = session.Lane{
		Free:    vars.Int("LOGIN_FREE_TRIES", 5, 1, 100),
		Longest: vars.Duration("LOGIN_LONGEST_WAIT", 15*time.Minute, time.Second, 15*time.Minute),
	}
	s.address = store.Counter{Rule: "login-address", Max: vars.Int("LOGINS_PER_ADDRESS", 60, 1, 1e9), Window: 5 * time.Minute}
	s.budget = budget.New(cfg, vars, s.table, store.Login)
	s.set = providers.New(cfg, vars)
	s.pushes = newPushing(vars)
	s.cost = password.Cost(vars)
	s.fresh = session.FreshFor(vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET /login":        s.show,
		"POST /login":       s.enter,
		"GET /login/again":  s.offer,
		"POST /login/again": s.prove,
	}), nil
}

// show is the form, with a seed of its own. Who has proved a moment ago that it
// is they has no use for it.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	u, full, err := s.guard.Full(r.Context(), r)
	signedIn := err == nil
	if signedIn && s.now().Sub(full.ConfirmedAt) <= s.fresh {
		return s.site.Next(w, r, cmp.Or(web.Back(r), "/account"), web.NoNotice)
	}
	f := form{Seed: session.NewSeed(), Email: u.Email, Return: web.Back(r)}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"fields": fields, "form": f.Seed})
	}
	view := s.view(f, nil)
	view.SignedIn = signedIn
	return s.site.Page(w, r, view)
}

// view is what the page shows. The password is never in it.
func (s *step) view(f form, p *web.Problem) web.View {
	return web.View{Title: "Log in", Main: page(f, p)}
}

// refuse shows the form again with what was typed.
func (s *step) refuse(f form, p *web.Problem) error { return p.On(s.view(f, p)) }
