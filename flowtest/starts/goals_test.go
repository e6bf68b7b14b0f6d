package starts

import (
	"fmt"
	"strings"
)

// flow is what somebody does: its requests in their order.
type flow struct {
	name  string
	asked []string
}

// whole are the flows whose cost is told. A push is waited for with two polls.
func whole() []flow {
	return []flow{
		{"verified sign-up", []string{"GET /signup", "POST /signup", "GET /verify", "POST /verify, sign-up", "GET /account"}},
		{"login by push", []string{"GET /login", "POST /login, push", "GET /status, page", "GET /status, poll", "GET /status, poll", "POST /onetouch/callback", "POST /status", "GET /account"}},
		{"login by text", []string{"GET /login", "POST /login, text", "GET /verify", "POST /verify, login", "GET /account"}},
	}
}

// sum is what a flow takes: of the processor beyond one bcrypt, and of time, in
// milliseconds, and units.
func (b *board) sum(f flow) (more, wall, read, write float64, table, vendor int) {
	for _, name := range f.asked {
		c, w := b.cost(name)
		beyond, hashes := b.more[name]
		if hashes {
			c = beyond
		}
		more, wall = more+c, wall+w
		t, v, r, u := b.world.find(name).units(b.t)
		table, vendor, read, write = table+t, vendor+v, read+r, write+u
	}
	return more, wall, read, write, table, vendor
}

// bcrypt is what one hash takes of the processor.
func (b *board) bcrypt() float64 {
	return b.of(hash).plain.busy[0] - b.of(hello).plain.busy[0]
}

// flows is a line for each.
func (b *board) flows() string {
	var lines [][]string
	for _, f := range whole() {
		more, wall, read, write, table, vendor := b.sum(f)
		lines = append(lines, []string{
			f.name, number(len(f.asked)), decimal(b.bcrypt() + more), decimal(more), fmt.Sprintf("%.0f", 1000*float64(len(f.asked))/wall),
			number(table), fmt.Sprint(read), fmt.Sprint(write), number(vendor),
		})
	}
	return markdown([]string{
		"flow", "requests", "CPU, ms", "CPU beyond bcrypt, ms", "requests a second, one by one", "table calls", "read units", "write units", "vendor calls",
	}, lines)
}

// worst is the step for which a figure is largest; those that it does not fit are
// left out by a figure of nothing.
func (b *board) worst(figure func(f *function, m figures) float64) (value float64, step string) {
	for i, f := range b.list {
		if f.base() || !strings.HasSuffix(f.folder, "/lambda") {
			continue
		}
		v := figure(f, b.all[i])
		if v > value {
			value, step = v, f.name
		}
	}
	return value, step
}

// goal is one line: the most that must and should be, and what was seen.
func goal(what, unit string, must, aim, seen float64, whose string) []string {
	holds := "no"
	switch {
	case seen <= 0:
		holds = "not measured"
	case seen <= aim:
		holds = "must and aim"
	case seen <= must:
		holds = "must"
	}
	said := func(v float64) string { return strings.TrimSpace(fmt.Sprintf("%.4g %s", v, unit)) }
	text := strings.TrimSpace(fmt.Sprintf("%.3g %s", seen, unit))
	if whose != "" {
		text += " (" + whose + ")"
	}
	return []string{what, "≤ " + said(must), "≤ " + said(aim), text, holds, "make bench"}
}

