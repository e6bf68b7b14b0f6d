// Package budget stands between a request and a text message, which costs
// money: the limits that a send must pass, narrow before wide, so that one
// refused client drains nobody else's.
//
// Narrow limits belong to the one who asks: the address, the phone with its
// growing waits, and at a sign-up the email. Wide ones are shared: the number's
// prefix, its country and the stack's day, and the guard that compares what is
// sent with what is proved. The table failing refuses the send. A number for tests,
// to which nothing is sent, takes no wide one: it must not use up what others need.
//
// It must not know vendors or sessions.
package budget

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/env"
	"latchkey/shared/phone"
	"latchkey/shared/store"
	"latchkey/shared/testnumbers"
)

// atOnce is how many limits are taken at once, at most.
const atOnce = 5

// Budget is the limits of one flow.
type Budget struct {
	table   *store.Table
	log     *slog.Logger
	history store.History
	address store.Counter
	email   store.Counter
	prefix  store.Counter
	country store.Counter
	stack   store.Counter
	tests   *testnumbers.Numbers
	guard   *Guard // nil where the phones are their owners'
}

// Send is one text that somebody asks for.
type Send struct {
	ID      string // the same for a repeat of the same request
	Phone   phone.Number
	Country string
	Address string      // the client's, as in http.Request.RemoteAddr
	Email   string      // hash of the address that a sign-up names, else ""
	Known   store.Sends // what the session last saw of the phone's history
}

// New reads the limits of a flow. The flow's own daily cap differs, so that a
// stranger's sign-ups with somebody's phone leave that phone its logins.
func New(cfg env.Config, vars *env.Vars, table *store.Table, flow store.Flow) *Budget {
	name, perDay := "SIGNUP_SENDS_PER_DAY", 4
	if flow == store.Login {
		name, perDay = "LOGIN_SENDS_PER_DAY", 6
	}
	// A stranger's sign-ups must not use up what logins need either.
	rule := func(name string) string { return name + "-" + string(flow) }
	hour, day := time.Hour, 24*time.Hour
	shortest := time.Minute
	if vars.Laptop() {
		shortest = time.Second
	}
	history := store.History{
		Rule:   rule("sends"),
		Waits:  vars.Durations("SEND_WAITS", "30s,40s,60s,90s,120s", time.Second, hour),
		Window: vars.Duration("SEND_WINDOW", 10*time.Minute, shortest, day),
		PerDay: vars.Int(name, perDay, 1, 10),
	}
	// A phone's earlier codes are forgotten after the window, and with them the
	// waits since: no wait may be longer.
	history.Window = max(history.Window, slices.Max(history.Waits))
	table.Abreast(cfg, atOnce)
	b := &Budget{
		table: table, log: cfg.Log, history: history, tests: testnumbers.New(cfg, vars),
		address: store.Counter{Rule: rule("address"), Max: vars.Int("SENDS_PER_ADDRESS", 30, 1, 1e9), Window: hour},
		prefix:  store.Counter{Rule: rule("prefix"), Max: vars.Int("SENDS_PER_PREFIX", 100, 1, 1e9), Window: hour},
		country: store.Counter{Rule: rule("country"), Max: vars.Int("SENDS_PER_COUNTRY", 2000, 1, 1e9), Window: day},
		stack:   store.Counter{Rule: rule("stack"), Max: vars.Int("SENDS_PER_DAY", 5000, 1, 1e9), Window: day},
	}
	if flow == store.Signup {
		b.guard = NewGuard(cfg, vars, table)
		// Who signs up with somebody else's address again and again keeps that
		// one from it no longer than this (I-12).
		b.email = store.Counter{Rule: rule("email"), Max: vars.Int("SIGNUPS_PER_EMAIL", 10, 1, 1000), Window: 10 * time.Minute}
	}
	return b
}

// Next is the earliest moment at which the phone may be sent another code.
func (b *Budget) Next(s store.Sends, now time.Time) time.Time {
	return b.history.Next(s, now)
}

