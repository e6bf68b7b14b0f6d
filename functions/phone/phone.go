// Package phone is where an account gets another phone. Two may ask for it:
// somebody who is signed in, gave a second factor a moment ago, which proves the
// old phone, and knows the password; and somebody whose old phone is lost and for
// whom a recovery code stands at a login, which the password was given at. The new number is proved by a code, as at a sign-up
// (step verify), and only then takes the old one's place; nothing changes here.
package phone

import (
	"context"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/knowledge"
	"latchkey/shared/numbers"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	now    func() time.Time
	site   *web.Site
	table  *store.Table
	guard  *session.Guard
	audit  audit.Log
	care   *session.Care
	known  *knowledge.Factor
	budget *budget.Budget
	set    *providers.Set
	plan   *numbers.Plan
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.care = session.NewCare(vars, s.guard)
	s.known = knowledge.New(cfg, vars, s.guard)
	s.budget = budget.New(cfg, vars, s.table, store.Signup)
	s.set = providers.New(cfg, vars)
	s.plan = numbers.New(vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET /phone":  s.show,
		"POST /phone": s.change,
	}), nil
}

// form is what was typed, but the password.
type form struct {
	Seed, Country, Phone string
}

// show is the form.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	u, from, err := s.care.Mover(w, r, "/phone")
	if err != nil {
		return err
	}
	f := form{Seed: session.NewSeed(), Country: s.plan.Guess(r.Header.Get("Accept-Language"))}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"phone": u.Phone.Mask(), "fields": []string{"countryCode", "phone"}, "form": f.Seed})
	}
	return s.site.Page(w, r, s.view(u, from, f, nil))
}

func (s *step) view(u store.User, from store.Session, f form, p *web.Problem) web.View {
	c := content{u.Email, u.Phone.Ending(), from.Lost, f, s.plan.Countries, p}
	return web.View{Title: "Your new phone", SignedIn: from.Confirmed(), Main: page(c)}
}

// content is what the page shows. The password is never in it.
type content struct {
	Email     string
	Ending    string // of the phone that is to be replaced
	Lost      bool
	Form      form
	Countries []numbers.Country
	Problem   *web.Problem
}
