package phonechecks

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// repeatable is how long a right code gets its answer again, for a back end to
// which the first answer was lost.
const repeatable = 30 * time.Second

// How old a reserved try can be while its maker is still at work, and how long
// an equal request waits for such a one: a little longer than a call to a
// vendor may take.
const (
	inFlight = 6 * time.Second
	forEqual = 4500 * time.Millisecond
)

// check takes a code.
func (s *step) check(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "code")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if !session.ValidSeed(id) {
		return web.NotFound()
	}
	code, ok := otp.Clean(v["code"])
	if !ok { // no try is spent on what no code can be
		return web.Invalid(web.Field{Name: "code", Text: "Enter the digits of the code, at least six."})
	}
	t := tokenOf(id)
	half, err := s.table.ReserveCheck(r.Context(), store.Session{Key: t.Key, ID: t.ID, Secret: t.Hash()}, s.guard.Tries, s.now())
	if errors.Is(err, store.ErrRefused) {
		return s.behind(w, r, t, code, s.unreserved)
	}
	if err != nil {
		return err
	}
	return s.ask(w, r, half, t, code)
}

// ask has the vendor check the code.
func (s *step) ask(w http.ResponseWriter, r *http.Request, half store.Session, t session.Token, code string) error {
	codes, err := s.set.Codes(store.Signup, half.Provider)
	if err == nil {
		ctx, cancel := providers.Sparing(r.Context())
		defer cancel()
		err = codes.Check(ctx, target(half), half.Ref, code)
	}
	var limited *otp.LimitedError
	switch {
	case err == nil:
		return s.prove(w, r, half, code)
	case errors.Is(err, otp.ErrWrong):
		return s.refused(r, half, audit.Wrong, web.WrongCode(s.guard.Tries-half.Checks))
	case errors.Is(err, otp.ErrGone):
		return s.behind(w, r, t, code, func(latest store.Session) (bool, audit.Reason, *web.Problem) {
			alone := latest.Checks == half.Checks && half.CheckAt.Sub(half.CheckOld) >= inFlight
			return !alone, audit.Gone, web.Expired("That code is no longer valid. Begin a new check.")
		})
	case errors.As(err, &limited):
		return s.refused(r, half, audit.Limited, web.Wait(limited.After, "This code was tried too often.").Because(err))
	}
	return web.Unavailable(err)
}

// refused notes that a code did not pass, and is the answer.
func (s *step) refused(r *http.Request, half store.Session, why audit.Reason, p *web.Problem) error {
	s.audit.Note(r, audit.CodeRefused, audit.Of(noted(half)).Why(why))
	return p
}

// prove ends the check and says so. The vendor has used the code up: if the
// table fails now, the phone is proved all the same, only a repeat is not
// answered again.
func (s *step) prove(w http.ResponseWriter, r *http.Request, half store.Session, code string) error {
	now := s.now()
	wg := abreast.In(r.Context())
	defer wg.Wait()
	wg.Go(func() { s.budget.Proved(r.Context(), half.Phone, half.Country, now) })
	err := s.table.Prove(r.Context(), half, session.Proof(half.Salt, code), now.Add(repeatable), now)
	if !errors.Is(err, store.ErrRefused) { // else an equal request was first
		facts := audit.Of(noted(half))
		if half.Ref == otp.FixedRef {
			facts.Factor = audit.Fixed
		}
		s.audit.Note(r, audit.PhoneChecked, facts)
	}
	if err != nil && !errors.Is(err, store.ErrRefused) {
		s.site.Log(r, "a phone check is not ended", err)
	}
	return s.verified(w, half)
}

func (s *step) verified(w http.ResponseWriter, half store.Session) error {
	return s.site.JSON(w, map[string]any{"verified": true, "phone": string(half.Phone)})
}

// unreserved is why no try was reserved, and whether another one is under way.
func (s *step) unreserved(latest store.Session) (busy bool, why audit.Reason, otherwise *web.Problem) {
	if latest.Ref == "" && latest.ProviderRef == "" {
		return false, audit.Gone, web.Expired("No code was sent for this check. Begin a new one.")
	}
	return s.now().Sub(latest.CheckAt) < inFlight, audit.UsedUp, web.UsedUp()
}

// behind answers a code that could not be tried, or that the vendor knows no
// more. An equal request may have used it a moment ago, and gets the same
// answer; while another is under way it may do so yet. state tells whether one
// is, and the answer if none proves the phone.
func (s *step) behind(w http.ResponseWriter, r *http.Request, t session.Token, code string, state func(store.Session) (busy bool, why audit.Reason, otherwise *web.Problem)) error {
	ctx, cancel := context.WithTimeout(r.Context(), forEqual)
	defer cancel()
	for delay := 50 * time.Millisecond; ; delay *= 2 {
		latest, err := s.table.Session(r.Context(), t.Key, t.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return web.NotFound()
		case err != nil:
			return err
		case !s.now().Before(latest.ValidUntil):
			return web.Expired("This check is over. Begin a new one.")
		case session.Equal(latest.Proof, session.Proof(latest.Salt, code)):
			return s.verified(w, latest)
		case latest.Proof != nil:
			return web.Expired("This check is over: the phone was proved, with another code. Begin a new one.")
		}
		busy, why, otherwise := state(latest)
		if !busy {
			return s.refused(r, latest, why, otherwise)
		}
		if !session.Pause(ctx, delay) {
			return s.refused(r, latest, why, otherwise)
		}
	}
}