// Narrow takes what belongs to the one who asks, in one round trip when the
// phone's history is as known. fresh is false for a repeat of a send that was
// already taken. *store.Limited says for how long to wait; then nothing is
// taken, and nothing is to be released.
func (b *Budget) Narrow(ctx context.Context, s Send, now time.Time) (sends store.Sends, fresh bool, err error) {
	var address, email error
	var added bool
	wg := abreast.In(ctx)
	wg.Go(func() { address = b.table.Count(ctx, b.addressOf(s), now) })
	if s.Email != "" {
		wg.Go(func() { added, email = b.table.CountOnce(ctx, b.emailOf(s), s.ID, now) })
	}
	sends, fresh, err = b.table.Use(ctx, b.historyOf(s), s.ID, s.Known, now)
	wg.Wait()
	refused := worst(address, email)
	if refused != nil && fresh {
		wg.Go(func() { b.back(b.table.Unuse(ctx, b.historyOf(s), s.ID, sends, now)) })
	}
	if address == nil && (!fresh || email != nil) {
		wg.Go(func() { b.back(b.table.Uncount(ctx, b.addressOf(s), now)) })
	}
	// A repeat's hit is that of the send that it repeats.
	if added && (err != nil || fresh && address != nil) {
		wg.Go(func() { b.back(b.table.UncountOnce(ctx, b.emailOf(s), s.ID, now)) })
	}
	wg.Wait()
	return sends, fresh && refused == nil, worst(err, refused)
}

// Wide takes what is shared, in one round trip. When one limit refuses, what the
// others counted is taken back. To the guard the send is one that will be made: take
// what is narrow first.
func (b *Budget) Wide(ctx context.Context, s Send, now time.Time) error {
	if b.free(s, now) {
		return nil
	}
	limits := b.wide(s, now)
	errs := make([]error, len(limits))
	wg := abreast.In(ctx)
	for i, l := range limits {
		wg.Go(func() { errs[i] = l.take(ctx) })
	}
	wg.Wait()
	err := worst(errs...)
	if err == nil {
		return nil
	}
	for i, l := range limits {
		if errs[i] == nil {
			wg.Go(func() { b.back(l.back(ctx)) })
		}
	}
	wg.Wait()
	return err
}

// Take takes all limits in one round trip, for who knows already when the phone
// may be sent to, so that the narrow ones rarely refuse. When they do, what the
// wide ones counted is taken back, and the other way round.
//
// Where the guard watches it takes two: a block lasts, so that no number of
// requests at once that the phone's own wait refuses may look like sends for a
// moment.
func (b *Budget) Take(ctx context.Context, s Send, now time.Time) (sends store.Sends, fresh bool, err error) {
	if len(b.guard.watched(s.Phone, s.Country)) > 0 {
		return b.inTurn(ctx, s, now)
	}
	var narrow error
	wg := abreast.In(ctx)
	wg.Go(func() { sends, fresh, narrow = b.Narrow(ctx, s, now) })
	wide := b.Wide(ctx, s, now)
	wg.Wait()
	switch {
	case wide == nil && (narrow != nil || !fresh):
		b.ReleaseWide(ctx, s, now)
	case wide != nil && narrow == nil && fresh:
		b.Release(ctx, s, sends, now)
	}
	if narrow != nil {
		return sends, false, narrow
	}
	return sends, fresh && wide == nil, wide
}

// inTurn takes all limits, narrow before wide.
func (b *Budget) inTurn(ctx context.Context, s Send, now time.Time) (sends store.Sends, fresh bool, err error) {
	sends, fresh, err = b.Narrow(ctx, s, now)
	if err != nil || !fresh {
		return sends, false, err
	}
	err = b.Wide(ctx, s, now)
	if err != nil {
		b.Release(ctx, s, sends, now)
	}
	return sends, err == nil, err
}

// Release gives back what Narrow freshly took for a send that was not made.
func (b *Budget) Release(ctx context.Context, s Send, sends store.Sends, now time.Time) {
	wg := abreast.In(ctx)
	wg.Go(func() { b.back(b.table.Unuse(ctx, b.historyOf(s), s.ID, sends, now)) })
	if s.Email != "" {
		wg.Go(func() { b.back(b.table.UncountOnce(ctx, b.emailOf(s), s.ID, now)) })
	}
	b.back(b.table.Uncount(ctx, b.addressOf(s), now))
	wg.Wait()
}

