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
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/shared/env"
)

// Handler answers a request, or says why not. What it returns is shown to the
// client if it is a *Problem; any other error becomes "unavailable" and a log
// line.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Routes maps "METHOD /path" to its handler. The last segment of a path may be a
// variable, as in "GET /approvals/{id}": it takes any one segment that is not
// empty, where no exact route does, and the handler finds it by r.PathValue.
type Routes map[string]Handler

// Site renders the pages of one step.
type Site struct {
	Secure bool // cookies need https: everywhere but on a laptop

	log    *slog.Logger
	now    func() time.Time
	layout *template.Template
	error  *Page
	csp    string
}

// New reads PUBLIC_URL and prepares the layout. Plain http is for a laptop
// only; an empty PUBLIC_URL stands for https and the gateway's own name.
func New(cfg env.Config, vars *env.Vars) *Site {
	s := &Site{log: cfg.Log, now: cfg.Now, layout: parseLayout(), csp: policy()}
	vars.URL("PUBLIC_URL", "") // notes what is wrong with it
	s.Secure = !vars.Laptop()
	s.error = s.Parse("error", errorPage)
	return s
}

// Handler serves the routes behind what holds for all of them, in this order:
// headers, one log line per request, a guard against panics, and the refusal of
// cross-origin writes.
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
		s.headers(rec.Header())
		h := routes.find(r)
		if h == nil {
			h = otherwise
		}
		err := origin.Check(r)
		if err != nil {
			err = CrossOrigin()
		} else {
			err = h(rec, r)
		}
		if err != nil {
			s.refuse(rec, r, err)
		}
	})
}

// notRouted is 404, or 405 when the path exists with other methods.
func notRouted(methods []string) error {
	if len(methods) == 0 {
		return NotFound()
	}
	return Method(methods)
}

func allowed(routes Routes, path string) []string {
	var methods []string
	for route := range routes {
		method, p, _ := strings.Cut(route, " ")
		_, _, ok := fit(p, path)
		if p == path || ok {
			methods = append(methods, method)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// find is the handler of a request, nil if there is none. It sets the request's
// path value.
func (routes Routes) find(r *http.Request) Handler {
	h := routes[r.Method+" "+r.URL.Path]
	if h != nil && !strings.Contains(r.URL.Path, "{") { // who asks for a pattern by its own text means a value
		return h
	}
	for route, h := range routes {
		method, pattern, _ := strings.Cut(route, " ")
		name, value, ok := fit(pattern, r.URL.Path)
		if ok && method == r.Method {
			r.SetPathValue(name, value)
			return h
		}
	}
	return nil
}

// fit holds a path against a pattern whose last segment is a variable.
func fit(pattern, path string) (name, value string, ok bool) {
	cut := strings.LastIndexByte(pattern, '/') + 1
	name, braced := strings.CutPrefix(pattern[cut:], "{")
	value, under := strings.CutPrefix(path, pattern[:cut])
	if !braced || !under || value == "" || strings.Contains(value, "/") {
		return "", "", false
	}
	return strings.TrimSuffix(name, "}"), value, true
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
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(wholeSeconds(p.RetryAfter)))
	}
	if p.Allow != nil {
		w.Header().Set("Allow", strings.Join(p.Allow, ", "))
	}
	switch {
	case WantsJSON(r):
		s.problem(w, r, p)
	case p.Next != "":
		s.Notify(w, p.notice)
		redirect(w, p.Next)
	case p.page != nil:
		s.Render(w, r, p.Status, p.page, p.view)
	default:
		s.Render(w, r, p.Status, s.error, View{Title: p.Title, Data: errorData{Problem: p, RequestID: requestID(r)}})
	}
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

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *recorder) WriteHeader(status int) {
	w.status, w.wrote = status, true
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}
