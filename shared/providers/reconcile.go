package providers

import (
	"errors"
	"net/http"
	"time"

	"latchkey/shared/authy"
	"latchkey/shared/otp"
	"latchkey/shared/push"
	"latchkey/shared/store"
)

// Patience is how long a decision is expected to come by itself, as a callback,
// before the vendor is asked.
const Patience = 3 * time.Second

// Reconcile asks the vendor what became of an approval that nobody told us of,
// records what it learns as a callback would, also that nobody will answer any
// more, and returns the approval as it is then known. A vendor that does not know
// it any more changes nothing, nor does one that cannot be asked, which is the
// error.
func Reconcile(r *http.Request, set *Set, table *store.Table, a store.Approval, now time.Time) (store.Approval, error) {
	pushes, err := set.Pushes(a.Provider)
	if err != nil {
		return a, err
	}
	asking, cancel := Sparing(r.Context())
	defer cancel()
	d, err := pushes.Decision(asking, whom(a), a.ID)
	if errors.Is(err, otp.ErrGone) {
		return a, nil
	}
	if err != nil || d == push.Pending {
		return a, err
	}
	decided := a
	decided.Decision, decided.DecidedAt, decided.By, decided.Via = d, now, a.Subject, a.Session
	if !now.Before(a.ValidUntil) && d == push.Denied {
		decided.DecidedAt = a.ValidUntil // the vendor takes none later
	}
	recorded, err := table.RecordDecision(r.Context(), decided)
	if errors.Is(err, store.ErrRefused) { // a callback came meanwhile, or it is our own, whose answer was lost
		return table.Approval(r.Context(), a.Ref)
	}
	if err != nil {
		return a, err
	}
	set.audit.Decided(r, recorded)
	return recorded, nil
}

// whom is the person or device that the approval was asked of.
func whom(a store.Approval) push.Target {
	if a.Provider == authy.Name {
		return push.Target{User: a.Subject}
	}
	return push.Target{User: a.UID, Device: a.Subject}
}
