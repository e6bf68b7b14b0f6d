package outbound

import (
	"errors"
	"net"
	"net/http"
)

// Undone reports whether an error of a vendor's door says for certain that the
// vendor did nothing: there was no connection, or it refused the request, or it
// said that it takes none at the moment (RFC 9110, sections 15.5 and 15.6.4).
// Otherwise nobody knows, since an answer may have been lost.
func Undone(err error) bool {
	var refused *Refusal
	var op *net.OpError
	switch {
	case errors.As(err, &refused):
		return refused.Status >= 400 && refused.Status < 500 || refused.Status == http.StatusServiceUnavailable
	case errors.As(err, &op):
		return op.Op == "dial"
	}
	return errors.Is(err, errNotSent)
}
