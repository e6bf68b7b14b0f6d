package session

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/env"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// Why a request does not get the session it asks for.
var (
	// ErrNone: no cookie, or one that is nobody's, or whose session is dead.
	ErrNone = errors.New("no session")
	// ErrOver: a half session that is really the bearer's, and too old.
	ErrOver = errors.New("session is over")
	// ErrConfirmed: the session needs no more proof.
	ErrConfirmed = errors.New("session is confirmed")
	// ErrHalf: the session is not confirmed yet.
	ErrHalf = errors.New("session is not confirmed")
	// ErrSpent: an ErrHalf that no code can confirm any more.
	ErrSpent = fmt.Errorf("%w, and no code can do it", ErrHalf)
)

// refused is one of the above with the step that is due instead.
type refused struct {
	error
	due string
}

// Unwrap is the reason.
func (r refused) Unwrap() error { return r.error }

// Begin is the form that such a session begins with.
func Begin(s store.Session) string {
	switch s.Flow {
	case store.Login:
		return web.Toward("/login", s.ReturnTo)
	case store.Proof:
		return web.Toward("/login/again", s.ReturnTo)
	case store.Move:
		return "/phone"
	}
	return "/signup"
}

// Destination is where a visitor goes who has just been signed in.
func Destination(s store.Session) string { return cmp.Or(s.ReturnTo, "/account") }

// repeatable is how long a repeat of the confirming request gets its answer.
const repeatable = 30 * time.Second

// Guard reads, makes and confirms sessions.
type Guard struct {
	Tries int // codes that one session may try

	table *store.Table
	site  *web.Site
	audit audit.Log
	now   func() time.Time

	half, idle, total, touch time.Duration
}

// NewGuard reads how long sessions live.
func NewGuard(cfg env.Config, vars *env.Vars, table *store.Table, site *web.Site) *Guard {
	shortest := time.Minute
	if vars.Laptop() {
		shortest = time.Second // so that one can watch sessions end
	}
	idle := vars.Duration("SESSION_IDLE", 12*time.Hour, shortest, 24*time.Hour)
	g := &Guard{
		Tries: vars.Int("MAX_CHECKS", 5, 1, 5),
		table: table, site: site, audit: audit.New(cfg), now: cfg.Now,
		half:  vars.Duration("HALF_SESSION", 30*time.Minute, shortest, 24*time.Hour),
		idle:  idle,
		total: vars.Duration("SESSION_TOTAL", 7*24*time.Hour, shortest, 30*24*time.Hour),
		touch: vars.Duration("SESSION_TOUCH", min(15*time.Minute, idle/4), time.Second, time.Hour),
	}
	if g.touch > g.idle/2 {
		vars.Fault("SESSION_TOUCH", "must be at most half of SESSION_IDLE, or sessions in use would end")
	}
	return g
}

// Beside is a half session for somebody who is signed in: what it proves is put
// into the whole session's place, and does not outlive that.
func (g *Guard) Beside(whole store.Session, t Token, flow store.Flow, p store.Profile) store.Session {
	s := g.New(t, flow, p)
	s.UID, s.Epoch, s.Parent, s.EndsAt = whole.UID, whole.Epoch, whole.ID, whole.EndsAt
	return s
}

// NextEpoch is the epoch that an account gets by what this session changes about
// it. It is derived from what nobody but the session's item knows: a request
// that finds the change made, by one that died before it could say so, knows
// whose work that was, and the session outlives it.
func NextEpoch(s store.Session) string {
	return hex.EncodeToString(mac(s.Salt, "epoch", s.Epoch)[:16])
}

// New is a half session under a token, not yet written.
func (g *Guard) New(t Token, flow store.Flow, p store.Profile) store.Session {
	return store.Session{
		Key: t.Key, ID: t.ID, Flow: flow, UID: t.ID,
		Epoch:  hex.EncodeToString(Random(16)),
		Secret: t.Hash(), Salt: Random(32),
		CreatedAt: g.now(), ValidUntil: g.now().Add(g.half),
		Profile: p,
	}
}

// Half reads the request's unconfirmed session: one round trip. It fails with
// ErrNone, ErrOver or ErrConfirmed.
func (g *Guard) Half(ctx context.Context, r *http.Request) (store.Session, Token, error) {
	t, ok := g.Token(r)
	return g.unconfirmed(ctx, t, ok)
}

// Login is Half for the login that a visitor is at, also when a step of it, such
// as the proof of a new phone, is under way beside it.
func (g *Guard) Login(ctx context.Context, r *http.Request) (store.Session, Token, error) {
	t, ok := g.Whole(r)
	return g.unconfirmed(ctx, t, ok)
}

