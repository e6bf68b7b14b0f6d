package budget

import (
	"context"
	"log/slog"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/env"
	"latchkey/shared/phone"
	"latchkey/shared/store"
	"latchkey/shared/testnumbers"
)

// Guard is the breaker of what strangers cost. Who is paid for every
// text that reaches a range of numbers has texts sent there, and nobody enters
// their codes. So the texts to strangers' phones are compared with the phones
// that were proved, by country and by prefix; where there are many of the ones
// and few of the others, no more are sent for a while.
//
// It stands in no login's way. Who would prove a phone of a blocked prefix or
// country is refused with all others, until the pause is over.
type Guard struct {
	table   *store.Table
	tests   *testnumbers.Numbers
	log     *slog.Logger
	prefix  bound
	country bound
	pause   time.Duration
}

// bound is how many texts are enough to judge by, 0 for never, and the percentage
// of proofs that they need.
type bound struct{ sends, ratio int }

// crossed judges by what was there before a text.
func (b bound) crossed(before store.Tally) bool {
	return before.Sends >= b.sends && before.Proofs*100 < b.ratio*before.Sends
}

// watch is one subject of a text.
type watch struct {
	store.Traffic
	bound bound
}

// NewGuard reads the guard's bounds.
func NewGuard(cfg env.Config, vars *env.Vars, table *store.Table) *Guard {
	return &Guard{
		table: table, log: cfg.Log, tests: testnumbers.New(cfg, vars),
		prefix:  bound{vars.Int("GUARD_SENDS", 20, 0, 1e9), vars.Int("GUARD_RATIO", 30, 1, 100)},
		country: bound{vars.Int("GUARD_COUNTRY_SENDS", 500, 0, 1e9), vars.Int("GUARD_COUNTRY_RATIO", 10, 1, 100)},
		// The windows have the pause's length, and are counted in seconds.
		pause: vars.Duration("GUARD_PAUSE", 12*time.Hour, time.Hour, 48*time.Hour).Truncate(time.Second),
	}
}

// Pause is for how long a block holds, and how long the windows are that it is
// judged by.
func (g *Guard) Pause() time.Duration { return g.pause }

// Proved counts a stranger's phone that the vendor has just found proved. That
// it could not be counted is no reason to refuse anything. A number for tests, to
// which nothing was sent, does not count.
func (g *Guard) Proved(ctx context.Context, n phone.Number, country string, now time.Time) {
	_, test := g.tests.Code(n, now)
	if test {
		return
	}
	wg := abreast.In(ctx)
	for _, w := range g.watched(n, country) {
		wg.Go(func() {
			err := g.table.CountProof(ctx, w.Traffic, now)
			if err != nil {
				g.log.WarnContext(ctx, "a proved phone is not counted", "subject", w.Subject, "error", err)
			}
		})
	}
	wg.Wait()
}

// watched are the subjects that a text to this phone belongs to; none where the
// guard is off.
func (g *Guard) watched(n phone.Number, country string) []watch {
	if g == nil {
		return nil
	}
	var list []watch
	for subject, b := range map[string]bound{country: g.country, country + "#" + prefix(n): g.prefix} {
		if b.sends > 0 {
			list = append(list, watch{store.Traffic{Subject: subject, Window: g.pause}, b})
		}
	}
	return list
}

// take counts a text before it is sent, or says *store.Limited: its subject is
// blocked, or has to be from now on.
func (g *Guard) take(ctx context.Context, w watch, now time.Time) error {
	t, err := g.table.CountSend(ctx, w.Traffic, now)
	if err != nil {
		return err
	}
	t.Sends-- // nobody could prove this one yet
	if !w.bound.crossed(t) {
		return nil
	}
	// Blocked before the text is given back: no other gets in between.
	until, first, err := g.table.Block(ctx, w.Traffic, now)
	if first {
		g.log.ErrorContext(ctx, "alarm: texts to strangers are blocked, since too few of them were followed by a proof; `latchkey guard` shows more",
			"subject", w.Subject, "sends", t.Sends, "proofs", t.Proofs, "until", until)
	}
	back := g.table.UncountSend(ctx, w.Traffic, now)
	if back != nil {
		g.log.WarnContext(ctx, "a limit could not be given back", "error", back)
	}
	if err != nil {
		return err
	}
	return &store.Limited{After: until.Sub(now)}
}

// prefix is a number without its last four digits: what numbers that were
// rented together have in common.
func prefix(n phone.Number) string { return string(n[:len(n)-4]) }
