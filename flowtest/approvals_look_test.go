package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// A look that dies anywhere, after the callback was lost, takes nothing away: the
// next one brings the decision and the event, though the event may come twice.
func TestDyingInALook(t *testing.T) {
	t.Parallel()
	deaths(t, map[string]int{"verify": 7, "authy": 7}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Handset().Weather(`{"callbacks":"drop"}`)
	}, func(t *testing.T, what string, r *rig.Rig, _ *rig.Visitor, n int64, fault rig.Fault) {
		id := asked(t, r)
		r.Handset().Decide(adaPhone, "denied")
		r.Clock.Advance(3 * time.Second)
		r.Wire.Break(dieAt(n, fault))
		died := r.Owner().Look(id)
		r.Wire.Break(nil)
		if died.Status != 200 && died.Status != 503 {
			t.Errorf("%s: %d %s", what, died.Status, died.Body)
		}
		for range 2 {
			r.Clock.Advance(3 * time.Second)
			looks(t, r, id, "denied")
		}
		if got := len(r.Bus.Events()); got < 1 || got > 2 {
			t.Errorf("%s: %d events", what, got)
		}
	})
}

// The vendor's answer to us is lost, and the person is asked: the signed callback
// brings the action's id back, and is believed if it is from whom we asked.
func TestTheCallbackMendsALostAnswer(t *testing.T) {
	t.Parallel()
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		r.Handset().Weather(`{"callbacks":"drop"}`)
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Step == "approvals" && !c.Table {
				return rig.Unheard
			}
			return rig.None
		})
		lost := r.Owner().Ask(actionKey, transfer(t, r))
		r.Wire.Break(nil)
		if lost.Status != 503 || len(r.Handset().Approvals(adaPhone)) != 1 {
			t.Fatalf("%d %s", lost.Status, lost.Body)
		}
		again := r.Owner().Ask(actionKey, transfer(t, r))
		id, _ := again.Doc["id"].(string)
		if again.Status != 200 || again.Doc["status"] != "pending" {
			t.Errorf("%d %s", again.Status, again.Body)
		}
		action, err := r.Table.Action(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		c := told{vendor: vendorOf(t), id: r.Handset().Approvals(adaPhone)[0].ID, by: action.Subject, status: "approved", session: id}
		others := strings.ReplaceAll("01234", c.id[len(c.id)-1:], "") // each is a request of its own
		for what, change := range map[string]func(c *told){
			"another person":         func(c *told) { c.by = wrong(c.by) },
			"nobody's action":        func(c *told) { c.session = id[:32] + id[:32] },
			"the half of its id":     func(c *told) { c.session = id[:32] },
			"a session's name of it": func(c *told) { c.session = id[32:] },
		} {
			other := c
			change(&other)
			other.id, others = c.id[:len(c.id)-1]+others[:1], others[1:]
			other.deliver(t, r)
			looks(t, r, id, "pending")
			now, err := r.Table.Action(t.Context(), id)
			if err != nil || now.Ref != action.Ref || !now.ToldAt.IsZero() {
				t.Errorf("%s: %+v %v", what, now, err)
			}
		}
		r.Bus.Refuse("ThrottlingException")
		c.deliver(t, r)
		r.Bus.Refuse("")
		looks(t, r, id, "approved")
		r.Clock.Advance(3 * time.Second)
		looks(t, r, id, "approved")
		awaitEvents(t, r, 1)
		if n := len(r.Handset().Approvals(adaPhone)); n != 1 {
			t.Errorf("%d pushes", n)
		}
	})
}

// An action whose approval was never written is still one that can be asked
// about: whoever looks writes it.
func TestALookMendsALostApproval(t *testing.T) {
	t.Parallel()
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		for i, d := range []string{"approved", "denied"} {
			r.Handset().Weather(`{"callbacks":"drop"}`)
			a := r.Owner().Ask(actionKey+d, transfer(t, r))
			id, _ := a.Doc["id"].(string)
			r.Lose(newest(t, r, adaPhone).Ref)
			r.Handset().Decide(adaPhone, d)
			looks(t, r, id, "pending")
			r.Clock.Advance(3 * time.Second)
			looks(t, r, id, d)
			awaitEvents(t, r, i+1)
		}
	})
}