func (g *Guard) unconfirmed(ctx context.Context, t Token, ok bool) (store.Session, Token, error) {
	if !ok {
		return store.Session{}, Token{}, ErrNone
	}
	s, err := g.table.Session(ctx, t.Key, t.ID)
	if errors.Is(err, store.ErrNotFound) {
		return store.Session{}, Token{}, ErrNone
	}
	if err != nil {
		return store.Session{}, Token{}, err
	}
	err = g.state(s, t)
	if err != nil {
		return store.Session{}, Token{}, err
	}
	return s, t, nil
}

func (g *Guard) state(s store.Session, t Token) error {
	switch {
	case !Equal(s.Secret, t.Hash()):
		return ErrNone
	case s.Confirmed() && g.now().Before(s.ValidUntil):
		return ErrConfirmed
	case s.Confirmed():
		return ErrNone
	case !g.now().Before(s.ValidUntil):
		return refused{ErrOver, Begin(s)}
	}
	return nil
}

// Waiting is a login that waits for an approval.
type Waiting struct {
	Token    Token
	User     store.User
	Half     store.Session
	Approval store.Approval // zero if it is not this very session's
}

// Waiting reads the request's unconfirmed login, its user and its approval: one
// round trip, and another if the cookie does not name the approval. It fails as
// Half does, and with ErrNone when the user is gone or has a new epoch.
func (g *Guard) Waiting(ctx context.Context, r *http.Request) (Waiting, error) {
	t, ok := g.Token(r)
	if !ok {
		return Waiting{}, ErrNone
	}
	u, s, a, err := g.table.Waiting(ctx, t.Key, t.ID, store.ParseRef(t.Ref))
	if errors.Is(err, store.ErrNotFound) {
		return Waiting{}, ErrNone
	}
	if err != nil {
		return Waiting{}, err
	}
	err = g.state(s, t)
	if err != nil {
		return Waiting{}, err
	}
	if s.Approval == (store.Ref{}) { // whatever the cookie says
		return Waiting{Token: t, User: u, Half: s}, nil
	}
	if s.UID != u.UID || s.Epoch != u.Epoch {
		return Waiting{}, ErrNone
	}
	if a.Ref != s.Approval {
		a, err = g.table.Approval(ctx, s.Approval)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Waiting{}, err
		}
	}
	if a.Session != s.ID || a.UID != s.UID {
		a = store.Approval{}
	}
	return Waiting{t, u, s, a}, nil
}

// End ends the sessions that a request brings, half or whole.
func (g *Guard) End(r *http.Request, why audit.Reason) error {
	whole, ok := g.Whole(r)
	step, also := g.Token(r)
	if !ok && !also {
		return nil
	}
	var failed error
	wg := abreast.In(r.Context())
	if also && step.ID != whole.ID {
		wg.Go(func() { failed = g.end(r, step, why) })
	}
	var err error
	if ok {
		err = g.end(r, whole, why)
	}
	wg.Wait()
	return errors.Join(err, failed)
}

func (g *Guard) end(r *http.Request, t Token, why audit.Reason) error {
	ended, err := g.table.EndSession(r.Context(), store.Session{Key: t.Key, ID: t.ID, Secret: t.Hash()}, g.now())
	if errors.Is(err, store.ErrRefused) {
		return nil
	}
	if err == nil && ended.Confirmed() {
		g.audit.Note(r, audit.LoggedOut, audit.Of(ended).Why(why))
	}
	return err
}

// Full reads the request's confirmed session and its user in one round trip,
// and now and then one more to say that it is in use. It fails with ErrNone or
// ErrHalf, after the same work whether or not a half session's email belongs to
// a user.
func (g *Guard) Full(ctx context.Context, r *http.Request) (store.User, store.Session, error) {
	t, ok := g.Whole(r)
	u, s, err := g.account(ctx, t, ok)
	if err != nil {
		return store.User{}, store.Session{}, err
	}
	return g.full(ctx, r, u, s, t)
}

// account reads what a token names, if there is one, whatever its state, in one
// round trip.
func (g *Guard) account(ctx context.Context, t Token, ok bool) (store.User, store.Session, error) {
	if !ok {
		return store.User{}, store.Session{}, ErrNone
	}
	u, s, err := g.table.Account(ctx, t.Key, t.ID)
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNone
	}
	return u, s, err
}

