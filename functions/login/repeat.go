package login

import (
	"context"
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
	case existing.Confirmed():
		return s.site.Next(w, r, "/verify", web.NoNotice)
	case !a.now.Before(existing.ValidUntil):
		return web.Expired("This form was sent a while ago. Please fill in a new one.").SendTo("/login", web.BeginAgain)
	}
	existing, err := s.await(r.Context(), existing)
	if err != nil {
		return s.explain(a, err)
	}
	return s.answer(w, r, a, existing, nil)
}

// await gives the first request time to keep what came of it.
func (s *step) await(ctx context.Context, existing store.Session) (store.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for delay := 25 * time.Millisecond; existing.Outcome == ""; delay *= 2 {
		timer := time.NewTimer(min(delay, time.Second))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return existing, nil
		}
		latest, err := s.table.Session(ctx, existing.Key, existing.ID)
		switch {
		case err == nil:
			existing = latest
		case ctx.Err() == nil && !errors.Is(err, store.ErrNotFound):
			return existing, err
		}
	}
	return existing, nil
}
