package verify

import (
	"crypto/subtle"
	"errors"
	"net/http"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// moved is what the old phone is told.
const moved = "The phone number of your account was changed to another one. If that was not you, contact us at once."

// movedBy reports whether this session has moved the account's phone already,
// and with this very code.
func (s *step) movedBy(a *attempt) bool {
	return a.user.UID == a.half.UID && a.user.MovedBy == a.half.ID && a.user.Epoch == session.NextEpoch(a.half) &&
		subtle.ConstantTimeCompare([]byte(a.user.Proof), []byte(a.proof())) == 1
}

// move gives the account its new phone. Every session but this one is dead
// afterwards. The one that it was begun from ends first: if its owner has logged
// out of that meanwhile, nothing is moved.
func (s *step) move(w http.ResponseWriter, r *http.Request, a *attempt) error {
	err := s.table.EndParent(r.Context(), a.half, s.now())
	if err == nil {
		err = s.table.MovePhone(r.Context(), a.half, session.NextEpoch(a.half), a.proof(), s.now())
		a.user.MovedFrom = a.user.Phone
		if err == nil {
			s.audit.Note(r, audit.PhoneMoved, audit.Of(a.half).Why(cause(a.half)))
		}
	}
	if errors.Is(err, store.ErrRefused) {
		a.user, err = s.table.User(r.Context(), a.half.Key)
		if err == nil && !s.movedBy(a) || errors.Is(err, store.ErrNotFound) {
			return s.guard.Refuse(w, r, session.ErrNone) // it changed meanwhile
		}
	}
	if err != nil {
		p := web.Unavailable(err)
		return p.On(s.view(a.half, p))
	}
	return s.settle(w, r, a)
}

// cause is why a phone is moved, when that matters.
func cause(half store.Session) audit.Reason {
	if half.Lost {
		return audit.Lost
	}
	return ""
}

// settle signs the browser in with the account's new epoch.
func (s *step) settle(w http.ResponseWriter, r *http.Request, a *attempt) error {
	a.half.Epoch, a.half.Parent = session.NextEpoch(a.half), ""
	return s.confirm(w, r, a)
}

// farewell tells the old phone, once, and the vendor that what was lost with it is
// asked no more. That either failed is no reason to take anything back.
func (s *step) farewell(r *http.Request, a *attempt) web.Notice {
	wg := abreast.In(r.Context())
	defer wg.Wait()
	if factors := s.set.Factors(); a.half.Lost && factors != nil {
		for _, f := range a.user.Factors {
			if f.SID == "" { // it never registered
				continue
			}
			wg.Go(func() {
				err := factors.Remove(r.Context(), a.user.UID, f.SID)
				if err != nil {
					s.site.Log(r, "a lost factor is still at the vendor", err)
				}
			})
		}
	}
	if s.texts.On() && a.user.MovedFrom != "" {
		err := s.texts.Send(r.Context(), a.user.MovedFrom, moved)
		if err != nil {
			s.site.Log(r, "old phone not told that it was replaced", err)
		}
	}
	return web.PhoneMoved
}
