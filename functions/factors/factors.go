// Package factors is where signed-in users of Verify add and remove what they
// log in with: a device that is asked by push, and an authenticator app. Users
// of Authy have its app instead and nothing to add here.
//
// A change needs a second factor given a moment ago, and is told to the user's
// phone by text, so that whoever borrows a browser can neither add themselves
// nor stay unnoticed. A secret is shown once, where it is made.
package factors

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/env"
	"latchkey/shared/notice"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/verify"
	"latchkey/shared/web"
)

type step struct {
	now   func() time.Time
	site  *web.Site
	table *store.Table
	guard *session.Guard
	audit audit.Log
	set   *providers.Set
	texts *notice.Texts
	fresh time.Duration
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.set = providers.New(cfg, vars)
	s.texts = notice.New(cfg, vars, s.table)
	s.fresh = session.FreshFor(vars)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET /factors":          s.list,
		"POST /factors":         s.add,
		"POST /factors/confirm": s.confirm,
		"POST /factors/remove":  s.remove,
	}), nil
}

// user reads who is signed in.
func (s *step) user(w http.ResponseWriter, r *http.Request) (store.User, store.Session, error) {
	u, full, err := s.guard.Full(r.Context(), r)
	if errors.Is(err, session.ErrNone) {
		return u, full, web.NoSession("There is no account signed in here.").SendTo("/login", web.SignInFirst)
	}
	if err != nil {
		return u, full, s.guard.Refuse(w, r, err)
	}
	return u, full, nil
}

// owner reads who is signed in and may change things: somebody who gave a second
// factor a moment ago.
func (s *step) owner(w http.ResponseWriter, r *http.Request) (store.User, *verify.Factors, error) {
	u, full, err := s.user(w, r)
	if err != nil {
		return u, nil, err
	}
	factors := s.set.Factors()
	switch {
	case u.Provider != verify.Name || factors == nil:
		return u, nil, web.NotOffered().SendTo("/factors", web.NoNotice)
	case s.now().Sub(full.ConfirmedAt) > s.fresh:
		return u, nil, web.Reauth().SendTo(web.Toward("/login/again", "/factors"), web.ProveAgain)
	}
	return u, factors, nil
}

// note is a line about one of the user's factors.
func (s *step) note(r *http.Request, e audit.Event, u store.User, f store.Factor, why audit.Reason) {
	t, _ := s.guard.Whole(r)
	s.audit.Note(r, e, audit.Facts{UID: u.UID, Session: t.ID, Provider: u.Provider, Factor: f.Type, Reason: why})
}

// list is what the user has.
func (s *step) list(w http.ResponseWriter, r *http.Request) error {
	u, _, err := s.user(w, r)
	if err != nil {
		return err
	}
	if !web.WantsJSON(r) {
		return s.site.Page(w, r, s.view(u, enrolment{}, nil))
	}
	list := []map[string]any{}
	for _, f := range u.Factors {
		list = append(list, map[string]any{"id": f.ID, "type": f.Type, "status": status(f), "created_at": f.CreatedAt.Format(time.RFC3339)})
	}
	return s.site.JSON(w, map[string]any{"factors": list})
}

func status(f store.Factor) string {
	if f.Active {
		return "active"
	}
	return "pending"
}

// enrolment is what is shown of a factor once, when it is made.
type enrolment struct {
	Factor store.Factor
	Text   string // what a device registers with
	Secret string // what a person types into an authenticator
	URI    string // the same for its camera
	Image  image
}

// row is a factor on the page, and the field that its code is typed into.
type row struct {
	store.Factor
	Field string // the field's id
	Wrong string
}

// view is the list, or what was just made. The problem is about made's factor.
func (s *step) view(u store.User, made enrolment, p *web.Problem) web.View {
	var rows []row
	for _, f := range u.Factors {
		if f.ID == made.Factor.ID {
			rows = append(rows, row{f, "code", p.Field("code")})
		} else {
			rows = append(rows, row{f, "code-" + f.ID, ""})
		}
	}
	c := content{u.Provider == verify.Name, u.Phone.Ending(), rows, made, p}
	return web.View{Title: "How you log in", SignedIn: true, Main: page(c)}
}

// content is what the page shows.
type content struct {
	Offered bool   // the user's vendor lets factors be added here
	Ending  string // of the phone
	Factors []row
	Made    enrolment
	Problem *web.Problem
}
