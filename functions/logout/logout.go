// Package logout ends this browser's session, or all of its user's. The item in
// the table goes first: a cookie that nobody holds any more would still work.
package logout

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"

	"latchkey/shared/audit"
	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	site  *web.Site
	table *store.Table
	guard *session.Guard
	audit audit.Log
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{"POST /logout": s.leave}), nil
}

// leave ends the session, signed in or half way. Who has none is logged out
// already. A table that is down is no reason to claim success.
func (s *step) leave(w http.ResponseWriter, r *http.Request) error {
	v, err := web.ReadIfAny(r, "everywhere?")
	if err != nil {
		return err
	}
	if v["everywhere"] == "true" {
		return s.everywhere(w, r)
	}
	err = s.guard.End(r, audit.Here)
	if err != nil {
		return err
	}
	return s.goodbye(w, r, web.LoggedOut)
}

// everywhere gives the user a new epoch: sessions of another are dead, and
// browsers that were known are strangers. Only who is signed in may.
func (s *step) everywhere(w http.ResponseWriter, r *http.Request) error {
	u, full, err := s.guard.Full(r.Context(), r)
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	err = s.renew(r, u, full)
	if err != nil {
		return err
	}
	return s.goodbye(w, r, web.EverywhereOut)
}

// renew insists on an epoch of its own. One that another request gave the user
// meanwhile will not do: a new password or phone gives one, too, with which the
// session that changed it lives on.
func (s *step) renew(r *http.Request, u store.User, full store.Session) error {
	next := hex.EncodeToString(session.Random(16))
	for range 4 {
		err := s.table.NewEpoch(r.Context(), u, next)
		if err == nil {
			s.audit.Note(r, audit.LoggedOut, audit.Of(full).Why(audit.Everywhere))
		}
		if !errors.Is(err, store.ErrRefused) {
			return err
		}
		latest, err := s.table.User(r.Context(), u.Key)
		if errors.Is(err, store.ErrNotFound) || err == nil && latest.UID != u.UID {
			return nil // deleted, and its sessions with it
		}
		if err != nil {
			return err
		}
		u = latest
	}
	return store.ErrRefused
}

// goodbye makes the browser forget the session and what it kept of its pages.
// The mark that this browser is known stays: it opens nothing, and lets its
// owner in while strangers fail on purpose.
func (s *step) goodbye(w http.ResponseWriter, r *http.Request, n web.Notice) error {
	s.guard.Clear(w, r)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return s.site.Next(w, r, "/", n)
}
