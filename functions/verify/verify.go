// Package verify takes the code that was sent to a phone. For a sign-up the
// right code makes the user, and then the session a signed-in one, in this
// order: a crash between the two is mended by the next try, because the user
// item names the session that made it.
//
// A try is reserved on the session before the vendor is asked, so that no
// number of parallel requests buys more than five. Requests that find the work
// done or being done by an equal one get its answer.
package verify

import (
	"context"
	_ "embed" // the page
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/width"

	"latchkey/shared/env"
	"latchkey/shared/message"
	"latchkey/shared/otp"
	"latchkey/shared/providers"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

//go:embed verify.html
var pageText string

type step struct {
	now   func() time.Time
	site  *web.Site
	page  *web.Page
	table *store.Table
	guard *session.Guard
	set   *providers.Set
	texts *message.Client
	text  string
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{now: cfg.Now, site: web.New(cfg, vars), table: store.Open(cfg, vars)}
	s.guard = session.NewGuard(cfg, vars, s.table, s.site)
	s.set = providers.New(cfg, vars)
	s.texts = message.New(cfg, vars)
	s.text = vars.String("CONFIRMATION_TEXT", "Your phone is verified and your account is ready. Nothing more to do.")
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	s.page = s.site.Parse("verify", pageText)
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
	if half.Checks >= s.guard.Tries && !half.Taken {
		return web.UsedUp()
	}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{
			"phone": half.Phone.Mask(), "tries_left": s.guard.Tries - half.Checks, "resend_in": s.wait(half),
		})
	}
	return s.site.Page(w, r, s.page, s.view(half, nil))
}

// view is what the page shows: of the phone only its last digits, and
// never a code that was typed.
func (s *step) view(half store.Session, p *web.Problem) web.View {
	return web.View{Title: "Verify your phone", Data: struct {
		Ending   string
		Unsent   bool
		ByApp    bool
		Wait     int
		Channels []otp.Channel
		Problem  *web.Problem
	}{half.Phone.Ending(), half.Failed(), half.ByApp, s.wait(half), s.set.Offered(half), p}}
}

// wait is how many seconds until the code may be asked for again.
func (s *step) wait(half store.Session) int {
	left := half.ResendAt.Sub(s.now())
	if half.ResendAt.IsZero() || left <= 0 {
		return 0
	}
	return int((left + time.Second - 1) / time.Second)
}

// digits is a code after cleaning. It stays a string: leading zeros count
// . Shorter codes are guessed too easily; a Verify service must not be
// set to any.
var digits = regexp.MustCompile(`^[0-9]{6,10}$`)

// clean forgives how a code is typed: blanks, hyphens, and the wide digits of
// East Asian keyboards (parity 56).
func clean(typed string) (string, bool) {
	if len(typed) > 64 {
		return "", false
	}
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\u00a0\u3000\t\r\n", r) {
			return -1
		}
		return r
	}, width.Narrow.String(typed))
	return code, digits.MatchString(code)
}
