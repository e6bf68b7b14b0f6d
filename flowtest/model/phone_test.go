package model

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey/flowtest/rig"
)

// decide is a person's answer on the phone. The vendor's callback is kept back.
func (w *world) decide(c command) bool {
	var open []*push
	for _, p := range w.m.asked {
		if p.truth(w.now()) == pending && (p.device == nil || slices.Contains(p.account.factors, p.device)) && p.ref != "" {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return false
	}
	p := open[len(open)-1-c.C%min(2, len(open))]
	w.answer(p, map[string]string{"approve": approved, "deny": denied}[c.Kind])
	return true
}

func (w *world) answer(p *push, decision string) {
	w.h.DecideOn(p.phone(), p.ref, decision)
	p.answer = decision
	select {
	case l := <-w.r.Posted:
		w.letters = append(w.letters, &letter{l, p})
	case <-time.After(5 * time.Second):
		w.t.Fatalf("the vendor did not call back")
	}
	w.tell("  %s", decision)
	if decision == denied {
		w.tally.denials++
	}
}

// deliver posts a callback that was kept back: once or twice, whenever, in any
// order, also when the push is over; or one that its vendor did not write.
func (w *world) deliver(c command) bool {
	if len(w.letters) == 0 {
		return false
	}
	l := w.letters[len(w.letters)-1-c.C%len(w.letters)]
	switch c.Kind {
	case "forge":
		w.refused(forged(l.Letter, c.B))
		return true
	case "mutate":
		w.refused(mutated(l.Letter, c.B))
		return true
	case "deliver twice":
		w.post(l, nil)
	case "deliver late":
		w.poll(l.push)
		w.r.Clock.Advance(pushLife)
		w.poll(l.push)
	}
	w.post(l, w.trouble(c))
	w.poll(l.push)
	return true
}

// poll looks at the page that waits for a push, if there is one.
func (w *world) poll(p *push) {
	for _, b := range w.browsers {
		s, why := w.m.waiting(b.token())
		if why == "" && s.push == p {
			w.do(w.look(b), nil)
			return
		}
	}
}

// post delivers a callback, which is answered 200 whatever it leads to.
func (w *world) post(l *letter, trouble *rig.Trouble) {
	w.r.Wire.Reset()
	a := w.r.Deliver(l.Letter, trouble)
	w.overhear(a)
	if trouble != nil && a.Met() {
		w.tally.troubles++
		if a.Status != 502 && a.Status != 200 {
			w.t.Fatalf("a callback is answered %d when the table fails (R-156)", a.Status)
		}
		w.absorbApprovals(l.push)
		w.tell("  callback after trouble %+v: %d", trouble.At, a.Status)
		return
	}
	if a.Status != 200 {
		w.t.Fatalf("a callback is answered %d %s (R-156)", a.Status, a.Body)
	}
	l.push.tell(l.push.answer, w.now())
}

// refused posts what no vendor wrote: it changes nothing (I-07).
func (w *world) refused(l rig.Letter) {
	w.r.Wire.Reset()
	a := w.r.Deliver(l, nil)
	w.overhear(a)
	if a.Status != 403 || a.Code() != "forged" || len(w.r.Wire.Calls()) != 0 {
		w.t.Fatalf("a callback that its vendor did not write: %d, %d calls (I-07)", a.Status, len(w.r.Wire.Calls()))
	}
}

// forged is a letter without the vendor's signature, or with another letter's.
func forged(l rig.Letter, n int) rig.Letter {
	l.Header = l.Header.Clone()
	for _, name := range []string{"X-Authy-Signature", "X-Twilio-Signature"} {
		value := l.Header.Get(name)
		switch {
		case value == "":
		case n%2 == 0:
			l.Header.Del(name)
		default:
			l.Header.Set(name, strings.Repeat("A", len(value)-1)+"=")
		}
	}
	return l
}

// mutated says something else than what the vendor has signed.
func mutated(l rig.Letter, n int) rig.Letter {
	form, err := url.ParseQuery(l.Body)
	switch {
	case strings.Contains(l.Body, `"status":"denied"`):
		l.Body = strings.ReplaceAll(l.Body, "denied", approved)
	case strings.Contains(l.Body, `"status":"approved"`):
		l.Body = strings.ReplaceAll(l.Body, approved, denied)
	case err == nil && n%2 == 0 && form.Get("type") == "challenge.denied":
		l.Body = strings.Replace(l.Body, "challenge.denied", "challenge.approved", 1)
	case err == nil && n%2 == 0:
		l.Body = strings.Replace(l.Body, "challenge.approved", "challenge.denied", 1)
	default:
		form.Set("challenge_sid", "YC"+strings.Repeat("0", 32))
		l.Body = form.Encode()
	}
	return l
}

// early is a login whose person answers, and whose callback comes, before what
// the vendor answered to us is written down (F-24, R-158).
func (w *world) early(b *browser, p *person, c command) bool {
	a := w.m.accounts[p.email]
	if a == nil {
		return false
	}
	decision := []string{approved, denied}[c.C%4/3]
	f := w.newForm(login, p, 0)
	q := w.loginRequest(b, f)
	phone := a.phone
	if d := a.newest("push"); d != nil {
		phone = d.phone
	}
	before := len(w.h.Approvals(phone))
	var mu sync.Mutex
	var told *letter
	w.r.Wire.Break(func(call rig.Call) rig.Fault {
		if call.Step != "login" || !call.Table {
			return rig.None
		}
		mu.Lock()
		defer mu.Unlock()
		list := w.h.Approvals(phone)
		if told == nil && len(list) > before {
			w.h.DecideOn(phone, list[0].ID, decision)
			told = &letter{Letter: <-w.r.Posted}
			w.r.Deliver(told.Letter, nil)
		}
		return rig.None
	})
	spec := q.spec
	q.spec = func() (want, gift) {
		should, g := spec()
		if told != nil {
			told.push = g.session.push
			told.push.answer = decision
			told.push.tell(decision, w.now())
			w.letters = append(w.letters, told)
			w.tally.early++
		}
		return should, g
	}
	w.do(q, nil)
	w.r.Wire.Break(nil)
	return true
}
