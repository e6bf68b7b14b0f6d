package session

import (
	"errors"
	"net/http"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// Care is what an account asks of who wants to change it: a session whose second
// factor was given a moment ago, and a while since the phone
// itself was changed (R-11A): whoever got in by a stolen phone shall not lock the
// owner out before the owner hears of it.
type Care struct {
	guard       *Guard
	fresh, cool time.Duration
}

// NewCare reads FRESH_FACTOR and COOL_DOWN.
func NewCare(vars *env.Vars, guard *Guard) *Care {
	return &Care{guard, FreshFor(vars), CoolDown(vars)}
}

// CoolDown reads for how long after a change of phone nothing else of weight can
// be changed.
func CoolDown(vars *env.Vars) time.Duration {
	shortest := time.Hour
	if vars.Laptop() {
		shortest = time.Second
	}
	return vars.Duration("COOL_DOWN", 24*time.Hour, shortest, 7*24*time.Hour)
}

// Cooling is for how much longer the account's last change of phone forbids
// others, zero when it does not.
func Cooling(u store.User, cool time.Duration, now time.Time) time.Duration {
	if u.MovedAt.IsZero() {
		return 0
	}
	return max(0, u.MovedAt.Add(cool).Sub(now))
}

// SignedIn reads who is signed in. Who is not is sent to log in, and then back
// to the page.
func (g *Guard) SignedIn(w http.ResponseWriter, r *http.Request, back string) (store.User, store.Session, error) {
	u, full, err := g.Full(r.Context(), r)
	return u, full, g.outside(w, r, back, err)
}

// outside answers who is not signed in.
func (g *Guard) outside(w http.ResponseWriter, r *http.Request, back string, err error) error {
	if errors.Is(err, ErrNone) {
		return web.NoSession("There is no account signed in here.").SendTo(web.Toward("/login", back), web.SignInFirst)
	}
	if err != nil {
		return g.Refuse(w, r, err)
	}
	return nil
}

// Owner reads who is signed in and may change the account now. Who has not
// proved it lately is sent to do so, and then back to the page.
func (c *Care) Owner(w http.ResponseWriter, r *http.Request, back string) (store.User, store.Session, error) {
	u, full, err := c.guard.SignedIn(w, r, back)
	if err != nil {
		return u, full, err
	}
	return u, full, c.allow(u, full, back)
}

// allow refuses a session that may not change the account now.
func (c *Care) allow(u store.User, full store.Session, back string) error {
	now := c.guard.now()
	if now.Sub(full.ConfirmedAt) > c.fresh {
		return web.Reauth().SendTo(web.Toward("/login/again", back), web.ProveAgain)
	}
	left := Cooling(u, c.cool, now)
	if left > 0 {
		return web.Cooling(left)
	}
	return nil
}

// Mover reads whose phone may be changed, and the session that asks for it: a
// login whose phone is lost and for which a recovery code stands, else its Owner.
func (c *Care) Mover(w http.ResponseWriter, r *http.Request, back string) (store.User, store.Session, error) {
	g := c.guard
	t, ok := g.Whole(r)
	u, s, err := g.account(r.Context(), t, ok)
	if err == nil && g.lost(u, s, t) {
		return u, s, nil
	}
	if err == nil {
		u, s, err = g.full(r.Context(), r, u, s, t)
	}
	err = g.outside(w, r, back, err)
	if err != nil {
		return u, s, err
	}
	return u, s, c.allow(u, s, back)
}

// lost reports whether the token's session is a login for whose phone a recovery
// code stands.
func (g *Guard) lost(u store.User, s store.Session, t Token) bool {
	return g.state(s, t) == nil && s.Flow == store.Login && s.Lost && s.UID == u.UID && s.Epoch == u.Epoch
}
