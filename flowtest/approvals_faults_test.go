package flowtest

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// Callbacks in every disorder: the owner is told once, of the first answer.
func TestCallbacksOfActions(t *testing.T) {
	t.Parallel()
	for name, deliver := range map[string]func(t *testing.T, r *rig.Rig, c told, id string){
		"doubled": func(t *testing.T, r *rig.Rig, c told, _ string) {
			together(20, func(int) { c.deliver(t, r) })
		},
		"answered twice": func(t *testing.T, r *rig.Rig, c told, _ string) {
			c.deliver(t, r)
			c.status = "denied"
			c.deliver(t, r)
		},
		"without the action's name": func(t *testing.T, r *rig.Rig, c told, _ string) {
			c.session = ""
			c.deliver(t, r)
		},
		"by somebody else first": func(t *testing.T, r *rig.Rig, c told, id string) {
			other := c
			other.by = wrong(c.by)
			other.deliver(t, r)
			looks(t, r, id, "pending")
			c.deliver(t, r)
		},
		"lost": func(t *testing.T, r *rig.Rig, _ told, id string) {
			r.Handset().Decide(adaPhone, "approved")
			looks(t, r, id, "pending") // too soon to ask
			r.Clock.Advance(3 * time.Second)
			answers := make([]rig.Answer, 10)
			r.Wire.Reset()
			together(len(answers), func(i int) { answers[i] = r.Owner().Look(id) })
			n := 0
			for _, call := range r.Wire.Vendors() {
				if call != "/" && !strings.Contains(call, "Events") && call != "PutEvents" {
					n++
				}
			}
			if n != 1 {
				t.Errorf("the vendor was asked %d times: %v", n, r.Wire.Vendors())
			}
		},
		"late": func(t *testing.T, r *rig.Rig, c told, id string) {
			r.Handset().Decide(adaPhone, "approved")
			r.Clock.Advance(3 * time.Second)
			looks(t, r, id, "approved")
			r.Clock.Advance(10 * time.Minute)
			c.deliver(t, r)
			c.status = "denied"
			c.deliver(t, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
				r.Handset().Weather(`{"callbacks":"drop"}`)
				id := asked(t, r)
				deliver(t, r, saying(newest(t, r, adaPhone), "approved"), id)
				for range 3 {
					r.Clock.Advance(3 * time.Second)
					looks(t, r, id, "approved")
				}
				n := len(r.Bus.Events())
				if name == "doubled" { // whoever looks before the first has noted it tells as well
					n = 1
				}
				if e := r.Bus.Events(); n != 1 || len(e) == 0 || e[0].Detail["decision"] != "approved" || e[0].Detail["id"] != id {
					t.Errorf("%d events: %+v", n, e)
				}
			})
		})
	}
}

// The person is faster than the vendor's answer to us: the decision is there
// before we know whose it is. The owner is told once, whether or not the callback
// names the action.
func TestEarlyCallbackOfAnAction(t *testing.T) {
	t.Parallel()
	for _, names := range []bool{true, false} {
		eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
			r.Handset().Weather(`{"callbacks":"drop"}`)
			u, err := r.Table.User(t.Context(), store.Hash(ada))
			if err != nil {
				t.Fatal(err)
			}
			var early sync.Once // both writes wait until it is over
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if c.Step != "approvals" || c.Name != "UpdateItem" || len(r.Handset().Approvals(adaPhone)) == 0 {
					return rig.None
				}
				early.Do(func() {
					c := told{vendor: vendorOf(t), id: r.Handset().Approvals(adaPhone)[0].ID, by: u.ProviderRef, status: "denied"}
					if c.vendor == "verify" {
						c.by = u.Factors[0].SID
					}
					if names {
						c.session = actionIn(r)
					}
					c.deliver(t, r)
				})
				return rig.None
			})
			a := r.Owner().Ask(actionKey, transfer(t, r))
			id, _ := a.Doc["id"].(string)
			if a.Status != 200 || a.Doc["status"] != "denied" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			awaitEvents(t, r, 1)
			r.Clock.Advance(3 * time.Second)
			looks(t, r, id, "denied")
			if e := awaitEvents(t, r, 1)[0]; e.Detail["decision"] != "denied" || e.Detail["id"] != id {
				t.Errorf("%+v", e)
			}
		})
	}
}

// actionIn is the id of the one action in the table.
func actionIn(r *rig.Rig) string {
	for _, it := range r.Items() {
		pk, _ := it["pk"].(map[string]any)
		if strings.HasPrefix(fmt.Sprint(pk["S"]), "A#action#") {
			id, _ := it["id"].(map[string]any)
			return fmt.Sprint(id["S"])
		}
	}
	return ""
}

