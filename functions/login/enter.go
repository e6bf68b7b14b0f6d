package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/otp"
	"latchkey/shared/password"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// attempt is one login on its way, or one proof of somebody who is signed in.
type attempt struct {
	form  form
	token session.Token
	lanes []string   // where the try is counted
	user  store.User // zero when there is none
	half  store.Session
	took  bool // the limits of a text, by this very request
	now   time.Time

	whole   store.Session // that asks for a new proof; zero at a login
	channel otp.Channel   // that the visitor chose, "" for whatever is best
	back    string        // the path of our own to go to afterwards
}

// send is a text to the attempt's user.
func (a *attempt) send(r *http.Request) budget.Send {
	return budget.Send{ID: a.half.ID, Phone: a.half.Phone, Country: a.half.Country, Address: r.RemoteAddr}
}

// enter takes the form.
func (s *step) enter(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r)
	if err != nil {
		return err
	}
	if f.bearer {
		r = session.AsBearer(r, f.device)
	}
	wrong := f.check()
	if len(wrong) > 0 {
		return s.refuse(f, web.Invalid(wrong...))
	}
	a := &attempt{form: f, token: f.token(), now: s.now(), back: f.Return}
	err = s.admit(r, a)
	if err != nil {
		s.audit.Delayed(r, audit.Facts{Flow: store.Login}, audit.AtLogin, err)
		return s.explain(a, err)
	}
	err = password.Compare(a.user.Hash, f.password, s.cost)
	if errors.Is(err, password.ErrWrong) {
		s.audit.Note(r, audit.LoginRefused, audit.Facts{Flow: store.Login})
		return s.refuse(f, web.BadCredentials())
	}
	if err != nil {
		return s.explain(a, err)
	}
	wg := abreast.In(r.Context())
	defer wg.Wait()
	if password.Cheap(a.user.Hash, s.cost) {
		wg.Go(func() { s.rehash(r, a) })
	}
	return s.proceed(w, r, a)
}

// admit takes the limits and reads the user, in one round trip. The try is
// counted where the browser claims to be known; when that turns out not to be
// true, where strangers' are.
func (s *step) admit(r *http.Request, a *attempt) error {
	ctx := r.Context()
	network := budget.Network(r.RemoteAddr)
	device, claims := s.guard.Device(r, a.token.Key)
	counter := s.address
	counter.Subject = network
	var user, tried, counted, once error
	wg := abreast.In(r.Context())
	wg.Go(func() { a.user, user = s.table.User(ctx, a.token.Key) })
	wg.Go(func() { counted = s.table.Count(ctx, counter, a.now) })
	wg.Go(func() { once = s.guard.Once(ctx, "login-key", a.form.key, a.form.content(), a.now) })
	if claims {
		a.lanes = []string{device.Lane()}
		tried = s.guard.Try(ctx, s.lane, device.Lane(), a.token.ID)
	} else {
		tried = s.stranger(ctx, a, network)
	}
	wg.Wait()
	if errors.Is(user, store.ErrNotFound) {
		user = nil
	}
	err := errors.Join(user, once)
	if err == nil && claims && !session.Genuine(device, a.user.Epoch) {
		tried = s.stranger(ctx, a, network)
	}
	return cmp.Or(err, counted, tried)
}

// maxAside bounds the tries at one address that are let past the strangers'
// lane while it is closed, in twelve hours: as many failures as NIST SP 800-63B,
// section 5.2.2, lets an account have.
const maxAside = 100

// stranger counts the try of a browser that is not known in two lanes: the one
// of all strangers, and the one of its network. One who fails on purpose closes
// the first; the second lets an owner with a new browser in all the same. There
// are only so many of these for one address.
func (s *step) stranger(ctx context.Context, a *attempt, network string) error {
	all, own := a.token.Key, session.NetworkLane(a.token.Key, network)
	var aside error
	wg := abreast.In(ctx)
	wg.Go(func() { aside = s.guard.Try(ctx, s.lane, own, a.token.ID) })
	err := s.guard.Try(ctx, s.lane, all, a.token.ID)
	wg.Wait()
	a.lanes = []string{all, own}
	var closed, closedToo *store.Limited
	if !errors.As(err, &closed) {
		return err
	}
	if aside == nil {
		a.lanes = []string{own}
		aside = s.table.Count(ctx, store.Counter{Rule: "login-aside", Subject: a.token.Key, Max: maxAside, Window: 12 * time.Hour}, a.now)
	}
	if errors.As(aside, &closedToo) && closedToo.After > closed.After {
		return closed
	}
	return aside
}

// rehash keeps the password under a dearer hash, since the setting grew. It is
// not worth a login.
func (s *step) rehash(r *http.Request, a *attempt) {
	hash, err := password.Hash(a.form.password, s.cost)
	if err == nil {
		err = s.table.Rehash(r.Context(), a.user, hash)
	}
	if err != nil && !errors.Is(err, store.ErrRefused) {
		s.site.Log(r, "password not hashed anew", err)
	}
}

// explain says on the form why an attempt went no further: before the password
// was looked at, the same to everybody, whether or not the address is anybody's.
func (s *step) explain(a *attempt, err error) error {
	var limited *store.Limited
	switch {
	case errors.Is(err, session.ErrKey):
		return web.Idempotency()
	case errors.As(err, &limited):
		return s.decline(a, web.Wait(limited.After, "There were too many tries. Please wait before the next one."))
	}
	return s.decline(a, web.Unavailable(err))
}

// decline shows the page again that the attempt began with.
func (s *step) decline(a *attempt, p *web.Problem) error {
	if a.again() {
		return p.On(s.againView(a.user, a.form.Seed, a.back, p))
	}
	return s.refuse(a.form, p)
}
