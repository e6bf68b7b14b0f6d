package approvals

import (
	"errors"
	"net/http"

	"latchkey/shared/providers"
	"latchkey/shared/store"
)

// follow reads an action's approval, and asks the vendor when no callback has
// come for a while. It is zero while nobody knows the approval. One that was
// never written, because the request died just then, is written now.
func (s *step) follow(r *http.Request, a store.Action) (store.Approval, error) {
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
	if err != nil {
		return store.Approval{}, err
	}
	if p.Open(s.now()) && s.now().Sub(p.CreatedAt) >= s.every {
		p = s.reconcile(r, p)
	}
	return p, nil
}

// reconcile asks the vendor what became of an approval that no callback told us
// of, if it is this request's turn (F-21).
func (s *step) reconcile(r *http.Request, p store.Approval) store.Approval {
	err := s.table.Lease(r.Context(), p.Ref, s.every, s.now())
	if errors.Is(err, store.ErrRefused) {
		return p
	}
	if err == nil {
		p, err = providers.Reconcile(r.Context(), s.set, s.table, p, s.now())
	}
	if err != nil {
		s.site.Log(r, "vendor did not say what became of an approval", err)
	}
	return p
}

// tell sends the owner the event of a decision that nobody has told of yet. A
// failure leaves it to the next look.
func (s *step) tell(r *http.Request, a store.Action, p store.Approval) {
	err := s.bus.Tell(r.Context(), s.table, a, p, s.now())
	if err != nil {
		s.site.Log(r, "alarm: the owner was perhaps not told of a decision; the next look at it tells it", err)
	}
}
