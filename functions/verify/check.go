package verify

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/http"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// attempt is one code on its way.
type attempt struct {
	token session.Token
	code  string
	kind  string // of factor that the code turned out to be
	half  store.Session
	user  store.User // under the session's email; zero when there is none
}

// proof recognises this code without keeping it.
func (a *attempt) proof() string { return hex.EncodeToString(session.Proof(a.half.Salt, a.code)) }

// factor is the code's kind in the audit trail, where a fixed code is no proof of
// a phone.
func (a *attempt) factor() string {
	if a.kind == store.FactorCode && a.half.Ref == otp.FixedRef {
		return audit.Fixed
	}
	return a.kind
}

// check takes a code.
func (s *step) check(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "code")
	if err != nil {
		return err
	}
	t, ok := s.guard.Token(r)
	if !ok {
		return s.guard.Refuse(w, r, session.ErrNone)
	}
	code, ok := otp.Clean(v["code"])
	if !ok {
		return s.malformed(w, r)
	}
	a := &attempt{token: t, code: code}
	err = s.reserve(r.Context(), a)
	switch {
	case errors.Is(err, store.ErrRefused):
		return s.unreserved(w, r, a)
	case err != nil:
		return err
	case a.half.Flow == store.Signup && a.half.Hash == "":
		return web.Lost()
	case a.half.Flow != store.Signup && !session.Alive(a.user, a.half): // deleted, or signed out everywhere
		return s.guard.Refuse(w, r, session.ErrNone)
	}
	return s.ask(w, r, a)
}

// reserve takes one of the session's tries and reads the user, in one round trip.
func (s *step) reserve(ctx context.Context, a *attempt) error {
	var read error
	wg := abreast.In(ctx)
	wg.Go(func() { a.user, read = s.table.User(ctx, a.token.Key) })
	half, err := s.table.ReserveCheck(ctx, store.Session{Key: a.token.Key, ID: a.token.ID, Secret: a.token.Hash()}, s.guard.Tries, s.now())
	wg.Wait()
	if errors.Is(read, store.ErrNotFound) {
		read = nil
	}
	a.half = half
	return cmp.Or(err, read)
}

// malformed says so without counting it as a try.
func (s *step) malformed(w http.ResponseWriter, r *http.Request) error {
	half, _, err := s.guard.Half(r.Context(), r)
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	p := web.Invalid(web.Field{Name: "code", Text: "Enter the digits of the code, at least six."})
	return p.On(s.view(half, p))
}

// ask has the vendor check the code.
func (s *step) ask(w http.ResponseWriter, r *http.Request, a *attempt) error {
	err := s.judge(r.Context(), a)
	if err == nil && a.half.Flow.Stranger() {
		wg := abreast.In(r.Context())
		defer wg.Wait()
		wg.Go(func() { s.watch.Proved(r.Context(), a.half.Phone, a.half.Country, s.now()) })
	}
	var limited *otp.LimitedError
	switch {
	case err == nil && a.half.Flow == store.Signup:
		return s.complete(w, r, a)
	case err == nil && a.half.Flow == store.Move:
		return s.move(w, r, a)
	case err == nil:
		return s.confirm(w, r, a)
	case errors.Is(err, errUsed):
		p := web.WrongCode(s.guard.Tries - a.half.Checks)
		p.Detail = "That code was used already. Wait for the next one that your app shows."
		return s.refused(r, a.half, audit.Used, p.On(s.view(a.half, p)))
	case errors.Is(err, otp.ErrWrong):
		p := web.WrongCode(s.guard.Tries - a.half.Checks)
		if a.half.Token == "" {
			return s.refused(r, a.half, audit.Wrong, p.On(s.view(a.half, p)))
		}
		// Of two equal requests the vendor believes one.
		return s.behind(w, r, a, audit.Wrong, p.App().On(s.view(a.half, p)))
	case errors.Is(err, otp.ErrGone):
		return s.gone(w, r, a)
	case errors.As(err, &limited):
		p := web.Wait(limited.After, "This code was tried too often. Please wait, then ask for a new one.").Because(err)
		return s.refused(r, a.half, audit.Limited, p.On(s.view(a.half, p)))
	}
	p := web.Unavailable(err)
	return p.On(s.view(a.half, p))
}