// goals are the lines of the goals.
func (b *board) goals(startup float64) [][]string {
	first, bare := b.of(hello), b.bcrypt()
	_, small := b.list[0].sizes(b.t)
	starts, whoStarts := b.worst(func(f *function, m figures) float64 {
		if f.name == "signup" {
			return 0
		}
		return m.bare / first.bare
	})
	warming, whoWarms := b.worst(b.warming)
	cold, whoCold := b.worst(func(_ *function, m figures) float64 { return m.secure.first / m.secure.wall[0] })
	peak, whoPeaks := b.worst(func(_ *function, m figures) float64 { return m.secure.peak / 1e6 })
	zip, whoseZip := b.worst(func(f *function, _ figures) float64 {
		if f.name == "signup" {
			return 0
		}
		_, zipped := f.sizes(b.t)
		return zipped / small
	})
	hashing, whoHashes := 0.0, ""
	for name, more := range b.more {
		if 1+more/bare > hashing {
			hashing, whoHashes = 1+more/bare, name
		}
	}
	poll, _ := b.cost("GET /status, poll")
	signup, _, _, _, _, _ := b.sum(whole()[0])
	lines := [][]string{
		goal("init of every step, before it connects, signup apart", "× hello", 1.5, 1.2, starts, whoStarts),
		goal("init and first answer with "+b.smallest()+" over TLS, to the same without warming", "", 0.15, 0.05, warming, whoWarms),
		goal("first answer after init", "× warm", 10, 3, cold, whoCold),
		goal("CPU of a sign-up's and a login's POST", "× bare bcrypt", 1.03, 1.015, hashing, whoHashes),
		goal("CPU of a warm poll", "× a bare GetItem Lambda", 1.2, 0.75, poll/b.of(getItem).secure.busy[0], ""),
		goal("peak memory of a step", "MB", 16, 11, peak, whoPeaks),
		goal("zip of a step, signup apart", "× hello", 1.5, 1.2, zip, whoseZip),
		goal("CPU of a verified sign-up beyond bcrypt", "ms", 3, 2, signup, fmt.Sprintf("%.3g are its requests' as hellos", float64(len(whole()[0].asked))*first.secure.busy[0])),
	}
	lines = append(lines, b.slowly(), b.alike("CPU", true), b.alike("wall", false))
	return append(lines, goal("make run, built, to serving", "s", 2, 1, startup/1000, ""))
}

// warming is how much shorter a start and first answer are for having connected
// before the first event. Steps with more memory, and requests that ask nobody, say
// nothing of it.
func (b *board) warming(f *function, m figures) float64 {
	if f.memory != 128 || len(f.cases[0].calls) == 0 {
		return 0
	}
	if b.plan.quota == nil {
		return (m.secure.init + m.secure.first) / (m.late.init + m.late.first)
	}
	return (m.small.init + m.small.first) / (m.belate.init + m.belate.first)
}

// smallest says what a small Lambda had.
func (b *board) smallest() string {
	if b.plan.quota == nil {
		return "a whole processor (no quota)"
	}
	return fmt.Sprintf("%g of a processor", b.plan.share)
}

// slowly is the wall time of a sign-up whose table and vendor take their time: the
// goals' 216 ms are the vendor's and two of the table's.
func (b *board) slowly() []string {
	const floor = 216
	wall, alone := 0.0, 0.0
	if m, h := b.of("signup").apart, b.of(hash).apart; len(m.wall) > 0 && len(h.wall) > 0 {
		wall, alone = m.wall[0], h.wall[0]
	}
	what := "wall of a sign-up's POST: vendor 200 ms, table 8 ms, 512 MB"
	if b.plan.quota == nil {
		what += " (no quota)"
	}
	return goal(what, "× 216 ms", 1.25, 1.1, wall/floor, fmt.Sprintf("%.0f ms; a hash alone has %.0f", wall, alone))
}

// alike compares a login under an unknown address with one by a wrong password.
func (b *board) alike(what string, processor bool) []string {
	busy, wall := b.cost("POST /login, unknown email")
	otherBusy, otherWall := b.cost("POST /login, wrong password")
	seen := wall / otherWall
	if processor {
		seen = busy / otherBusy
	}
	holds := "no"
	if seen >= 0.95 && seen <= 1.05 {
		holds = "must and aim"
	}
	return []string{"unknown email to wrong password, " + what, "0.95-1.05", "0.95-1.05", decimal(seen), holds, "make bench"}
}
