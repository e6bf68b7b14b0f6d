//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"

	"latchkey/flowtest/rig"
)

// holder is somebody who was told to have an account. One guest at a time plays it.
type holder struct {
	person
	device bool     // the phone is asked at a login
	texts  int      // that logins have asked for
	open   int      // logins in a row that came to nothing
	spent  string   // the code that was good last: the vendor sends one that nobody used again
	live   []string // cookies of sessions that are signed in
	dead   []string // and of those that were logged out
	once   bool     // the sign-up asked for one text, and had it
	told   []string // at all logins
}

// tired is who has so little left of the limits that the last login, which is looked
// at in the end, needs it.
func (a *holder) tired() bool { return a.texts >= 3 || a.open >= 3 }

// holders are all whose accounts were acknowledged.
type holders struct {
	mu   sync.Mutex
	all  []*holder
	free []*holder
}

// add takes a new one, which is not free yet.
func (l *holders) add(a *holder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, a)
}

// take is any that nobody uses, nil if there is none.
func (l *holders) take(rng *rand.Rand) *holder {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.free) == 0 {
		return nil
	}
	i, last := rng.IntN(len(l.free)), len(l.free)-1
	a := l.free[i]
	l.free[i] = l.free[last]
	l.free = l.free[:last]
	return a
}

// release is for the next guest, or for nobody before the end.
func (l *holders) release(a *holder) {
	if a == nil || a.tired() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, a)
}

func (l *holders) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// guest is one of those who use the stack side by side.
type guest struct {
	k     *soak
	rng   *rand.Rand
	rough bool // something of the last story's doubled requests was refused
}

// client is a patient program whose requests are sometimes sent twice at once, as
// by a double click, and sometimes again because the answer was lost.
func (g *guest) client(p person) *client {
	g.rough = false
	c := &client{t: g.k.t, s: g.k.s, p: p, faults: &g.k.faults, polite: true}
	c.send = func(path string, fields map[string]string) rig.Answer {
		switch n := g.rng.IntN(5); {
		case path == "/factors" || n > 1: // to add a factor twice makes two
		case n == 0:
			var twin sync.WaitGroup
			var other rig.Answer
			twin.Go(func() { other = c.s.post(c.v, path, fields) })
			a := c.s.post(c.v, path, fields)
			twin.Wait()
			g.k.doubled.Add(1)
			g.rough = g.rough || other.Status != http.StatusOK
			return a
		case n == 1:
			lost := c.s.visitor(c.t, true)
			lost.Header = c.v.Header
			if c.v.Cookie() != "" {
				lost.SetCookie(c.v.Cookie())
			}
			a := c.s.post(lost, path, fields)
			if path == "/resend" {
				c.asked++
			}
			g.k.lost.Add(1)
			g.rough = g.rough || a.Status != http.StatusOK
		}
		return c.s.post(c.v, path, fields)
	}
	return c
}

// story is one of them, told with one account or without.
func (g *guest) story() {
	a := g.k.people.take(g.rng)
	defer func() { g.k.people.release(a) }()
	switch n := g.rng.IntN(10); {
	case a == nil:
		a = g.signUp()
	case n < 4:
		g.k.people.release(a)
		a = g.signUp()
	case n < 8:
		g.logIn(a)
	case n < 9:
		g.read(a)
	default:
		g.logOut(a)
	}
}

// signUp is nil where the person gave up.
func (g *guest) signUp() *holder {
	c := g.client(g.k.s.person())
	if !c.begin() {
		return g.gaveUp(c)
	}
	calm := !g.rough && slices.Equal(c.history, []string{"/signup 200 /verify"})
	switch g.rng.IntN(5) {
	case 0:
		g.mistype(c)
	case 1:
		if !c.again() {
			return g.gaveUp(c)
		}
	}
	if !c.finish() {
		return g.gaveUp(c)
	}
	a := &holder{person: c.p, spent: c.s.code(c.t, c.p), live: []string{c.v.Cookie()}, once: calm && c.asked == 0 && c.begun == 1}
	g.k.people.add(a)
	if a.once {
		g.k.count(a)
	}
	g.sees(a, a.live[0], true)
	if g.rng.IntN(2) == 0 {
		g.equip(a, c)
	}
	return a
}

