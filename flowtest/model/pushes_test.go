package model

import (
	"slices"
	"time"
)

// push is one request on a phone.
type push struct {
	session *session
	account *account
	device  *factor   // nil at Authy, whose app is asked …
	where   string    // … on this phone
	form    *form     // that reserved it
	listed  time.Time // when it was reserved …
	at      time.Time // … and sent
	ref     string    // the vendor's id; "" while, or because, we do not know it
	orphan  bool      // whose it is was not written down: nobody can use it

	answer string    // of the person, "" for none yet
	told   string    // what we were told, once: of the person's answer, or that nobody will answer
	toldAt time.Time // when
	asked  time.Time // when a poll asked the vendor last
}

const (
	approved = "approved"
	denied   = "denied"
	pending  = "pending"
	expired  = "expired"
)

// The numbers of a push.
const (
	pushLife   = 5 * time.Minute
	pushPause  = time.Hour        // after a denial
	pushDying  = 15 * time.Second // for a request of which we do not know whether it arrived
	pollEvery  = 3 * time.Second
	unanswered = 3
	pushesADay = 10
	kept       = 3 // pushes that are remembered
)

func (p *push) until() time.Time { return p.at.Add(pushLife) }

// truth is what the vendor knows.
func (p *push) truth(now time.Time) string {
	switch {
	case p.answer != "":
		return p.answer
	case now.Before(p.until()):
		return pending
	}
	return expired
}

// known is the decision that counts: an approval has to be heard of in time, a
// denial counts whenever it is heard of.
func (p *push) known() string {
	if p.orphan || p.told == approved && !p.toldAt.Before(p.until()) {
		return ""
	}
	return p.told
}

// state is what the waiting page says.
func (p *push) state(now time.Time) string {
	switch known := p.known(); {
	case known == approved || known == denied:
		return known
	case known == "" && now.Before(p.until()):
		return pending
	}
	return expired
}

// tell is a decision that reaches us; the first one stays (I-04, R-062).
func (p *push) tell(decision string, now time.Time) {
	if p.told == "" {
		p.told, p.toldAt = decision, now
	}
}

// reconcile asks the vendor, which has forgotten an open request of a device that
// was removed (I-21).
func (m *spec) reconcile(p *push) {
	now := m.now()
	if p.device != nil && p.answer == "" && !slices.Contains(p.account.factors, p.device) {
		return
	}
	d := p.truth(now)
	if d == pending {
		return
	}
	if p.told == "" && d == denied && now.After(p.until()) {
		now = p.until() // the vendor takes none later
	}
	p.tell(d, now)
}

// asks reports whether a push went to whom the account's pushes go to.
func (p *push) asks() bool {
	if p.device == nil {
		return p.where == p.account.phone
	}
	return p.device.active && slices.Contains(p.account.factors, p.device)
}

// poll is what a waiting page learns of its push, asking the vendor when it is
// time to.
func (m *spec) poll(p *push) string {
	now := m.now()
	if p.known() == "" && now.Before(p.until()) && now.Sub(p.at) >= pollEvery && now.Sub(p.asked) >= pollEvery {
		p.asked = now
		m.reconcile(p)
	}
	return p.state(now)
}

// plan is how a login's second factor is asked for.
type plan struct {
	push   bool
	text   bool
	rival  *push
	paused bool
	list   []*push // the account's pushes that still count for something
	count  int     // pushes since the last completed login …
	since  time.Time
}

// planFor asks by push unless one is open, one was denied within the hour, three
// were not answered in ten minutes, or ten were sent since the last completed
// login, within a day (R-063, R-107, I-20c).
func (m *spec) planFor(a *account, own *form) plan {
	now := m.now()
	device := m.authy || a.newest("push") != nil
	p := plan{push: device, text: !device && m.textable(a)}
	for _, e := range a.pushes {
		if e.ref != "" && !e.orphan && now.Sub(e.listed) < pushPause+pushLife && e.known() == "" && now.Sub(e.at) >= pollEvery {
			m.reconcile(e)
		}
	}
	p.count, p.since = a.count, a.since
	if now.Sub(a.since) >= day {
		p.count, p.since = 0, now
	}
	most, count := pushesADay, 0
	for _, e := range a.pushes {
		age, known := now.Sub(e.listed), e.known()
		switch {
		case e.form == own && age < pushLife:
			most++
		case age >= pushPause+pushLife:
			continue
		case known == denied && now.Sub(e.toldAt) < pushPause:
			p.push = false
		case known == denied, known == approved, known == expired && age >= window:
			continue
		default:
			if age < window {
				count++
			}
			if e.open(now) {
				p.rival, p.push = e, false
			}
		}
		p.list = append(p.list, e)
	}
	if count >= unanswered || p.count >= most {
		p.push = false
	}
	p.paused = device && !p.push && p.rival == nil
	return p
}

// open reports whether a push can still be approved, and so stands in another's
// way: not once its device was removed.
func (p *push) open(now time.Time) bool {
	if p.ref != "" && !p.orphan && !p.asks() {
		return false
	}
	age := now.Sub(p.listed)
	return p.known() != expired && age < pushLife && (p.ref != "" || age < pushDying)
}

// textable reports whether a text is an account's only way. Who has Authy's app
// is known to Authy alone.
func (m *spec) textable(a *account) bool {
	return m.authy || !slices.ContainsFunc(a.factors, func(f *factor) bool { return f.active })
}
