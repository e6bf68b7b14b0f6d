// Package account is what signed-in visitors see of their own account.
package account

import (
	"context"
	"errors"
	"net/http"

	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	site  *web.Site
	guard *session.Guard
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{site: web.New(cfg, vars)}
	s.guard = session.NewGuard(cfg, vars, store.Open(cfg, vars), s.site)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{"GET /account": s.show}), nil
}

func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	u, _, err := s.guard.Full(r.Context(), r)
	if errors.Is(err, session.ErrNone) {
		return web.NoSession("There is no account signed in here.").SendTo("/login", web.SignInFirst)
	}
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{
			"fullName": u.Name, "email": u.Email, "phone": u.Phone.Mask(), "verified": !u.VerifiedAt.IsZero(), "role": u.Role,
		})
	}
	return s.site.Page(w, r, view(u))
}

func view(u store.User) web.View {
	return web.View{Title: "Hello, " + u.Name, SignedIn: true, Main: page(u.Profile, u.VerifiedAt)}
}