// ReleaseWide gives back what Wide took for a send that was not made.
func (b *Budget) ReleaseWide(ctx context.Context, s Send, now time.Time) {
	if b.free(s, now) {
		return
	}
	wg := abreast.In(ctx)
	for _, l := range b.wide(s, now) {
		wg.Go(func() { b.back(l.back(ctx)) })
	}
	wg.Wait()
}

// Unsent gives back to the guard what the vendor did not take: a text that did
// not leave says nothing about who would have proved it.
func (b *Budget) Unsent(ctx context.Context, s Send, now time.Time) {
	if b.free(s, now) {
		return
	}
	wg := abreast.In(ctx)
	for _, w := range b.guard.watched(s.Phone, s.Country) {
		wg.Go(func() { b.back(b.table.UncountSend(ctx, w.Traffic, now)) })
	}
	wg.Wait()
}

// free reports whether nothing is going to be sent, to a number for tests.
func (b *Budget) free(s Send, now time.Time) bool {
	_, test := b.tests.Code(s.Phone, now)
	return test
}

// Proved counts that a stranger's phone was proved, as Guard.Proved.
func (b *Budget) Proved(ctx context.Context, n phone.Number, country string, now time.Time) {
	b.guard.Proved(ctx, n, country, now)
}

// Today is how many sends the stack's day has seen, and how many it allows.
func (b *Budget) Today(ctx context.Context, now time.Time) (used, most int, err error) {
	used, err = b.table.Hits(ctx, b.stack, now)
	return used, b.stack.Max, err
}

// TodayTo is Today for one country.
func (b *Budget) TodayTo(ctx context.Context, country string, now time.Time) (used, most int, err error) {
	c := b.country
	c.Subject = country
	used, err = b.table.Hits(ctx, c, now)
	return used, c.Max, err
}

// back notes that something could not be given back. It only makes the limit
// tighter than it should be, for a while.
func (b *Budget) back(err error) {
	if err != nil {
		b.log.Warn("a limit could not be given back", "error", err)
	}
}

func (b *Budget) historyOf(s Send) store.History {
	h := b.history
	h.Subject = string(s.Phone)
	return h
}

func (b *Budget) addressOf(s Send) store.Counter {
	c := b.address
	c.Subject = Network(s.Address)
	return c
}

func (b *Budget) emailOf(s Send) store.Counter {
	c := b.email
	c.Subject = s.Email
	return c
}

// limit is a shared one, and how a send of its is taken and given back.
type limit struct{ take, back func(context.Context) error }

func (b *Budget) wide(s Send, now time.Time) []limit {
	prefixes, countries := b.prefix, b.country
	prefixes.Subject, countries.Subject = prefix(s.Phone), s.Country
	var list []limit
	for _, c := range []store.Counter{prefixes, countries, b.stack} {
		list = append(list, limit{
			func(ctx context.Context) error { return b.table.Count(ctx, c, now) },
			func(ctx context.Context) error { return b.table.Uncount(ctx, c, now) },
		})
	}
	for _, w := range b.guard.watched(s.Phone, s.Country) {
		list = append(list, limit{
			func(ctx context.Context) error { return b.guard.take(ctx, w, now) },
			func(ctx context.Context) error { return b.table.UncountSend(ctx, w.Traffic, now) },
		})
	}
	return list
}

// Network is the part of a client's address, as in http.Request.RemoteAddr, that
// it cannot change at will: all of IPv4, the first 64 bits of IPv6.
func Network(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err == nil {
		address = at.Addr().String()
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// worst prefers a fault to a limit, and the longest of the limits.
func worst(errs ...error) error {
	var limited *store.Limited
	for _, err := range errs {
		var l *store.Limited
		switch {
		case err == nil:
		case !errors.As(err, &l):
			return err
		case limited == nil || l.After > limited.After:
			limited = l
		}
	}
	if limited == nil {
		return nil
	}
	return limited
}
