// Package callback takes what the vendors tell of approvals: Authy's signed
// POST and Verify's webhook, at one address.
//
// What is authentic is answered 200, whatever it says and whatever becomes of
// it: Authy stops calling after three errors. What is not is answered
// 403 before anything is read or written. The decision goes to the approval that
// the vendor names and to nothing else; whether it counts, and for whom, is
// decided where it is used. When it is an action's, the owner is told at once.
package callback

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"latchkey/shared/announce"
	"latchkey/shared/audit"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/providers"
	"latchkey/shared/push"
	"latchkey/shared/store"
	"latchkey/shared/verify"
	"latchkey/shared/web"
)

const path = "/onetouch/callback"

// maxBody bounds a callback, in bytes.
const maxBody = 64 << 10

// patience bounds the write: the vendor gets its answer within a second, also
// when the table is down.
const patience = 800 * time.Millisecond

// telling bounds what comes after it for an action: the owner's event.
const telling = 1200 * time.Millisecond

// receiver is one vendor's callbacks.
type receiver struct {
	provider string
	push.Receiver
}

type step struct {
	now       func() time.Time
	log       *slog.Logger
	audit     audit.Log
	site      *web.Site
	table     *store.Table
	bus       *announce.Bus
	url       string // of the stack as its vendors know it; "" stands for the gateway's own
	receivers []receiver
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, log: cfg.Log, audit: audit.New(cfg), site: web.New(cfg, vars), table: store.Open(cfg, vars), bus: announce.Open(cfg, vars)}
	s.url = vars.URL("PUBLIC_URL", "")
	s.receivers = []receiver{{authy.Name, authy.NewReceiver(vars)}, {verify.Name, verify.NewReceiver(vars)}}
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET " + path:  s.ping,
		"POST " + path: s.receive,
	}), nil
}

// ping is what a console asks to see whether the address is there (parity 98).
func (s *step) ping(w http.ResponseWriter, _ *http.Request) error {
	return s.site.JSON(w, map[string]bool{"connected": true})
}

// receive takes one callback.
func (s *step) receive(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return web.Malformed("The request broke off.")
	}
	if len(body) > maxBody {
		p := web.TooLarge()
		p.Detail = "A callback may hold 64 KiB."
		return p
	}
	for _, v := range s.receivers {
		if !v.Claims(r.Header) {
			continue
		}
		event, err := v.Receive(s.address(r), r, body)
		switch {
		case err == nil:
			s.record(r, v.provider, event)
			return s.site.JSON(w, struct{}{})
		case errors.Is(err, push.ErrMeaningless):
			s.log.WarnContext(r.Context(), "a callback decides nothing", "provider", v.provider, "error", err)
			return s.site.JSON(w, struct{}{})
		}
		s.log.ErrorContext(r.Context(), "alarm: a callback is not authentic; if it is the vendor's, the key or PUBLIC_URL is wrong",
			"provider", v.provider, "error", err)
		return s.forged(r, v.provider)
	}
	return s.forged(r, "")
}

// forged refuses what is not a vendor's. provider is whose it claims to be.
func (s *step) forged(r *http.Request, provider string) error {
	s.audit.Note(r, audit.CallbackForged, audit.Facts{Provider: provider})
	return web.Forged()
}

// address is what the vendor signed: from the configuration, never from what
// the request says of itself, but for a stack that has no other name than the
// gateway's.
func (s *step) address(r *http.Request) string {
	if s.url == "" {
		return "https://" + r.Host + path
	}
	return s.url + path
}

// record keeps the decision. When that fails, the poll of the login or of the
// action learns of it from the vendor (F-26). A repeat that names an action looks
// whether the owner was told: the first time may have died before that.
func (s *step) record(r *http.Request, provider string, e push.Event) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	ref := store.Ref{Provider: provider, ID: e.Ref}
	a, err := s.table.RecordDecision(ctx, store.Approval{Ref: ref, Decision: e.Decision, DecidedAt: s.now(), By: e.Subject, Via: e.Session})
	if err == nil {
		s.audit.Decided(r, a)
	}
	if errors.Is(err, store.ErrRefused) && store.IsAction(e.Session) {
		a, err = s.table.Approval(ctx, ref)
	}
	switch {
	case errors.Is(err, store.ErrRefused):
		s.log.InfoContext(r.Context(), "a callback changes nothing: it is a repeat, or not from whom we asked", "provider", provider)
	case err != nil:
		s.log.ErrorContext(r.Context(), "alarm: a decision was not kept; the poll of its login or action will ask the vendor", "provider", provider, "error", err)
	case a.Action || a.Session == "" && store.IsAction(a.Via):
		s.tell(r, a)
	}
}

// tell sends the owner the event of a decided action, if it counts. When that
// fails, the owner's next look at the action sends it.
func (s *step) tell(r *http.Request, a store.Approval) {
	ctx, cancel := context.WithTimeout(r.Context(), telling)
	defer cancel()
	action, a, err := s.action(ctx, a)
	if err == nil {
		a, err = providers.Standing(ctx, s.table, action, a)
	}
	if err == nil {
		err = s.bus.Tell(ctx, s.table, action, a, s.now())
	}
	if err != nil {
		s.log.ErrorContext(r.Context(), "alarm: the owner was perhaps not told of a decision; GET /approvals/{id} tells it", "error", err)
	}
}

// action reads the action of an approval. Whose it is may not be written yet,
// since the person was quick, or never, since the vendor's answer to us was lost:
// then it is the one that the signed callback brings back, if it was asked of
// this very person. What the action and the approval do not know of each other is
// written before anybody is told.
func (s *step) action(ctx context.Context, a store.Approval) (store.Action, store.Approval, error) {
	id := a.Session
	if !a.Action {
		id = a.Via
	}
	action, err := s.table.Action(ctx, id)
	if err != nil {
		return store.Action{}, a, err
	}
	if action.Subject != a.By || action.Ref != (store.Ref{}) && action.Ref != a.Ref {
		return store.Action{}, store.Approval{}, nil
	}
	if action.Ref == (store.Ref{}) {
		action.Ref = a.Ref
		err = s.table.AskedAction(ctx, action, s.now())
	}
	if err == nil && !a.Action {
		a, err = s.table.RecordApproval(ctx, action.Approval())
	}
	return action, a, err
}
