package signup

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// patience is how long a repeat waits for the answer of the request that was
// first. A vendor's call may take longer; then the code page is answer enough.
const patience = 5 * time.Second

// repeat answers a form whose session is there already as the first time was
// answered, and sends nothing, unless the first time failed or died and the wait
// since is over: then it is the new try that we asked for. Nothing is signed out by
// it: the cookie of a session that is confirmed meanwhile is left alone.
func (s *step) repeat(w http.ResponseWriter, r *http.Request, a *attempt, existing store.Session) error {
	email := a.send.Email
	a.send.Email = "" // its hit is the first form's
	over := existing.Confirmed() || !a.now.Before(existing.ValidUntil)
	// A phone's versions begin anew after a day.
	used := a.now.Sub(existing.CreatedAt) < session.Abandoned && existing.Sends.Version == a.half.Sends.Version
	if over && a.fresh && !used { // nothing is sent for it
		s.budget.Release(r.Context(), a.send, a.half.Sends, a.now)
	}
	switch {
	case existing.Confirmed():
		return s.site.Next(w, r, "/verify", web.NoNotice)
	case over:
		return web.Expired("This form was sent a while ago. Please fill in a new one.").SendTo("/signup", web.BeginAgain)
	}
	var err error
	if a.now.Sub(existing.CreatedAt) < session.Abandoned {
		existing, err = s.guard.Await(r.Context(), existing, patience)
	}
	if errors.Is(err, store.ErrNotFound) { // refused by a limit, and dropped
		if a.fresh { // whoever dropped it had not taken the phone's slot, so nothing was given back
			a.send.Email = email
			s.budget.Release(r.Context(), a.send, a.half.Sends, a.now)
		}
		err = &store.Limited{After: time.Second}
	}
	if err != nil {
		return s.explain(a, err)
	}
	died := existing.Hash == "" && a.now.Sub(existing.CreatedAt) >= session.Abandoned
	if a.fresh && (died || existing.Failed()) && !a.now.Before(existing.ResendAt) {
		return s.again(w, r, a, existing)
	}
	// The slot that this request took is only given back if no other request
	// used it for both.
	if a.fresh && existing.Outcome != "" && existing.Sends.Version != a.half.Sends.Version {
		s.budget.Release(r.Context(), a.send, a.half.Sends, a.now)
	}
	if existing.Hash == "" {
		existing, err = s.complete(r.Context(), a, existing)
		if err != nil {
			return s.explain(a, err)
		}
	}
	return s.answer(w, r, a, existing, nil)
}

// again makes another try for a session whose code could not be sent. begin has
// taken the phone's next send for it already.
func (s *step) again(w http.ResponseWriter, r *http.Request, a *attempt, existing store.Session) error {
	err := s.budget.Wide(r.Context(), a.send, a.now)
	if err != nil {
		s.audit.Delayed(r, audit.Of(existing), audit.AtSend, err)
		return s.explain(a, s.undo(r.Context(), a, err))
	}
	existing.Sends = a.half.Sends
	a.half = existing
	return s.finish(w, r, a)
}

// complete makes up for a first request that died before it kept the hash. If
// it sent a code, that one can be asked for again.
func (s *step) complete(ctx context.Context, a *attempt, existing store.Session) (store.Session, error) {
	hash, err := s.hash(a.form.password)
	if err != nil {
		return existing, err
	}
	existing.Hash, existing.Outcome, existing.ResendAt = hash, store.Unsent, s.budget.Next(a.half.Sends, a.now)
	err = s.table.RecordHash(ctx, existing)
	if errors.Is(err, store.ErrRefused) { // it did not die
		return s.table.Session(ctx, existing.Key, existing.ID)
	}
	return existing, err
}
