package phonechecks

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// forFirst is how long a repeat waits for the answer of the request that was
// first.
const forFirst = 5 * time.Second

// attempt is one request for a code on its way.
type attempt struct {
	id      string
	channel otp.Channel
	half    store.Session
	send    budget.Send
	now     time.Time
}

// start sends a code. Who writes the item sends; an equal request, under the
// same Idempotency-Key, gets that one's answer.
func (s *step) start(w http.ResponseWriter, r *http.Request) error {
	a, err := s.read(r)
	if err != nil {
		return err
	}
	existing, err := s.table.CreateSession(r.Context(), a.half)
	if errors.Is(err, store.ErrRefused) {
		return s.repeat(w, r, a, existing)
	}
	if err != nil {
		return err
	}
	err = s.take(r, a)
	if err != nil {
		return s.undo(r.Context(), a, err)
	}
	return s.send(w, r, a)
}

// read checks what was sent, and ties a key to it.
func (s *step) read(r *http.Request) (*attempt, error) {
	v, err := web.Read(r, "countryCode", "phone", "channel")
	if err != nil {
		return nil, err
	}
	seed, key, err := session.Seed(r, "")
	if err != nil {
		return nil, err
	}
	number, wrong := s.plan.Parse(v["countryCode"], v["phone"])
	p := store.Profile{Phone: number.Phone, Country: number.Country, CallingCode: number.CallingCode, Provider: s.set.Default}
	channel := otp.Channel(cmp.Or(v["channel"], string(otp.SMS)))
	offered := s.set.Offered(store.Session{Flow: store.Signup, Profile: p}, s.now())
	if !slices.Contains(offered, channel) {
		wrong = append(wrong, web.Field{Name: "channel", Text: "Choose a channel that this service offers, such as sms."})
	}
	if len(wrong) > 0 {
		return nil, web.Invalid(wrong...)
	}
	content := strconv.Quote(string(p.Phone)) + strconv.Quote(string(channel))
	a := &attempt{id: session.Derive(seed, "", content).Secret, channel: channel, now: s.now()}
	t := tokenOf(a.id)
	a.half = s.guard.New(t, store.Signup, p)
	a.half.ValidUntil = a.now.Add(life)
	// All visitors of a back end come from its one address, so that limit would
	// stop them all; each phone counts as an address of its own instead.
	a.send = budget.Send{ID: t.ID, Phone: p.Phone, Country: p.Country, Address: string(p.Phone)}
	err = s.guard.Once(r.Context(), "check-key", key, content, a.now)
	if errors.Is(err, session.ErrKey) {
		return nil, web.Idempotency()
	}
	return a, err
}

// take takes all limits of a send.
func (s *step) take(r *http.Request, a *attempt) error {
	sends, fresh, err := s.budget.Take(r.Context(), a.send, a.now)
	s.audit.Delayed(r, audit.Of(noted(a.half)), audit.AtSend, err)
	a.half.Sends = sends
	if err == nil && !fresh { // an equal request is at it, or died at it
		err = &store.Limited{After: max(s.budget.Next(sends, a.now).Sub(a.now), time.Second)}
	}
	var limited *store.Limited
	if errors.As(err, &limited) {
		return tooOften(limited.After)
	}
	return err
}

// undo drops the check that a limit refused: it leaves nothing.
func (s *step) undo(ctx context.Context, a *attempt, why error) error {
	err := s.table.DropSession(ctx, a.half)
	if err != nil && !errors.Is(err, store.ErrRefused) {
		return errors.Join(why, err)
	}
	return why
}

// send asks the vendor and keeps what came of it.
func (s *step) send(w http.ResponseWriter, r *http.Request, a *attempt) error {
	ctx, cancel := providers.Sparing(r.Context())
	defer cancel()
	sent, unsent := s.codes.Send(ctx, target(a.half), a.channel)
	a.half.Ref, a.half.ProviderRef = sent.Ref, sent.User
	tried := noted(a.half)
	tried.ByApp = sent.App
	s.audit.Sent(r, tried, a.channel, unsent)
	a.half.Outcome = providers.Outcome(unsent)
	a.half.ResendAt = providers.Later(s.budget.Next(a.half.Sends, a.now), unsent, a.now)
	wg := abreast.In(r.Context())
	if unsent != nil {
		wg.Go(func() { s.budget.Unsent(r.Context(), a.send, a.now) })
	}
	err := s.table.RecordSend(r.Context(), a.half)
	wg.Wait()
	if err != nil {
		return err
	}
	return s.answer(w, a, a.half, unsent)
}

// repeat answers a request whose check is there already as the first one was
// answered, unless that failed or died and the wait since is over: then it is
// the new try that we asked for.
func (s *step) repeat(w http.ResponseWriter, r *http.Request, a *attempt, existing store.Session) error {
	if !a.now.Before(existing.ValidUntil) {
		return web.Expired("This check is over. Begin a new one, with a new Idempotency-Key.")
	}
	died := existing.Outcome == "" && a.now.Sub(existing.CreatedAt) >= session.Abandoned
	if !died {
		var err error
		existing, err = s.guard.Await(r.Context(), existing, forFirst)
		if errors.Is(err, store.ErrNotFound) { // refused by a limit, and dropped
			return tooOften(time.Second)
		}
		if err != nil {
			return err
		}
	}
	if died || existing.Failed() && !a.now.Before(existing.ResendAt) {
		a.half = existing
		err := s.take(r, a)
		if err != nil {
			return err
		}
		return s.send(w, r, a)
	}
	return s.answer(w, a, existing, nil)
}

// answer says what came of a request for a code, the first time and every other.
func (s *step) answer(w http.ResponseWriter, a *attempt, half store.Session, cause error) error {
	after := max(half.ResendAt.Sub(a.now), time.Second)
	switch half.Outcome {
	case store.Sent:
		return s.site.JSON(w, map[string]any{
			"id": a.id, "phone": half.Phone.Mask(), "expires_in": int(half.ValidUntil.Sub(a.now).Seconds()),
		})
	case store.Unreachable:
		return web.Invalid(web.Field{Name: "phone", Text: "We cannot reach that number this way. Try another number or channel."}).Because(cause)
	case store.Postponed:
		return web.Wait(after, "The vendor asks us to wait before it sends another code.").Because(cause)
	}
	p := web.Unavailable(cause)
	p.RetryAfter = after
	return p
}

func tooOften(after time.Duration) error {
	return web.ForeignWait(after, "We cannot send another code to this phone just yet.")
}
