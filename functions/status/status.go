// Package status is where a login waits for its approval. GET reports, as a page
// or to its script, and changes nothing that anybody could see; POST turns an
// approved request into a signed-in session, once, for the browser that began
// the login and for no other.
//
// The callback usually has written the decision before the next poll. When none
// has come for a while, one of the polls asks the vendor.
package status

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/providers"
	"latchkey/shared/push"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	now   func() time.Time
	site  *web.Site
	table *store.Table
	guard *session.Guard
	audit audit.Log
	set   *providers.Set
	every time.Duration // between two questions to the vendor about one approval
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.table.Abreast(cfg, 4) // confirmed, and meanwhile what failed before is forgotten
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.set = providers.New(cfg, vars)
	s.every = vars.Duration("APPROVAL_POLL", providers.Patience, time.Second, time.Minute)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET /status":  s.show,
		"POST /status": s.confirm,
	}), nil
}

// read finds the login of a request, and asks the vendor when it is time to. An
// approval of a device that was removed since is none.
func (s *step) read(r *http.Request) (session.Waiting, error) {
	l, err := s.guard.Waiting(r.Context(), r)
	if err != nil {
		return l, err
	}
	a := l.Approval
	if !providers.Asks(l.User, a.Subject) {
		l.Approval = store.Approval{}
		return l, nil
	}
	if a.Open(s.now()) && s.now().Sub(a.CreatedAt) >= s.every {
		l.Approval = s.reconcile(r, a)
	}
	return l, nil
}

// state is what the visitor is told, in package push's words.
func (s *step) state(a store.Approval) push.Decision {
	switch answer := a.Answer(); {
	case answer == push.Approved || answer == push.Denied:
		return answer
	case a.Open(s.now()):
		return push.Pending
	}
	return push.Expired
}

// show is the waiting page, or what its script polls.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	l, err := s.read(r)
	if errors.Is(err, session.ErrConfirmed) && web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"status": push.Approved, "number": "", "retry_after": 0, "expires_in": 0})
	}
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	if l.Approval.Session == "" {
		return codeOnly()
	}
	now := s.now()
	state, left := s.state(l.Approval), max(0, l.Approval.ValidUntil.Sub(now))
	next := pace(now.Sub(l.Approval.CreatedAt))
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{
			"status": state, "number": l.Half.Number, "retry_after": next, "expires_in": seconds(left),
		})
	}
	if state == push.Denied {
		return s.site.Next(w, r, "/verify", web.Denied)
	}
	return s.site.Page(w, r, view(content{state, l.Half.Number, seconds(left), next}))
}

// content is what the page shows.
type content struct {
	State  push.Decision
	Number string
	Left   int // seconds until it expires
	Again  int // seconds until the page looks again
}

func view(c content) web.View {
	v := web.View{Title: "Approve the login on your phone", Main: page(c)}
	if c.State == push.Pending {
		v.Head = again(c.Again)
	}
	return v
}

// codeOnly is a login that asked nobody by push, or whose push is lost.
func codeOnly() error {
	return web.NoSession("This login waits for a code, not for an approval.").SendTo("/verify", web.NoNotice)
}

// pace is after how many seconds to ask again: at once at first, then less and
// less often (design section 3).
func pace(waited time.Duration) int {
	switch {
	case waited < 2*time.Second:
		return 1
	case waited < 4*time.Second:
		return 2
	case waited < 7*time.Second:
		return 3
	}
	return 5
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// confirm signs the browser in if its own request was approved.
func (s *step) confirm(w http.ResponseWriter, r *http.Request) error {
	_, err := web.ReadIfAny(r)
	if err != nil {
		return err
	}
	l, err := s.read(r)
	if errors.Is(err, session.ErrNone) {
		return s.repeat(w, r)
	}
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	if l.Approval.Session == "" {
		return codeOnly()
	}
	switch s.state(l.Approval) {
	case push.Denied:
		return web.WasDenied().SendTo("/verify", web.Denied)
	case push.Expired:
		return web.Expired("Nobody answered on your phone in time. Enter a code instead, or log in again.").SendTo("/verify", web.TooLate)
	case push.Pending:
		return web.StillPending("Nobody has answered on your phone yet.").SendTo("/status", web.NoNotice)
	}
	t, first, err := s.guard.Confirm(r.Context(), l.Half, l.Token, proof(r, l.Token), store.FactorPush)
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	if first {
		s.audit.Note(r, audit.Confirmed, audit.Of(l.Half).By(store.FactorPush))
	}
	s.guard.Set(w, r, t)
	s.guard.Remember(w, r, l.Half)
	return s.site.Next(w, r, session.Destination(l.Half), web.NoNotice)
}

// repeat answers a request like the one that confirmed the session.
func (s *step) repeat(w http.ResponseWriter, r *http.Request) error {
	t, ok := s.guard.Token(r)
	if !ok {
		return s.guard.Refuse(w, r, session.ErrNone)
	}
	rotated, whole, err := s.guard.Repeat(r.Context(), t, proof(r, t))
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	s.guard.Set(w, r, rotated)
	s.guard.Remember(w, r, whole)
	return s.site.Next(w, r, session.Destination(whole), web.NoNotice)
}

// proof is what a repeat must bring besides the cookie. There is no code here; a
// thief of the cookie mostly is elsewhere, or has another browser.
func proof(r *http.Request, t session.Token) string {
	return t.ID + " " + budget.Network(r.RemoteAddr) + " " + r.UserAgent()
}

// reconcile asks the vendor what became of an approval that no callback told us
// of, if it is this request's turn (F-21).
func (s *step) reconcile(r *http.Request, a store.Approval) store.Approval {
	err := s.table.Lease(r.Context(), a.Ref, s.every, s.now())
	if errors.Is(err, store.ErrRefused) {
		return a
	}
	if err == nil {
		a, err = providers.Reconcile(r, s.set, s.table, a, s.now())
	}
	if err != nil {
		s.site.Log(r, "vendor did not say what became of an approval", err)
	}
	return a
}
