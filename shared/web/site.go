// Package web is what every step's pages and answers have in common: the
// layout, the strict reading of what clients send, problem documents, notices
// that survive one redirect, headers, and the guard against other origins.
//
// A step gives it a table of routes whose handlers return an error; how a
// refusal looks, as a page or as JSON, is decided here and nowhere else. It
// must not know sessions, the table or vendors.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"latchkey/shared/env"
)

// Handler answers a request, or says why not. What it returns is shown to the
// client if it is a *Problem; any other error becomes "unavailable" and a log
// line.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Routes maps "METHOD /path" to its handler. A path may end in "/{id}", which
// stands for one segment that is not empty: r.PathValue("id"). An exact path
// wins over it.
type Routes map[string]Handler

// variable is how a path ends that takes any last segment.
const variable = "{id}"

// find is the handler of a request, if it has one.
func (routes Routes) find(r *http.Request) (Handler, bool) {
	parent, last := path.Split(r.URL.Path)
	h, ok := routes[r.Method+" "+r.URL.Path]
	if ok && last != variable {
		return h, true
	}
	h, ok = routes[r.Method+" "+parent+variable]
	r.SetPathValue("id", last)
	return h, ok && last != ""
}

// Site renders the pages of one step.
type Site struct {
	Secure  bool // cookies need https: everywhere but on a laptop
	AnyHost bool // requests may name any host: those that are signed, since the signature covers the host and back ends call the API's own

	public string // the address that visitors use, if requests have to name its host
	host   string // of it, as spelled
	log    *slog.Logger
	now    func() time.Time
	csp    string
}

// New reads PUBLIC_URL. Plain http is for a laptop only; an empty PUBLIC_URL
// stands for https and the gateway's own name.
func New(cfg env.Config, vars *env.Vars) *Site {
	s := &Site{log: cfg.Log, now: cfg.Now, csp: policy(), Secure: !vars.Laptop()}
	public := vars.URL("PUBLIC_URL", "")
	u, err := url.Parse(public)
	if s.Secure && err == nil {
		s.public, s.host = public, spelled(u.Host)
	}
	return s
}

// Handler serves the routes behind what holds for all of them, in this order:
// headers, one log line per request, a guard against panics, and the refusal of
// what no handler is to see: another host and other sites.
func (s *Site) Handler(routes Routes) http.Handler {
	return s.HandlerOr(routes, func(_ http.ResponseWriter, r *http.Request) error {
		return notRouted(allowed(routes, r.URL.Path))
	})
}

// HandlerOr is Handler with an answer for what is not in the routes.
func (s *Site) HandlerOr(routes Routes, otherwise Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() { s.access(rec, r, began) }()
		defer s.recover(rec, r)
		headers(rec.Header(), s.Secure)
		h, ok := routes.find(r)
		if !ok {
			h = otherwise
		}
		var err error
		switch {
		case s.elsewhere(r):
			err = Misdirected(s.public)
		case origin.Check(r) != nil || embedded(r):
			err = CrossOrigin()
		default:
			err = h(rec, r)
		}
		if err != nil {
			s.refuse(rec, r, err)
		}
	})
}

// elsewhere reports whether a request names another host than PUBLIC_URL's: by
// the gateway's own name, or any that leads there, our pages are not to be had.
func (s *Site) elsewhere(r *http.Request) bool {
	return s.host != "" && !s.AnyHost && spelled(r.Host) != s.host
}

// spelled is a host's one spelling: in lower case and without the port of https.
func spelled(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }

// embedded reports whether another site's page reads a document of ours in the
// visitor's browser. A link there may lead to any page.
func embedded(r *http.Request) bool {
	return WantsJSON(r) && r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// notRouted is 404, or 405 when the path exists with other methods.
func notRouted(methods []string) error {
	if len(methods) == 0 {
		return NotFound()
	}
	return Method(methods)
}

func allowed(routes Routes, at string) []string {
	var methods []string
	parent, last := path.Split(at)
	for route := range routes {
		method, p, _ := strings.Cut(route, " ")
		if p == at || last != "" && p == parent+variable {
			methods = append(methods, method)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// refuse shows err to the client, and its cause to the operator.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *Problem
	if !errors.As(err, &p) {
		p = Unavailable(err)
	}
	if p.cause != nil {
		level := slog.LevelError
		if p.Status < 500 { // the vendor's limits, and the like
			level = slog.LevelWarn
		}
		s.log.Log(r.Context(), level, "request failed", "request", requestID(r), "route", route(r), "code", p.Code, "error", p.cause)
	}
	retryAfter(w, p)
	if p.Allow != nil {
		w.Header().Set("Allow", strings.Join(p.Allow, ", "))
	}
	switch {
	case WantsJSON(r):
		problem(w, r, p)
	case p.Next != "":
		s.Notify(w, p.notice)
		redirect(w, p.Next)
	case p.view.Main != nil:
		s.Render(w, r, p.Status, p.view)
	default:
		s.Render(w, r, p.Status, View{Title: p.Title, SignedIn: p.SignedIn, Main: refusal(p, s.front(r), requestID(r))})
	}
}

// front is where the front page is.
func (s *Site) front(r *http.Request) string {
	if s.elsewhere(r) {
		return s.public
	}
	return "/"
}

// Log is one line for the operator about something the client is not refused
// for.
func (s *Site) Log(r *http.Request, what string, err error) {
	s.log.WarnContext(r.Context(), what, "request", requestID(r), "error", err)
}

// Warn is Log where no request is at hand.
func (s *Site) Warn(ctx context.Context, what string, err error) {
	s.log.WarnContext(ctx, what, "error", err)
}

// recover turns a panic into a page. Its stack goes to the log without the
// request's data.
func (s *Site) recover(w *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	s.log.ErrorContext(r.Context(), "panic", "request", requestID(r), "route", route(r), "stack", stack())
	if !w.wrote {
		s.refuse(w, r, Unavailable(nil))
	}
}

// access logs one line per request: no query, no body, no address.
func (s *Site) access(w *recorder, r *http.Request, began time.Time) {
	s.log.InfoContext(r.Context(), "request", "request", requestID(r), "method", r.Method, "path", cut(r.URL.Path, 100),
		"status", w.status, "ms", s.now().Sub(began).Milliseconds())
}

// requestID is the gateway's id of the request, which the adapter puts into
// this header over whatever the client sent.
func requestID(r *http.Request) string { return r.Header.Get("X-Request-Id") }

func route(r *http.Request) string { return r.Method + " " + cut(r.URL.Path, 100) }

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// recorder remembers the status for the log, and what is to be told.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
	told   map[string]string
}

// Tell puts one more member into the document that the answer is going to be,
// whether it is success or a problem. A page does not show it. w is what the
// Handler was given.
func Tell(w http.ResponseWriter, name, value string) {
	rec, ok := w.(*recorder)
	if !ok {
		return
	}
	if rec.told == nil {
		rec.told = map[string]string{}
	}
	rec.told[name] = value
}

// told is what Tell put there.
func told(w http.ResponseWriter) map[string]string {
	rec, ok := w.(*recorder)
	if !ok {
		return nil
	}
	return rec.told
}

func (w *recorder) WriteHeader(status int) {
	w.status, w.wrote = status, true
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}
