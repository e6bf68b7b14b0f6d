// Package pagetest holds a page against what a visitor, a vendor or a browser may
// have put into its data. It is for tests alone.
//
// It must not know any step's pages or words.
package pagetest

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"latchkey/shared/env"
	"latchkey/shared/web"
)

// plain is data that nobody takes for markup. None of our pages has the word.
const plain = "xylophone"

// hostile is data that would be more than text if it were not escaped: as text, in
// an attribute of any quoting, in a title or a text area, and as an address.
func hostile() []string {
	return []string{
		`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, "`><b>", ` autofocus onfocus=alert(1) x="`,
		`</title></textarea></style></script></option></select><script>alert(1)</script>`, `<!-- `, `]]>`, `<svg/onload=alert(1)>`,
		`{{.}} { x } ${y} @import`, `&lt;b&gt; &amp;quot; &#34;`, `javascript:alert(1)//`,
	}
}

// Inert fails when a page is anything but itself with other words in it, whatever
// they are: the same elements with the same attributes, and the words as often as
// they stand there when they are harmless. view is the page with a text wherever it
// shows what others have written.
func Inert(t *testing.T, name string, view func(text string) web.View) {
	t.Helper()
	want := read(t, name, view(plain))
	n := want.count(plain)
	if n == 0 {
		t.Fatalf("%s: what is to be escaped is not shown at all", name)
	}
	for _, text := range hostile() {
		got := read(t, name, view(text))
		if !slices.Equal(got.outline, want.outline) {
			t.Errorf("%s: %s makes another page:\n%s", name, text, strings.Join(got.outline, "\n"))
		}
		if got.count(text) != n {
			t.Errorf("%s: %s stands there %d times, want %d", name, text, got.count(text), n)
		}
	}
}

// page is a page as a browser reads it.
type page struct {
	outline []string // its elements, each with the names of its attributes
	words   []string // its texts, and the values of its attributes
}

func (p page) count(text string) int {
	n := 0
	for _, word := range p.words {
		n += strings.Count(word, text)
	}
	return n
}

// read shows a page and reads it.
func read(t *testing.T, name string, view web.View) page {
	t.Helper()
	cfg := env.Config{Getenv: func(string) string { return "" }, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	w := httptest.NewRecorder()
	web.New(cfg, env.Read(cfg)).Render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, view)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", name, w.Code, w.Body)
	}
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p page
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode:
			element := "<" + n.Data
			for _, a := range n.Attr {
				element += " " + a.Key
				p.words = append(p.words, a.Val)
			}
			p.outline = append(p.outline, element+">")
		case n.Type == html.TextNode:
			p.words = append(p.words, n.Data)
		default:
			p.outline = append(p.outline, "<!"+n.Data+">")
		}
	}
	return p
}
