package model

import (
	"slices"
	"time"
)

// The limits of design section 7, as one would explain them.

// waits are what a phone waits after each code of a flow; after the last of
// them none comes until ten minutes after the first (I-20b).
var waits = []time.Duration{30 * time.Second, 40 * time.Second, 60 * time.Second, 90 * time.Second, 120 * time.Second}

const (
	window = 10 * time.Minute
	day    = 24 * time.Hour
	runs   = 15 * time.Second // longer than a function may
)

// text is one code that was sent.
type text struct {
	phone, flow string
	at          time.Time // of its turn
}

// history is when a phone was sent codes of a service.
type history struct {
	times   []time.Time
	last    string    // the request that took the newest
	version int       // counts its changes
	until   time.Time // when it is over, and its changes are counted anew
}

func perDay(flow string) int {
	if service(flow) == signup {
		return 4
	}
	return 6
}

// next is the earliest moment for another code.
func (h *history) next(flow string, now time.Time) time.Time {
	var next time.Time
	times := after(h.times, now.Add(-day))
	if n := perDay(flow); len(times) >= n {
		next = times[len(times)-n].Add(day)
	}
	burst := after(times, now.Add(-window))
	if len(burst) == 0 {
		return next
	}
	next = latest(next, burst[len(burst)-1].Add(waits[min(len(burst), len(waits))-1]))
	if len(burst) >= len(waits) {
		next = latest(next, burst[0].Add(window))
	}
	return next
}

func after(times []time.Time, t time.Time) []time.Time {
	i := slices.IndexFunc(times, func(at time.Time) bool { return at.After(t) })
	if i < 0 {
		return nil
	}
	return times[i:]
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sends is the history of a phone and a flow.
func (m *spec) sends(flow, phone string) *history {
	k := service(flow) + phone
	if m.histories[k] == nil {
		m.histories[k] = &history{}
	}
	return m.histories[k]
}

// use takes a phone's next code for a request. A repeat of the newest request
// takes none.
func (m *spec) use(flow, phone, id string) (fresh, refused bool) {
	h, now := m.sends(flow, phone), m.now()
	if now.Before(h.next(flow, now)) {
		return false, h.last != id
	}
	if !now.Before(h.until) {
		h.version = 0
	}
	h.times, h.last, h.version, h.until = append(slices.Clone(after(h.times, now.Add(-day))), now), id, h.version+1, now.Add(day)
	return true, false
}

// unuse gives back what use took freshly.
func (m *spec) unuse(flow, phone string) {
	h := m.sends(flow, phone)
	h.times, h.last, h.version, h.until = h.times[:len(h.times)-1], "", h.version+1, m.now().Add(day)
}

// lane is a row of tries at logging in: five are free, then each doubles
// the wait, up to fifteen minutes. It is forgotten half a day after its newest.
type lane struct {
	hits int
	last time.Time
	id   string
}

const free, longest, streak = 5, 15 * time.Minute, 12 * time.Hour

func (l *lane) open(now time.Time) bool {
	wait := time.Duration(0)
	if l.hits >= free {
		wait = min(longest, time.Second<<min(l.hits-free, 20))
	}
	return l.hits < free || now.Sub(l.last) >= wait
}

// try counts a try, or says that it is too early. The same form is one try.
func (m *spec) try(subject, id string) (open bool) {
	l := m.lanes[subject]
	if l == nil || m.now().Sub(l.last) >= streak {
		l = &lane{}
		m.lanes[subject] = l
	}
	if l.id == id {
		return true
	}
	if !l.open(m.now()) {
		return false
	}
	l.hits, l.last, l.id = l.hits+1, m.now(), id
	return true
}

// admit counts a login where its browser's tries are counted: a known browser
// has a row of its own; all others share one, and while that is closed the row
// of the network decides.
func (m *spec) admit(f *form, b *browser) (lanes []string, open bool) {
	if d := b.device(f.email); d != "" {
		open = m.try(d, f.id())
		if m.devices[d] != nil && m.devices[d].genuine(m.accounts[f.email]) {
			return []string{d}, open
		}
	}
	own := f.email + "@" + b.network
	ownOpen := m.try(own, f.id())
	if m.try(f.email, f.id()) {
		return []string{f.email, own}, true
	}
	return []string{own}, ownOpen
}

// forget ends the rows that a completed login was part of.
func (m *spec) forget(s *session) {
	for _, subject := range s.lanes {
		delete(m.lanes, subject)
	}
}
