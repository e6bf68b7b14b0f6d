// Package authorizer lets those who are signed in reach the owner's own routes,
// and tells the functions behind them who it is. It is a Lambda authorizer of an
// HTTP API (payload 2.0, simple responses); routes of this stack or another name
// it, and none of them has to know a session.
//
// It denies whatever it is not sure of. A route in OPEN_ROUTES is the exception:
// it is let through with nobody, so that its own function can send a visitor to
// log in, which a gateway cannot (see package gate).
//
// It must not know what a route asks for: roles and fresh proofs are told, and
// weighed behind it.
package authorizer

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"latchkey/shared/apigw"
	"latchkey/shared/caller"
	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	guard *session.Guard
	cool  time.Duration
	open  []string // keys of routes
}

// New makes the authorizer from its environment.
func New(_ context.Context, cfg env.Config) (apigw.Authorizer, error) {
	vars := env.Read(cfg)
	s := &step{cool: session.CoolDown(vars), open: vars.List("OPEN_ROUTES")}
	s.guard = session.NewGuard(cfg, vars, store.Open(cfg, vars), web.New(cfg, vars))
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.decide, nil
}

// settled is when the account's last change of phone lies far enough back, in
// seconds since 1970; 0 when there was none.
func (s *step) settled(u store.User) int64 {
	if u.MovedAt.IsZero() {
		return 0
	}
	return u.MovedAt.Add(s.cool).Unix()
}

// decide reads session and user in one round trip, each time: a session that is
// ended, a role that is taken, is so at the next request.
func (s *step) decide(r *http.Request) (caller.Verdict, error) {
	u, full, err := s.guard.Full(r.Context(), r)
	switch {
	case errors.Is(err, session.ErrNone), errors.Is(err, session.ErrHalf):
		return caller.Verdict{Allowed: slices.Contains(s.open, r.Pattern)}, nil
	case err != nil:
		return caller.Verdict{}, err
	}
	return caller.Verdict{Allowed: true, Context: map[string]any{
		"uid":          u.UID,
		"user":         u.Reference(),
		"role":         u.Role,
		"session":      full.ID,
		"factor":       full.Factor,
		"confirmed_at": full.ConfirmedAt.Unix(),
		"settled_at":   s.settled(u),
	}}, nil
}
