package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Traffic is what is counted of the texts to one subject's strangers: how many
// were asked for, and how many of the phones were proved. Windows are fixed, as
// a Counter's. All subjects of one window lie in one partition, so that the
// operator can list them without a scan.
type Traffic struct {
	Subject string // a country, or country#prefix; it stands in the key as it is
	Window  time.Duration
}

// Tally is what the table holds of a subject's window.
type Tally struct {
	Subject       string
	Sends, Proofs int
	BlockedUntil  time.Time // zero: never in this window
}

// Blocked reports whether the subject's texts are held back at this time.
func (t Tally) Blocked(now time.Time) bool { return now.Before(t.BlockedUntil) }

// Span is the window that a time lies in.
func (r Traffic) Span(now time.Time) (from, to time.Time) {
	to = Counter{Window: r.Window}.end(now)
	return to.Add(-r.Window), to
}

func trafficKey(window time.Duration, subject string, now time.Time) item {
	n := Counter{Window: window}.window(now)
	return key("L#traffic#"+strconv.FormatInt(n, 10), subject)
}

func (r Traffic) key(now time.Time) item { return trafficKey(r.Window, r.Subject, now) }

// expires is when the item of now's window may go.
func (r Traffic) expires(now time.Time) item {
	_, end := r.Span(now)
	return item{":expires_at": seconds(afterwards(end))}
}

const keepExpiry = " SET expires_at = if_not_exists(expires_at, :expires_at)"

// CountSend counts one send and returns the tally with it, or says *Limited
// while the subject is blocked. A repeated try of the SDK may count twice.
func (t *Table) CountSend(ctx context.Context, r Traffic, now time.Time) (Tally, error) {
	values := r.expires(now)
	values[":one"], values[":now"] = number(1), millis(now)
	it, err := t.update(ctx, r.key(now), "ADD sends :one"+keepExpiry,
		"attribute_not_exists(blocked_until) OR blocked_until <= :now", values)
	if err == nil {
		return tallyFrom(it), nil
	}
	if !errors.Is(err, ErrRefused) {
		return Tally{}, err
	}
	it, err = t.get(ctx, r.key(now))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Tally{}, err
	}
	return Tally{}, &Limited{After: max(tallyFrom(it).BlockedUntil.Sub(now), time.Second)}
}

// UncountSend gives back a send that was not made. It is tried once only, as
// Uncount.
func (t *Table) UncountSend(ctx context.Context, r Traffic, now time.Time) error {
	err := t.change(ctx, r.key(now), "ADD sends :less", "sends > :none",
		item{":less": number(-1), ":none": number(0)}, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	if errors.Is(err, ErrRefused) {
		return nil
	}
	return err
}

// CountProof counts that a phone was proved. A repeated try of the SDK may count
// twice.
func (t *Table) CountProof(ctx context.Context, r Traffic, now time.Time) error {
	values := r.expires(now)
	values[":one"] = number(1)
	return t.change(ctx, r.key(now), "ADD proofs :one"+keepExpiry, "", values)
}

// Block holds the subject's texts back for one window's length from now on. So
// long a block ends in the next window at the latest, and that one's item is
// written first: who dies in between has blocked nothing yet, and the next send
// is judged again. first is true for the one call of several that did it.
func (t *Table) Block(ctx context.Context, r Traffic, now time.Time) (until time.Time, first bool, err error) {
	until = now.Add(r.Window)
	values := r.expires(until)
	values[":until"] = millis(until)
	err = t.change(ctx, r.key(until), "SET blocked_until = :until, expires_at = if_not_exists(expires_at, :expires_at)",
		"attribute_not_exists(blocked_until) OR blocked_until < :until", values)
	if err != nil && !errors.Is(err, ErrRefused) {
		return until, false, err
	}
	values = r.expires(now)
	values[":until"], values[":now"], values[":me"] = millis(until), millis(now), text(rand.Text())
	err = t.change(ctx, r.key(now), "SET blocked_until = :until, blocked_by = :me, expires_at = if_not_exists(expires_at, :expires_at)",
		"attribute_not_exists(blocked_until) OR blocked_until <= :now OR blocked_by = :me", values) // the SDK's retry is this very call
	if errors.Is(err, ErrRefused) {
		return until, false, nil
	}
	return until, err == nil, err
}

func tallyFrom(it item) Tally {
	return Tally{
		Subject: it.text("sk"), Sends: int(it.number("sends")), Proofs: int(it.number("proofs")), BlockedUntil: it.time("blocked_until"),
	}
}
