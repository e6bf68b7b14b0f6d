package phone

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/knowledge"
	"latchkey/shared/numbers"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// patience is how long a repeat waits for the answer of the request that was
// first.
const patience = 5 * time.Second

// attempt is one POST of the form on its way.
type attempt struct {
	form  form
	user  store.User
	from  store.Session // signed in, or a login whose phone is lost
	token session.Token
	half  store.Session // that is going to prove the new phone
	fresh bool          // this request took the phone's next send
	now   time.Time
}

func (a *attempt) send(r *http.Request) budget.Send {
	return budget.Send{ID: a.half.ID, Phone: a.half.Phone, Country: a.half.Country, Address: r.RemoteAddr}
}

// change takes the form.
func (s *step) change(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "form", "countryCode", "phone", "current")
	if err != nil {
		return err
	}
	a := &attempt{form: form{Country: v["countryCode"], Phone: v["phone"]}, now: s.now()}
	a.form.Seed, _, err = session.Seed(r, v["form"])
	if err != nil {
		return err
	}
	a.user, a.from, err = s.care.Mover(w, r, "/phone")
	if err != nil {
		return err
	}
	number, wrong := s.plan.Parse(a.form.Country, a.form.Phone)
	a.form.Country = cmp.Or(numbers.Region(a.form.Country), s.plan.Guess(r.Header.Get("Accept-Language")))
	if !a.from.Lost {
		wrong = append(wrong, knowledge.Missing(v["current"])...)
	}
	if len(wrong) > 0 {
		return s.refuse(a, web.Invalid(wrong...))
	}
	if !a.from.Lost {
		p := s.prove(r, a, v, number)
		if p != nil {
			return s.refuse(a, p)
		}
	}
	s.begin(a, number)
	return s.enter(w, r, a)
}

// prove takes the current password of somebody who is signed in. Nobody else is
// told whether a number is the account's.
func (s *step) prove(r *http.Request, a *attempt, v web.Values, n numbers.Number) *web.Problem {
	form := s.known.Form(r, "phone", v["current"], a.form.Seed, string(n.Phone))
	p := s.known.Prove(r, a.user, v["current"], form)
	if p == nil && n.Phone == a.user.Phone {
		p = web.Invalid(web.Field{Name: "phone", Text: "That is the phone of your account already. Enter another one."})
	}
	return p
}

// refuse shows the form again with what was typed.
func (s *step) refuse(a *attempt, p *web.Problem) error {
	return p.On(s.view(a.user, a.from, a.form, p))
}

// begin is the session that proves the number, not yet written. The vendor is
// the user's own.
func (s *step) begin(a *attempt, n numbers.Number) {
	a.token = session.Derive(a.form.Seed, a.user.Key, "phone "+a.from.ID+" "+string(n.Phone))
	a.half = s.guard.Beside(a.from, a.token, store.Move, store.Profile{
		Email: a.user.Email, Phone: n.Phone, Country: n.Country, CallingCode: n.CallingCode, Provider: a.user.Provider,
	})
	a.half.Lost, a.half.Lanes = a.from.Lost, a.from.Lanes
	if a.from.Lost { // a login that is still on its way to somewhere
		a.half.ReturnTo = a.from.ReturnTo
	}
}

