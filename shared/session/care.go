package session

import (
	"context"
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
	if errors.Is(err, ErrNone) {
		return u, full, web.NoSession("There is no account signed in here.").SendTo(web.Toward("/login", back), web.SignInFirst)
	}
	if err != nil {
		return u, full, g.Refuse(w, r, err)
	}
	return u, full, nil
}

// Owner reads who is signed in and may change the account now. Who has not
// proved it lately is sent to do so, and then back to the page.
func (c *Care) Owner(w http.ResponseWriter, r *http.Request, back string) (store.User, store.Session, error) {
	u, full, err := c.guard.SignedIn(w, r, back)
	if err != nil {
		return u, full, err
	}
	now := c.guard.now()
	if now.Sub(full.ConfirmedAt) > c.fresh {
		return u, full, web.Reauth().SendTo(web.Toward("/login/again", back), web.ProveAgain)
	}
	left := Cooling(u, c.cool, now)
	if left > 0 {
		return u, full, web.Cooling(left)
	}
	return u, full, nil
}

// Lost reads the login of somebody whose phone is lost and for whom a recovery
// code stands, and the user, in one round trip. It fails with ErrNone.
func (g *Guard) Lost(ctx context.Context, r *http.Request) (store.User, store.Session, error) {
	t, ok := g.Whole(r)
	if !ok {
		return store.User{}, store.Session{}, ErrNone
	}
	u, s, err := g.table.Account(ctx, t.Key, t.ID)
	if errors.Is(err, store.ErrNotFound) {
		return store.User{}, store.Session{}, ErrNone
	}
	if err != nil {
		return store.User{}, store.Session{}, err
	}
	if g.state(s, t) != nil || s.Flow != store.Login || !s.Lost || s.UID != u.UID || s.Epoch != u.Epoch {
		return store.User{}, store.Session{}, ErrNone
	}
	return u, s, nil
}
