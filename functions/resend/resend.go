// Package resend sends the code again, by text, call or WhatsApp, to the phone
// that the session is about and to no other. The waits between two sends grow;
// the vendor sends the same code while it is valid, and no send resets the
// count of tries.
package resend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	now    func() time.Time
	site   *web.Site
	table  *store.Table
	guard  *session.Guard
	audit  audit.Log
	budget map[bool]*budget.Budget // by whether the phone is a stranger's
	set    *providers.Set
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.budget = map[bool]*budget.Budget{
		true:  budget.New(cfg, vars, s.table, store.Signup),
		false: budget.New(cfg, vars, s.table, store.Login),
	}
	s.set = providers.New(cfg, vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{"POST /resend": s.resend}), nil
}

// resend sends once more.
func (s *step) resend(w http.ResponseWriter, r *http.Request) error {
	v, err := web.ReadIfAny(r, "channel")
	if err != nil {
		return err
	}
	half, err := s.guard.Living(r.Context(), r)
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	channel := otp.Channel(cmp.Or(v["channel"], string(otp.SMS)))
	err = s.check(half, channel)
	if err != nil {
		return err
	}
	now := s.now()
	send := s.ask(r, half)
	if now.Before(half.ResendAt) {
		return s.refused(r, half, &store.Limited{After: half.ResendAt.Sub(now)})
	}
	sends, fresh, err := s.budget[half.Flow.Stranger()].Take(r.Context(), send, now)
	if err != nil {
		return s.refused(r, half, err)
	}
	if !fresh {
		return s.site.Next(w, r, "/verify", notice(channel, otp.Sent{}))
	}
	half.Sends, half.ResendAt = sends, s.budget[half.Flow.Stranger()].Next(sends, now)
	return s.send(w, r, half, channel, now)
}

// refused notes that a limit was in the way, if one was, and explains it.
func (s *step) refused(r *http.Request, half store.Session, err error) error {
	s.audit.Delayed(r, audit.Of(half), audit.AtSend, err)
	return explain(err, 0)
}

// check refuses, before anything is spent, what a code would be of no use for.
func (s *step) check(half store.Session, channel otp.Channel) error {
	switch {
	case !slices.Contains(s.set.Offered(half, s.now()), channel):
		return web.Invalid(web.Field{Name: "channel", Text: "Choose one of the ways that the page offers."}).SendTo("/verify", web.NotThisWay)
	case half.Taken:
		return web.CannotComplete()
	case half.Checks >= s.guard.Tries:
		return session.UsedUp(half)
	case half.Flow == store.Signup && half.Hash == "":
		return web.Lost()
	}
	return nil
}

func (s *step) ask(r *http.Request, half store.Session) budget.Send {
	return budget.Send{
		// The version makes two presses of one button the same send.
		ID:    half.ID + "/" + strconv.Itoa(half.Sends.Version),
		Phone: half.Phone, Country: half.Country, Address: r.RemoteAddr, Known: half.Sends,
	}
}

// send asks the vendor and keeps what came of it. The limits were taken at now.
func (s *step) send(w http.ResponseWriter, r *http.Request, half store.Session, channel otp.Channel, now time.Time) error {
	codes, err := s.set.Codes(half.Flow, half.Provider)
	if err != nil {
		return err
	}
	ctx, cancel := providers.Sparing(r.Context())
	defer cancel()
	to := providers.Target(half.Profile)
	to.Insist = true
	sent, unsent := codes.Send(ctx, to, channel)
	if sent.Ref != "" {
		half.Ref = sent.Ref
	}
	if sent.User != "" {
		half.ProviderRef = sent.User
	}
	half.ByApp = sent.App
	s.audit.Sent(r, half, channel, unsent)
	if unsent == nil {
		half.Outcome = store.Sent
	}
	half.ResendAt = providers.Later(half.ResendAt, unsent, s.now())
	wg := abreast.In(r.Context())
	if unsent != nil {
		wg.Go(func() { s.budget[half.Flow.Stranger()].Unsent(r.Context(), s.ask(r, half), now) })
	}
	err = s.table.RecordSend(r.Context(), half)
	wg.Wait()
	if errors.Is(err, store.ErrRefused) { // confirmed in another window meanwhile
		return s.guard.Refuse(w, r, session.ErrConfirmed)
	}
	if err != nil {
		return err
	}
	if unsent != nil {
		return explain(unsent, half.ResendAt.Sub(s.now()))
	}
	return s.site.Next(w, r, "/verify", notice(channel, sent))
}

// explain turns a refusal into what a program is told, and a person on the code
// page. No try is worth making before the wait is over.
func explain(err error, wait time.Duration) error {
	var limited *store.Limited
	var vendor *otp.LimitedError
	switch {
	case errors.As(err, &limited):
		return web.Wait(limited.After, "Please wait a little before you ask for the code again.").SendTo("/verify", web.TooSoon)
	case errors.As(err, &vendor):
		return web.Wait(max(vendor.After, wait), "Please wait before you ask for the code again.").Because(err).SendTo("/verify", web.TooSoon)
	case errors.Is(err, otp.ErrUnreachable):
		return web.Invalid(web.Field{Name: "channel", Text: "We cannot reach that number this way. Try another one."}).
			Because(err).SendTo("/verify", web.NotThisWay)
	}
	p := web.Unavailable(fmt.Errorf("sending a code again: %w", err))
	p.RetryAfter = max(p.RetryAfter, wait)
	return p.SendTo("/verify", web.NotSent)
}

func notice(channel otp.Channel, sent otp.Sent) web.Notice {
	switch {
	case sent.App:
		return web.UseApp
	case channel == otp.Call:
		return web.Calling
	}
	return web.Resent
}