// refused notes that a code did not pass, and is the answer.
func (s *step) refused(r *http.Request, half store.Session, why audit.Reason, p *web.Problem) error {
	s.audit.Note(r, audit.CodeRefused, audit.Of(half).Why(why))
	return p
}

// judge has the vendor check the code that was sent, if any was, and then the
// one that the user's authenticator shows: one form takes both (parity 113). The
// session knows only which authenticator was there when it began.
func (s *step) judge(ctx context.Context, a *attempt) error {
	asking, cancel := providers.Sparing(ctx)
	defer cancel()
	codes, err := s.set.Codes(a.half.Flow, a.half.Provider)
	if err != nil {
		return err
	}
	a.kind = store.FactorCode
	sent := codes.Check(asking, providers.Target(a.half.Profile), a.half.Ref, a.code)
	factors := s.set.Factors()
	var limited *otp.LimitedError
	if a.half.Flow.Stranger() || !providers.Uses(a.user, a.half.Token) || factors == nil || !errors.Is(sent, otp.ErrWrong) && !errors.Is(sent, otp.ErrGone) && !errors.As(sent, &limited) {
		return sent
	}
	err = factors.CheckToken(asking, a.half.UID, a.half.Token, a.code)
	switch {
	case err == nil:
		a.kind = store.FactorToken
		return s.spend(ctx, a)
	case errors.Is(err, otp.ErrGone), errors.Is(err, otp.ErrWrong) && limited != nil:
		return sent // nothing is known of the app any more, or the text's limit is what the visitor runs into
	}
	return err
}

// errUsed says that a token is right and was used a moment ago.
var errUsed = errors.New("token was used")

// spend makes an authenticator's token useless to all other sessions for as long
// as it would be right.
func (s *step) spend(ctx context.Context, a *attempt) error {
	err := session.Spend(ctx, s.table, a.half.UID, a.code, a.half.ID, s.now())
	if errors.Is(err, store.ErrRefused) {
		return errUsed
	}
	return err
}

// complete makes the user, whose key is the uniqueness of the email.
func (s *step) complete(w http.ResponseWriter, r *http.Request, a *attempt) error {
	wrote, err := s.table.CreateUser(r.Context(), store.User{
		Key: a.half.Key, UID: a.half.UID, Epoch: a.half.Epoch, Profile: a.half.Profile,
		Role: "user", Proof: a.proof(), CreatedAt: a.half.CreatedAt, VerifiedAt: s.now(),
	})
	if errors.Is(err, store.ErrRefused) {
		err = s.table.MarkTaken(r.Context(), a.half)
		if err != nil && !errors.Is(err, store.ErrRefused) {
			return err
		}
		return web.CannotComplete()
	}
	if err != nil {
		p := web.Unavailable(err)
		return p.On(s.view(a.half, p))
	}
	if wrote { // else an equal request did, or a try before this one, which died
		s.audit.Note(r, audit.SignedUp, audit.Of(a.half))
	}
	return s.confirm(w, r, a)
}

// confirm signs the browser in. Only the request that did it sends the text.
func (s *step) confirm(w http.ResponseWriter, r *http.Request, a *attempt) error {
	t, first, err := s.guard.Confirm(r.Context(), a.half, a.token, a.code, a.kind)
	if errors.Is(err, session.ErrNone) {
		return s.guard.Refuse(w, r, err)
	}
	if err != nil {
		return err
	}
	s.guard.Set(w, r, t)
	s.guard.Remember(w, r, a.half)
	notice := web.NoNotice
	if first {
		s.audit.Note(r, audit.Confirmed, audit.Of(a.half).By(a.factor()))
	}
	if first && a.half.Flow == store.Signup {
		notice = s.celebrate(r, a.half)
	}
	if first && a.half.Flow == store.Move {
		notice = s.farewell(r, a)
	}
	return s.site.Next(w, r, session.Destination(a.half), notice)
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