// enter writes the session while the narrow limits of a text are taken and wrong
// passwords are forgotten, takes the wide ones, sends the code, and keeps what
// came of it. An equal form finds the session there.
func (s *step) enter(w http.ResponseWriter, r *http.Request, a *attempt) error {
	var existing store.Session
	var created error
	wg := abreast.In(r.Context())
	half := a.half
	if !a.from.Lost {
		wg.Go(func() { s.known.Forget(r.Context(), a.user) })
	}
	wg.Go(func() { existing, created = s.table.CreateSession(r.Context(), half) })
	var refused error
	a.half.Sends, a.fresh, refused = s.budget.Narrow(r.Context(), a.send(r), a.now)
	wg.Wait()
	if created == nil && refused == nil { // whichever of two equal forms took the phone's send: this one texts
		refused = s.budget.Wide(r.Context(), a.send(r), a.now)
	}
	var limited *store.Limited
	switch {
	case errors.Is(created, store.ErrRefused):
		return s.repeat(w, r, a, existing)
	case errors.As(refused, &limited):
		s.audit.Delayed(r, audit.Of(a.half), audit.AtSend, refused)
		s.undo(r, a, created == nil)
		return s.refuse(a, web.Wait(limited.After, "We cannot send a code to that phone just yet."))
	case created != nil || refused != nil:
		s.undo(r, a, created == nil)
		return s.refuse(a, web.Unavailable(cmp.Or(created, refused)))
	}
	unsent := s.text(r, a)
	s.audit.Sent(r, a.half, otp.SMS, unsent)
	if unsent != nil {
		wg.Go(func() { s.budget.Unsent(r.Context(), a.send(r), a.now) })
	}
	err := s.table.RecordSend(r.Context(), a.half)
	wg.Wait()
	if err != nil && !errors.Is(err, store.ErrRefused) {
		return err
	}
	return s.answer(w, r, a, a.half, unsent)
}

// text sends the code.
func (s *step) text(r *http.Request, a *attempt) error {
	codes, err := s.set.Codes(store.Move, a.half.Provider)
	if err == nil {
		ctx, cancel := providers.Sparing(r.Context())
		defer cancel()
		var sent otp.Sent
		sent, err = codes.Send(ctx, providers.Target(a.half.Profile), otp.SMS)
		a.half.Ref, a.half.ProviderRef, a.half.ByApp = sent.Ref, sent.User, sent.App
	}
	a.half.Outcome = providers.Outcome(err)
	a.half.ResendAt = providers.Later(s.budget.Next(a.half.Sends, a.now), err, a.now)
	return err
}

// undo takes back what a refused attempt has written.
func (s *step) undo(r *http.Request, a *attempt, created bool) {
	if a.fresh {
		s.budget.Release(r.Context(), a.send(r), a.half.Sends, a.now)
	}
	if !created {
		return
	}
	err := s.table.DropSession(r.Context(), a.half)
	if err != nil && !errors.Is(err, store.ErrRefused) {
		s.site.Log(r, "a session that led to nothing is still there", err)
	}
}

// repeat answers a form whose session is there already as the first was
// answered, and sends nothing.
func (s *step) repeat(w http.ResponseWriter, r *http.Request, a *attempt, existing store.Session) error {
	existing, err := s.guard.Await(r.Context(), existing, patience)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s.refuse(a, web.Unavailable(err))
	}
	// The phone's send that this request took is given back, unless the first, side
	// by side with it, used it for both, or may do so yet.
	beside := a.now.Sub(existing.CreatedAt) < session.Abandoned
	used := existing.Outcome == "" || existing.Sends.Version == a.half.Sends.Version
	if a.fresh && (err != nil || !beside || !used) {
		s.budget.Release(r.Context(), a.send(r), a.half.Sends, a.now)
	}
	if err != nil { // the first was told to wait
		return s.refuse(a, web.Wait(time.Second, "We cannot send a code to that phone just yet."))
	}
	return s.answer(w, r, a, existing, nil)
}

// answer says what came of it. What could not be sent can be asked for again on
// the code page.
func (s *step) answer(w http.ResponseWriter, r *http.Request, a *attempt, half store.Session, cause error) error {
	if half.Outcome == store.Unreachable {
		p := web.Invalid(web.Field{Name: "phone", Text: "We cannot send a text to that number. Enter another one."})
		return s.refuse(a, p.Because(cause))
	}
	s.guard.SetStep(w, r, a.token)
	after := max(half.ResendAt.Sub(s.now()), time.Second)
	switch {
	case half.Outcome == store.Postponed:
		return web.Wait(after, "The vendor asks us to wait before it sends another code.").Because(cause).SendTo("/verify", web.NotSent)
	case half.Failed():
		p := web.Unavailable(cause)
		p.RetryAfter = after
		return p.SendTo("/verify", web.NotSent)
	}
	return s.site.Next(w, r, "/verify", web.NoNotice)
}
