package signup

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/numbers"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
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

	created bool // this request wrote the session
	fresh   bool // this request took the phone's next send, not an equal one before it
}

// create takes the form.
func (s *step) create(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r)
	if err != nil {
		return err
	}
	if f.bearer {
		r = session.AsBearer(r, "")
	}
	_, _, err = s.guard.Full(r.Context(), r)
	if err == nil { // signed in: a new sign-up would throw that session away
		return s.site.Next(w, r, "/account", web.NoNotice)
	}
	f.UnderWay = underWay(err)
	f.Selected = cmp.Or(numbers.Region(f.Country), s.plan.Guess(r.Header.Get("Accept-Language")))
	profile, wrong := s.check(f)
	if len(wrong) > 0 {
		return s.refuse(f, web.Invalid(wrong...))
	}
	a := s.attempt(r, f, profile)
	existing, err := s.begin(r.Context(), a)
	if errors.Is(err, errTwin) {
		return s.repeat(w, r, a, existing)
	}
	if err != nil {
		s.audit.Delayed(r, audit.Of(a.half), audit.AtSend, err)
		return s.explain(a, err)
	}
	return s.finish(w, r, a)
}

func (s *step) attempt(r *http.Request, f form, p store.Profile) *attempt {
	t := session.Derive(f.Seed, store.Hash(p.Email), f.content(p))
	return &attempt{
		form: f, token: t, half: s.guard.New(t, store.Signup, p), now: s.now(),
		send: budget.Send{ID: t.ID, Phone: p.Phone, Country: p.Country, Address: r.RemoteAddr, Email: t.Key},
	}
}

// errTwin says that an equal form was first.
var errTwin = errors.New("form was sent before")

// begin writes the session while the narrow limits are taken, and then takes
// the wide ones. When an equal form was first, it returns that one's session
// with errTwin. When it fails otherwise, it takes back what it did.
func (s *step) begin(ctx context.Context, a *attempt) (store.Session, error) {
	var existing store.Session
	var created, once, narrow error
	wg := abreast.In(ctx)
	half := a.half
	wg.Go(func() { existing, created = s.table.CreateSession(ctx, half) })
	wg.Go(func() { once = s.guard.Once(ctx, "signup-key", a.form.key, a.form.content(a.half.Profile), a.now) })
	a.half.Sends, a.fresh, narrow = s.budget.Narrow(ctx, a.send, a.now)
	wg.Wait()
	a.created = created == nil
	if once != nil {
		return existing, s.undo(ctx, a, once)
	}
	if errors.Is(created, store.ErrRefused) && (narrow == nil || existing.Outcome != "" || existing.Confirmed()) {
		return existing, errTwin
	}
	refused := cmp.Or(narrow, created)
	if refused == nil {
		refused = s.budget.Wide(ctx, a.send, a.now)
	}
	if refused != nil {
		return existing, s.undo(ctx, a, refused)
	}
	return existing, nil
}

// undo takes back what a refused attempt has written, and returns why it was
// refused.
func (s *step) undo(ctx context.Context, a *attempt, why error) error {
	if !a.created {
		a.send.Email = "" // its hit is the first form's
	}
	wg := abreast.In(ctx)
	if a.fresh {
		wg.Go(func() { s.budget.Release(ctx, a.send, a.half.Sends, a.now) })
	}
	var err error
	if a.created {
		err = s.table.DropSession(ctx, a.half)
	}
	wg.Wait()
	if err != nil && !errors.Is(err, store.ErrRefused) {
		return errors.Join(why, err)
	}
	return why
}

// finish sends the code while the password is hashed, and keeps what came of
// both, whatever it was: from now on a repeat of the form gets this answer.
func (s *step) finish(w http.ResponseWriter, r *http.Request, a *attempt) error {
	var failed error
	wg := abreast.In(r.Context())
	hash := a.half.Hash
	if hash == "" {
		wg.Go(func() { hash, failed = s.hash(a.form.password) })
	}
	ctx, cancel := providers.Sparing(r.Context())
	defer cancel()
	sent, unsent := s.codes.Send(ctx, providers.Target(a.half.Profile), otp.SMS)
	a.half.Ref, a.half.ProviderRef, a.half.ByApp = sent.Ref, sent.User, sent.App
	s.audit.Sent(r, a.half, otp.SMS, unsent)
	wg.Wait()
	if failed != nil {
		return failed
	}
	a.half.Hash = hash
	a.half.Outcome = providers.Outcome(unsent)
	a.half.ResendAt = providers.Later(s.budget.Next(a.half.Sends, a.now), unsent, a.now)
	if unsent != nil {
		wg.Go(func() { s.budget.Unsent(r.Context(), a.send, a.now) })
	}
	err := s.table.RecordSend(r.Context(), a.half)
	wg.Wait()
	if err != nil && !errors.Is(err, store.ErrRefused) { // refused: a twin's visitor was faster than we are
		return err
	}
	return s.answer(w, r, a, a.half, unsent)
}

// answer says what came of the form, the first time and every other. A code
// that could not be sent is no dead end: a person goes on to a page that can
// ask for it again (parity 48), a program is told and holds the cookie that can.
func (s *step) answer(w http.ResponseWriter, r *http.Request, a *attempt, half store.Session, cause error) error {
	if half.Outcome == store.Unreachable {
		p := web.Invalid(web.Field{Name: "phone", Text: "We cannot send a text to that number. Enter another one."})
		return s.refuse(a.form, p.Because(cause))
	}
	s.guard.Set(w, r, a.token)
	after := max(half.ResendAt.Sub(s.now()), time.Second)
	switch half.Outcome {
	case store.Postponed:
		return web.Wait(after, "The vendor asks us to wait before it sends another code.").Because(cause).SendTo("/verify", web.NotSent)
	case store.Unsent:
		p := web.Unavailable(cause)
		p.RetryAfter = after
		return p.SendTo("/verify", web.NotSent)
	}
	return s.site.Next(w, r, "/verify", web.NoNotice)
}

// explain says on the form why an attempt was refused.
func (s *step) explain(a *attempt, err error) error {
	var limited *store.Limited
	switch {
	case errors.As(err, &limited):
		return s.refuse(a.form, web.ForeignWait(limited.After, "We cannot send another code just yet. If one was sent to this phone a moment ago, use it; otherwise try again later."))
	case errors.Is(err, session.ErrKey):
		return web.Idempotency()
	}
	return s.refuse(a.form, web.Unavailable(err))
}
