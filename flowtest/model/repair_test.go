package model

import (
	"slices"
	"time"

	"latchkey/flowtest/rig"
)

// repair is what a person does whom an answer did not reach, or who was told that
// something is out of order: the same again, a moment later. The model knows by
// now how far the function came, and so what is answered: what was done is done
// (I-22, I-25), and nothing is a dead end (I-23).
func (w *world) repair(q *request, a rig.Answer) {
	if a.Status != 502 && a.Status != 503 || q.again == nil {
		return
	}
	w.r.Clock.Advance(16 * time.Second)
	w.tell("  the same again")
	b := q.again()
	if b.Status == 200 {
		w.tally.repairs++
	}
}

// again sends a form once more.
func (w *world) again(b *browser, f *form) rig.Answer {
	q := w.formRequest(b, f)
	if f.session == nil || f.session.outcome != "" || !f.session.isHalf() || !w.now().Before(f.session.until) {
		return w.do(q, nil)
	}
	return w.revive(q)
}

// revive sends a form whose first function died on the way. How it is answered
// depends on how far that came.
func (w *world) revive(q *request) rig.Answer {
	if q.form.kind == login { // it waits five seconds for its twin
		if w.awaits < 1 {
			return rig.Answer{}
		}
		w.awaits--
	}
	w.r.Clock.Advance(max(0, 16*time.Second-w.now().Sub(q.form.session.created)))
	w.r.Wire.Reset()
	before := w.load(q)
	q.by.freeze()
	defer q.by.thaw()
	a := w.ask(q, nil)
	w.overhear(a)
	w.tell("  %s again: %d %s", q.path, a.Status, word(q, a))
	if !slices.Contains([]string{"/verify", "/status", "wait", "unavailable", "expired", "/account", "bad_credentials"}, word(q, a)) {
		w.t.Fatalf("after a crash the same form is answered %d %s (I-23)", a.Status, a.Body)
	}
	w.absorb(before, []*request{q}, []rig.Answer{a})
	return a
}