func (g *Guard) full(ctx context.Context, r *http.Request, u store.User, s store.Session, t Token) (store.User, store.Session, error) {
	now := g.now()
	switch {
	case !Equal(s.Secret, t.Hash()) || !now.Before(s.ValidUntil):
		return store.User{}, store.Session{}, ErrNone
	case !s.Confirmed() && s.Approval != (store.Ref{}):
		return store.User{}, store.Session{}, refused{ErrHalf, "/status"}
	case !s.Confirmed() && (s.Taken || s.Checks >= g.Tries):
		return store.User{}, store.Session{}, refused{ErrSpent, "/verify"} // which says so
	case !s.Confirmed():
		return store.User{}, store.Session{}, refused{ErrHalf, "/verify"}
	case !now.Before(s.EndsAt) || s.UID != u.UID || s.Epoch != u.Epoch && NextEpoch(s) != u.Epoch:
		return store.User{}, store.Session{}, ErrNone
	}
	if s.Epoch != u.Epoch { // the change that it made itself is not noted yet
		err := g.table.AdoptEpoch(ctx, s, u.Epoch)
		if errors.Is(err, store.ErrRefused) {
			return store.User{}, store.Session{}, ErrNone
		}
		if err != nil {
			return store.User{}, store.Session{}, err
		}
		s.Epoch = u.Epoch
	}
	if now.Sub(s.TouchedAt) >= g.touch {
		err := g.table.Touch(ctx, s, earlier(now.Add(g.idle), s.EndsAt), now)
		if err != nil {
			g.site.Log(r, "use of a session not noted", err)
		}
	}
	return u, s, nil
}

// Confirm makes the session a signed-in one and returns its new token. code is
// what proved it, and factor the kind of that. first is false when an equal
// request was there before: it gets the same token. ErrNone says that the session
// is not the token's any more, or that the one it was begun from is over. A
// login's failures before this success are forgotten meanwhile.
func (g *Guard) Confirm(ctx context.Context, s store.Session, t Token, code, factor string) (rotated Token, first bool, err error) {
	now := g.now()
	if s.Parent != "" {
		err = g.table.EndParent(ctx, s, now)
		if errors.Is(err, store.ErrRefused) {
			return g.confirmed(ctx, t, code)
		}
		if err != nil {
			return Token{}, false, err
		}
	}
	rotated = t.Rotated(s.Salt)
	next := s
	next.Secret, next.Proof, next.Factor = rotated.Hash(), Proof(s.Salt, code), factor
	next.ConfirmedAt, next.PreviousTo = now, now.Add(repeatable)
	next.EndsAt = now.Add(g.total)
	if !s.EndsAt.IsZero() {
		next.EndsAt = earlier(next.EndsAt, s.EndsAt)
	}
	next.ValidUntil = earlier(now.Add(g.idle), next.EndsAt)
	wg := abreast.In(ctx)
	if !s.Flow.Stranger() || len(s.Lanes) > 0 {
		wg.Go(func() { g.forget(ctx, s) })
	}
	err = g.table.Confirm(ctx, s, next)
	wg.Wait()
	if !errors.Is(err, store.ErrRefused) {
		return rotated, err == nil, err
	}
	return g.confirmed(ctx, t, code)
}

// confirmed is what an equal request was given before.
func (g *Guard) confirmed(ctx context.Context, t Token, code string) (Token, bool, error) {
	rotated, _, err := g.Repeat(ctx, t, code)
	return rotated, false, err
}

// repeats bounds how often one confirmation is answered again: more than any
// impatient person needs, few enough guesses for a thief.
const repeats = 60

// Repeat returns the new token to a repeat of the request that confirmed the
// session, and that session, or ErrNone. It is counted before the code is compared, and a wrong
// code, which only somebody guessing with a stolen cookie brings, ends all
// repeats.
func (g *Guard) Repeat(ctx context.Context, t Token, code string) (Token, store.Session, error) {
	s, err := g.table.Repeat(ctx, store.Session{Key: t.Key, ID: t.ID, Previous: t.Hash()}, repeats, g.now())
	if errors.Is(err, store.ErrRefused) {
		return Token{}, store.Session{}, ErrNone
	}
	if err != nil {
		return Token{}, store.Session{}, err
	}
	if Equal(s.Proof, Proof(s.Salt, code)) {
		return t.Rotated(s.Salt), s, nil
	}
	err = g.table.EndRepeats(ctx, s)
	if err != nil && !errors.Is(err, store.ErrRefused) {
		return Token{}, store.Session{}, err
	}
	return Token{}, store.Session{}, ErrNone
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
