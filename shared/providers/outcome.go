package providers

import (
	"errors"
	"time"

	"latchkey/shared/otp"
	"latchkey/shared/store"
)

// Outcome is what is kept of a send that failed with this error, or with none.
func Outcome(unsent error) store.Outcome {
	var ours *store.Limited
	var vendors *otp.LimitedError
	switch {
	case unsent == nil:
		return store.Sent
	case errors.Is(unsent, otp.ErrUnreachable):
		return store.Unreachable
	case errors.As(unsent, &ours), errors.As(unsent, &vendors):
		return store.Postponed
	}
	return store.Unsent
}

// Later is when the code may be asked for again, at the earliest at the given
// moment: a vendor may want more time than we do.
func Later(at time.Time, unsent error, now time.Time) time.Time {
	var limited *otp.LimitedError
	if errors.As(unsent, &limited) && now.Add(limited.After).After(at) {
		return now.Add(limited.After)
	}
	return at
}
