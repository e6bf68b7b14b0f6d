//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// How hard it blows, and for how long people keep arriving.
const (
	clients     = 8
	arrivals    = 4 * time.Second
	killEvery   = 300 * time.Millisecond // one function's process
	engineEvery = 2 * time.Second
	longest     = 20 * time.Second // that a patient person waits when told to
)

// memory is what visitors were told, and may rely on.
type memory struct {
	s       *stack
	mu      sync.Mutex
	users   []user
	half    user     // one who has not typed a code yet
	members []person // whose phones are asked when they log in
}

// user is somebody who was told to be signed in.
type user struct {
	person
	cookie string
}

// storm kills functions and the table's engine while people sign up. Every
// request is answered in time, everybody gets in who is patient, and nobody's
// account is lost (R-143, R-144; parity 41, 43, 48, 55, 134-136).
func storm(t *testing.T, s *stack) *memory {
	m := &memory{s: s}
	weather, calm := context.WithTimeout(t.Context(), arrivals+time.Second)
	defer calm()
	var killers, people sync.WaitGroup
	var killed atomic.Int64
	killers.Go(func() { s.killSome(weather, "/bootstrap", killEvery, &killed) })
	killers.Go(func() { s.killSome(weather, "serve.js", engineEvery, &killed) })
	began := time.Now()
	var faults atomic.Int64
	for range clients {
		people.Go(func() {
			for time.Since(began) < arrivals && !t.Failed() {
				c := &client{t: t, s: s, p: s.person(), faults: &faults}
				if c.persevere() {
					m.add(user{c.p, c.v.Cookie()})
				}
				if c.begun > 1 {
					t.Logf("somebody had to fill in the form %d times: %q", c.begun, c.history)
				}
			}
		})
	}
	people.Wait()
	killers.Wait()
	t.Logf("%d processes killed, %d requests failed, %d people in after %v", killed.Load(), faults.Load(), len(m.users), time.Since(began))
	if killed.Load() < 10 || len(m.users) < clients {
		t.Errorf("that was no storm: %d processes killed, %d people", killed.Load(), len(m.users))
	}
	m.check(t)
	half := &client{t: t, s: s, p: s.person(), faults: &faults}
	half.begin()
	s.awaitCode(t, half.p, 1)
	m.half = user{half.p, half.v.Cookie()}
	return m
}

func (m *memory) add(u user) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users = append(m.users, u)
}

// check asks for every account, and logs in who has a phone that is asked. Who has
// not typed the code yet goes on: the simulated vendor forgets codes when it ends,
// so a new one is needed.
func (m *memory) check(t *testing.T) {
	for _, u := range m.users {
		v := m.s.visitor(t, true)
		v.SetCookie(u.cookie)
		until(t, "the account", patience, func() bool { return v.Get("/account").Status < 500 })
		expectAccount(t, v, u.person)
	}
	for _, p := range m.members {
		c := &client{t: t, s: m.s, p: p, faults: &atomic.Int64{}}
		c.logIn()
	}
	if m.half.cookie == "" {
		return
	}
	c := &client{t: t, s: m.s, p: m.half.person, v: m.s.program(t), faults: &atomic.Int64{}}
	c.v.SetCookie(m.half.cookie)
	if m.s.code(t, c.p) != "" {
		t.Error("the simulated phone remembers more than it should; the case below is not met")
	}
	if c.finish() {
		expectAccount(t, c.v, c.p)
	}
}

// killSome kills one of the stack's processes at a time.
func (s *stack) killSome(ctx context.Context, part string, every time.Duration, killed *atomic.Int64) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var ids []int
		for id := range s.processes(part) {
			ids = append(ids, id)
		}
		if len(ids) == 0 {
			continue
		}
		err := syscall.Kill(ids[rand.IntN(len(ids))], syscall.SIGKILL)
		if err == nil {
			killed.Add(1)
		}
	}
}

// client is a patient program: it repeats what failed, under the same key,
// waits when told to, and asks for another code when it has to.
type client struct {
	t      *testing.T
	s      *stack
	p      person
	v      *rig.Visitor
	faults *atomic.Int64
	begun  int
	failed bool // a try of the last request
	asked  int  // for another code, in requests: one that fails may cost a text of the phone's

	member bool   // who logs in, and signs up otherwise
	spent  string // a code on the phone that is not to be typed
	next   string // where the form led
	polite bool   // waits after faults as well, and gives up when told to wait for long or after mostAsked
	left   bool   // has given up

	// send sends each request. Nil sends it once.
	send func(path string, fields map[string]string) rig.Answer

	history []string
}