// A function that dies anywhere in asking leaves at most one push, and the same
// request again is answered with what is known. When somebody was asked, the
// answer on the phone reaches the owner all the same, by the callback.
func TestDyingInAsking(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 6, "authy": 6}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
	}, func(t *testing.T, what string, r *rig.Rig, _ *rig.Visitor, n int64, fault rig.Fault) {
		doc, dead := transfer(t, r), dieAt(n, fault)
		r.Wire.Break(dead)
		died := r.Owner().Ask(actionKey, doc)
		r.Wire.Break(nil)
		if died.Status != 503 && died.Status != 200 {
			t.Errorf("%s: %d %s", what, died.Status, died.Body)
		}
		r.Clock.Advance(15 * time.Second) // the repeat does not wait for who is dead
		a := r.Owner().Ask(actionKey, doc)
		id, _ := a.Doc["id"].(string)
		pushes := len(r.Handset().Approvals(adaPhone))
		if a.Status != 200 || a.Doc["status"] != "pending" || pushes > 1 || n == 1 && pushes != 1 {
			t.Errorf("%s: the repeat is %d %s after %d pushes", what, a.Status, a.Body, pushes)
			return
		}
		if pushes == 0 { // nobody was asked, and nobody knows that
			r.Clock.Advance(5 * time.Minute)
			looks(t, r, id, "expired")
			return
		}
		r.Handset().Decide(adaPhone, "approved")
		settled(t, r, id)
		r.Clock.Advance(3 * time.Second)
		looks(t, r, id, "approved")
		awaitEvents(t, r, 1)
	})
}

// The function that takes the callback dies anywhere after the vendor called: the
// vendor's repeat, or the owner's next look, brings the decision and the event.
func TestDyingInAnActionsCallback(t *testing.T) {
	t.Parallel()
	for fault, repeats := range map[rig.Fault]bool{rig.Lost: false, rig.Unheard: true} {
		eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
			r.Handset().Weather(`{"callbacks":"drop"}`)
			for n := range int64(4) {
				dyingInACallback(t, r, n+1, fault, repeats)
			}
			if !strings.Contains(r.Log.String(), "alarm: the owner was perhaps not told") {
				t.Error("no alarm")
			}
		})
	}
}

func dyingInACallback(t *testing.T, r *rig.Rig, n int64, fault rig.Fault, repeats bool) {
	t.Helper()
	was := len(r.Bus.Events())
	a := r.Owner().Ask(fmt.Sprintf("%s-%d", actionKey, n), transfer(t, r))
	id, _ := a.Doc["id"].(string)
	c := saying(newest(t, r, adaPhone), "denied")
	r.Handset().Decide(adaPhone, "denied")
	r.Wire.Break(dieAt(n, fault))
	c.deliver(t, r)
	r.Wire.Break(nil)
	if repeats {
		c.deliver(t, r)
	} else {
		r.Clock.Advance(3 * time.Second)
		looks(t, r, id, "denied")
	}
	got := len(r.Bus.Events())
	if got-was < 1 || got-was > 2 {
		t.Errorf("call %d: %d events", n, got-was)
	}
	c.deliver(t, r)
	looks(t, r, id, "denied")
	if len(r.Bus.Events()) != got {
		t.Errorf("call %d: told again", n)
	}
}

// Without a bus the vendor is told 200 and the owner's look answers; the event
// follows with the first look after the bus is back.
func TestNoBus(t *testing.T) {
	t.Parallel()
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		r.Handset().Weather(`{"callbacks":"drop"}`)
		r.Bus.Refuse("ThrottlingException")
		id := asked(t, r)
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		looks(t, r, id, "approved") // and leaves the telling to the callback, which may be at it
		if log := r.Log.String(); strings.Count(log, "alarm") != 1 || !strings.Contains(log, "ThrottlingException") || strings.Contains(log, "canary") {
			t.Errorf("the log says %s", log)
		}
		r.Clock.Advance(3 * time.Second)
		looks(t, r, id, "approved")
		r.Bus.Refuse("")
		looks(t, r, id, "approved")
		looks(t, r, id, "approved")
		awaitEvents(t, r, 1)
	})
}

