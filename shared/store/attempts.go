package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Attempts is a limit of tries that failed in a row: a few are free, each one
// after that doubles the wait from one second on, up to Longest, and a success
// forgets them. Nothing locks for good.
//
// A try is counted before anybody knows whether it fails, in one conditional
// write, so that no number of parallel tries gets past it.
type Attempts struct {
	Rule    string
	Subject string // whose tries; never stored itself
	Free    int
	Longest time.Duration
}

// streak is how long failures are remembered, in windows as a Counter's.
const streak = 12 * time.Hour

func attemptsKey(rule, subject string, at time.Time) item {
	return Counter{Rule: rule, Subject: subject, Window: streak}.key(at)
}

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

// Try counts one try under an id, or says *Limited. A repeat of the newest try,
// under the same id, is not counted again; nor is the SDK's own retry.
func (t *Table) Try(ctx context.Context, a Attempts, id string, now time.Time) error {
	k := attemptsKey(a.Rule, a.Subject, now)
	values := item{
		":one": number(1), ":now": millis(now), ":id": text(id),
		":expires_at": seconds(afterwards(now.Add(streak))),
	}
	err := t.change(ctx, k, "ADD hits :one SET last_at = :now, last_id = :id, expires_at = :expires_at",
		"(attribute_not_exists(last_id) OR last_id <> :id) AND ("+a.condition(values, now)+")", values)
	if !errors.Is(err, ErrRefused) {
		return err
	}
	it, err := t.get(ctx, k)
	if errors.Is(err, ErrNotFound) || err == nil && it.text("last_id") == id {
		return nil // forgotten a moment ago, or ours
	}
	if err != nil {
		return err
	}
	due := it.time("last_at").Add(a.wait(int(it.number("hits"))))
	return &Limited{After: max(due.Sub(now), time.Second)}
}

// Forget ends a row of tries: one that was counted at this time succeeded.
func (t *Table) Forget(ctx context.Context, rule, subject string, at time.Time) error {
	return t.remove(ctx, attemptsKey(rule, subject, at), "", nil)
}
