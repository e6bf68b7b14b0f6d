package factors

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/notice"
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

// change edits the user's list, again when another request changed it
// meanwhile. edit gets a list of its own, and says errDone when there is nothing
// to change. If it says so after a try whose answer was lost, that try did it, or
// an equal request, side by side with this one.
func (s *step) change(ctx context.Context, u *store.User, edit func([]store.Factor) ([]store.Factor, error)) error {
	for n := range 4 {
		list, err := edit(slices.Clone(u.Factors))
		if errors.Is(err, errDone) && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		err = s.table.SwapFactors(ctx, *u, list)
		if err == nil {
			u.Factors = list
			u.FactorsVersion++
			return nil
		}
		if !errors.Is(err, store.ErrRefused) {
			return err
		}
		latest, err := s.table.User(ctx, u.Key)
		if err != nil {
			return err
		}
		if latest.UID != u.UID || latest.Epoch != u.Epoch {
			return store.ErrRefused
		}
		*u = latest
	}
	return store.ErrRefused
}

// find is where the factor with this id of ours stands, -1 if nowhere.
func find(list []store.Factor, id string) int {
	return slices.IndexFunc(list, func(f store.Factor) bool { return f.ID == id })
}

var (
	errDone   = errors.New("it is so already")
	errActive = errors.New("the app was confirmed already")
	errMost   = errors.New("as many as may be")
)

// confirm makes a factor usable, when the device has registered or the app shows
// the right code. A repeat is answered alike.
func (s *step) confirm(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "id", "code")
	if err != nil {
		return err
	}
	u, factors, err := s.owner(w, r)
	if err != nil {
		return err
	}
	if v["id"] == "" {
		return web.Invalid(web.Field{Name: "id", Text: "Say which one."}).SendTo("/factors", web.NoNotice)
	}
	i := find(u.Factors, v["id"])
	if i < 0 {
		return web.NotFound()
	}
	f := u.Factors[i]
	if f.Active {
		return s.site.Next(w, r, "/factors", web.FactorAdded)
	}
	if f.Type == device {
		f.SID, err = s.registered(r.Context(), factors, u, f)
	} else {
		err = s.proved(r, factors, &u, f, v["code"])
	}
	if errors.Is(err, errActive) {
		return s.site.Next(w, r, "/factors", web.FactorAdded)
	}
	if err != nil {
		return err
	}
	return s.activate(w, r, factors, u, f)
}

// activate makes the factor the one of its type: the device that is asked, or
// the app that is believed. What it replaces is removed.
func (s *step) activate(w http.ResponseWriter, r *http.Request, factors *verify.Factors, u store.User, f store.Factor) error {
	var replaced []store.Factor
	ours := false // it was this request that did it
	err := s.change(r.Context(), &u, func(list []store.Factor) ([]store.Factor, error) {
		i := find(list, f.ID)
		if i < 0 {
			return nil, web.NotFound()
		}
		ours = !list[i].Active
		if !ours {
			return nil, errDone
		}
		replaced = nil
		list[i].Active, list[i].SID = true, f.SID
		return slices.DeleteFunc(list, func(e store.Factor) bool {
			old := e.Type == f.Type && e.Active && e.ID != f.ID
			if old {
				replaced = append(replaced, e)
			}
			return old
		}), nil
	})
	if err != nil && !errors.Is(err, errDone) {
		return s.explain(u, err)
	}
	if err == nil {
		s.tell(r, u, added)
	}
	if ours {
		s.note(r, audit.FactorConfirmed, u, f, "")
	}
	for _, e := range replaced {
		if ours {
			s.note(r, audit.FactorRemoved, u, e, audit.Replaced)
		}
		s.forget(r, factors, u, e)
	}
	return s.site.Next(w, r, "/factors", web.FactorAdded)
}

// registered asks the vendor whether a device has registered.
func (s *step) registered(ctx context.Context, factors *verify.Factors, u store.User, f store.Factor) (string, error) {
	sid, err := factors.Registered(ctx, u.UID, f.ID)
	if errors.Is(err, verify.ErrNotRegistered) {
		return "", web.StillPending("The device has not registered yet. Finish on the device, then confirm again.").SendTo("/factors", web.NotRegistered)
	}
	if err != nil {
		return "", s.explain(u, err)
	}
	return sid, nil
}

