//go:build linux

package e2e

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How many people log in, again and again, while the two functions die that they
// wait for, and how long one login may take then: a callback that was lost costs
// three seconds, and the question that dies with its function three more.
const (
	callers     = 4
	logins      = 3 * time.Second
	loginsEvery = 120 * time.Millisecond // one process killed
	loginLimit  = 15 * time.Second
)

// loginStorm kills the functions that take callbacks and answer polls while
// logins are approved. Everybody is signed in by the approval, nobody is asked
// twice, and nobody has to type a code (F-21, F-22, F-26; parity 87, 101).
func loginStorm(t *testing.T, s *stack) []person {
	members := make([]person, callers)
	for i := range members {
		members[i], _ = s.member(t)
	}
	weather, calm := context.WithTimeout(t.Context(), logins+time.Second)
	defer calm()
	var killers, people sync.WaitGroup
	var killed, faults, done, late atomic.Int64
	for _, step := range []string{"onetouch-callback", "status"} {
		killers.Go(func() { s.killSome(weather, "/"+step, loginsEvery, &killed) })
	}
	for _, p := range members {
		people.Go(func() {
			for weather.Err() == nil && !t.Failed() {
				c := &client{t: t, s: s, p: p, faults: &faults}
				took, ok := c.logIn()
				if !ok {
					return
				}
				done.Add(1)
				if took > 3*time.Second {
					late.Add(1)
				}
			}
		})
	}
	people.Wait()
	calm()
	killers.Wait()
	t.Logf("%d processes killed, %d requests failed, %d logins, %d of them without a callback in time", killed.Load(), faults.Load(), done.Load(), late.Load())
	if killed.Load() < 20 || done.Load() < 2*callers || faults.Load()+late.Load() == 0 {
		t.Error("that was no storm")
	}
	asked := 0
	for _, p := range members {
		for _, a := range s.handset(t).Approvals(p.phone) {
			asked++
			if a.Status != "approved" {
				t.Errorf("a request is %s", a.Status)
			}
		}
	}
	if int64(asked) != done.Load() {
		t.Errorf("%d requests on the phones for %d logins", asked, done.Load())
	}
	return members
}

// logIn passes both factors with a tap on the phone, and says how long it took.
func (c *client) logIn() (time.Duration, bool) {
	c.v = c.s.program(c.t)
	began := time.Now()
	a := c.insist("/login", c.p.credentials())
	if a.Status != http.StatusOK || a.Next != "/status" {
		c.t.Errorf("login: %d %s after %q", a.Status, a.Body, c.history)
		return 0, false
	}
	c.s.handset(c.t).Decide(c.p.phone, "approved")
	if !c.await() {
		return 0, false
	}
	a = c.insist("/status", map[string]string{})
	took := time.Since(began)
	if a.Status != http.StatusOK || a.Next != "/account" || took > loginLimit {
		c.t.Errorf("an approved login after %v: %d %s after %q", took, a.Status, a.Body, c.history)
		return took, false
	}
	expectAccount(c.t, c.v, c.p)
	return took, true
}

// await polls until the login is approved.
func (c *client) await() bool {
	for end := time.Now().Add(loginLimit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		a := c.v.Get("/status")
		state, _ := a.Doc["status"].(string)
		switch {
		case a.Status >= 500:
			c.faults.Add(1)
		case state == "approved":
			return true
		case state != "pending":
			c.t.Errorf("waiting: %d %s after %q", a.Status, a.Body, c.history)
			return false
		}
	}
	c.t.Errorf("nobody was told of the approval in %v", loginLimit)
	return false
}
