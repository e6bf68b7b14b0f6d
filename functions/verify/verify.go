// Package verify takes a code: the one that was sent to a phone, or at a login
// also the one that an app shows. For a sign-up the right code makes the user,
// and then the session a signed-in one, in this order: a crash between the two
// is mended by the next try, because the user item names the session that made
// it. For a login the user is there already.
//
// A try is reserved on the session before the vendor is asked, so that no
// number of parallel requests buys more than five. Requests that find the work
// done or being done by an equal one get its answer.
package verify

import (
	"context"
	"net/http"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/authy"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/message"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
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
	texts *message.Client
	watch *budget.Guard
	text  string
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars), audit: audit.New(cfg)}
	s.table.Abreast(cfg, 4) // confirmed, and meanwhile what failed before is forgotten
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.set = providers.New(cfg, vars)
	s.texts = message.New(cfg, vars)
	s.watch = budget.NewGuard(cfg, vars, s.table)
	s.text = vars.String("CONFIRMATION_TEXT", "Your phone is verified and your account is ready. Nothing more to do.")
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.Handler(web.Routes{
		"GET /verify":  s.show,
		"POST /verify": s.check,
	}), nil
}

// show is the code form.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	half, _, err := s.guard.Half(r.Context(), r)
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	if half.Taken { // the phone is proved, and no code changes what came of it
		return web.CannotComplete()
	}
	if half.Checks >= s.guard.Tries {
		p := web.UsedUp()
		return p.On(s.view(half, p))
	}
	if web.WantsJSON(r) {
		return s.site.JSON(w, s.document(half))
	}
	c := s.content(half, nil)
	c.Asked = r.URL.Query().Has("instead") && half.Approval != store.Ref{} && s.now().Sub(half.CreatedAt) < longest
	return s.site.Page(w, r, titled(c))
}

// document is what the page says, for programs.
func (s *step) document(half store.Session) map[string]any {
	doc := map[string]any{"phone": half.Phone.Mask(), "tries_left": s.guard.Tries - half.Checks, "resend_in": s.wait(half)}
	if rival := s.rival(half); !rival.At.IsZero() {
		doc["other_login"] = map[string]string{"at": rival.At.Format(time.RFC3339), "browser": rival.Browser}
	}
	return doc
}

// content is what the page shows: of the phone only its last digits, and
// never a code that was typed.
type content struct {
	Login    bool // the phone is an account's, and proved
	Flow     store.Flow
	SignedIn bool // the visitor has a session besides
	Ending   string
	Way      string
	Wait     int
	Channels []otp.Channel
	Rival    store.Push
	Paused   bool
	Asked    bool   // the visitor came from a request on the phone that may be open
	Begin    string // where to begin anew once no try is left, "" before
	Problem  *web.Problem
}

func (s *step) content(half store.Session, p *web.Problem) content {
	begin := ""
	if half.Checks >= s.guard.Tries {
		begin = session.Begin(half)
	}
	return content{
		Begin: begin, Login: !half.Flow.Stranger(), Flow: half.Flow, SignedIn: half.Parent != "" && !half.Lost, Ending: half.Phone.Ending(), Way: way(half), Wait: s.wait(half),
		Channels: s.set.Offered(half, s.now()), Rival: s.rival(half), Paused: half.Paused, Problem: p,
	}
}

// view is the page with a problem.
func (s *step) view(half store.Session, p *web.Problem) web.View { return titled(s.content(half, p)) }

func titled(c content) web.View {
	title, main := "Verify your phone", page(c)
	switch {
	case c.Begin != "":
		title, main = "No tries left", spent(c)
	case c.Login:
		title = "Confirm that it is you"
	}
	return web.View{Title: title, SignedIn: c.SignedIn, Main: main}
}

// longest is for how long a push lives at most.
const longest = 5 * time.Minute

// rival is the other login's push of which the visitor is warned.
func (s *step) rival(half store.Session) store.Push {
	if s.now().Sub(half.Rival.At) >= longest {
		return store.Push{}
	}
	return half.Rival
}

// way is where the visitor finds a code: what the page says.
func way(half store.Session) string {
	asked := half.Outcome == store.Quiet || half.Outcome == store.Asked || half.Outcome == ""
	switch {
	case half.ByApp:
		return "authy"
	case half.Outcome == store.Sent:
		return "sent"
	case half.Token != "":
		return "authenticator"
	case !half.Flow.Stranger() && asked && half.Provider == authy.Name:
		return "authy or ask"
	case !half.Flow.Stranger() && asked:
		return "ask"
	case !half.Flow.Stranger() || half.Failed():
		return "unsent"
	}
	return "sent"
}

// wait is how many seconds until the code may be asked for again.
func (s *step) wait(half store.Session) int {
	left := half.ResendAt.Sub(s.now())
	if half.ResendAt.IsZero() || left <= 0 {
		return 0
	}
	return int((left + time.Second - 1) / time.Second)
}
