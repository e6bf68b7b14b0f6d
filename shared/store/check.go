package store

import (
	"context"
	"time"
)

// Prove ends a check of a phone whose code was right: no code can be tried any
// more, and until then the proof of this one tells a repeat of it. It never
// becomes a signed-in session. ErrRefused says that another request was first,
// or that its time is over.
func (t *Table) Prove(ctx context.Context, s Session, proof []byte, until, now time.Time) error {
	return t.change(ctx, sessionKey(s.Key, s.ID), "SET proof = :proof, valid_until = :until REMOVE code_ref, provider_ref",
		"attribute_exists(pk) AND attribute_not_exists(confirmed_at) AND attribute_not_exists(proof) AND secret = :secret AND valid_until > :now",
		item{":proof": binary(proof), ":until": millis(until), ":now": millis(now), ":secret": binary(s.Secret)})
}
