// Package password is where somebody who is signed in changes the password. It
// takes the current one and a second factor given a moment ago, so that a
// borrowed browser is not enough; it ends every other session and forgets every
// known browser, and tells the phone.
package password

import (
	"context"
	_ "embed" // the page
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/message"
	"latchkey/shared/password"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

//go:embed password.html
var pageText string

// changed is what the user's phone is told.
const changed = "The password of your account was changed. If that was not you, contact us at once."

type step struct {
	site  *web.Site
	page  *web.Page
	table *store.Table
	guard *session.Guard
	care  *session.Care
	lane  session.Lane
	texts *message.Client
	cost  int
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{site: web.New(cfg, vars), table: store.Open(cfg, vars)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.care = session.NewCare(vars, s.guard)
	s.lane = session.Lane{Free: 5, Longest: 15 * time.Minute}
	s.texts = message.New(cfg, vars)
	s.cost = password.Cost(vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	s.page = s.site.Parse("password", pageText)
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
	return s.site.Page(w, r, s.page, view(u, nil))
}

// view is the form; neither password is ever in it.
func view(u store.User, p *web.Problem) web.View {
	return web.View{Title: "Change your password", SignedIn: true, Data: struct {
		Email   string
		Problem *web.Problem
	}{u.Email, p}}
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
	refuse := func(p *web.Problem) error { return p.On(s.page, view(u, p)) }
	wrong := faults(v["current"], v["password"])
	if len(wrong) > 0 {
		return refuse(web.Invalid(wrong...))
	}
	err = s.prove(r, u, v["current"], v["password"])
	var limited *store.Limited
	switch {
	case errors.As(err, &limited):
		return refuse(web.Wait(limited.After, "There were too many tries. Please wait before the next one."))
	case errors.Is(err, password.ErrWrong) && password.Compare(u.Hash, v["password"], s.cost) == nil:
		return s.done(w, r, full, u.Epoch) // a form sent twice, the first time with success
	case errors.Is(err, password.ErrWrong):
		p := web.BadCredentials()
		p.Detail = "That is not your current password. Check it and try again."
		return refuse(p)
	case err != nil:
		return refuse(web.Unavailable(err))
	}
	epoch, err := s.replace(r, u, full, v["password"])
	if err != nil {
		return refuse(web.Unavailable(err))
	}
	return s.done(w, r, full, epoch)
}

// faults says what is wrong with the fields.
func faults(current, next string) []web.Field {
	var wrong []web.Field
	if current == "" {
		wrong = append(wrong, web.Field{Name: "current", Text: "Enter your current password."})
	}
	text := password.Fault(next)
	if text == "" && next == current {
		text = "Choose another password than the one you have."
	}
	if text != "" {
		wrong = append(wrong, web.Field{Name: "password", Text: text})
	}
	return wrong
}

// prove compares the current password, in a lane of its own, so that who has
// stolen a session cannot guess on. The same form sent again is the same try; it
// is recognised by what only the client keeps, or the table would hold a fast hash
// of what was typed.
func (s *step) prove(r *http.Request, u store.User, current, next string) error {
	t, _ := s.guard.Whole(r)
	id := hex.EncodeToString(session.Digest(t.Secret, strconv.Quote(current)+strconv.Quote(next))[:16])
	err := s.guard.Try(r.Context(), s.lane, subject(u), id)
	if err != nil {
		return err
	}
	return password.Compare(u.Hash, current, s.cost)
}

// subject is what wrong passwords are counted under.
func subject(u store.User) string { return u.Key + " password " + u.Epoch }

// replace writes the new password, and then lets this session live on.
func (s *step) replace(r *http.Request, u store.User, full store.Session, next string) (epoch string, err error) {
	hash, err := password.Hash(next, s.cost)
	if err != nil {
		return "", err
	}
	epoch = session.NextEpoch(full)
	first := true
	err = s.table.ChangePassword(r.Context(), u, hash, epoch)
	if errors.Is(err, store.ErrRefused) {
		first, err = s.replaced(r.Context(), u, hash, next, epoch)
	}
	if err != nil {
		return "", err
	}
	var wg sync.WaitGroup
	if first {
		wg.Go(func() { s.tell(r, u) })
	}
	err = s.table.AdoptEpoch(r.Context(), full, epoch)
	wg.Wait()
	return epoch, err
}

// errRival says that another request changed the account meanwhile.
var errRival = errors.New("the account was changed meanwhile")

// replaced finds out whether a change that was refused is made all the same: by
// this very request, whose answer was lost, or by an equal one.
func (s *step) replaced(ctx context.Context, u store.User, hash, next, epoch string) (first bool, err error) {
	latest, err := s.table.User(ctx, u.Key)
	switch {
	case err != nil:
		return false, err
	case latest.UID != u.UID || latest.Epoch != epoch:
		return false, errRival
	case latest.Hash == hash:
		return true, nil
	case password.Compare(latest.Hash, next, s.cost) != nil:
		return false, errRival
	}
	return false, nil
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
