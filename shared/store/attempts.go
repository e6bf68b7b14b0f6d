package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Attempts is a limit of tries that failed in a row: a few are free, each one
// after that doubles the wait from one second on, up to Longest. They are
// forgotten by a success, or twelve hours after the newest of them, and never at
// a time that somebody could wait for. Nothing locks for good (R-043, R-104,
//
//
// A try is counted before anybody knows whether it fails, in one conditional
// write, so that no number of parallel tries gets past it.
type Attempts struct {
	Rule    string
	Subject string // whose tries; never stored itself
	Free    int
	Longest time.Duration
}

// streak is how long failures are remembered: from the newest of them, so that
// a row ends by itself only for who has tried nothing for that long.
const streak = 12 * time.Hour

// forgotten is a time so long ago that a row is over whose newest try was then, or
// earlier.
func forgotten(now time.Time) time.Time {
	return now.Add(-streak)
}

func attemptsKey(rule, subject string) item { return key("L#"+rule+"#"+Hash(subject), "L") }

// wait is how long to wait after so many tries.
func (a Attempts) wait(tries int) time.Duration {
	if tries < a.Free {
		return 0
	}
	wait := time.Second
	for range tries - a.Free {
		wait *= 2
		if wait >= a.Longest {
			break
		}
	}
	return min(wait, a.Longest)
}

// condition holds when the wait after the last try is over.
func (a Attempts) condition(values item, now time.Time) string {
	clauses := []string{"attribute_not_exists(hits)", "hits < :free", "last_at <= :longest"}
	values[":free"] = number(int64(a.Free))
	values[":longest"] = millis(now.Add(-a.Longest))
	for n := a.Free; a.wait(n) < a.Longest; n++ {
		hits, last := fmt.Sprintf(":hits%d", n), fmt.Sprintf(":last%d", n)
		values[hits], values[last] = number(int64(n)), millis(now.Add(-a.wait(n)))
		clauses = append(clauses, "hits <= "+hits+" AND last_at <= "+last)
	}
	return strings.Join(clauses, " OR ")
}

// rounds bounds how often a try begins again because others were faster.
const rounds = 3

// Try counts one try under an id, or says *Limited. A repeat of the newest try,
// under the same id, is not counted again; nor is the SDK's own retry.
//
// DynamoDB deletes what is over days late. So a row whose newest try is streak
// old is none: the usual write does not go on with it, and another begins anew.
func (t *Table) Try(ctx context.Context, a Attempts, id string, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	k := attemptsKey(a.Rule, a.Subject)
	for range rounds {
		err := t.goOn(ctx, k, a, id, now)
		if !errors.Is(err, ErrRefused) {
			return err
		}
		it, err := t.get(ctx, k)
		if errors.Is(err, ErrNotFound) {
			return nil // forgotten a moment ago
		}
		if err != nil {
			return err
		}
		last := it.time("last_at")
		if !last.After(forgotten(now)) {
			err = t.beginAnew(ctx, k, it, id, now)
			if !errors.Is(err, ErrRefused) {
				return err
			}
			continue
		}
		if it.text("last_id") == id {
			return nil // ours
		}
		wait := last.Add(a.wait(int(it.number("hits")))).Sub(now)
		if wait > 0 {
			return &Limited{After: max(wait, time.Second)}
		}
		// another has begun the row anew since, and there is room in it
	}
	return &Limited{After: time.Second}
}

// goOn counts a try in a row that is not forgotten, or in one that is not there.
func (t *Table) goOn(ctx context.Context, k item, a Attempts, id string, now time.Time) error {
	values := item{
		":one": number(1), ":now": millis(now), ":id": text(id), ":forgotten": millis(forgotten(now)),
		":expires_at": seconds(afterwards(now.Add(streak))),
	}
	return t.change(ctx, k, "ADD hits :one SET last_at = :now, last_id = :id, expires_at = :expires_at",
		"(attribute_not_exists(last_id) OR last_id <> :id) AND (attribute_not_exists(last_at) OR last_at > :forgotten) AND ("+a.condition(values, now)+")", values)
}

// beginAnew counts the first try of a new row in the place of one that is
// forgotten, if that is still as it was read: of many at once one begins.
func (t *Table) beginAnew(ctx context.Context, k, old item, id string, now time.Time) error {
	return t.change(ctx, k, "SET hits = :one, last_at = :now, last_id = :id, expires_at = :expires_at",
		"last_at = :old_at AND last_id = :old_id", item{
			":one": number(1), ":now": millis(now), ":id": text(id), ":old_at": old["last_at"], ":old_id": old["last_id"],
			":expires_at": seconds(afterwards(now.Add(streak))),
		})
}

// Forget ends a row of tries: the newest succeeded.
func (t *Table) Forget(ctx context.Context, rule, subject string) error {
	return t.remove(ctx, attemptsKey(rule, subject), "", nil)
}