// persevere returns whether the person got in.
func (c *client) persevere() bool { return c.begin() && c.finish() }

// begin sends the form until there is a code page. Where the form is kept but
// no code could be sent, the answer is a 503 with the cookie that another code
// can be asked for with.
func (c *client) begin() bool {
	c.begun++
	c.v = c.s.program(c.t)
	path, fields := "/signup", c.p.form()
	if c.member {
		path, fields = "/login", c.p.credentials()
	}
	a := c.insist(path, fields)
	c.next = a.Next
	if a.Status != http.StatusOK && !unsent(a) {
		return c.stuck(path, a)
	}
	return true
}

// stuck is false, and no fault if the client may give up here.
func (c *client) stuck(where string, a rig.Answer) bool {
	c.left = c.left || c.polite && a.Status == http.StatusTooManyRequests
	if !c.left {
		c.t.Errorf("a dead end at %s: %d %s after %q", where, a.Status, a.Body, c.history)
	}
	return false
}

func unsent(a rig.Answer) bool {
	return a.Status == http.StatusServiceUnavailable && strings.Contains(a.Header.Get("Set-Cookie"), "latchkey-session=")
}

// finish types codes until one opens the account. Where not even a new code
// helps, the form is due again.
func (c *client) finish() bool {
	expired := 0
	for range 12 {
		code := c.s.code(c.t, c.p)
		if code == "" || code == c.spent {
			if !c.again() && !c.texted() {
				return false
			}
			continue
		}
		a := c.insist("/verify", map[string]string{"code": code})
		switch {
		case a.Status == http.StatusOK && a.Next == "/account":
			return true
		case a.Code() == "used_up", a.Code() == "expired" && expired > 0 && !c.failed:
			expired = 0
			if c.begun > 3 {
				c.t.Errorf("begun %d times: %q", c.begun, c.history)
				return false
			}
			if !c.begin() {
				return false
			}
		case a.Code() == "expired", a.Code() == "wrong_code":
			expired++
			if !c.again() {
				return false
			}
		default:
			return c.stuck("the code", a)
		}
	}
	c.t.Error("no code opened the account")
	return false
}

// texted reports whether a code has come that was not spent: of two clicks at once
// one is told to wait, and who gives up for that one still has the other's.
func (c *client) texted() bool {
	code := c.s.code(c.t, c.p)
	return c.left && code != "" && code != c.spent
}

// again asks for another code.
func (c *client) again() bool {
	a := c.insist("/resend", map[string]string{})
	switch {
	case a.Status == http.StatusOK:
		return true
	case a.Code() == "used_up":
		return c.begun < 4 && c.begin()
	}
	return c.stuck("another code", a)
}

// insist sends one request until it is answered with something else than a
// fault or a wish for patience. rig.Visitor reports what gets no answer.
func (c *client) insist(path string, fields map[string]string) rig.Answer {
	var a rig.Answer
	c.failed = false
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if c.polite && path == "/resend" && c.asked >= mostAsked {
			c.left = true
			return a
		}
		a = c.post(path, fields)
		switch {
		case unsent(a):
			c.history = append(c.history, path+" 503, kept")
			return a
		case a.Status >= 500:
			c.faults.Add(1)
			c.failed = true
			c.history = append(c.history, fmt.Sprintf("%s %s %d %s", time.Now().Format("05.000"), path, a.Status, a.Code()))
			if c.polite {
				time.Sleep(toldToWait(a))
				continue
			}
			time.Sleep(200 * time.Millisecond)
		case a.Status == http.StatusTooManyRequests:
			told := toldToWait(a)
			c.history = append(c.history, fmt.Sprintf("%s 429 %v", path, told))
			if told > longest {
				return a
			}
			time.Sleep(told)
		default:
			c.history = append(c.history, fmt.Sprintf("%s %d %s%s", path, a.Status, a.Next, a.Code()))
			return a
		}
	}
	c.t.Errorf("%s did not work in %v: %d %s", path, patience, a.Status, a.Body)
	return a
}

func (c *client) post(path string, fields map[string]string) rig.Answer {
	if path == "/resend" {
		c.asked++
	}
	if c.send != nil {
		return c.send(path, fields)
	}
	return c.s.post(c.v, path, fields)
}

// toldToWait is for how long an answer asks to wait, and a little if it does not.
func toldToWait(a rig.Answer) time.Duration {
	seconds, _ := a.Doc["retry_after"].(float64)
	return time.Duration(max(seconds, 0.2) * float64(time.Second))
}
