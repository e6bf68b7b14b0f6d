package login

import (
	"errors"
	"net/http"
	"time"

	"latchkey/shared/store"
	"latchkey/shared/web"
)

// patience is how long a repeat waits for the answer of the request that was
// first.
const patience = 5 * time.Second

// repeat answers a form whose session is there already as the first time was
// answered, and asks nobody. When the first time died, the code page is the
// answer, which can ask for a code.
func (s *step) repeat(w http.ResponseWriter, r *http.Request, a *attempt, existing store.Session) error {
	switch {
	case existing.Confirmed() && existing.Outcome == store.Asked:
		return s.site.Next(w, r, "/status", web.NoNotice)
	case existing.Confirmed():
		return s.site.Next(w, r, "/verify", web.NoNotice)
	case !a.now.Before(existing.ValidUntil):
		return web.Expired("This form was sent a while ago. Please fill in a new one.").SendTo("/login", web.BeginAgain)
	}
	existing, err := s.guard.Await(r.Context(), existing, patience)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // logged out meanwhile: the code page tells
		return s.explain(a, err)
	}
	return s.answer(w, r, a, existing, nil)
}
