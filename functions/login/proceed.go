package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/push"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// proceed goes on when the password was right.
func (s *step) proceed(w http.ResponseWriter, r *http.Request, a *attempt) error {
	plan, err := s.plan(r, a)
	if err != nil {
		return s.explain(a, err)
	}
	mine, _ := s.guard.Token(r)
	if mine.Key == a.token.Key && mine.ID == plan.rival.Session {
		half, _, err := s.guard.Half(r.Context(), r)
		alive := err == nil && half.UID == a.user.UID && half.Epoch == a.user.Epoch && half.Checks < s.guard.Tries
		switch {
		case alive && half.Approval != (store.Ref{}):
			return s.site.Next(w, r, "/status", web.NoNotice) // this very browser's push is still open
		case alive:
			return s.site.Next(w, r, "/verify", web.NoNotice) // … or nobody knows whether it arrived
		}
		plan.rival = store.Push{}
	}
	s.begin(a, plan)
	existing, err := s.reserve(r, a, &plan)
	if errors.Is(err, store.ErrRefused) {
		return s.repeat(w, r, a, plan, existing)
	}
	if err != nil {
		return s.explain(a, err)
	}
	unsent := s.summon(r, a, plan)
	a.half.Outcome = outcome(a, unsent)
	s.note(r, a, unsent)
	err = s.keep(r, a, plan)
	if err != nil {
		return s.explain(a, err)
	}
	return s.answer(w, r, a, a.half, unsent)
}

// begin is the session of the attempt, not yet written. It holds what its later
// steps need of the user.
func (s *step) begin(a *attempt, p plan) {
	of := a.user.Profile
	profile := store.Profile{
		Email: of.Email, Phone: of.Phone, Country: of.Country, CallingCode: of.CallingCode, Provider: of.Provider, ProviderRef: of.ProviderRef,
	}
	if a.again() {
		a.half = s.guard.Beside(a.whole, a.token, store.Proof, profile)
	} else {
		a.half = s.guard.New(a.token, store.Login, profile)
		a.half.UID, a.half.Epoch = a.user.UID, a.user.Epoch
	}
	a.half.ReturnTo = a.back
	token, _ := providers.Newest(a.user, "totp")
	a.half.Token, a.half.Lanes, a.half.Rival, a.half.Paused = token.SID, a.lanes, p.rival, p.paused
	if p.push {
		a.half.Number = number()
	}
}

// reserve writes the session while the push, or the text, is reserved. It is
// store.ErrRefused when an equal form was first, whose session it returns.
func (s *step) reserve(r *http.Request, a *attempt, p *plan) (store.Session, error) {
	ctx := r.Context()
	var existing store.Session
	var created, reserved error
	wg := abreast.In(r.Context())
	half := a.half
	wg.Go(func() { existing, created = s.table.CreateSession(ctx, half) })
	if p.push {
		reserved = s.claim(ctx, a, p, r.UserAgent())
	}
	if errors.Is(reserved, errNoPush) {
		p.push, p.text, reserved = false, s.textable(a.user), nil
	}
	if !p.push && p.text {
		p.limited = s.take(r, a)
	}
	wg.Wait()
	if created != nil {
		return existing, created
	}
	return existing, reserved
}

// take takes the limits of a text.
func (s *step) take(r *http.Request, a *attempt) error {
	sends, fresh, err := s.budget.Take(r.Context(), a.send(r), a.now)
	a.took = fresh
	a.half.Sends, a.half.ResendAt = sends, s.budget.Next(sends, a.now)
	var limited *store.Limited
	if errors.As(err, &limited) && a.now.Add(limited.After).After(a.half.ResendAt) {
		a.half.ResendAt = a.now.Add(limited.After)
	}
	return err
}

// summon asks the vendor for what was reserved. A person whom nothing can be
// pushed to is texted, unless there is a code at hand.
func (s *step) summon(r *http.Request, a *attempt, p plan) error {
	ctx, cancel := providers.Sparing(r.Context())
	defer cancel()
	switch {
	case p.push:
		ref, err := s.ask(ctx, r, a, p.device)
		if err == nil {
			a.half.Approval = store.Ref{Provider: a.user.Provider, ID: ref}
			return nil
		}
		s.site.Log(r, "push not sent", err)
		if !errors.Is(err, push.ErrNoDevice) {
			return nil // nobody knows whether it arrived: a code will do
		}
		return s.fallback(ctx, r, a, p)
	case p.text && p.limited == nil:
		return s.text(ctx, a)
	case p.text:
		return p.limited
	}
	return nil
}

