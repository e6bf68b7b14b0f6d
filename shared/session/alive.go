package session

import (
	"context"
	"net/http"

	"latchkey/shared/store"
)

// Alive reports whether the account is the one that the half session was begun for,
// and was not signed out everywhere since, but by this very session's move.
func Alive(u store.User, s store.Session) bool {
	same := u.Epoch == s.Epoch
	if s.Flow == store.Move {
		same = same || u.MovedBy == s.ID && u.Epoch == NextEpoch(s)
	}
	return u.UID == s.UID && same
}

// Living is Half for what costs its account's owner something, such as a text: one
// that is not Alive is ErrNone. A sign-up has no account yet. It reads the user
// beside the session, in the same round trip.
func (g *Guard) Living(ctx context.Context, r *http.Request) (store.Session, error) {
	t, ok := g.Token(r)
	u, s, err := g.account(ctx, t, ok)
	if err != nil {
		return store.Session{}, err
	}
	err = g.state(s, t)
	if err != nil {
		return store.Session{}, err
	}
	if s.Flow != store.Signup && !Alive(u, s) {
		return store.Session{}, ErrNone
	}
	return s, nil
}
