package verify

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/otp"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// How long a request waits for an equal one that may be at work, and how old a
// reserved try can be while its maker is still at work: longer than one call
// to the vendor takes.
const (
	patience = 3 * time.Second
	inFlight = 6 * time.Second
)

// attempt is one code on its way.
type attempt struct {
	token session.Token
	code  string
	half  store.Session
}

// check takes a code.
func (s *step) check(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "code")
	if err != nil {
		return err
	}
	t, ok := s.guard.Token(r)
	if !ok {
		return s.dead(w, r, session.ErrNone)
	}
	code, ok := clean(v["code"])
	if !ok {
		return s.malformed(w, r)
	}
	a := &attempt{token: t, code: code}
	a.half, err = s.table.ReserveCheck(r.Context(), store.Session{Key: t.Key, ID: t.ID, Secret: t.Hash()}, s.guard.Tries, s.now())
	if errors.Is(err, store.ErrRefused) {
		return s.unreserved(w, r, a)
	}
	if err != nil {
		return err
	}
	if a.half.Hash == "" {
		return web.Expired("Part of this sign-up was lost on our side. Please fill in the form again.").SendTo("/signup", web.BeginAgain)
	}
	return s.ask(w, r, a)
}

// malformed says so without counting it as a try.
func (s *step) malformed(w http.ResponseWriter, r *http.Request) error {
	half, _, err := s.guard.Half(r.Context(), r)
	if err != nil {
		return s.dead(w, r, err)
	}
	p := web.Invalid(web.Field{Name: "code", Text: "Enter the digits of the code, at least six."})
	return p.On(s.page, s.view(half, p))
}

// unreserved answers a code for which no try was reserved.
func (s *step) unreserved(w http.ResponseWriter, r *http.Request, a *attempt) error {
	half, _, err := s.guard.Half(r.Context(), r)
	if errors.Is(err, session.ErrNone) {
		return s.repeated(w, r, a)
	}
	if err != nil {
		return s.dead(w, r, err)
	}
	a.half = half
	if s.now().Sub(half.CheckAt) < inFlight {
		return s.await(w, r, a, web.UsedUp().SendTo("/signup", web.BeginAgain))
	}
	return web.UsedUp().SendTo("/signup", web.BeginAgain)
}

// repeated answers a request that may be the repeat of the one that confirmed
// the session.
func (s *step) repeated(w http.ResponseWriter, r *http.Request, a *attempt) error {
	t, err := s.guard.Repeat(r.Context(), a.token, a.code)
	if err != nil {
		return s.dead(w, r, err)
	}
	s.guard.Set(w, t)
	return s.site.Next(w, r, "/account", web.NoNotice)
}

// ask has the vendor check the code.
func (s *step) ask(w http.ResponseWriter, r *http.Request, a *attempt) error {
	codes, err := s.set.Codes(a.half.Flow, a.half.Provider)
	if err != nil {
		return err
	}
	to := otp.Target{Phone: a.half.Phone, CountryCode: a.half.CallingCode, User: a.half.ProviderRef}
	err = codes.Check(r.Context(), to, a.half.Ref, a.code)
	var limited *otp.LimitedError
	switch {
	case err == nil:
		return s.complete(w, r, a)
	case errors.Is(err, otp.ErrWrong):
		p := web.WrongCode(s.guard.Tries - a.half.Checks)
		return p.On(s.page, s.view(a.half, p))
	case errors.Is(err, otp.ErrGone):
		return s.gone(w, r, a)
	case errors.As(err, &limited):
		p := web.Wait(limited.After, "This code was tried too often. Please wait, then ask for a new one.").Because(err)
		return p.On(s.page, s.view(a.half, p))
	}
	p := web.Unavailable(err)
	return p.On(s.page, s.view(a.half, p))
}

// gone answers when the vendor has no such code any more. If this very session
// has made its user already, the code was right and a crash came between. If
// another try is under way, it may just have used the code.
func (s *step) gone(w http.ResponseWriter, r *http.Request, a *attempt) error {
	u, err := s.table.User(r.Context(), a.half.Key)
	if err == nil && u.MadeBy(a.half.UID, a.half.Epoch) {
		return s.confirm(w, r, a)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if a.half.Taken {
		return s.taken()
	}
	p := web.Expired("That code is no longer valid. Ask for a new one below.")
	p = p.On(s.page, s.view(a.half, p))
	latest, err := s.table.Session(r.Context(), a.half.Key, a.half.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if latest.Checks > 1 {
		return s.await(w, r, a, p)
	}
	return p
}

// await gives an equal request that is at work the time to finish, and answers
// as it did. If none does, the answer is otherwise.
func (s *step) await(w http.ResponseWriter, r *http.Request, a *attempt, otherwise *web.Problem) error {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	for delay := 50 * time.Millisecond; ; delay *= 2 {
		t, err := s.guard.Repeat(ctx, a.token, a.code)
		if err == nil {
			s.guard.Set(w, t)
			return s.site.Next(w, r, "/account", web.NoNotice)
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return otherwise
		}
	}
}

// complete makes the user, whose key is the uniqueness of the email.
func (s *step) complete(w http.ResponseWriter, r *http.Request, a *attempt) error {
	_, err := s.table.CreateUser(r.Context(), store.User{
		Key: a.half.Key, UID: a.half.UID, Epoch: a.half.Epoch, Profile: a.half.Profile,
		Role: "user", CreatedAt: a.half.CreatedAt, VerifiedAt: s.now(),
	})
	if errors.Is(err, store.ErrRefused) {
		err = s.table.MarkTaken(r.Context(), a.half)
		if err != nil && !errors.Is(err, store.ErrRefused) {
			return err
		}
		return s.taken()
	}
	if err != nil {
		p := web.Unavailable(err)
		return p.On(s.page, s.view(a.half, p))
	}
	return s.confirm(w, r, a)
}

func (s *step) taken() error { return web.CannotComplete() }

// confirm signs the browser in. Only the request that did it sends the text.
func (s *step) confirm(w http.ResponseWriter, r *http.Request, a *attempt) error {
	t, first, err := s.guard.Confirm(r.Context(), a.half, a.token, a.code)
	if errors.Is(err, session.ErrNone) {
		return s.dead(w, r, err)
	}
	if err != nil {
		return err
	}
	s.guard.Set(w, t)
	notice := web.NoNotice
	if first {
		notice = s.celebrate(r, a.half)
	}
	return s.site.Next(w, r, "/account", notice)
}

// celebrate sends the confirmation text, at most once: a failure, or an answer
// that does not come in time, only changes what the next page says.
func (s *step) celebrate(r *http.Request, half store.Session) web.Notice {
	if !s.texts.On() {
		return web.Verified
	}
	err := s.texts.Send(r.Context(), half.Phone, s.text)
	if err != nil {
		s.site.Log(r, "confirmation text not sent", err)
		return web.WelcomeNoText
	}
	return web.Welcome
}
