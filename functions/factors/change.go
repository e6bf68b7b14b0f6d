package factors

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"latchkey/shared/otp"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/verify"
	"latchkey/shared/web"
)

// What the user's phone is told.
const (
	added   = "A new way to log in was added to your account. If that was not you, log in and remove it."
	removed = "A way to log in was removed from your account. If that was not you, log in and look at it."
)

// confirm makes a factor usable, when the device has registered or the app shows
// the right code. A repeat is answered alike.
func (s *step) confirm(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "id", "code")
	if err != nil {
		return err
	}
	u, factors, err := s.owner(w, r)
	if err != nil || factors == nil {
		return err
	}
	i := slices.IndexFunc(u.Factors, func(f store.Factor) bool { return f.ID == v["id"] })
	switch {
	case i < 0:
		return web.NotFound()
	case u.Factors[i].Active:
		return s.site.Next(w, r, "/factors", web.FactorAdded)
	case u.Factors[i].Type == device:
		err = s.registered(r.Context(), factors, u, &u.Factors[i])
	default:
		err = s.proved(r, factors, &u, i, v["code"])
	}
	if err != nil {
		return err
	}
	u.Factors[i].Active = true
	err = s.table.SwapFactors(r.Context(), u, u.Factors)
	if err != nil {
		return s.explain(u, err)
	}
	s.tell(r, u, added)
	return s.site.Next(w, r, "/factors", web.FactorAdded)
}

// registered asks the vendor whether a device has registered.
func (s *step) registered(ctx context.Context, factors *verify.Factors, u store.User, f *store.Factor) error {
	sid, err := factors.Registered(ctx, u.UID, f.ID)
	if errors.Is(err, verify.ErrNotRegistered) {
		return web.StillPending("The device has not registered yet. Finish on the device, then confirm again.").SendTo("/factors", web.NotRegistered)
	}
	if err != nil {
		return s.explain(u, err)
	}
	f.SID = sid
	return nil
}

// proved asks the vendor whether the app shows this code. The try is counted
// first, and the code is of no use for a login any more.
func (s *step) proved(r *http.Request, factors *verify.Factors, u *store.User, i int, typed string) error {
	code, ok := otp.Clean(typed)
	if !ok {
		p := web.Invalid(web.Field{Name: "code", Text: "Enter the six digits that the app shows."})
		return p.On(s.page, s.view(*u, enrolment{}, p))
	}
	f := &u.Factors[i]
	if f.Tries >= s.guard.Tries {
		return web.UsedUp().SendTo("/factors", web.OneMoreTime)
	}
	f.Tries++
	err := s.table.SwapFactors(r.Context(), *u, u.Factors)
	if err != nil {
		return s.explain(*u, err)
	}
	u.FactorsVersion++
	var spent error
	var wg sync.WaitGroup
	wg.Go(func() { spent = session.Spend(r.Context(), s.table, u.UID, code, f.ID, s.now()) })
	err = factors.ConfirmToken(r.Context(), u.UID, f.SID, code)
	wg.Wait()
	switch {
	case errors.Is(err, otp.ErrWrong), errors.Is(spent, store.ErrRefused):
		p := web.WrongCode(s.guard.Tries - f.Tries)
		return p.On(s.page, s.view(*u, enrolment{}, p))
	case err == nil:
		err = spent
	}
	if err != nil {
		return s.explain(*u, err)
	}
	return nil
}

// remove forgets a factor here first, so that it cannot be used to log in even
// when the vendor cannot be told. What is gone already is removed.
func (s *step) remove(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "id")
	if err != nil {
		return err
	}
	u, factors, err := s.owner(w, r)
	if err != nil || factors == nil {
		return err
	}
	i := slices.IndexFunc(u.Factors, func(f store.Factor) bool { return f.ID == v["id"] })
	if i < 0 {
		return s.site.Next(w, r, "/factors", web.FactorRemoved)
	}
	f := u.Factors[i]
	err = s.table.SwapFactors(r.Context(), u, slices.Delete(slices.Clone(u.Factors), i, i+1))
	if err != nil {
		return s.explain(u, err)
	}
	if f.SID != "" {
		err = factors.Remove(r.Context(), u.UID, f.SID)
	}
	if err != nil {
		s.site.Log(r, "a removed factor is still at the vendor", err)
	}
	if f.Active {
		s.tell(r, u, removed)
	}
	return s.site.Next(w, r, "/factors", web.FactorRemoved)
}

// tell warns the user's phone of a change. A text that does not leave is one log
// line: the change is made, and seen on the page.
func (s *step) tell(r *http.Request, u store.User, text string) {
	if !s.texts.On() {
		return
	}
	err := s.texts.Send(r.Context(), u.Phone, text)
	if err != nil {
		s.site.Log(r, "change of a factor not told by text", err)
	}
}
