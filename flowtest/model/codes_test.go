package model

import (
	"fmt"
	"slices"
	"time"

	"latchkey/flowtest/rig"
)

// code types one: the right one, a wrong one, one that was typed or sent before,
// or a token.
func (w *world) code(b *browser, c command) bool {
	w.pause(b)
	s := w.m.sessions[b.token().id]
	typed, ok := w.choose(s, c)
	if !ok {
		return false
	}
	w.do(w.verifyRequest(b, typed), w.trouble(c))
	w.typed = append(w.typed, typed)
	if c.Kind == "wrong code" && c.B%4 == 3 { // one who goes on guessing (I-20a)
		for n := range maxChecks {
			w.pause(b)
			w.do(w.verifyRequest(b, w.wrong(c.C+n)), nil)
		}
	}
	return true
}

// choose is what a person types.
func (w *world) choose(s *session, c command) (string, bool) {
	sent := w.codesOf(s)
	switch c.Kind {
	case "code":
		if len(sent) == 0 {
			return "", false
		}
		return sent[len(sent)-1], true
	case "wrong code":
		return w.wrong(c.C), true
	case "old code":
		old := append(slices.Clone(w.typed), sent...)
		for _, other := range w.m.codes {
			old = append(old, other.text)
		}
		if len(old) == 0 {
			return "", false
		}
		return old[c.C%len(old)], true
	}
	if s == nil {
		return "", false
	}
	text, ok := w.shows(s)
	if c.Kind == "token" || !ok {
		return text, ok
	}
	w.r.Clock.Advance([]time.Duration{time.Second, 29 * time.Second, 61 * time.Second}[c.C%3])
	return text, true // of a while ago
}

// wrong is a code that nobody was sent.
func (w *world) wrong(n int) string {
	for {
		n++
		text := fmt.Sprintf("%06d", n*7919%1000000)
		if !w.secrets[text] {
			return text
		}
	}
}

// codesOf are those that were sent to a session's phone for it, oldest first.
func (w *world) codesOf(s *session) []string {
	var list []string
	for _, c := range w.m.codes {
		if s != nil && c.phone == s.phone && c.service == service(s.flow) {
			list = append(list, c.text)
		}
	}
	return list
}

// shows is the token that an app on a session's phone shows now.
func (w *world) shows(s *session) (string, bool) {
	a := w.m.apps[s.phone]
	if f := s.token; f != nil && f.app != nil {
		a = f.app
		if !w.holds(f) {
			return "", false
		}
	}
	if a == nil {
		return "", false
	}
	phone := s.phone
	if s.token != nil && a == s.token.app {
		phone = s.token.phone
	}
	text := w.h.Token(phone)
	a.shown[text] = stepAt(w.now())
	w.keep(text)
	return text, true
}

// holds reports whether an authenticator is the one that its phone shows: the one
// that was scanned last.
func (w *world) holds(f *factor) bool { return f.scanned > 0 && f.scanned == w.lastScan[f.phone] }

func (w *world) verifyRequest(b *browser, typed string) *request {
	q := &request{
		by: b, path: "/verify", fields: map[string]string{"code": typed}, email: w.emailOf(b), typed: typed,
		spec: func() (want, gift) { return w.m.verify(b, typed) },
	}
	s, why := w.m.halfOf(b.token())
	if why == "" && s.checks < maxChecks && (s.flow == signup || w.m.alive(s)) {
		made := s.account != nil && (s.account.maker == s || s.account.movedBy == s) && s.proof == typed
		if w.m.would(s, typed) || made {
			q.mayBe.confirm = s
			q.mayBe.account = s.flow == signup
			q.mayBe.epoch, q.mayBe.moved = s.flow == move, s.flow == move
			if s.parent != nil {
				q.mayBe.end = []string{s.parent.id}
			}
		}
	}
	q.again = func() rig.Answer { return w.do(w.verifyRequest(b, typed), nil) }
	return q
}