func (g *guest) gaveUp(c *client) *holder {
	if c.left {
		g.k.gaveUp.Add(1)
	}
	return nil
}

// mistype types wrong codes, fewer than there are tries.
func (g *guest) mistype(c *client) {
	code := c.s.code(c.t, c.p)
	for range 1 + g.rng.IntN(2) {
		code = wrong(code)
		a := c.insist("/verify", map[string]string{"code": code})
		if a.Status == http.StatusOK {
			c.t.Errorf("a wrong code: %d %s after %q", a.Status, a.Body, c.history)
		}
	}
}

// equip has the phone asked at further logins.
func (g *guest) equip(a *holder, c *client) {
	h := c.s.handset(c.t)
	if c.s.provider == "authy" {
		h.App(a.phone, map[string]any{"installed": true})
		a.device = true
		return
	}
	added := c.insist("/factors", map[string]string{"type": "push"})
	text, _ := added.Doc["enrolment"].(string)
	id, _ := added.Doc["id"].(string)
	if text == "" {
		c.t.Errorf("no enrolment: %d %s after %q", added.Status, added.Body, c.history)
		return
	}
	c.s.hideEnrolment(c.t, text)
	h.App(a.phone, map[string]any{"enrolment": text})
	confirmed := c.insist("/factors/confirm", map[string]string{"id": id})
	a.device = confirmed.Status == http.StatusOK
	if !a.device {
		c.t.Errorf("a device that is registered: %d %s after %q", confirmed.Status, confirmed.Body, c.history)
	}
}

// read looks at the account in one of its sessions.
func (g *guest) read(a *holder) {
	if len(a.live) > 0 {
		g.sees(a, a.live[g.rng.IntN(len(a.live))], true)
	}
}

// sees asks for the account with a session's cookie: it is there while the session
// lives, and refused afterwards.
func (g *guest) sees(a *holder, cookie string, alive bool) bool {
	c := g.client(a.person)
	v := c.s.visitor(c.t, true)
	v.SetCookie(cookie)
	answer := c.persist(func() rig.Answer { return v.Get("/account") })
	ok := answer.Status == http.StatusUnauthorized
	if alive {
		ok = answer.Status == http.StatusOK && answer.Doc["email"] == a.email && answer.Doc["fullName"] == a.name && answer.Doc["verified"] == true
	}
	if !ok {
		c.t.Errorf("the account, session alive %v: %d %s", alive, answer.Status, answer.Code())
	}
	return ok
}

// logOut ends one session or all of them.
func (g *guest) logOut(a *holder) {
	if len(a.live) == 0 {
		return
	}
	i := g.rng.IntN(len(a.live))
	c := g.client(a.person)
	c.v = c.s.program(c.t)
	c.v.SetCookie(a.live[i])
	ended, body := slices.Clone(a.live[i:i+1]), "{}"
	if g.rng.IntN(4) == 0 {
		ended, body = a.live, `{"everywhere":true}`
	}
	answer := c.persist(func() rig.Answer { return c.v.Do(http.MethodPost, "/logout", "application/json", body) })
	if answer.Status != http.StatusOK {
		c.t.Errorf("logout: %d %s", answer.Status, answer.Body)
		return
	}
	a.live = slices.DeleteFunc(slices.Clone(a.live), func(cookie string) bool { return slices.Contains(ended, cookie) })
	a.dead = append(a.dead, ended...)
	for _, cookie := range ended {
		g.sees(a, cookie, false)
	}
}

// String is for lists of what went wrong: it tells nothing of the person.
func (a *holder) String() string {
	return fmt.Sprintf("device %v, %d texts, %d open, %d sessions, told %q", a.device, a.texts, a.open, len(a.live), a.told)
}
