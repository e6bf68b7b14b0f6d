package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Limited says that a limit is reached, and for how long.
type Limited struct {
	After time.Duration // more than zero
}

// Error names the wait.
func (l *Limited) Error() string { return fmt.Sprintf("limited for %s", l.After) }

// Counter is a limit of so many hits in a window of time. Windows are fixed
// and each has its own key, so that counting is one write and old windows
// delete themselves.
type Counter struct {
	Rule    string // such as "address"
	Subject string // whom it counts; never stored itself
	Max     int
	Window  time.Duration
}

func (c Counter) window(now time.Time) int64 { return now.Unix() / int64(c.Window/time.Second) }

func (c Counter) end(now time.Time) time.Time {
	return time.Unix((c.window(now)+1)*int64(c.Window/time.Second), 0)
}

func (c Counter) key(now time.Time) item {
	return key("L#"+c.Rule+"#"+Hash(c.Subject)+"#"+strconv.FormatInt(c.window(now), 10), "L")
}

// Count takes one hit, or says *Limited. A repeated try of the SDK may count
// twice; that errs on the safe side.
func (t *Table) Count(ctx context.Context, c Counter, now time.Time) error {
	err := t.change(ctx, c.key(now), "ADD hits :one SET expires_at = if_not_exists(expires_at, :expires_at)",
		"attribute_not_exists(hits) OR hits < :max",
		item{":one": number(1), ":max": number(int64(c.Max)), ":expires_at": seconds(afterwards(c.end(now)))})
	if errors.Is(err, ErrRefused) {
		return &Limited{After: c.end(now).Sub(now)}
	}
	return err
}

