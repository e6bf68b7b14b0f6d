package providers

import (
	"context"
	"errors"

	"latchkey/shared/push"
	"latchkey/shared/store"
)

// Standing is an action's approval as it counts. A yes that the owner has not
// been told of yet must come from a device that is still the user's, of an account
// whose phone was not changed since it was asked (R-11A): else it reads as
// expired. What was told stays told. It reads the user when it has to.
func Standing(ctx context.Context, table *store.Table, a store.Action, p store.Approval) (store.Approval, error) {
	if p.Answer() != push.Approved || !a.ToldAt.IsZero() {
		return p, nil
	}
	u, err := table.User(ctx, a.User)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return p, err
	}
	if u.UID != a.UID || !Asks(u, p.Subject) || u.MovedAt.After(a.CreatedAt) {
		p.Decision = push.Expired
	}
	return p, nil
}