// A vendor that is down: 503, and afterwards the same request tells what is
// known, without a second push; another key asks anew. One that says that it
// takes nothing leaves nothing, and the same request asks again.
func TestVendorDownForAnAction(t *testing.T) {
	t.Parallel()
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		doc := transfer(t, r)
		r.Handset().Weather(`{"api":"500"}`)
		down := r.Owner().Ask(actionKey, doc)
		if down.Status != 503 || down.Code() != "unavailable" || down.Header.Get("Retry-After") == "" {
			t.Errorf("down: %d %s", down.Status, down.Body)
		}
		r.Handset().Weather(`{"api":"429"}`)
		if busy := r.Owner().Ask(actionKey+"-2", doc); busy.Status != 429 || busy.Code() != "wait" {
			t.Errorf("busy: %d %s", busy.Status, busy.Body)
		}
		r.Handset().Weather(`{"api":"ok"}`)
		again := r.Owner().Ask(actionKey, doc)
		if again.Status != 200 || again.Doc["status"] != "pending" || len(r.Handset().Approvals(adaPhone)) != 0 {
			t.Errorf("again: %d %s", again.Status, again.Body)
		}
		for i, key := range []string{actionKey + "-2", actionKey + "-3"} {
			a := r.Owner().Ask(key, doc)
			if a.Status != 200 || len(r.Handset().Approvals(adaPhone)) != i+1 {
				t.Errorf("%s: %d %s", key, a.Status, a.Body)
			}
		}
		r.Clock.Advance(5 * time.Minute)
		looks(t, r, again.Doc["id"].(string), "expired")
	})
}

// A login's approval decides no action, and an action's opens no login, whatever
// the cookie says and whatever the callback names.
func TestLoginsAndActionsAreApart(t *testing.T) {
	t.Parallel()
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		r.Handset().Weather(`{"callbacks":"drop"}`)
		id := asked(t, r)
		action := newest(t, r, adaPhone)
		v := r.Visitor(true)
		w := waiting(t, r, v)
		login := newest(t, r, adaPhone)
		if login.Session == id || login.Ref == action.Ref || login.Action || !action.Action {
			t.Fatalf("%+v and %+v", login, action)
		}
		crossed := saying(action, "approved")
		crossed.session = login.Session
		crossed.deliver(t, r)
		crossed = saying(login, "approved")
		crossed.session = id
		crossed.deliver(t, r)
		looks(t, r, id, "pending")
		outside(t, "crossed", w)
		saying(action, "approved").deliver(t, r)
		named := clone(t, r, w)
		cookie := w.Cookie()
		named.SetCookie(cookie[:strings.LastIndex(cookie, ".")+1] + action.Ref.String())
		for what, c := range map[string]*rig.Visitor{"as it was": w, "naming the action's": named} {
			if state, _ := status(c); state == "approved" {
				t.Errorf("%s: status %q", what, state)
			}
			outside(t, what, c)
		}
		awaitEvents(t, r, 1)
		saying(login, "denied").deliver(t, r)
		looks(t, r, id, "approved")
		awaitEvents(t, r, 1)
	})
}

// What an action costs: the table's round trips in sequence, and the vendor's
// calls; a login's callback costs what it did.
func TestCostsOfActions(t *testing.T) {
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			r := rig.Start(t, rig.Options{Provider: provider})
			member(t, r, r.Visitor(true), ada, adaPhone)
			r.Handset().Weather(`{"callbacks":"drop"}`)
			cost := func(what string, depth int, vendors int, do func()) {
				t.Helper()
				r.Wire.Reset()
				do()
				if got := r.Wire.Depth(); got != depth || len(r.Wire.Vendors()) != vendors {
					t.Errorf("%s: %d round trips, want %d, and %v", what, got, depth, r.Wire.Vendors())
				}
			}
			doc, id := transfer(t, r), ""
			r.Wire.Delay(20 * time.Millisecond)
			cost("asking", 3, 1, func() { id, _ = r.Owner().Ask(actionKey, doc).Doc["id"].(string) })
			cost("a repeat", 2, 0, func() { r.Owner().Ask(actionKey, doc) })
			cost("a look", 2, 0, func() { looks(t, r, id, "pending") })
			c := saying(newest(t, r, adaPhone), "approved")
			cost("a callback", 4, 1, func() { c.deliver(t, r) })
			cost("a look at what was told", 2, 0, func() { looks(t, r, id, "approved") })
			refused := maps.Clone(doc)
			refused["message"] = ""
			cost("a refusal", 1, 0, func() { r.Owner().Ask(actionKey+"-2", refused) })
			waiting(t, r, r.Visitor(true))
			login := saying(newest(t, r, adaPhone), "approved")
			cost("a login's callback", 1, 0, func() { login.deliver(t, r) })
			cost("the same again", 1, 0, func() { login.deliver(t, r) })
		})
	}
}
