package login

import (
	"cmp"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/authy"
	"latchkey/shared/budget"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// again reports whether the attempt is by somebody who is signed in, and proves
// the second factor once more. The password is not asked for, and the session
// that they have stays as it is until the proof is there.
func (a *attempt) again() bool { return a.whole.ID != "" }

// start is the page that the attempt began with.
func (a *attempt) start() string {
	if a.again() {
		return web.Toward("/login/again", a.back)
	}
	return "/login"
}

// offer is the page with the button: a GET sends nothing.
func (s *step) offer(w http.ResponseWriter, r *http.Request) error {
	u, full, err := s.guard.SignedIn(w, r, web.Back(r))
	if err != nil {
		return err
	}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]string{"confirmed_at": full.ConfirmedAt.Format(time.RFC3339), "factor": full.Factor})
	}
	return s.site.Page(w, r, s.againView(u, session.NewSeed(), web.Back(r), nil))
}

// prove asks for the second factor in the way the user has, or over the channel
// that the visitor prefers (parity 122). It is a try at logging in, and counted as
// one, for this session alone: else who has stolen that could guess codes without
// end, five with each press of the button.
func (s *step) prove(w http.ResponseWriter, r *http.Request) error {
	v, err := web.ReadIfAny(r, "form", "return", "channel")
	if err != nil {
		return err
	}
	a := &attempt{now: s.now(), channel: otp.Channel(v["channel"]), back: web.LocalPath(v["return"])}
	a.form.Seed, _, err = session.Seed(r, v["form"])
	if err != nil {
		return err
	}
	whole, ok := s.guard.Whole(r)
	a.token = session.Derive(a.form.Seed, whole.Key, "again "+whole.ID+" "+string(a.channel))
	// Under the secret, which nobody else can claim: others know the session's id.
	a.lanes = []string{whole.Key + "/again/" + hex.EncodeToString(whole.Hash()[:16])}
	counter := s.address
	counter.Subject = budget.Network(r.RemoteAddr)
	var tried, counted error
	wg := abreast.In(r.Context())
	if ok {
		wg.Go(func() { tried = s.guard.Try(r.Context(), s.lane, a.lanes[0], a.token.ID) })
		wg.Go(func() { counted = s.table.Count(r.Context(), counter, a.now) })
	}
	a.user, a.whole, err = s.guard.SignedIn(w, r, a.back)
	wg.Wait()
	if err != nil {
		return err
	}
	tried = cmp.Or(counted, tried)
	if tried != nil {
		s.audit.Delayed(r, audit.Facts{UID: a.whole.UID, Session: a.whole.ID, Flow: store.Proof}, audit.AtProof, tried)
		return s.explain(a, tried)
	}
	if a.channel != "" && !slices.Contains(s.channels(a.user), a.channel) {
		p := web.Invalid(web.Field{Name: "channel", Text: "Choose one of the ways that the page offers."})
		return p.On(s.againView(a.user, a.form.Seed, a.back, p))
	}
	return s.proceed(w, r, a)
}

// channels are those that this user's vendor can send a code over. Of the codes
// that the phone was sent before nothing is known here.
func (s *step) channels(u store.User) []otp.Channel {
	return s.set.Offered(store.Session{Flow: store.Proof, Profile: u.Profile}, s.now())
}

// againView says what is going to happen when the button is pressed. The seed is
// the one that was pressed with, if any: what a failed press began is gone on with.
func (s *step) againView(u store.User, seed, back string, p *web.Problem) web.View {
	_, device := providers.Newest(u, "push")
	_, app := providers.Newest(u, "totp")
	vendors := u.Provider == authy.Name // who alone knows whether there is its app
	channels := s.channels(u)
	if !device && !app && !vendors { // a text is what the button is for
		channels = slices.DeleteFunc(channels, func(c otp.Channel) bool { return c == otp.SMS })
	}
	c := againContent{seed, back, u.Phone.Ending(), device, app, vendors, channels, p}
	return web.View{Title: "Confirm that it is you", SignedIn: true, Main: againPage(c)}
}

// againContent is what the page with the button shows.
type againContent struct {
	Seed, Back, Ending string
	Device, App, Authy bool // what is going to be asked
	Channels           []otp.Channel
	Problem            *web.Problem
}
