package model

import (
	"sync"

	"latchkey/flowtest/rig"
)

// parallel runs two to four requests at the same moment. In which order they come
// to anything is not known: the model looks up what is so, within what each of
// them may do, and what must be so in any order is checked besides.
func (w *world) parallel(b *browser, c command) bool {
	switch c.C % 8 {
	case 0, 1:
		return w.sameCode(b, c)
	case 2:
		return w.codeAndResend(b)
	case 3:
		return w.logins(c)
	case 4:
		return w.sameFinish(c)
	case 5:
		return w.callbackAndPoll(c)
	case 6:
		return w.endAndUse(b, c)
	}
	return w.sameForm(c)
}

// window is another of a browser's: it brings the same cookies from the same
// place.
func (w *world) window(b *browser) *browser {
	other := &browser{name: b.name + "'s window", v: w.r.Visitor(true), network: b.network, app: b.app}
	other.v.From(b.network)
	other.v.Client.Jar.SetCookies(b.app, b.v.Client.Jar.Cookies(b.app))
	return other
}

// atOnce makes requests at once, each in a window of its own, and takes over what
// came of them. The browser of the first goes on with the cookies of the last
// that was given some.
func (w *world) atOnce(list ...*request) []rig.Answer {
	w.r.Wire.Reset()
	before := w.load(list...)
	answers := make([]rig.Answer, len(list))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, q := range list {
		q.by.freeze()
		wg.Go(func() { <-start; answers[i] = w.ask(q, nil) })
	}
	close(start)
	wg.Wait()
	w.overhear(answers...)
	for i, q := range list {
		w.tell("  at once %s: %d %s", q.path, answers[i].Status, word(q, answers[i]))
	}
	w.absorb(before, list, answers)
	return answers
}

// adopt gives a browser the cookies of one of its windows.
func (w *world) adopt(b, window *browser) {
	b.v.Client.Jar.SetCookies(b.app, window.v.Client.Jar.Cookies(b.app))
}

// sameCode types one code several times at once: one account and one session, and
// the same answer to all, or as many tries as there are (I-02, I-11, I-20a).
func (w *world) sameCode(b *browser, c command) bool {
	w.pause(b)
	s, why := w.m.halfOf(b.token())
	sent := w.codesOf(s)
	if why != "" || s.taken || !s.sent || len(sent) == 0 {
		return false
	}
	typed, n := sent[len(sent)-1], 2+c.B%3
	right := w.m.would(s, typed) && (s.flow == signup && s.hashed || w.m.alive(s) && w.m.replaceable(s))
	if c.C%8 == 1 || !right {
		if s.token != nil { // each would wait for the others in real time
			return false
		}
		typed, right, n = w.wrong(c.A), false, min(n, maxChecks-s.checks)
	}
	if s.checks >= maxChecks || n < 1 {
		return false
	}
	free := w.m.accounts[s.email] == nil || s.flow != signup
	var list []*request
	for range n {
		list = append(list, w.verifyRequest(w.window(b), typed))
	}
	checks := s.checks
	for i, a := range w.atOnce(list...) {
		if right && free && a.Next != "/account" {
			w.t.Fatalf("one of %d right codes at once is answered %d %s (I-11)", n, a.Status, a.Body)
		}
		if a.Next == "/account" {
			if !right || !free {
				w.t.Fatalf("a wrong code is answered %s (I-05)", a.Next)
			}
			w.adopt(b, list[i].by)
		}
	}
	if !right && s.checks != checks+n {
		w.t.Fatalf("%d tries are counted for %d (I-20a)", s.checks-checks, n)
	}
	w.typed = append(w.typed, typed)
	return true
}

// codeAndResend types the right code while another is asked for.
func (w *world) codeAndResend(b *browser) bool {
	w.pause(b)
	s, why := w.m.halfOf(b.token())
	sent := w.codesOf(s)
	if why != "" || s.taken || s.checks >= maxChecks || len(sent) == 0 || !w.m.would(s, sent[len(sent)-1]) || s.flow != signup && !(w.m.alive(s) && w.m.replaceable(s)) {
		return false
	}
	free := w.m.accounts[s.email] == nil || s.flow != signup
	one, two := w.window(b), w.window(b)
	first := w.verifyRequest(one, sent[len(sent)-1])
	first.flow = s.flow
	answers := w.atOnce(first, w.resend(two))
	if free != (answers[0].Next == "/account") {
		w.t.Fatalf("the right code while another is asked for: %d %s", answers[0].Status, answers[0].Body)
	}
	if free {
		w.adopt(b, one)
	}
	return true
}

