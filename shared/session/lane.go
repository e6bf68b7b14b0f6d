package session

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/env"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// failures is the rule under which a login's tries are counted.
const failures = "login"

// remembered is how long a browser counts as known, in seconds: as long as
// browsers keep a cookie at all.
const remembered = 400 * 24 * 60 * 60

// Lane is where the failures of one login are counted. There is one for
// everybody who names an email address, and one for each browser from which its
// user has signed in before, so that strangers who fail on purpose never keep
// the owner out. While everybody's is closed, the one of each network
// counts.
type Lane struct {
	Free    int           // failures in a row that cost nothing
	Longest time.Duration // the most that anybody waits
}

// FreshFor reads for how long a second factor counts as just given: after that,
// whoever wants to change how they log in gives it again.
func FreshFor(vars *env.Vars) time.Duration {
	shortest := time.Minute
	if vars.Laptop() {
		shortest = time.Second
	}
	return vars.Duration("FRESH_FACTOR", 15*time.Minute, shortest, time.Hour)
}

// Try counts a try in a lane before anybody knows whether it fails, or says
// *store.Limited. id is the same for a repeat of the same form.
func (g *Guard) Try(ctx context.Context, l Lane, subject, id string) error {
	return g.table.Try(ctx, store.Attempts{Rule: failures, Subject: subject, Free: l.Free, Longest: l.Longest}, id, g.now())
}

// ForgetTries ends the row of a subject's tries: the last one succeeded.
func (g *Guard) ForgetTries(ctx context.Context, subject string) {
	err := g.table.Forget(ctx, failures, subject)
	if err != nil {
		g.site.Warn(ctx, "failures before a success are still counted", err)
	}
}

// forget ends the rows that a completed login was part of, and the count of its
// user's pushes.
func (g *Guard) forget(ctx context.Context, s store.Session) {
	failed := make([]error, len(s.Lanes))
	wg := abreast.In(ctx)
	for i, lane := range s.Lanes {
		wg.Go(func() { failed[i] = g.table.Forget(ctx, failures, lane) })
	}
	pushes := g.table.ForgetPushes(ctx, s.Key, s.UID)
	wg.Wait()
	if errors.Is(pushes, store.ErrRefused) { // the user is gone
		pushes = nil
	}
	err := errors.Join(append(failed, pushes)...)
	if err != nil {
		g.site.Warn(ctx, "failures before a success are still counted", err)
	}
}

// Device is what a client brings to be known as one of this email's user. Its
// Secret has to be Genuine before it is believed.
func (g *Guard) Device(r *http.Request, key string) (Token, bool) {
	value, _ := r.Context().Value(bearerKey{}).(string)
	_, other := bearer(r)
	c, err := r.Cookie(g.site.CookieName("device"))
	if err == nil && !other {
		value = c.Value
	}
	t, ok := Parse(value)
	return t, ok && t.Key == key
}

// NetworkLane is the subject that the failures of a network's unknown browsers
// are counted under.
func NetworkLane(key, network string) string { return key + "@" + store.Hash(network) }

// Lane is the subject that the failures of this browser are counted under.
func (t Token) Lane() string { return t.Key + "/" + t.ID }

// Genuine reports whether a browser's token was made for the user of this
// epoch. Signing out everywhere makes all browsers strangers.
func Genuine(t Token, epoch string) bool {
	return epoch != "" && Equal([]byte(t.Secret), []byte(deviceSecret(t, epoch)))
}

// Remember makes a browser, from which the session was just confirmed, known. It
// is no key: who steals it may fail as often as its owner.
func (g *Guard) Remember(w http.ResponseWriter, r *http.Request, s store.Session) {
	t, known := g.Device(r, s.Key)
	if !known || !Genuine(t, s.Epoch) {
		t = Token{Key: s.Key, ID: hex.EncodeToString(Random(16))}
		t.Secret = deviceSecret(t, s.Epoch)
	}
	_, other := bearer(r)
	if other {
		web.Tell(w, "device", t.Value())
		return
	}
	http.SetCookie(w, g.site.Cookie("device", t.Value(), remembered))
}

func deviceSecret(t Token, epoch string) string {
	return form.EncodeToString(mac([]byte(epoch), "device", t.Lane()))
}
