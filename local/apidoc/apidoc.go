// Package apidoc shows the API's description, an OpenAPI document, as one page
// to read: no scripts, nothing from elsewhere. It reads the file at each
// request, so that what is being written can be looked at.
//
// It must not know the product; everything it shows stands in the document. What
// it does not understand of a document it leaves out: whether the document holds
// is a test's affair.
package apidoc

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"os"

	"go.yaml.in/yaml/v3"
)

var (
	//go:embed page.html
	pageText string
	//go:embed style.css
	style string
)

// errNoPaths is a file that describes no API.
var errNoPaths = errors.New("the document has no paths")

// Handler shows the OpenAPI document in this file. A file that cannot be shown
// is answered 500, with the reason on the page.
func Handler(file string) http.Handler {
	page := parse()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", policy())
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		text, err := render(page, file)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			text, err = fill(page, "broken", broken{template.CSS(style), err.Error()})
		}
		if err == nil {
			w.Write(text) //nolint:errcheck // the browser is gone
		}
	})
}

func parse() *template.Template {
	odd := func(i int) bool { return i%2 == 1 } // tells code from text in prose
	return template.Must(template.New("page").Funcs(template.FuncMap{"odd": odd}).Parse(pageText))
}

// broken is the page instead of a document.
type broken struct {
	Style template.CSS
	Why   string
}

func render(page *template.Template, file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the API's document: %w", err)
	}
	v, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return fill(page, "document", v)
}

func fill(page *template.Template, name string, v any) ([]byte, error) {
	var b bytes.Buffer
	err := page.ExecuteTemplate(&b, name, v)
	return b.Bytes(), err
}

// read makes a view of a document's text.
func read(text []byte) (view, error) {
	var root yaml.Node
	err := yaml.Unmarshal(text, &root)
	if err != nil {
		return view{}, err
	}
	d := document{node{&root}.first()}
	if len(d.get("paths").pairs()) == 0 {
		return view{}, errNoPaths
	}
	return d.view(), nil
}

// policy allows the page its own style, by its hash, and nothing else.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:;" +
		" base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
