// Package callback takes what the vendors tell of approvals: Authy's signed
// POST and Verify's webhook, at one address.
//
// What is authentic is answered 200, whatever it says and whatever becomes of
// it: Authy stops calling after three errors. What is not is answered
// 403 before anything is read or written. The decision goes to the approval that
// the vendor names and to nothing else; whether it counts, and for whom, is
// decided where it is used.
package callback

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"latchkey/shared/authy"
	"latchkey/shared/env"
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

// receiver is one vendor's callbacks.
type receiver struct {
	provider string
	push.Receiver
}

type step struct {
	now       func() time.Time
	log       *slog.Logger
	site      *web.Site
	table     *store.Table
	url       string // of the stack as its vendors know it; "" stands for the gateway's own
	receivers []receiver
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, log: cfg.Log, site: web.New(cfg, vars), table: store.Open(cfg, vars)}
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
		return web.TooLarge()
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
		return web.Forged()
	}
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

// record keeps the decision. When that fails, the poll of the login learns of it
// from the vendor (F-26).
func (s *step) record(r *http.Request, provider string, e push.Event) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	err := s.table.RecordDecision(ctx, store.Approval{
		Ref: store.Ref{Provider: provider, ID: e.Ref}, Decision: e.Decision, DecidedAt: s.now(), By: e.Subject, Via: e.Session,
	})
	switch {
	case errors.Is(err, store.ErrRefused):
		s.log.InfoContext(r.Context(), "a callback changes nothing: it is a repeat, or not from whom we asked", "provider", provider)
	case err != nil:
		s.log.ErrorContext(r.Context(), "alarm: a decision was not kept; the login's poll will ask the vendor", "provider", provider, "error", err)
	}
}
