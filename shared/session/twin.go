package session

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey/shared/store"
	"latchkey/shared/web"
)

// Seed is the random value that a request's session is derived from: a program's
// Idempotency-Key, which is also returned as key, else the form's hidden field,
// else a new one.
func Seed(r *http.Request, field string) (seed, key string, err error) {
	header, keyed := r.Header["Idempotency-Key"]
	switch {
	case keyed && web.WantsJSON(r):
		key = strings.Join(header, ",")
		seed = key
	case field == "":
		seed = NewSeed()
	default:
		seed = field
	}
	if !ValidSeed(seed) {
		return "", "", web.BadSeed()
	}
	return seed, key, nil
}

// ErrKey says that an Idempotency-Key came with another body before.
var ErrKey = errors.New("key used for another body")

// Once ties a program's key to the body that it comes with, for a day; without
// a key there is nothing to tie. The rule is the table's, one for each step.
func (g *Guard) Once(ctx context.Context, rule, key, content string, now time.Time) error {
	if key == "" {
		return nil
	}
	err := g.table.Once(ctx, rule, key, Digest(key, content), keyLife, now)
	if errors.Is(err, store.ErrRefused) {
		return ErrKey
	}
	return err
}

// Abandoned is the age at which a request is surely over, since no function may run
// that long (template.yaml, Timeout): what it did not keep by then it never will.
const Abandoned = 15 * time.Second

// Pause waits between two looks at what an equal request is doing, for a second at
// most, and reports whether there is time for another look.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(min(d, time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Await gives the request that was first with a session time to keep what came
// of it, and returns the session as it then is; when the time is over, as it is
// without that. It is store.ErrNotFound when that request dropped the session.
func (g *Guard) Await(ctx context.Context, s store.Session, patience time.Duration) (store.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for delay := 25 * time.Millisecond; s.Outcome == ""; delay *= 2 {
		if !Pause(ctx, delay) {
			return s, nil
		}
		latest, err := g.table.Session(ctx, s.Key, s.ID)
		switch {
		case err == nil:
			s = latest
		case errors.Is(err, store.ErrNotFound), ctx.Err() == nil:
			return s, err
		}
	}
	return s, nil
}
