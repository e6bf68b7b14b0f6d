// Package resend sends the code again, by text, call or WhatsApp, to the phone
// that the session is about and to no other. The waits between two sends grow;
// the vendor sends the same code while it is valid, and no send resets the
// count of tries.
package resend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	now      func() time.Time
	site     *web.Site
	table    *store.Table
	guard    *session.Guard
	budget   *budget.Budget
	set      *providers.Set
	channels []otp.Channel
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.budget = budget.New(cfg, vars, s.table, store.Signup)
	s.set = providers.New(cfg, vars)
	s.channels = otp.Channels(vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{"POST /resend": s.resend}), nil
}

// resend sends once more.
func (s *step) resend(w http.ResponseWriter, r *http.Request) error {
	channel, err := s.read(r)
	if err != nil {
		return err
	}
	half, _, err := s.guard.Half(r.Context(), r)
	if err != nil {
		return s.dead(w, r, err)
	}
	if half.Checks >= s.guard.Tries {
		return web.UsedUp().SendTo("/signup", web.BeginAgain)
	}
	now := s.now()
	send := s.ask(r, half)
	sends, fresh, err := s.take(r.Context(), send, half, now)
	if err != nil {
		return explain(err)
	}
	if !fresh {
		return s.site.Next(w, r, "/verify", notice(channel, otp.Sent{}))
	}
	half.Sends, half.ResendAt = sends, s.budget.Next(sends, now)
	return s.send(w, r, half, channel)
}

func (s *step) read(r *http.Request) (otp.Channel, error) {
	v, err := web.Read(r, "channel")
	if err != nil {
		return "", err
	}
	channel := otp.Channel(v["channel"])
	if channel == "" {
		channel = otp.SMS
	}
	if !slices.Contains(s.channels, channel) {
		return "", web.Invalid(web.Field{Name: "channel", Text: "Choose one of the ways that the page offers."})
	}
	return channel, nil
}

func (s *step) ask(r *http.Request, half store.Session) budget.Send {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	return budget.Send{
		// The version makes two presses of one button the same send.
		ID:    half.ID + "/" + strconv.Itoa(half.Sends.Version),
		Phone: half.Phone, Country: half.Country, Address: address, Known: half.Sends,
	}
}

// take takes all limits in one round trip. The session knows when the next send
// may be, so the narrow ones rarely refuse here; when they do, the wide ones
// get back what they gave.
func (s *step) take(ctx context.Context, send budget.Send, half store.Session, now time.Time) (store.Sends, bool, error) {
	if now.Before(half.ResendAt) {
		return store.Sends{}, false, &store.Limited{After: half.ResendAt.Sub(now)}
	}
	var sends store.Sends
	var fresh bool
	var narrow error
	var wg sync.WaitGroup
	wg.Go(func() { sends, fresh, narrow = s.budget.Narrow(ctx, send, now) })
	wide := s.budget.Wide(ctx, send, now)
	wg.Wait()
	switch {
	case wide == nil && (narrow != nil || !fresh):
		s.budget.ReleaseWide(ctx, send, now)
	case wide != nil && narrow == nil && fresh:
		s.budget.Release(ctx, send, sends, now)
	}
	if narrow != nil {
		return sends, false, narrow
	}
	return sends, fresh, wide
}

// send asks the vendor and keeps what came of it.
func (s *step) send(w http.ResponseWriter, r *http.Request, half store.Session, channel otp.Channel) error {
	codes, err := s.set.Codes(half.Flow, half.Provider)
	if err != nil {
		return err
	}
	sent, unsent := codes.Send(r.Context(), otp.Target{
		Phone: half.Phone, CountryCode: half.CallingCode, Email: half.Email, User: half.ProviderRef,
	}, channel)
	if sent.Ref != "" {
		half.Ref = sent.Ref
	}
	if sent.User != "" {
		half.ProviderRef = sent.User
	}
	half.ByApp = sent.App
	var limited *otp.LimitedError
	if errors.As(unsent, &limited) {
		half.ResendAt = later(half.ResendAt, s.now().Add(limited.After))
	}
	err = s.table.RecordSend(r.Context(), half)
	if err != nil {
		return err
	}
	if unsent != nil {
		return explain(unsent)
	}
	return s.site.Next(w, r, "/verify", notice(channel, sent))
}

// explain turns a refusal into what a program is told, and a person on the code
// page.
func explain(err error) error {
	var limited *store.Limited
	var vendor *otp.LimitedError
	switch {
	case errors.As(err, &limited):
		return web.Wait(limited.After, "Please wait a little before you ask for the code again.").SendTo("/verify", web.TooSoon)
	case errors.As(err, &vendor):
		return web.Wait(vendor.After, "Please wait before you ask for the code again.").Because(err).SendTo("/verify", web.TooSoon)
	case errors.Is(err, otp.ErrUnreachable):
		return web.Invalid(web.Field{Name: "channel", Text: "We cannot reach that number this way. Try another one."}).
			Because(err).SendTo("/verify", web.NotThisWay)
	}
	return web.Unavailable(fmt.Errorf("sending a code again: %w", err)).SendTo("/verify", web.NotSent)
}

// dead answers a request without a half session: nothing is sent, and somebody
// else's session looks the same as none.
func (s *step) dead(w http.ResponseWriter, r *http.Request, err error) error {
	switch {
	case errors.Is(err, session.ErrConfirmed):
		return s.site.Next(w, r, "/account", web.NoNotice)
	case errors.Is(err, session.ErrOver):
		return web.Expired("This sign-up took too long. Please begin again.").SendTo("/signup", web.BeginAgain)
	case errors.Is(err, session.ErrNone):
		return web.NoSession("There is no sign-up under way here. Please begin with the form.").SendTo("/signup", web.BeginAgain)
	}
	return err
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

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
