package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

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
	earlier []store.Push
	version int   // of the user's list
	limited error // why the text may not be sent
}

// plan reads what became of the user's recent pushes, if there are any.
func (s *step) plan(ctx context.Context, a *attempt) (plan, error) {
	u, now := a.user, a.now
	p := plan{earlier: u.Pushes, version: u.PushesVersion}
	device, reachable := providers.Device(u)
	_, err := s.set.Pushes(u.Provider)
	p.device, p.push = device, reachable && err == nil
	p.text = !p.push && s.textable(u)
	var refs []store.Ref
	for _, e := range u.Pushes {
		if e.Ref != (store.Ref{}) && now.Sub(e.At) < max(s.pushes.window, s.pushes.pause+s.pushes.life) {
			refs = append(refs, e.Ref)
		}
	}
	answers := map[store.Ref]store.Approval{}
	if len(refs) > 0 {
		answers, err = s.table.Approvals(ctx, refs...)
		if err != nil {
			return plan{}, err
		}
		s.inquire(ctx, u, refs[len(refs)-1], answers, now)
	}
	s.pushes.restrain(&p, a.token.ID, answers, now)
	return p, nil
}

// inquire asks the vendor about the newest push when no decision of it is known:
// if callbacks are lost and nobody polls, a denial would not be heard otherwise.
func (s *step) inquire(ctx context.Context, u store.User, r store.Ref, answers map[store.Ref]store.Approval, now time.Time) {
	a, known := answers[r]
	if !known || a.Answer() != "" || now.Sub(a.CreatedAt) < providers.Patience {
		return
	}
	decided, err := providers.Reconcile(ctx, s.set, s.table, a, now)
	if err != nil {
		s.site.Warn(ctx, "vendor did not say what became of an approval", err)
	}
	answers[r] = decided
}

// restrain takes the push out of a plan when there were too many, when one was
// denied, or when one is open. An entry of this very session, whose form was
// sent twice or again after a crash, is its own push and no other. What counts
// for nothing any more leaves the list, so that what does is not pushed out.
func (q pushing) restrain(p *plan, session string, answers map[store.Ref]store.Approval, now time.Time) {
	unanswered := 0
	var list []store.Push
	for _, e := range p.earlier {
		a := answers[e.Ref]
		switch answer := push.Decision(a.Answer()); {
		case e.Session == session:
		case answer == push.Denied && now.Sub(a.DecidedAt) < q.pause:
			p.push = false
		case answer != "" || now.Sub(e.At) >= max(q.window, q.life):
			continue
		default:
			if now.Sub(e.At) < q.window {
				unanswered++
			}
			if now.Before(e.At.Add(q.life)) {
				p.rival, p.push = e, false
			}
		}
		list = append(list, e)
	}
	p.earlier = list
	if unanswered >= q.unanswered {
		p.push = false
	}
}

// textable reports whether a text is the user's only way: with an app or a
// device at hand a code is asked for on the page. Who has Authy's app is known
// to Authy alone, which then sends nothing.
func (s *step) textable(u store.User) bool {
	return u.Provider == authy.Name || !slices.ContainsFunc(u.Factors, func(f store.Factor) bool { return f.Active })
}

// claim puts the attempt's push onto the user's list before anybody is asked, so
// that of two logins at once only one asks. The other learns of it.
func (s *step) claim(ctx context.Context, a *attempt, p *plan, agent string) error {
	if slices.ContainsFunc(p.earlier, func(e store.Push) bool { return e.Session == a.half.ID }) {
		return nil // an equal form of ours claimed it
	}
	mine := store.Push{Session: a.half.ID, At: a.now, Browser: browser(agent)}
	list := append(slices.Clone(p.earlier), mine)
	list = list[max(0, len(list)-kept):]
	var counted error
	var wg sync.WaitGroup
	wg.Go(func() { counted = s.table.Count(ctx, session.Pushes(a.user.UID, s.pushes.perDay), a.now) })
	err := s.table.SwapPushes(ctx, withVersion(a.user, p.version), list)
	wg.Wait()
	var limited *store.Limited
	if err == nil {
		p.earlier, p.version = list, p.version+1
		if errors.As(counted, &limited) {
			p.push = false
			return s.unlist(ctx, a, *p)
		}
		return counted
	}
	if !errors.Is(err, store.ErrRefused) {
		return err
	}
	u, err := s.table.User(ctx, a.user.Key)
	if err != nil {
		return err
	}
	p.earlier, p.version = u.Pushes, u.PushesVersion
	if len(u.Pushes) == 0 {
		return errNoPush
	}
	newest := u.Pushes[len(u.Pushes)-1]
	switch {
	case newest.Session == a.half.ID: // an equal form of ours claimed it
		return nil
	case a.now.Before(newest.At.Add(s.pushes.life)):
		p.push, a.half.Rival = false, newest
		return nil
	}
	return errNoPush
}

// errNoPush says that there is to be no push, and that nobody else's is open.
var errNoPush = errors.New("no push")

// name completes the list's entry with the vendor's id of the request.
func (s *step) name(ctx context.Context, a *attempt, p plan) error {
	list := slices.Clone(p.earlier)
	for i := range list {
		if list[i].Session == a.half.ID {
			list[i].Ref = a.half.Approval
		}
	}
	return s.table.SwapPushes(ctx, withVersion(a.user, p.version), list)
}

// withdraw takes the entry off the list again: nobody was asked.
func (s *step) withdraw(r *http.Request, a *attempt, p plan) {
	err := s.unlist(r.Context(), a, p)
	if err != nil {
		s.site.Log(r, "a push that was not sent is still counted", err)
	}
}

func (s *step) unlist(ctx context.Context, a *attempt, p plan) error {
	list := slices.DeleteFunc(slices.Clone(p.earlier), func(e store.Push) bool { return e.Session == a.half.ID })
	err := s.table.SwapPushes(ctx, withVersion(a.user, p.version), list)
	if errors.Is(err, store.ErrRefused) {
		return nil
	}
	return err
}

func withVersion(u store.User, version int) store.User {
	u.PushesVersion = version
	return u
}

// ask sends the push. What it shows is ours: nothing that a visitor could word
//
func (s *step) ask(ctx context.Context, r *http.Request, a *attempt, to push.Target) (string, error) {
	pushes, err := s.set.Pushes(a.user.Provider)
	if err != nil {
		return "", err
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	return pushes.Ask(ctx, to, push.Request{
		Session: a.half.ID, Message: s.pushes.message, At: a.now, Life: s.pushes.life,
		Details: []push.Detail{
			{Label: "number", Value: a.half.Number},
			{Label: "time", Value: a.now.Format("2 January 2006, 15:04 MST")},
			{Label: "browser", Value: browser(r.UserAgent())},
			{Label: "address", Value: address},
		},
	})
}

// number is what the push and the waiting page both show: of two logins at
// once, the person approves the one in front of them.
func number() string {
	n, err := rand.Int(rand.Reader, big.NewInt(90))
	if err != nil { // crypto/rand does not fail
		return ""
	}
	return fmt.Sprint(10 + n.Int64())
}
