package session

import (
	"errors"
	"net/http"

	"latchkey/shared/web"
)

// Refuse answers a request whose session is not what its step needs. A person
// is sent to the step that is due, a program is told. An error that is none of
// this package's is returned as it is.
func (g *Guard) Refuse(w http.ResponseWriter, r *http.Request, err error) error {
	switch {
	case errors.Is(err, ErrConfirmed):
		return g.site.Next(w, r, "/account", web.NoNotice)
	case errors.Is(err, ErrHalf):
		return web.NoSession("Enter the code we sent you first.").SendTo("/verify", web.NoNotice)
	case errors.Is(err, ErrOver):
		return web.Expired("This took too long. Please begin again.").SendTo("/signup", web.BeginAgain)
	case errors.Is(err, ErrNone):
		return web.NoSession("There is nothing under way here. Please begin with the form.").SendTo("/signup", web.BeginAgain)
	}
	return err
}
