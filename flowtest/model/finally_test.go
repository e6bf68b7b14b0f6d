package model

import "time"

// begin gives some histories people who have an account already, so that they
// come to what is behind it.
func (w *world) begin(n int) {
	for i := range min(n/2, 2) {
		w.member(w.browsers[i], w.people[i], n)
	}
}

// member signs up and gets a second factor.
func (w *world) member(b *browser, p *person, n int) {
	w.signUp(b, w.newForm(signup, p, 0), command{})
	w.code(b, command{Kind: "code"})
	switch {
	case w.vendor == "authy" && n != 2:
		w.app(command{B: 0, C: 1})
	case w.vendor == "verify" && n != 2:
		w.enrol(b, command{}, "push")
	}
	if w.vendor == "verify" && n%2 == 1 {
		w.enrol(b, command{}, "totp")
	}
	w.inside(b)
	w.r.Clock.Advance(2 * time.Minute)
}

// finally looks at everything once more, when a history is over.
func (w *world) finally() {
	for _, b := range w.browsers {
		w.inside(b)
	}
	w.tally.all++
	reached := map[string]bool{}
	for _, s := range w.m.sessions {
		if s.evidence != "" {
			reached[s.flow+s.evidence] = true
		}
	}
	for what, n := range map[string]*int{
		login + "push": &w.tally.byPush, login + "code": &w.tally.byCode, login + "token": &w.tally.byToken,
	} {
		if reached[what] {
			*n++
		}
	}
	if len(w.m.accounts) > 0 {
		w.tally.users++
	}
}

// parallel runs some requests at once.
func (w *world) parallel(b *browser, c command) bool { return false }
