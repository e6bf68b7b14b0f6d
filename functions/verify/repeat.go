package verify

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// How old a reserved try can be while its maker is still at work, and how long
// a request waits for such a one: a little longer than a call to a vendor may
// take.
const (
	inFlight = 6 * time.Second
	patience = 4500 * time.Millisecond
)

// unreserved answers a code for which no try was reserved.
func (s *step) unreserved(w http.ResponseWriter, r *http.Request, a *attempt) error {
	half, _, err := s.guard.Half(r.Context(), r)
	if errors.Is(err, session.ErrNone) {
		return s.repeated(w, r, a)
	}
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	usedUp := func() error { return s.refused(r, half, audit.UsedUp, session.UsedUp(half)) }
	switch {
	case half.Taken:
		return web.CannotComplete()
	case half.Checks < s.guard.Tries && half.Ref == "" && half.ProviderRef == "" && half.Token == "":
		p := web.Expired("No code was sent yet. Ask for one below.")
		return p.On(s.view(half, p))
	case s.now().Sub(half.CheckAt) < inFlight:
		return s.await(w, r, a, usedUp)
	}
	return usedUp()
}

// repeated answers a request that may be the repeat of the one that confirmed
// the session.
func (s *step) repeated(w http.ResponseWriter, r *http.Request, a *attempt) error {
	t, whole, err := s.guard.Repeat(r.Context(), a.token, a.code)
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	s.guard.Set(w, r, t)
	s.guard.Remember(w, r, whole)
	return s.site.Next(w, r, session.Destination(whole), web.NoNotice)
}

// gone answers when the vendor has no such code any more. If this very session
// has made its user already, and with this very code, the code was right and a
// crash came between. If another try is under way, it may just have used the
// code.
func (s *step) gone(w http.ResponseWriter, r *http.Request, a *attempt) error {
	if a.half.Flow == store.Signup {
		u, err := s.table.User(r.Context(), a.half.Key)
		if err == nil && u.MadeBy(a.half.UID, a.half.Epoch) && subtle.ConstantTimeCompare([]byte(u.Proof), []byte(a.proof())) == 1 {
			return s.confirm(w, r, a)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if a.half.Flow == store.Move && s.movedBy(a) {
		return s.settle(w, r, a)
	}
	p := web.Expired("That code is no longer valid. Ask for a new one below.")
	return s.behind(w, r, a, audit.Gone, p.On(s.view(a.half, p)))
}

// behind refuses the code, unless another try is under way or was a moment ago:
// that one may have used the code up for this one.
func (s *step) behind(w http.ResponseWriter, r *http.Request, a *attempt, why audit.Reason, p *web.Problem) error {
	otherwise := func() error { return s.refused(r, a.half, why, p) }
	latest, err := s.table.Session(r.Context(), a.half.Key, a.half.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	alone := latest.CheckAt.Equal(a.half.CheckAt) && latest.Checks == a.half.Checks && a.half.CheckAt.Sub(a.half.CheckOld) >= inFlight
	switch {
	case latest.Taken:
		return web.CannotComplete()
	case alone:
		return otherwise()
	}
	return s.await(w, r, a, otherwise)
}

// await gives an equal request that is at work the time to finish, and answers
// as it did. If none does, the answer is otherwise.
func (s *step) await(w http.ResponseWriter, r *http.Request, a *attempt, otherwise func() error) error {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	for delay := 50 * time.Millisecond; ; delay *= 2 {
		latest, err := s.table.Session(ctx, a.token.Key, a.token.ID)
		switch {
		case err == nil && latest.Taken:
			return web.CannotComplete()
		case err == nil && latest.Confirmed():
			return s.repeated(w, r, a)
		}
		if !session.Pause(ctx, delay) {
			return otherwise()
		}
	}
}
