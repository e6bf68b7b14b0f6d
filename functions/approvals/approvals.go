// Package approvals is for the owner's own programs: they ask a user to approve
// one action, such as a transfer, by a push to the user's device, and learn what
// the user decided. Only who signed the request with AWS credentials gets in
// (the gateway says who); cookies and forms open nothing here.
//
// The order of one POST: the user and an action under the same key are read; the
// request is held against what the user's vendor shows; the action is written
// while it is counted; the vendor is asked, once; then what came of it is kept.
//
// A repeat with the same key never asks again when the first time may have. After
// a crash or a lost answer in the middle of asking, the repeat says what is known:
// the action stays pending until its callback comes, which names it, and if none
// comes it expires.
package approvals

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey/shared/announce"
	"latchkey/shared/audit"
	"latchkey/shared/caller"
	"latchkey/shared/env"
	"latchkey/shared/providers"
	"latchkey/shared/push"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

type step struct {
	now      func() time.Time
	site     *web.Site
	table    *store.Table
	set      *providers.Set
	bus      *announce.Bus
	audit    audit.Log
	shortest time.Duration // of a request's life
	perHour  int           // requests to one user
	cool     time.Duration // after the user's phone was changed
	every    time.Duration // between two questions to the vendor about one approval
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), bus: announce.Open(cfg, vars), audit: audit.New(cfg)}
	s.site.AnyHost = true   // signed
	s.table.Abreast(cfg, 2) // an action, and the count of requests
	s.set = providers.New(cfg, vars)
	s.shortest = time.Minute // Verify takes none shorter
	if vars.Laptop() {
		s.shortest = time.Second
	}
	s.perHour = vars.Int("APPROVALS_PER_HOUR", 30, 1, 1000)
	s.cool = session.CoolDown(vars)
	s.every = vars.Duration("APPROVAL_POLL", providers.Patience, time.Second, time.Minute)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return programs(s.site.Handler(web.Routes{
		"POST /approvals":     signed(s.create),
		"GET /approvals/{id}": signed(s.show),
	})), nil
}

// programs answers JSON alone, whatever is accepted.
func programs(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Set("Accept", "application/json")
		h.ServeHTTP(w, r)
	})
}

// signed refuses who did not sign the request, even if the route was deployed
// without authorization.
func signed(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if caller.Of(r.Context()).IAM == "" {
			return web.Forbidden()
		}
		return h(w, r)
	}
}

// principal is whose an Idempotency-Key is. The last part of an assumed role's
// ARN names a session, which is another on each of a program's machines: a
// retry from the next one must find the first try's action. Such an ARN is
//
//	"arn:" partition ":sts:" region ":" account ":assumed-role/" role "/" session
//
// where a role, but no session, may have "/" in it. Any other is itself.
func principal(arn string) string {
	part := strings.SplitN(arn, ":", 6)
	if len(part) < 6 || part[0] != "arn" || part[2] != "sts" {
		return arn
	}
	name, ok := strings.CutPrefix(part[5], "assumed-role/")
	end := strings.LastIndexByte(name, '/')
	if !ok || end < 1 || strings.Contains(name[:end], "\n") {
		return arn
	}
	return strings.TrimSuffix(arn, name[end:])
}

// show is what is known of an action.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if !store.IsAction(id) {
		return missing()
	}
	a, err := s.table.Action(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return missing()
	}
	if err != nil {
		return err
	}
	return s.report(w, r, a)
}

func missing() error {
	return web.NoSuch("There is no approval with this id. It may have been deleted a day after it expired.")
}

// answer is the document of an action. p is zero when nothing is known of its
// approval.
func (s *step) answer(w http.ResponseWriter, a store.Action, p store.Approval) error {
	doc := map[string]any{
		"id": a.ID, "status": push.Expired, "expires_at": stamp(a.ValidUntil),
		"user": a.Whose(), "uid": a.UID, "reference": a.Reference,
	}
	switch decision := p.Answer(); {
	case decision == push.Approved || decision == push.Denied:
		doc["status"], doc["decided_at"] = decision, stamp(p.DecidedAt)
	case s.now().Before(a.ValidUntil) && decision != push.Expired:
		doc["status"] = push.Pending
	}
	return s.site.JSON(w, doc)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
