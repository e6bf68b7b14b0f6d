// Package gate stands before the routes of a product that latchkey protects. It
// reads what the authorizer said of the caller and lets a route ask for more: a
// role, a second factor given a moment ago. Who lacks something is told so as
// latchkey's own steps do: a person is sent to give the proof and comes back, a
// program gets a problem document (parity 120, 122, 124).
//
// It must not know sessions, cookies or the table: what it believes comes from
// the gateway alone.
package gate

import (
	"context"
	"net/http"
	"time"

	"latchkey/shared/caller"
	"latchkey/shared/web"
)

// Caller is who makes a request, as the authorizer found.
type Caller struct {
	UID         string    // the user's id: what to keep things under
	User        string    // the user's reference, for POST /approvals
	Role        string    // the operator's word for what the user may do
	Session     string    // the session's id, for logs
	Factor      string    // how the second factor was given: code, push or totp
	ConfirmedAt time.Time // when
	SettledAt   time.Time // from when on the account's last change of phone is no reason for care any more
}

// Of is the caller of the request that ctx belongs to. It is false when nobody
// is signed in, when no authorizer was asked at all, and when what was said is not
// what our authorizer says: a time that cannot be read must never pass for one at
// which all is well.
func Of(ctx context.Context) (Caller, bool) {
	said := caller.Of(ctx).Lambda
	text := func(name string) string { s, _ := said[name].(string); return s }
	confirmed, proved := moment(said["confirmed_at"])
	settled, told := moment(said["settled_at"])
	c := Caller{
		UID: text("uid"), User: text("user"), Role: text("role"), Session: text("session"), Factor: text("factor"),
		ConfirmedAt: confirmed, SettledAt: settled,
	}
	if c.UID == "" || !proved || confirmed.Unix() == 0 || !told {
		return Caller{}, false
	}
	return c, true
}

// latest is the end of the year 9999, in seconds since 1970. Beyond some number
// a conversion ends in the past on one processor and in the future on another.
const latest = 253402300799

// moment reads seconds since 1970.
func moment(v any) (time.Time, bool) {
	n, ok := v.(float64)
	if !ok || !(n >= 0 && n <= latest) { // written so that what is no number fails
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0).UTC(), true
}

// Need is what a route asks for, besides that somebody is signed in.
type Need struct {
	Role    string        // "" for any
	Fresh   time.Duration // the most that a second factor may be old, 0 for as old as the session
	Settled bool          // not within the cool-down after a change of phone (R-11A)
	Back    string        // where a person comes back to after the proof, if not to the request's own path: a form's page
}

// skew is how far two machines' clocks may differ: a proof further in the future
// is none.
const skew = time.Minute

// fresh reports whether a proof is recent enough.
func (n Need) fresh(now, proved time.Time) bool {
	age := now.Sub(proved)
	return n.Fresh == 0 || age <= n.Fresh && age >= -skew
}

// Handler answers a request whose caller has what the route needs.
type Handler func(w http.ResponseWriter, r *http.Request, c Caller) error

// Require puts a need before a handler. now is the clock.
func Require(now func() time.Time, n Need, h Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		back := n.Back
		if back == "" {
			back = r.URL.RequestURI()
		}
		c, ok := Of(r.Context())
		switch {
		case !ok:
			return web.NoSession("Log in to see this.").SendTo(web.Toward("/login", back), web.SignInFirst)
		case n.Role != "" && n.Role != c.Role:
			return inside(web.Forbidden())
		case !n.fresh(now(), c.ConfirmedAt):
			return web.Reauth().SendTo(web.Toward("/login/again", back), web.NoNotice)
		case n.Settled && now().Before(c.SettledAt):
			return inside(web.Cooling(c.SettledAt.Sub(now())))
		}
		return h(w, r, c)
	}
}

// inside is a problem of somebody who is signed in.
func inside(p *web.Problem) *web.Problem {
	p.SignedIn = true
	return p
}
