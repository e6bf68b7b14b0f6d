package signup

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"latchkey/shared/budget"
	"latchkey/shared/otp"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// attempt is one POST of the form on its way.
type attempt struct {
	form  form
	token session.Token
	half  store.Session
	send  budget.Send
	now   time.Time
	fresh bool // this request took the phone's next send, not an equal one before it
}

// abandoned is the age at which an unfinished session's maker is surely dead:
// longer than any function may run.
const abandoned = 15 * time.Second

// create takes the form.
func (s *step) create(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r)
	if err != nil {
		return err
	}
	profile, wrong := s.check(f)
	if len(wrong) > 0 {
		return s.refuse(f, web.Invalid(wrong...))
	}
	a := s.attempt(r, f, profile)
	existing, err := s.begin(r.Context(), a)
	if errors.Is(err, store.ErrRefused) {
		return s.repeat(w, r, a, existing)
	}
	if err != nil {
		return s.explain(a, err)
	}
	return s.finish(w, r, a)
}

func (s *step) attempt(r *http.Request, f form, p store.Profile) *attempt {
	t := session.Derive(f.Seed, store.Hash(p.Email), f.content(p))
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	return &attempt{
		form: f, token: t, half: s.guard.New(t, store.Signup, p), now: s.now(),
		send: budget.Send{ID: t.ID, Phone: p.Phone, Country: p.Country, Address: address},
	}
}

// begin writes the session while the narrow limits are taken, and then takes
// the wide ones. When this form's session is there already, it returns it with
// store.ErrRefused. When it fails, it leaves nothing behind.
func (s *step) begin(ctx context.Context, a *attempt) (store.Session, error) {
	var existing store.Session
	var created, once, narrow error
	var wg sync.WaitGroup
	wg.Go(func() { existing, created = s.table.CreateSession(ctx, a.half) })
	wg.Go(func() { once = s.once(ctx, a) })
	a.half.Sends, a.fresh, narrow = s.budget.Narrow(ctx, a.send, a.now)
	wg.Wait()
	switch {
	case once != nil:
		return existing, s.undo(ctx, a, once, created == nil, narrow == nil)
	case errors.Is(created, store.ErrRefused) && (narrow == nil || existing.Hash != "" || existing.Confirmed()):
		return existing, created
	case errors.Is(created, store.ErrRefused), errors.Is(created, store.ErrNotFound):
		return existing, first(narrow, created)
	case created != nil, narrow != nil:
		return existing, s.undo(ctx, a, first(created, narrow), created == nil, narrow == nil)
	}
	err := s.budget.Wide(ctx, a.send, a.now)
	if err != nil {
		return existing, s.undo(ctx, a, err, true, true)
	}
	return existing, nil
}

// errKey says that an Idempotency-Key came with another body before.
var errKey = errors.New("key used for another body")

// once ties a program's key to its body.
func (s *step) once(ctx context.Context, a *attempt) error {
	if a.form.key == "" {
		return nil
	}
	err := s.table.Once(ctx, "signup-key", a.form.key, session.Digest(a.form.key, a.form.content(a.half.Profile)), a.now)
	if errors.Is(err, store.ErrRefused) {
		return errKey
	}
	return err
}

