// Package password is where somebody who is signed in changes the password. It
// takes the current one and a second factor given a moment ago, so that a
// borrowed browser is not enough; it ends every other session and forgets every
// known browser, and tells the phone.
package password

import (
	"context"
	"errors"
	"net/http"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/env"
	"latchkey/shared/knowledge"
	"latchkey/shared/notice"
	"latchkey/shared/password"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// changed is what the user's phone is told.
const changed = "The password of your account was changed. If that was not you, contact us at once."

type step struct {
	site  *web.Site
	table *store.Table
	guard *session.Guard
	audit audit.Log
	care  *session.Care
	texts *notice.Texts
	known *knowledge.Factor
	rules password.Rules
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.table.Abreast(cfg, 2) // the epoch is adopted, and the notice counted
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.care = session.NewCare(vars, s.guard)
	s.texts = notice.New(cfg, vars, s.table)
	s.known = knowledge.New(cfg, vars, s.guard)
	s.rules = password.NewRules(vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET /password":  s.show,
		"POST /password": s.change,
	}), nil
}

// show is the form, for who may use it.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	u, _, err := s.care.Owner(w, r, "/password")
	if err != nil {
		return err
	}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"fields": []string{"current", "password"}})
	}
	return s.site.Page(w, r, view(u, nil))
}

// view is the form; neither password is ever in it.
func view(u store.User, p *web.Problem) web.View {
	return web.View{Title: "Change your password", SignedIn: true, Main: page(u.Email, p)}
}

// change takes the form.
func (s *step) change(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "current", "password")
	if err != nil {
		return err
	}
	u, full, err := s.care.Owner(w, r, "/password")
	if err != nil {
		return err
	}
	refuse := func(p *web.Problem) error { return p.On(view(u, p)) }
	wrong := s.faults(v["current"], v["password"])
	if len(wrong) > 0 {
		return refuse(web.Invalid(wrong...))
	}
	form := s.known.Form(r, "password", v["current"], v["password"])
	p := s.known.Try(r, u, form)
	if p != nil {
		return refuse(p)
	}
	if knowledge.Same(form, u.PasswordBy) { // sent twice, the first time with success
		return s.done(w, r, full, u.Epoch)
	}
	p = s.known.Compare(r, u, v["current"])
	if p != nil {
		return refuse(p)
	}
	// What is the person's own is told to nobody else: a stolen session could try
	// whole phone numbers.
	own := s.rules.Fault(v["password"], u.About()...)
	if own != "" {
		return refuse(web.Invalid(web.Field{Name: "password", Text: own}))
	}
	epoch, err := s.replace(r, u, full, v["password"], form)
	switch {
	case errors.Is(err, errOver):
		return web.NoSession("Your password is changed. Log in with the new one.").SendTo("/login", web.UseNewOne)
	case err != nil:
		return refuse(web.Unavailable(err))
	}
	return s.done(w, r, full, epoch)
}

// faults says what is wrong with the fields, whoever the account's owner is.
func (s *step) faults(current, next string) []web.Field {
	wrong := knowledge.Missing(current)
	text := s.rules.Fault(next)
	if text == "" && next == current {
		text = "Choose another password than the one you have."
	}
	if text != "" {
		wrong = append(wrong, web.Field{Name: "password", Text: text})
	}
	return wrong
}

// Why a change is not answered as one.
var (
	errRival = errors.New("the account was changed meanwhile")
	errOver  = errors.New("the session ended while its password was changed")
)

// replace writes the new password, and then lets this session live on. errOver
// says that it is over, but the password is changed.
func (s *step) replace(r *http.Request, u store.User, full store.Session, next, form string) (epoch string, err error) {
	hash, err := s.known.Hash(next)
	if err != nil {
		return "", err
	}
	epoch = session.NextEpoch(full)
	first := true
	err = s.table.ChangePassword(r.Context(), u, hash, epoch, form)
	if errors.Is(err, store.ErrRefused) {
		first, err = s.replaced(r.Context(), u, hash, form)
	}
	if err != nil {
		return "", err
	}
	wg := abreast.In(r.Context())
	if first {
		s.audit.Note(r, audit.PasswordChanged, audit.Of(full))
		wg.Go(func() { s.tell(r, u) })
	}
	err = s.table.AdoptEpoch(r.Context(), full, epoch)
	wg.Wait()
	if errors.Is(err, store.ErrRefused) {
		err = errOver
	}
	return epoch, err
}

// replaced finds out whether a change that was refused is made all the same: by
// this very request, whose answer was lost, or by an equal one.
func (s *step) replaced(ctx context.Context, u store.User, hash, form string) (first bool, err error) {
	latest, err := s.table.User(ctx, u.Key)
	if err != nil {
		return false, err
	}
	if latest.UID != u.UID || !knowledge.Same(form, latest.PasswordBy) {
		return false, errRival
	}
	return latest.Hash == hash, nil
}

// tell warns the user's phone. The change is made all the same.
func (s *step) tell(r *http.Request, u store.User) {
	if !s.texts.On() {
		return
	}
	err := s.texts.Send(r.Context(), u.Phone, changed)
	if err != nil {
		s.site.Log(r, "change of a password not told by text", err)
	}
}

// done makes this browser a known one again, in the new epoch.
func (s *step) done(w http.ResponseWriter, r *http.Request, full store.Session, epoch string) error {
	full.Epoch = epoch
	s.guard.Remember(w, r, full)
	return s.site.Next(w, r, "/account", web.NewPassword)
}
