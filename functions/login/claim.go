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

	"latchkey/shared/push"
	"latchkey/shared/store"
)

// claim puts the attempt's push onto the user's list, and counts it, before
// anybody is asked, so that of two logins at once only one asks. The other learns
// of it.
func (s *step) claim(ctx context.Context, a *attempt, p *plan, agent string) error {
	own := func(e store.Push) bool { return e.Session == a.half.ID }
	if slices.ContainsFunc(p.owner.Pushes, func(e store.Push) bool { return own(e) && a.now.Sub(e.At) < s.pushes.life }) {
		return nil // an equal form of ours claimed it
	}
	next := p.owner
	next.Pushes = append(slices.DeleteFunc(slices.Clone(next.Pushes), own), store.Push{Session: a.half.ID, At: a.now, Browser: browser(agent)})
	next.Pushes = next.Pushes[max(0, len(next.Pushes)-kept):]
	next.PushCount++
	err := s.table.SwapPushes(ctx, next)
	if err == nil {
		next.PushesVersion++
		p.owner, p.claimed = next, true
		return nil
	}
	if !errors.Is(err, store.ErrRefused) {
		return err
	}
	p.owner, err = s.table.User(ctx, a.user.Key)
	if err != nil {
		return err
	}
	if len(p.owner.Pushes) == 0 {
		return errNoPush
	}
	newest := p.owner.Pushes[len(p.owner.Pushes)-1]
	switch {
	case own(newest): // an equal form of ours claimed it
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
	p.owner.Pushes = slices.Clone(p.owner.Pushes)
	for i, e := range p.owner.Pushes {
		if e.Session == a.half.ID {
			p.owner.Pushes[i].Ref = a.half.Approval
		}
	}
	return s.table.SwapPushes(ctx, p.owner)
}

// withdraw takes the entry off the list again, and off the count: nobody was
// asked.
func (s *step) withdraw(r *http.Request, a *attempt, p plan) {
	p.owner.Pushes = slices.DeleteFunc(slices.Clone(p.owner.Pushes), func(e store.Push) bool { return e.Session == a.half.ID })
	p.owner.PushCount = max(0, p.owner.PushCount-1)
	err := s.table.SwapPushes(r.Context(), p.owner)
	if err != nil && !errors.Is(err, store.ErrRefused) {
		s.site.Log(r, "a push that was not sent is still counted", err)
	}
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
