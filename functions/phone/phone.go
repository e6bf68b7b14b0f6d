// Package phone is where an account gets another phone. Two may ask for it:
// somebody who is signed in, gave a second factor a moment ago, which proves the
// old phone, and knows the password; and somebody whose old phone is lost and for
// whom a recovery code stands at a login, which the password was given at. The new number is proved by a code, as at a sign-up
// (step verify), and only then takes the old one's place; nothing changes here.
package phone

import (
	"context"
	_ "embed" // the page
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

//go:embed phone.html
var pageText string

type step struct {
	now    func() time.Time
	site   *web.Site
	page   *web.Page
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
	s.page = s.site.Parse("phone", pageText)
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
	return s.site.Page(w, r, s.page, s.view(u, from, f, nil))
}

func (s *step) view(u store.User, from store.Session, f form, p *web.Problem) web.View {
	return web.View{Title: "Your new phone", SignedIn: from.Confirmed(), Data: struct {
		Email     string
		Ending    string
		Lost      bool
		Form      form
		Problem   *web.Problem
		Countries []numbers.Country
	}{u.Email, u.Phone.Ending(), from.Lost, f, p, s.plan.Countries}}
}
