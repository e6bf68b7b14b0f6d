// Package recovery is for the day on which the phone is lost. Signed in, a
// person who gives the password is shown ten codes once, to be kept where the
// phone is not. At a login,
// after the password, one of them stands for the lost phone: it opens nothing by
// itself, but lets a new phone be proved (step phone). So no way in goes past the
// second factor (parity 127; R-056).
package recovery

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/env"
	"latchkey/shared/knowledge"
	"latchkey/shared/notice"
	"latchkey/shared/recovery"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// count is how many codes a person gets.
const count = 10

// made is what the user's phone is told.
const made = "New recovery codes were made for your account; the old ones are void. If that was not you, contact us at once."

type step struct {
	now   func() time.Time
	site  *web.Site
	table *store.Table
	guard *session.Guard
	audit audit.Log
	care  *session.Care
	known *knowledge.Factor
	texts *notice.Texts
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.table.Abreast(cfg, 2) // a try, and the user
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.care = session.NewCare(vars, s.guard)
	s.known = knowledge.New(cfg, vars, s.guard)
	s.texts = notice.New(cfg, vars, s.table)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET /recovery":        s.ask,
		"POST /recovery":       s.use,
		"GET /recovery/codes":  s.show,
		"POST /recovery/codes": s.create,
	}), nil
}

// show says how many codes are left.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	u, _, err := s.guard.SignedIn(w, r, "/recovery/codes")
	if err != nil {
		return err
	}
	if !web.WantsJSON(r) {
		return s.site.Page(w, r, codesView(u, nil, nil))
	}
	doc := map[string]any{"left": u.RecoveryLeft()}
	if !u.RecoveryAt.IsZero() {
		doc["made_at"] = u.RecoveryAt.Format(time.RFC3339)
	}
	return s.site.JSON(w, doc)
}

// codesView is the page, with the codes that were made just now, if any were.
func codesView(u store.User, codes []string, p *web.Problem) web.View {
	c := codesContent{u.Email, u.RecoveryLeft(), u.RecoveryAt, codes, p}
	return web.View{Title: "Recovery codes", SignedIn: true, Main: codesPage(c)}
}

// codesContent is what the page with the codes shows.
type codesContent struct {
	Email   string
	Left    int       // codes that are not used
	At      time.Time // when they were made; zero when there are none
	Codes   []string  // made just now
	Problem *web.Problem
}

// create makes new codes in the place of all others. Of two requests at once one
// succeeds: the other's codes would be void before anybody has read them.
func (s *step) create(w http.ResponseWriter, r *http.Request) error {
	v, err := web.ReadIfAny(r, "current")
	if err != nil {
		return err
	}
	u, full, err := s.care.Owner(w, r, "/recovery/codes")
	if err != nil {
		return err
	}
	refuse := func(p *web.Problem) error { return p.On(codesView(u, nil, p)) }
	wrong := knowledge.Missing(v["current"])
	if len(wrong) > 0 {
		return refuse(web.Invalid(wrong...))
	}
	p := s.known.Prove(r, u, v["current"], s.known.Form(r, "codes", v["current"]))
	if p != nil {
		return refuse(p)
	}
	codes := recovery.New(count)
	list := make([]store.RecoveryCode, 0, count)
	for _, c := range codes {
		list = append(list, store.RecoveryCode{Hash: recovery.Digest(u.UID, c)})
	}
	wg := abreast.In(r.Context())
	wg.Go(func() { s.known.Forget(r.Context(), u) })
	err = s.table.SwapRecovery(r.Context(), u, list, s.now())
	wg.Wait()
	if errors.Is(err, store.ErrRefused) {
		err = s.kept(r.Context(), u, list, err)
	}
	if errors.Is(err, store.ErrRefused) {
		return refuse(web.Wait(time.Second, "Codes were made or used in another window just now; those are the ones that count."))
	}
	if err != nil {
		return refuse(web.Unavailable(err))
	}
	s.audit.Note(r, audit.RecoveryRenewed, audit.Of(full))
	s.tell(r, u, made)
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"codes": codes})
	}
	u.Recovery, u.RecoveryAt = list, s.now()
	return s.site.Page(w, r, codesView(u, codes, nil))
}

// kept finds out whether the codes that could not be written are there all the
// same: the try before, whose answer was lost, has written them.
func (s *step) kept(ctx context.Context, u store.User, list []store.RecoveryCode, refused error) error {
	latest, err := s.table.User(ctx, u.Key)
	if err != nil {
		return err
	}
	if latest.UID == u.UID && slices.EqualFunc(latest.Recovery, list, func(a, b store.RecoveryCode) bool { return bytes.Equal(a.Hash, b.Hash) }) {
		return nil
	}
	return refused
}

// tell warns the user's phone. What is done is done all the same.
func (s *step) tell(r *http.Request, u store.User, text string) {
	if !s.texts.On() {
		return
	}
	err := s.texts.Send(r.Context(), u.Phone, text)
	if err != nil {
		s.site.Log(r, "change of recovery codes not told by text", err)
	}
}
