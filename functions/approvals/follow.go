package approvals

import (
	"errors"
	"net/http"

	"latchkey/shared/providers"
	"latchkey/shared/store"
)

// report answers with an action as it is now, and sees to it that the owner is
// told of a decision: of one that was learnt here at once, of one that somebody
// else wrote a moment ago only when that one had the time to tell.
func (s *step) report(w http.ResponseWriter, r *http.Request, a store.Action) error {
	p, err := s.read(r, a)
	if err != nil {
		return err
	}
	fresh := s.now().Sub(p.DecidedAt) < s.every
	if p.Open(s.now()) && s.now().Sub(p.CreatedAt) >= s.every {
		p, fresh = s.reconcile(r, p)
	}
	p, err = providers.Standing(r.Context(), s.table, a, p)
	if err != nil {
		return err
	}
	if !fresh {
		s.tell(r, a, p)
	}
	return s.answer(w, a, p)
}

// read reads an action's approval. It is zero while nobody knows that. One that
// was never written, because the request died just then, is written now.
func (s *step) read(r *http.Request, a store.Action) (store.Approval, error) {
	if a.Ref == (store.Ref{}) {
		return store.Approval{}, nil
	}
	p, err := s.table.Approval(r.Context(), a.Ref)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Session == "" {
		p, err = s.table.RecordApproval(r.Context(), a.Approval())
	}
	if errors.Is(err, store.ErrRefused) || err == nil && p.Session != a.ID {
		return store.Approval{}, nil
	}
	return p, err
}

// reconcile asks the vendor what became of an approval that no callback told us
// of, if it is this request's turn (F-21). theirs says that it is not.
func (s *step) reconcile(r *http.Request, p store.Approval) (latest store.Approval, theirs bool) {
	err := s.table.Lease(r.Context(), p.Ref, s.every, s.now())
	if errors.Is(err, store.ErrRefused) {
		return p, true
	}
	if err == nil {
		p, err = providers.Reconcile(r, s.set, s.table, p, s.now())
	}
	if err != nil {
		s.site.Log(r, "vendor did not say what became of an approval", err)
	}
	return p, false
}

// tell sends the owner the event of a decision that nobody has told of yet. A
// failure leaves it to the next look.
func (s *step) tell(r *http.Request, a store.Action, p store.Approval) {
	err := s.bus.Tell(r.Context(), s.table, a, p, s.now())
	if err != nil {
		s.site.Log(r, "alarm: the owner was perhaps not told of a decision; the next look at it tells it", err)
	}
}
