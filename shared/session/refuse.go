package session

import (
	"errors"
	"net/http"

	"latchkey/shared/store"
	"latchkey/shared/web"
)

// Refuse answers a request whose session is not what its step needs. A person
// is sent to the step that is due, a program is told. An error that is none of
// this package's is returned as it is.
func (g *Guard) Refuse(w http.ResponseWriter, r *http.Request, err error) error {
	due := refused{due: "/login"}
	errors.As(err, &due)
	if errors.Is(err, ErrOver) || errors.Is(err, ErrNone) {
		g.clearStep(w, r)
	}
	switch {
	case errors.Is(err, ErrConfirmed):
		return g.site.Next(w, r, "/account", web.NoNotice)
	case errors.Is(err, ErrHalf):
		return web.NoSession("Prove first that it is you, with your phone.").SendTo(due.due, web.NoNotice)
	case errors.Is(err, ErrOver):
		return web.Expired("This took too long. Please begin again.").SendTo(due.due, web.BeginAgain)
	case errors.Is(err, ErrNone):
		return web.NoSession("There is nothing under way here. Please begin again.").SendTo(due.due, web.BeginAgain)
	}
	return err
}

// UsedUp is a session without tries left.
func UsedUp(s store.Session) *web.Problem { return web.UsedUp().SendTo(Begin(s), web.NoTriesLeft) }