// undo takes back what a refused attempt has written, and returns why it was
// refused.
func (s *step) undo(ctx context.Context, a *attempt, why error, created, taken bool) error {
	var wg sync.WaitGroup
	if taken && a.fresh {
		wg.Go(func() { s.budget.Release(ctx, a.send, a.half.Sends, a.now) })
	}
	var err error
	if created {
		err = s.table.DropSession(ctx, a.half)
	}
	wg.Wait()
	if err != nil && !errors.Is(err, store.ErrRefused) {
		return errors.Join(why, err)
	}
	return why
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// repeat answers a form whose session is there already, as the first time was
// answered, and sends nothing. A session whose maker died before it kept the
// hash is completed; its code, if one was sent, can be asked for again.
func (s *step) repeat(w http.ResponseWriter, r *http.Request, a *attempt, existing store.Session) error {
	switch {
	case existing.Confirmed():
		return s.site.Next(w, r, "/account", web.NoNotice)
	case !a.now.Before(existing.ValidUntil):
		return web.Expired("This form was sent a while ago. Please fill in a new one.").SendTo("/signup", web.BeginAgain)
	}
	if existing.Hash != "" && a.fresh {
		s.budget.Release(r.Context(), a.send, a.half.Sends, a.now)
	}
	notice := web.NoNotice
	if existing.Hash == "" && a.now.Sub(existing.CreatedAt) > abandoned {
		err := s.complete(r.Context(), a, existing)
		if err != nil {
			return s.explain(a, err)
		}
		notice = web.NotSent
	}
	s.guard.Set(w, a.token)
	return s.site.Next(w, r, "/verify", notice)
}

func (s *step) complete(ctx context.Context, a *attempt, existing store.Session) error {
	hash, err := s.hash(a.form.password)
	if err != nil {
		return err
	}
	existing.Hash, existing.ResendAt = hash, s.budget.Next(a.half.Sends, a.now)
	return s.table.RecordSend(ctx, existing)
}

// finish sends the code while the password is hashed, and keeps what came of
// both. A code that could not be sent is no dead end: the next page can ask for
// it again (parity 48).
func (s *step) finish(w http.ResponseWriter, r *http.Request, a *attempt) error {
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() { a.half.Hash, failed = s.hash(a.form.password) })
	sent, unsent := s.codes.Send(r.Context(), target(a.half.Profile), otp.SMS)
	wg.Wait()
	if failed != nil {
		return failed
	}
	if errors.Is(unsent, otp.ErrUnreachable) {
		return s.explain(a, s.undo(r.Context(), a, unsent, true, false))
	}
	a.half.Ref, a.half.ProviderRef, a.half.ByApp = sent.Ref, sent.User, sent.App
	a.half.ResendAt = s.resendAt(a, unsent)
	err := s.table.RecordSend(r.Context(), a.half)
	if err != nil {
		return err
	}
	s.guard.Set(w, a.token)
	if unsent != nil {
		return notSent(unsent).SendTo("/verify", web.NotSent)
	}
	return s.site.Next(w, r, "/verify", web.NoNotice)
}

// notSent is what a program is told; a person goes on to the next page.
func notSent(err error) *web.Problem {
	var limited *otp.LimitedError
	if errors.As(err, &limited) {
		return web.Wait(limited.After, "The vendor asks us to wait before it sends another code.").Because(err)
	}
	return web.Unavailable(err)
}

// resendAt is when the code may be asked for again; a vendor may want more time
// than we do.
func (s *step) resendAt(a *attempt, unsent error) time.Time {
	at := s.budget.Next(a.half.Sends, a.now)
	var limited *otp.LimitedError
	if errors.As(unsent, &limited) && a.now.Add(limited.After).After(at) {
		return a.now.Add(limited.After)
	}
	return at
}

func target(p store.Profile) otp.Target {
	return otp.Target{Phone: p.Phone, CountryCode: p.CallingCode, Email: p.Email, User: p.ProviderRef}
}

// explain says on the form why an attempt was refused.
func (s *step) explain(a *attempt, err error) error {
	var limited *store.Limited
	switch {
	case errors.As(err, &limited):
		return s.refuse(a.form, web.Wait(limited.After, "We cannot send another code just yet. If one was sent to this phone a moment ago, use it; otherwise try again later."))
	case errors.Is(err, errKey):
		return web.Idempotency()
	case errors.Is(err, otp.ErrUnreachable):
		return s.refuse(a.form, web.Invalid(web.Field{Name: "phone", Text: "We cannot send a text to that number. Enter another one."}).Because(err))
	}
	return s.refuse(a.form, web.Unavailable(err))
}
