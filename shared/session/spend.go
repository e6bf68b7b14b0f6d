package session

import (
	"context"
	"time"

	"latchkey/shared/store"
)

// tokenLife is how long an authenticator's token may be right: its own thirty
// seconds, and a step of grace before and after (RFC 6238, section 5.2).
const tokenLife = 90 * time.Second

// Spend lets one use have an authenticator's token, and for as long as the token
// may be right no other: that is store.ErrRefused. by is the same for a repeat
// of the same use.
func Spend(ctx context.Context, table *store.Table, uid, token, by string, now time.Time) error {
	return table.Once(ctx, "token", uid+"/"+token, []byte(by), tokenLife, now)
}
