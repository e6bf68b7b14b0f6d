package login

import (
	"errors"
	"net/http"
	"time"

	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// patience is how long a repeat waits for the answer of the request that was
// first.
const patience = 5 * time.Second

// repeat answers a form whose session is there already as the first time was
// answered, and asks nobody. When the first time died, or sent nothing, the code
// page is the answer, which can ask for a code.
func (s *step) repeat(w http.ResponseWriter, r *http.Request, a *attempt, p plan, existing store.Session) error {
	over := existing.Confirmed() || !a.now.Before(existing.ValidUntil)
	var err error
	if !over {
		existing, err = s.guard.Await(r.Context(), existing, patience)
	}
	s.giveBack(r, a, p, existing, over || existing.Epoch != a.user.Epoch)
	switch {
	case existing.Confirmed() && existing.Outcome == store.Asked:
		return s.site.Next(w, r, "/status", web.NoNotice)
	case existing.Confirmed():
		return s.site.Next(w, r, "/verify", web.NoNotice)
	case over:
		return web.Expired("This form was sent a while ago. Please fill in a new one.").SendTo(a.start(), web.BeginAgain)
	case err != nil && !errors.Is(err, store.ErrNotFound): // deleted meanwhile: the code page tells
		return s.explain(a, err)
	}
	return s.answer(w, r, a, existing, nil)
}

// giveBack gives back what a repeat reserved, unless the first time, side by side
// with it, used that: either of two equal forms may reserve for both. One that is
// over, ended with all others of its account, or older than a function may run
// used nothing that is reserved now.
func (s *step) giveBack(r *http.Request, a *attempt, p plan, existing store.Session, over bool) {
	beside := !over && a.now.Sub(existing.CreatedAt) < session.Abandoned
	if beside && existing.Outcome == "" {
		return // it may go on with what this one reserved
	}
	asked := beside && existing.Outcome == store.Asked
	if p.claimed && !asked {
		s.withdraw(r, a, p)
	}
	// A text that was sent stays taken, however soon the session has ended since. A
	// phone's versions begin anew after a day, and those of another phone are others.
	recent := a.now.Sub(existing.CreatedAt) < session.Abandoned
	same := existing.Phone == "" || existing.Phone == a.user.Phone
	used := recent && same && existing.Sends.Version == a.half.Sends.Version
	if a.took && !used {
		s.budget.Release(r.Context(), a.send(r), a.half.Sends, a.now)
		s.budget.ReleaseWide(r.Context(), a.send(r), a.now)
	}
}