// Uncount gives a hit back that led to nothing. It is tried once only: a retry
// that meets its first try would give back somebody else's, too.
func (t *Table) Uncount(ctx context.Context, c Counter, now time.Time) error {
	err := t.change(ctx, c.key(now), "ADD hits :less", "hits > :none",
		item{":less": number(-1), ":none": number(0)}, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	if errors.Is(err, ErrRefused) {
		return nil
	}
	return err
}

// CountOnce takes one hit under an id, or says *Limited. The same id is the same
// hit in all of the window: requests that repeat each other are counted once,
// also while they are at it together. added is false for a repeat, and for a
// write whose answer was lost.
func (t *Table) CountOnce(ctx context.Context, c Counter, id string, now time.Time) (added bool, err error) {
	err = t.change(ctx, c.key(now), "ADD ids :ids SET expires_at = if_not_exists(expires_at, :expires_at)",
		"attribute_not_exists(ids) OR size(ids) < :max AND NOT contains(ids, :id)",
		item{":ids": set(id), ":id": text(id), ":max": number(int64(c.Max)), ":expires_at": seconds(afterwards(c.end(now)))})
	if !errors.Is(err, ErrRefused) {
		return err == nil, err
	}
	it, err := t.get(ctx, c.key(now))
	if err != nil {
		return false, err
	}
	ids, ok := it["ids"].(*types.AttributeValueMemberSS)
	if ok && slices.Contains(ids.Value, id) {
		return false, nil
	}
	return false, &Limited{After: c.end(now).Sub(now)}
}

// UncountOnce gives the hit of an id back.
func (t *Table) UncountOnce(ctx context.Context, c Counter, id string, now time.Time) error {
	err := t.change(ctx, c.key(now), "DELETE ids :ids", "attribute_exists(ids)", item{":ids": set(id)})
	if errors.Is(err, ErrRefused) {
		return nil
	}
	return err
}

// History is a limit whose waits grow with every use, kept as the last times.
type History struct {
	Rule    string
	Subject string          // never stored itself
	Waits   []time.Duration // after the first, second … use; after the last of them, none until Window has passed since the first
	Window  time.Duration
	PerDay  int // uses in 24 hours, at most maxTimes
}

// Sends is a history as it was last seen.
type Sends struct {
	Times   []time.Time // oldest first, of the last day, at most maxTimes
	Version int         // 0: nothing is known

	last  string // id of the newest use
	nonce string // of the very call that took it
}

// maxTimes bounds a history's item.
const maxTimes = 10

const day = 24 * time.Hour

func (h History) key() item { return key("L#"+h.Rule+"#"+Hash(h.Subject), "L") }

// Next is the earliest moment for another use.
func (h History) Next(s Sends, now time.Time) time.Time {
	times := since(s.Times, now.Add(-day))
	var next time.Time
	if len(times) >= h.PerDay {
		next = times[len(times)-h.PerDay].Add(day)
	}
	burst := since(times, now.Add(-h.Window))
	if len(burst) == 0 {
		return next
	}
	wait := h.Waits[min(len(burst), len(h.Waits))-1]
	next = later(next, burst[len(burst)-1].Add(wait))
	if len(burst) >= len(h.Waits) {
		next = later(next, burst[0].Add(h.Window))
	}
	return next
}

// Use takes the next use under an id, or says *Limited. A use that the same id
// already has, and whose wait is not over, is not taken again: fresh is false.
// known is what the caller last saw, if anything: when it still holds, one
// round trip is enough.
//
// The SDK's own retry may meet its first try: the call's nonce tells that use
// from another request's.
func (t *Table) Use(ctx context.Context, h History, id string, known Sends, now time.Time) (s Sends, fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	me := use{id, rand.Text()}
	s, err = t.use(ctx, h, me, known, now)
	for range 2 {
		if !errors.Is(err, ErrRefused) {
			return s, err == nil, err
		}
		var it item
		it, err = t.get(ctx, h.key())
		if err != nil {
			return Sends{}, false, err
		}
		known = sendsFrom(it)
		if known.last == id && now.Before(h.Next(known, now)) {
			return known, known.nonce == me.nonce, nil
		}
		s, err = t.use(ctx, h, me, known, now)
	}
	if errors.Is(err, ErrRefused) {
		return Sends{}, false, &Limited{After: h.Waits[0]}
	}
	return s, err == nil, err
}

// use is one call's claim to the next use.
type use struct{ id, nonce string }

// use writes the history with one more time in it, if nobody else has changed
// it since known.
func (t *Table) use(ctx context.Context, h History, me use, known Sends, now time.Time) (Sends, error) {
	next := h.Next(known, now)
	if now.Before(next) {
		return known, &Limited{After: next.Sub(now)}
	}
	s := Sends{Times: append(since(known.Times, now.Add(-day)), now), Version: known.Version + 1, last: me.id, nonce: me.nonce}
	if len(s.Times) > maxTimes {
		s.Times = s.Times[len(s.Times)-maxTimes:]
	}
	return s, t.swap(ctx, h, s, known.Version, now)
}

// Unuse takes the use with this id back, if it is still the newest: it led to
// nothing.
func (t *Table) Unuse(ctx context.Context, h History, id string, s Sends, now time.Time) error {
	if s.last != id || len(s.Times) == 0 {
		return nil
	}
	err := t.swap(ctx, h, Sends{Times: s.Times[:len(s.Times)-1], Version: s.Version + 1}, s.Version, now)
	if errors.Is(err, ErrRefused) {
		return nil
	}
	return err
}

// swap replaces version old of a history. Version 0 stands for none, or for
// one that is over.
func (t *Table) swap(ctx context.Context, h History, s Sends, old int, now time.Time) error {
	it := h.key()
	it.set("times", s.Times)
	it.set("version", s.Version)
	it.set("last_id", s.last)
	it.set("nonce", s.nonce)
	it.set("valid_until", now.Add(day))
	it["expires_at"] = seconds(afterwards(now.Add(day)))
	if old == 0 {
		return t.put(ctx, it, "attribute_not_exists(pk) OR valid_until <= :now", item{":now": millis(now)})
	}
	return t.put(ctx, it, "version = :old", item{":old": number(int64(old))})
}

func sendsFrom(it item) Sends {
	return Sends{Times: it.times("times"), Version: int(it.number("version")), last: it.text("last_id"), nonce: it.text("nonce")}
}

func since(times []time.Time, t time.Time) []time.Time {
	for i, at := range times {
		if at.After(t) {
			return times[i:len(times):len(times)]
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Once remembers for a while under a subject what it was first used for.
// Another use of the same subject is ErrRefused, the same use again is not.
func (t *Table) Once(ctx context.Context, rule, subject string, use []byte, life time.Duration, now time.Time) error {
	it := key("L#"+rule+"#"+Hash(subject), "L")
	it.set("used_for", use)
	it.set("valid_until", now.Add(life))
	it["expires_at"] = seconds(afterwards(now.Add(life)))
	return t.put(ctx, it, "attribute_not_exists(pk) OR used_for = :use OR valid_until <= :now",
		item{":use": binary(use), ":now": millis(now)})
}
