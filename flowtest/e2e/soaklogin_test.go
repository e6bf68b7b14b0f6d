//go:build linux

package e2e

import (
	"context"
	"net/http"
	"sync"
	"time"

	"latchkey/flowtest/rig"
)

// What people do when the phone asks them.
const (
	approves = "approved"
	denies   = "denied"
	ignores  = ""
)

// logIn is a login that is approved, denied, left alone, or proved with a code.
func (g *guest) logIn(a *holder) {
	decision := approves
	switch g.rng.IntN(6) {
	case 0:
		decision = denies
	case 1:
		decision = ignores
	}
	g.enter(a, decision)
}

// enter goes the whole way that a login leads, and reports whether it ends at the
// account.
func (g *guest) enter(a *holder, decision string) bool {
	c := g.client(a.person)
	c.member, c.spent = true, a.spent
	a.open++
	defer func() { a.told = append(a.told, c.history...) }()
	before := newest(c.s.handset(c.t).Approvals(a.phone))
	phone, hangUp := context.WithCancel(c.t.Context())
	defer hangUp()
	var tap sync.WaitGroup
	if a.device && decision != ignores {
		pause := time.Duration(g.rng.IntN(400)) * time.Millisecond
		tap.Go(func() { c.tap(phone, before, decision, pause) })
	}
	ok := c.begin()
	if ok && c.next == "/status" {
		tap.Wait()
		return g.await(a, c, decision)
	}
	hangUp()
	tap.Wait()
	ok = ok && c.finish()
	a.texts += 1 + c.asked
	if !ok {
		g.gaveUp(c)
		return false
	}
	a.spent = c.s.code(c.t, c.p)
	return g.in(a, c)
}

// in notes that the login is complete.
func (g *guest) in(a *holder, c *client) bool {
	a.open = 0
	a.live = append(a.live, c.v.Cookie())
	g.k.logins.Add(1)
	return g.sees(a, c.v.Cookie(), true)
}

// await polls as a page does, and goes on when the login is approved.
func (g *guest) await(a *holder, c *client, decision string) bool {
	polls := 0
	for end := time.Now().Add(patience); time.Now().Before(end); polls++ {
		s := c.persist(func() rig.Answer { return c.v.Get("/status") })
		state, _ := s.Doc["status"].(string)
		switch {
		case state == "pending" && decision == ignores && polls > 1:
			return false
		case state == "pending":
			time.Sleep(toldToWait(s))
			continue
		case state == "expired": // all news of the decision were lost for so long
			g.k.expired.Add(1)
			return false
		case state != decision:
			c.t.Errorf("a login that was %q: %d %s after %q", decision, s.Status, s.Body, c.history)
			return false
		}
		done := c.insist("/status", map[string]string{})
		switch {
		case decision == approves && done.Status == http.StatusOK && done.Next == "/account":
			return g.in(a, c)
		case decision == denies && done.Code() == "denied":
			return false
		}
		c.t.Errorf("going on after %q: %d %s after %q", decision, done.Status, done.Body, c.history)
		return false
	}
	c.t.Errorf("nobody was told that the login is %q in %v", decision, patience)
	return false
}

// tap answers the first question that comes after the one before, a moment later.
func (c *client) tap(ctx context.Context, before, decision string, pause time.Duration) {
	h := c.s.handset(c.t)
	for ctx.Err() == nil {
		id := newest(h.Approvals(c.p.phone))
		if id != "" && id != before {
			time.Sleep(pause)
			h.DecideOn(c.p.phone, id, decision)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func newest(list []rig.Approval) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].ID
}

// persist asks until the answer is no fault.
func (c *client) persist(ask func() rig.Answer) rig.Answer {
	var a rig.Answer
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(toldToWait(a)) {
		a = ask()
		if a.Status != 0 && a.Status < 500 {
			return a
		}
		c.faults.Add(1)
	}
	return a
}