// logins are two or three browsers' for one account: one of them is asked by push
// at most (I-20c).
func (w *world) logins(c command) bool {
	p := w.people[c.B%len(w.people)]
	var list []*request
	for i := range 2 + c.A%2 {
		list = append(list, w.loginRequest(w.browsers[(c.A+i)%len(w.browsers)], w.newForm(login, p, 0)))
	}
	if len(w.browsers) < len(list) {
		return false
	}
	asked := map[string]bool{} // a browser and its copy go on with the push that they wait for
	for i, a := range w.atOnce(list...) {
		if a.Next == "/status" {
			asked[list[i].by.token().id] = true
		}
	}
	if len(asked) > 1 && list[0].mayBe.begin {
		w.t.Fatalf("%d browsers wait for a push of their own (I-20c)", len(asked))
	}
	return true
}

// sameFinish confirms one approved login several times at once (I-02).
func (w *world) sameFinish(c command) bool {
	for _, b := range w.browsers {
		s, why := w.m.waiting(b.token())
		if why != "" || s.push.known() != approved || !w.m.replaceable(s) {
			continue
		}
		var list []*request
		for range 2 + c.B%2 {
			list = append(list, w.finish(w.window(b)))
		}
		for i, a := range w.atOnce(list...) {
			if a.Next != "/account" {
				w.t.Fatalf("one of some equal requests is answered %d %s (R-078)", a.Status, a.Body)
			}
			w.adopt(b, list[i].by)
		}
		return true
	}
	return false
}

// callbackAndPoll lets the vendor's word come by two ways at once (F-28).
func (w *world) callbackAndPoll(c command) bool {
	for _, l := range w.letters {
		if l.push.told != "" || l.push.orphan || !w.now().Before(l.push.until()) {
			continue
		}
		for _, b := range w.browsers {
			s, _ := w.m.waiting(b.token())
			if s == nil || s.push != l.push {
				continue
			}
			done := make(chan rig.Answer)
			go func() { done <- w.r.Deliver(l.Letter, nil) }()
			q := w.finish(w.window(b))
			q.mayBe.confirm = nil
			if l.push.answer == approved {
				q.mayBe.confirm = s
			}
			a := w.atOnce(q)[0]
			told := <-done
			if told.Status != 200 {
				w.t.Fatalf("a callback is answered %d (R-156)", told.Status)
			}
			w.absorbApprovals(l.push)
			if a.Next == "/account" {
				w.adopt(b, q.by)
			}
			return true
		}
	}
	return false
}

// endAndUse ends a session, or all of its account's, while it is used, or while it
// is confirmed: in either order it is over afterwards (I-27).
func (w *world) endAndUse(b *browser, c command) bool {
	everywhere := c.B%4 == 1
	one, two := w.window(b), w.window(b)
	use := &request{by: two, method: "GET", path: "/account", email: w.emailOf(b)}
	s, why := w.m.halfOf(b.token())
	switch sent := w.codesOf(s); {
	case why == "" && s.push != nil && s.push.known() == approved:
		use = w.finish(two)
	case why == "" && s.checks < maxChecks && len(sent) > 0 && w.m.would(s, sent[len(sent)-1]) && (s.flow == signup || w.m.alive(s)):
		w.pause(b)
		use = w.verifyRequest(two, sent[len(sent)-1])
	}
	held := w.m.holds(b.token()) // and it is no copy of a cookie that was replaced
	a := w.atOnce(use, w.logOut(one, everywhere))[1]
	if s := w.m.sessions[b.token().id]; held && a.Status == 200 && !everywhere && s.secret != "" {
		w.t.Fatalf("a session outlives its end (I-27)")
	}
	w.forgetCookies(b)
	return true
}

// forgetCookies is what a browser does that was told to.
func (w *world) forgetCookies(b *browser) {
	v := w.r.Visitor(true)
	v.From(b.network)
	b.v = v
}

// sameForm sends one form several times at once: one session, one message, one
// answer (I-25, R-092).
func (w *world) sameForm(c command) bool {
	b, p := w.browsers[c.A%len(w.browsers)], w.people[c.B%len(w.people)]
	f := w.newForm([]string{signup, login}[c.D%2], p, c.D/2)
	var list []*request
	for range 2 + c.D/16%2 {
		by := w.window(b)
		q := w.signUpRequest(by, f)
		if f.kind == login {
			q = w.loginRequest(by, f)
		}
		list = append(list, q)
	}
	texts, pushes := len(w.m.texts), len(w.m.asked)
	answers := w.atOnce(list...)
	for i, a := range answers {
		first := want{answers[0].Status, word(list[0], answers[0])}
		if (want{a.Status, word(list[i], a)}) != first && f.session != nil {
			w.t.Fatalf("equal forms at once are answered %v and %d %s (I-25)", first, a.Status, a.Body)
		}
		if list[i].by.jar("session") != list[0].by.jar("session") {
			w.t.Fatalf("equal forms at once are given two sessions (I-25)")
		}
	}
	if n := len(w.m.texts) - texts + len(w.m.asked) - pushes; n > 1 {
		w.t.Fatalf("equal forms at once sent %d messages (I-25)", n)
	}
	w.adopt(b, list[0].by)
	return true
}
