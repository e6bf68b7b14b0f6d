package web

import (
	"bytes"
	"context"
	_ "embed" // the layout's style and script
	"errors"
	"fmt"
	"net/http"

	"github.com/a-h/templ"
)

// The pages are compiled: what *.templ holds becomes Go, here, in the steps and in
// the examples. A template that is read at run time would call methods by their
// names, and so keep the linker from leaving out a single one of the vendors'.
//
//go:generate make -s -C ../.. pages

//go:embed style.css
var style string

//go:embed script.js
var script string

// View is what one answer shows.
type View struct {
	Title    string
	SignedIn bool            // the navigation then leads to the account
	Head     templ.Component // what the page adds to the head, or nil
	Main     templ.Component // the page itself
}

// Page answers with a page.
func (s *Site) Page(w http.ResponseWriter, r *http.Request, view View) error {
	s.Render(w, r, http.StatusOK, view)
	return nil
}

// Render answers with a page and a status. A page that cannot be rendered is a
// mistake in the program: plain text says so, nothing half-written does.
func (s *Site) Render(w http.ResponseWriter, r *http.Request, status int, view View) {
	var b bytes.Buffer
	if status >= 400 {
		view.Title = "Error: " + view.Title // heard first by who does not see the page
	}
	// A component refuses a context that is over, and yet a request that ran out of
	// time has to be told so.
	ctx := context.WithoutCancel(r.Context())
	err := layout(view, s.notice(w, r)).Render(ctx, &b)
	if err != nil {
		s.log.ErrorContext(r.Context(), "page does not render", "request", requestID(r), "route", route(r), "error", place(err))
		http.Error(w, "Something on our side is out of order. Please try again in a moment.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", s.csp)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the client is gone
}

// place is where a page does not render. What the error says may be of the
// visitor's data.
func place(err error) string {
	var at templ.Error
	if errors.As(err, &at) {
		return fmt.Sprintf("%s:%d", at.FileName, at.Line)
	}
	return fmt.Sprintf("%T", err)
}