// proved asks the vendor whether the app shows this code. The try is counted
// first, and the code is of no use for a login any more.
func (s *step) proved(r *http.Request, factors *verify.Factors, u *store.User, f store.Factor, typed string) error {
	code, ok := otp.Clean(typed)
	if !ok {
		p := web.Invalid(web.Field{Name: "code", Text: "Enter the six digits that the app shows."})
		return p.On(s.view(*u, enrolment{Factor: f}, p))
	}
	var spent error
	wg := abreast.In(r.Context())
	uid := u.UID
	wg.Go(func() { spent = session.Spend(r.Context(), s.table, uid, code, f.ID, s.now()) })
	tries := 0
	err := s.change(r.Context(), u, func(list []store.Factor) ([]store.Factor, error) {
		i := find(list, f.ID)
		switch {
		case i < 0:
			return nil, web.NotFound()
		case list[i].Active:
			return nil, errActive
		case list[i].Tries >= s.guard.Tries:
			return nil, errMost
		}
		list[i].Tries++
		tries = list[i].Tries
		return list, nil
	})
	wg.Wait()
	if errors.Is(err, errMost) {
		s.note(r, audit.CodeRefused, *u, f, audit.UsedUp)
		return web.UsedUp().SendTo("/factors", web.OneMoreTime)
	}
	if err != nil {
		return s.explain(*u, err)
	}
	err = spent
	if err == nil {
		err = factors.ConfirmToken(r.Context(), u.UID, f.SID, code)
	}
	switch {
	case errors.Is(err, otp.ErrGone):
		s.note(r, audit.CodeRefused, *u, f, audit.Gone)
	case errors.Is(err, otp.ErrWrong):
		s.note(r, audit.CodeRefused, *u, f, audit.Wrong)
	case errors.Is(err, store.ErrRefused):
		s.note(r, audit.CodeRefused, *u, f, audit.Used)
	}
	if errors.Is(err, otp.ErrWrong) || errors.Is(err, store.ErrRefused) {
		p := web.WrongCode(s.guard.Tries - tries).App()
		return p.On(s.view(*u, enrolment{Factor: f}, p))
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
	if err != nil {
		return err
	}
	if v["id"] == "" {
		return web.Invalid(web.Field{Name: "id", Text: "Say which one."}).SendTo("/factors", web.NoNotice)
	}
	var f store.Factor
	ours := false // it was this request that did it
	err = s.change(r.Context(), &u, func(list []store.Factor) ([]store.Factor, error) {
		i := find(list, v["id"])
		ours = i >= 0
		if !ours {
			return nil, errDone
		}
		f = list[i]
		return slices.Delete(list, i, i+1), nil
	})
	if errors.Is(err, errDone) {
		return s.site.Next(w, r, "/factors", web.FactorRemoved)
	}
	if err != nil {
		return s.explain(u, err)
	}
	if ours {
		s.note(r, audit.FactorRemoved, u, f, "")
	}
	if f.Active {
		s.tell(r, u, removed)
	}
	s.forget(r, factors, u, f)
	return s.site.Next(w, r, "/factors", web.FactorRemoved)
}

// forget removes at the vendor what is removed here. A failure leaves a factor
// there that nobody asks any more.
func (s *step) forget(r *http.Request, factors *verify.Factors, u store.User, f store.Factor) {
	if f.SID == "" {
		return
	}
	err := factors.Remove(r.Context(), u.UID, f.SID)
	if err != nil {
		s.site.Log(r, "a removed factor is still at the vendor", err)
	}
}

// tell warns the user's phone of a change, once more if that fails: a warning
// that comes twice does less harm than one that does not come. A text that does
// not leave is one log line; the change is made, and seen on the page.
func (s *step) tell(r *http.Request, u store.User, text string) {
	if !s.texts.On() {
		return
	}
	err := s.texts.Send(r.Context(), u.Phone, text)
	if err != nil && !errors.Is(err, notice.ErrEnough) {
		again := s.texts.Send(r.Context(), u.Phone, text)
		if again == nil {
			return
		}
		err = errors.Join(err, again)
	}
	if err != nil {
		s.site.Log(r, "change of a factor not told by text", err)
	}
}
