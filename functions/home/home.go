// Package home is the front page, and the answer to everything that is no route
// of ours: the gateway sends it here, so that a wrong address gets our own page
// and headers.
package home

import (
	"context"
	"net/http"
	"path"
	"strings"

	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// methods are all routes of the product but the front page's own, and what each
// takes; {id} is any last segment. A path that stands here and yet arrives came
// with another method.
var methods = map[string]string{
	"/signup":            "GET, POST",
	"/verify":            "GET, POST",
	"/resend":            "POST",
	"/login":             "GET, POST",
	"/login/again":       "GET, POST",
	"/status":            "GET, POST",
	"/password":          "GET, POST",
	"/phone":             "GET, POST",
	"/recovery":          "GET, POST",
	"/recovery/codes":    "GET, POST",
	"/onetouch/callback": "GET, POST",
	"/account":           "GET",
	"/factors":           "GET, POST",
	"/factors/confirm":   "POST",
	"/factors/remove":    "POST",
	"/logout":            "POST",
	"/phone-checks":      "POST",
	"/phone-checks/{id}": "POST",
	"/approvals":         "POST",
	"/approvals/{id}":    "GET",
}

type step struct {
	site  *web.Site
	guard *session.Guard
}

// New makes the step from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	s := &step{site: web.New(cfg, vars)}
	s.guard = session.NewGuard(cfg, vars, store.Open(cfg, vars), s.site)
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	return s.site.HandlerOr(web.Routes{"GET /": s.show, "HEAD /": s.show}, missing), nil
}

// show is the front page. It works without the table, too: then nobody is known
// to be signed in.
func (s *step) show(w http.ResponseWriter, r *http.Request) error {
	u, _, err := s.guard.Full(r.Context(), r)
	signedIn := err == nil
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"name": "latchkey", "signed_in": signedIn})
	}
	return s.site.Page(w, r, web.View{Title: "Sign-up with a verified phone", SignedIn: signedIn, Main: page(signedIn, u.Name)})
}

func missing(_ http.ResponseWriter, r *http.Request) error {
	if r.URL.Path == "/" {
		return web.Method([]string{"GET"})
	}
	parent, last := path.Split(r.URL.Path)
	allow, ok := methods[r.URL.Path]
	if !ok && last != "" {
		allow, ok = methods[parent+"{id}"]
	}
	if !ok {
		return web.NotFound()
	}
	return web.Method(strings.Split(allow, ", "))
}
