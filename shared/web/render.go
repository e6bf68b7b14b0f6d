package web

import (
	"bytes"
	_ "embed" // the layout's files
	"fmt"
	"html/template"
	"net/http"
)

//go:embed layout.html
var layout string

//go:embed style.css
var style string

//go:embed script.js
var script string

//go:embed error.html
var errorPage string

// Page is a step's page inside the layout.
type Page struct {
	name string
	t    *template.Template
}

// View is what one answer shows.
type View struct {
	Title    string
	SignedIn bool // the navigation then leads to the account
	Data     any  // what the page's own template reads
}

// frame is what the layout reads.
type frame struct {
	View
	Message Message
	Style   template.CSS
	Script  template.JS
}

type errorData struct {
	Problem   *Problem
	RequestID string
	Front     string // address of the front page
}

// parseLayout parses what is part of the program; a mistake in it is one in the
// program.
func parseLayout() *template.Template {
	return template.Must(template.New("layout").Parse(layout))
}

// Parse prepares a page. Its text defines the template "main" and may use those
// of the layout. It panics when the text does not parse: the text is part of
// the program.
func (s *Site) Parse(name, text string) *Page {
	t := template.Must(s.layout.Clone())
	return &Page{name, template.Must(t.New(name).Parse(text))}
}

// Page answers with a page.
func (s *Site) Page(w http.ResponseWriter, r *http.Request, page *Page, view View) error {
	s.Render(w, r, http.StatusOK, page, view)
	return nil
}

// Render answers with a page and a status. A page that cannot be rendered is a
// mistake in the program: plain text says so, nothing half-written does.
func (s *Site) Render(w http.ResponseWriter, r *http.Request, status int, page *Page, view View) {
	var b bytes.Buffer
	if status >= 400 {
		view.Title = "Error: " + view.Title // heard first by who does not see the page
	}
	f := frame{View: view, Message: s.notice(w, r), Style: template.CSS(style), Script: template.JS(script)}
	err := page.t.ExecuteTemplate(&b, "layout", f)
	if err != nil {
		s.log.ErrorContext(r.Context(), "page does not render", "request", requestID(r), "page", page.name, "error", fmt.Sprintf("%T", err))
		http.Error(w, "Something on our side is out of order. Please try again in a moment.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", s.csp)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the client is gone
}
