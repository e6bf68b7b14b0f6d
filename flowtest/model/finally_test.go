package model

import (
	"strconv"
	"strings"
	"time"

	"latchkey/flowtest/rig"
)

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
func (w *world) finally(n int) {
	for _, b := range w.browsers {
		w.inside(b)
	}
	if n%4 == 1 {
		w.closed(w.browsers[n/4%len(w.browsers)])
	}
	if n%3 == 0 {
		w.patient(w.people[n/3%len(w.people)])
	}
	w.spaced()
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

// patient is somebody who has all the time in the world: whatever came before,
// there is a way in, and no wait is longer than a day (I-30). On the way every
// answer is the model's.
func (w *world) patient(p *person) {
	b := w.newBrowser()
	for range 12 {
		a := w.m.accounts[p.email]
		var at rig.Answer
		if a == nil {
			at = w.do(w.formRequest(b, w.newForm(signup, p, 0)), nil)
		} else {
			at = w.do(w.formRequest(b, w.newForm(login, p, 0)), nil)
		}
		switch at.Next {
		case "/status":
			w.answer(w.m.asked[len(w.m.asked)-1], approved)
			w.r.Clock.Advance(pollEvery)
			at = w.do(w.finish(b), nil) // I-21: with no callback at all
		case "/verify":
			at = w.byCode(b)
		default:
			w.await(at)
		}
		if at.Next == "/account" {
			w.inside(b)
			w.tally.finished++
			return
		}
	}
	w.t.Fatalf("a patient person found no way in (I-30)")
}

// await waits as long as an answer says.
func (w *world) await(a rig.Answer) {
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if a.Status != 429 || err != nil || seconds < 1 || seconds > 24*60*60 {
		w.t.Fatalf("nobody can go on from %d %s, Retry-After %q (I-30)", a.Status, a.Body, a.Header.Get("Retry-After"))
	}
	w.r.Clock.Advance(time.Duration(seconds) * time.Second)
}

// byCode enters the code that was sent, or asks for one.
func (w *world) byCode(b *browser) rig.Answer {
	s, _ := w.m.halfOf(b.token())
	for range 4 {
		sent := w.codesOf(s)
		if len(sent) > 0 && w.m.would(s, sent[len(sent)-1]) {
			break
		}
		text, ok := w.shows(s)
		if ok && w.m.would(s, text) {
			return w.do(w.verifyRequest(b, text), nil)
		}
		a := w.do(w.resend(b), nil)
		if a.Status == 200 {
			continue
		}
		if a.Status != 429 {
			return a
		}
		w.await(a)
		if _, why := w.m.halfOf(b.token()); why != "" {
			return a
		}
	}
	sent := w.codesOf(s)
	if len(sent) == 0 {
		return rig.Answer{}
	}
	return w.do(w.verifyRequest(b, sent[len(sent)-1]), nil)
}

// closed asks for everything that only who is signed in may reach, in a browser
// that is not (I-28).
func (w *world) closed(b *browser) {
	if w.m.signedIn(b.cookie()) != nil {
		return
	}
	seed := strings.Repeat("t", 43)
	for _, q := range []request{
		{method: "GET", path: "/account"}, {method: "GET", path: "/factors"}, {method: "GET", path: "/login/again"},
		{method: "GET", path: "/password"}, {method: "GET", path: "/phone"}, {method: "GET", path: "/recovery/codes"},
		{path: "/factors", fields: map[string]string{"type": "totp"}}, {path: "/factors/confirm", fields: map[string]string{"id": "x", "code": "123456"}},
		{path: "/factors/remove", fields: map[string]string{"id": "x"}}, {path: "/login/again", fields: map[string]string{"form": seed}},
		{path: "/password", fields: map[string]string{"current": w.people[0].password, "password": "another horse battery"}},
		{path: "/phone", fields: map[string]string{"form": seed, "countryCode": "US", "phone": w.phones[0], "current": w.people[0].password}},
		{path: "/recovery/codes", fields: map[string]string{"current": w.people[0].password}}, {path: "/logout", raw: `{"everywhere":true}`},
	} {
		q.by = b
		w.r.Wire.Reset()
		a := w.ask(&q, nil)
		w.overhear(a)
		if a.Status != 401 || a.Code() != "no_session" {
			w.t.Fatalf("%s: %s is answered %d %s (I-28)", b.name, q.path, a.Status, a.Body)
		}
		w.silent()
	}
	w.collect("", false)
}

// spaced checks the times at which each phone took its turns for the codes that it
// was really sent (I-20b).
func (w *world) spaced() {
	seen := map[string]*history{}
	for _, t := range w.m.texts {
		k := service(t.flow) + t.phone
		if seen[k] == nil {
			seen[k] = &history{}
		}
		if t.at.Before(seen[k].next(t.flow, t.at)) {
			w.t.Fatalf("%s was sent a code too early (I-20b)", t.phone)
		}
		seen[k].times = append(seen[k].times, t.at)
	}
}
