package login

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/providers"
	"latchkey/shared/push"
	"latchkey/shared/session"
	"latchkey/shared/store"
)

// pushing says when a user is asked by push at all: a person who is asked too
// often approves to be left alone.
type pushing struct {
	message    string
	life       time.Duration // of one request
	unanswered int           // requests in window that nobody answered, after which there are none
	window     time.Duration
	pause      time.Duration // after a denial
	perDay     int           // requests since the last completed login
}

// kept is how many of a user's pushes are remembered.
const kept = 3

const day = 24 * time.Hour

func newPushing(vars *env.Vars) pushing {
	shortest := time.Minute // Verify takes none shorter
	if vars.Laptop() {
		shortest = time.Second
	}
	p := pushing{
		message:    vars.String("PUSH_MESSAGE", "Are you logging in? Approve only if the page shows this number."),
		life:       vars.Duration("APPROVAL_LIFE", 5*time.Minute, shortest, 5*time.Minute),
		unanswered: vars.Int("PUSHES_UNANSWERED", kept, 1, kept),
		window:     vars.Duration("PUSH_WINDOW", 10*time.Minute, shortest, time.Hour),
		perDay:     vars.Int("PUSHES_PER_DAY", 10, 1, 100),
		pause:      vars.Duration("PUSH_PAUSE", time.Hour, shortest, 24*time.Hour),
	}
	if len(p.message) > 140 {
		vars.Fault("PUSH_MESSAGE", "must be at most 140 bytes, since phones show no more")
	}
	return p
}

// plan is how a user's second factor is going to be asked for.
type plan struct {
	push    bool
	device  push.Target
	text    bool       // a text at once, because there is nothing else
	rival   store.Push // another login's open push
	paused  bool       // no push, because of what became of earlier ones
	owner   store.User // as last seen, with what is to be kept of the pushes
	claimed bool       // by this very request, not by an equal one
	limited error      // why the text may not be sent
}

// plan reads what became of the user's recent pushes, if there are any.
func (s *step) plan(r *http.Request, a *attempt) (plan, error) {
	u := a.user
	p := plan{owner: u}
	device, reachable := providers.Device(u)
	_, err := s.set.Pushes(u.Provider)
	p.device, p.push = device, reachable && err == nil && a.channel == ""
	p.text = a.channel != "" || !p.push && s.textable(u)
	var refs []store.Ref
	for _, e := range u.Pushes {
		if e.Ref != (store.Ref{}) && a.now.Sub(e.At) < s.pushes.memory() {
			refs = append(refs, e.Ref)
		}
	}
	answers := map[store.Ref]store.Approval{}
	if len(refs) > 0 {
		answers, err = s.table.Approvals(r.Context(), refs...)
		if err != nil {
			return plan{}, err
		}
		s.inquire(r, answers, a.now)
	}
	s.pushes.restrain(&p, a.token.ID, answers, a.now)
	return p, nil
}

// inquire asks the vendor about pushes of which no decision is known: if
// callbacks are lost and nobody polls, a denial would not be heard otherwise.
func (s *step) inquire(r *http.Request, answers map[store.Ref]store.Approval, now time.Time) {
	var mu sync.Mutex
	wg := abreast.In(r.Context())
	for ref, a := range maps.Clone(answers) {
		if a.Answer() != "" || now.Sub(a.CreatedAt) < providers.Patience {
			continue
		}
		wg.Go(func() {
			decided, err := providers.Reconcile(r, s.set, s.table, a, now)
			if err != nil {
				s.site.Log(r, "vendor did not say what became of an approval", err)
			}
			mu.Lock()
			defer mu.Unlock()
			answers[ref] = decided
		})
	}
	wg.Wait()
}

// open reports whether an unanswered push can still be approved: not when it was
// asked of a device that was removed since, nor when the vendor's answer to it is
// lost: what the phone says to that one opens nothing, so another may be sent.
func (q pushing) open(e store.Push, a store.Approval, owner store.User, now time.Time) bool {
	age := now.Sub(e.At)
	if a.Answer() == push.Expired { // by the vendor's clock, which counts in seconds
		return false
	}
	if a.Session != "" && !providers.Asks(owner, a.Subject) {
		return false
	}
	return age < q.life && (e.Ref != store.Ref{} || age < session.Abandoned)
}

// memory is for how long a push can matter to a later login.
func (q pushing) memory() time.Duration { return max(q.window, q.pause+q.life) }

// restrain takes the push out of a plan when there were too many, when one was
// denied, or when one is open. An entry of this very session, whose form was
// sent twice or again after a crash, is its own push and no other. What counts
// for nothing any more leaves the list, so that what does is not pushed out.
func (q pushing) restrain(p *plan, own string, answers map[store.Ref]store.Approval, now time.Time) {
	able := p.push
	if now.Sub(p.owner.PushSince) >= day {
		p.owner.PushCount, p.owner.PushSince = 0, now
	}
	unanswered, most := 0, q.perDay
	var list []store.Push
	for _, e := range p.owner.Pushes {
		a, age := answers[e.Ref], now.Sub(e.At)
		answer := a.Answer()
		switch {
		case e.Session == own && age < q.life:
			most++ // it is counted already
		case answer == push.Denied && now.Sub(a.DecidedAt) < q.pause:
			p.push = false
		case answer == push.Denied, answer == push.Approved, age >= q.memory(), answer == push.Expired && age >= q.window:
			continue
		default:
			if age < q.window {
				unanswered++
			}
			if q.open(e, a, p.owner, now) {
				p.rival, p.push = e, false
			}
		}
		list = append(list, e)
	}
	p.owner.Pushes = list
	if unanswered >= q.unanswered || p.owner.PushCount >= most {
		p.push = false
	}
	p.paused = able && !p.push && p.rival == store.Push{}
}

// textable reports whether a text is the user's only way: with an app or a
// device at hand a code is asked for on the page. Who has Authy's app is known
// to Authy alone, which then sends nothing.
func (s *step) textable(u store.User) bool {
	return u.Provider == authy.Name || !slices.ContainsFunc(u.Factors, func(f store.Factor) bool { return f.Active })
}