// fallback texts a person who turned out to have no device, unless there is a
// code at hand.
func (s *step) fallback(ctx context.Context, r *http.Request, a *attempt, p plan) error {
	var limited error
	wg := abreast.In(ctx)
	wg.Go(func() { s.withdraw(r, a, p) })
	textable := s.textable(a.user)
	if textable {
		limited = s.take(r, a)
	}
	wg.Wait()
	if !textable || limited != nil {
		return limited
	}
	return s.text(ctx, a)
}

// text sends a code. Authy's answer may be that the person reads it in the app.
func (s *step) text(ctx context.Context, a *attempt) error {
	codes, err := s.set.Codes(store.Login, a.user.Provider)
	if err != nil {
		return err
	}
	to := providers.Target(a.half.Profile)
	to.Insist = a.channel != ""
	sent, err := codes.Send(ctx, to, cmp.Or(a.channel, otp.SMS))
	a.half.Ref, a.half.ByApp = sent.Ref, sent.App
	a.half.ProviderRef = cmp.Or(sent.User, a.half.ProviderRef) // a number that was for tests is registered only now
	if err == nil {
		a.half.Outcome = store.Sent
	}
	a.half.ResendAt = providers.Later(a.half.ResendAt, err, a.now)
	return err
}

// outcome is what is kept of it, for repeats of the form.
func outcome(a *attempt, unsent error) store.Outcome {
	switch {
	case a.half.Approval != (store.Ref{}):
		return store.Asked
	case unsent == nil && a.half.Outcome != store.Sent:
		return store.Quiet
	}
	return providers.Outcome(unsent)
}

// note says what came of asking, once: no repeat of the form gets here.
func (s *step) note(r *http.Request, a *attempt, unsent error) {
	switch a.half.Outcome {
	case store.Asked:
		facts := audit.Of(a.half)
		facts.Approval = a.half.Approval.ID
		s.audit.Note(r, audit.PushAsked, facts)
	case store.Quiet:
	default:
		s.audit.Sent(r, a.half, cmp.Or(a.channel, otp.SMS), unsent)
	}
}

// keep writes down what was asked: on the session, on the approval, and in the
// user's list of pushes, side by side. The session that this browser had before
// ends: its cookie is about to be replaced.
func (s *step) keep(r *http.Request, a *attempt, p plan) error {
	ctx := r.Context()
	var approval, listed, ended error
	wg := abreast.In(r.Context())
	mine, _ := s.guard.Token(r)
	if mine.ID != a.token.ID && !a.again() {
		wg.Go(func() { ended = s.guard.End(r, audit.Replaced) })
	}
	if a.half.Approval != (store.Ref{}) {
		wg.Go(func() {
			_, approval = s.table.RecordApproval(ctx, store.Approval{
				Ref: a.half.Approval, Session: a.half.ID, UID: a.half.UID, Subject: p.device.Subject(),
				CreatedAt: a.now, ValidUntil: a.now.Add(s.pushes.life),
			})
		})
		wg.Go(func() { listed = s.name(ctx, a, p) })
	}
	err := s.table.RecordSend(ctx, a.half)
	wg.Wait()
	for _, e := range []error{err, approval, listed, ended} {
		if e != nil && !errors.Is(e, store.ErrRefused) { // refused: somebody was faster with the same
			return e
		}
	}
	return nil
}

// answer says where the second factor is given, the first time and every other.
// What could not be sent is no dead end: the code page can ask for it again.
func (s *step) answer(w http.ResponseWriter, r *http.Request, a *attempt, half store.Session, cause error) error {
	token := a.token
	token.Ref = half.Approval.String()
	if a.again() {
		s.guard.SetStep(w, r, token)
	} else {
		s.guard.Set(w, r, token)
	}
	switch half.Outcome {
	case store.Asked:
		return s.site.Next(w, r, "/status", web.NoNotice)
	case store.Unreachable:
		return s.site.Next(w, r, "/verify", web.NotThisWay)
	}
	after := half.ResendAt.Sub(s.now())
	switch {
	case half.Outcome == store.Postponed && after > 0:
		return web.Wait(after, "A code cannot be sent just yet.").Because(cause).SendTo("/verify", web.TooSoon)
	case half.Outcome == store.Unsent && cause != nil:
		p := web.Unavailable(cause)
		p.RetryAfter = max(p.RetryAfter, after)
		return p.SendTo("/verify", web.NotSent)
	case half.Failed():
		return s.site.Next(w, r, "/verify", web.NotSent) // a repeat, and time to ask for a code
	}
	return s.site.Next(w, r, "/verify", web.NoNotice)
}
