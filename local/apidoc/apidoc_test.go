package apidoc

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// product is the product's own document.
var product = filepath.Join("..", "..", "docs", "openapi.yaml")

func show(t *testing.T, file string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(file).ServeHTTP(w, httptest.NewRequest("GET", "/docs", nil))
	return w
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openapi.yaml")
	err := os.WriteFile(file, []byte(text), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var tag = regexp.MustCompile(`<[^>]*>`)

// plain is a page without its marks, as one reads it.
func plain(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(page, " "))), " ")
}

// spec is what the tests look at of the product's document.
type spec struct {
	Paths map[string]map[string]struct {
		Summary, Description string
		Responses            map[string]any
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Description string
				Codes       map[string]string `yaml:"x-codes"`
			}
		}
		SecuritySchemes map[string]struct{ Name string } `yaml:"securitySchemes"`
	}
}

// shown is the product's document and its page.
func shown(t *testing.T) (doc spec, page string) {
	t.Helper()
	text, err := os.ReadFile(product)
	if err != nil {
		t.Fatal(err)
	}
	err = yaml.Unmarshal(text, &doc)
	if err != nil {
		t.Fatal(err)
	}
	w := show(t, product)
	if w.Code != 200 {
		t.Fatalf("status %d", w.Code)
	}
	return doc, w.Body.String()
}

// said is a text of the document as one reads it on the page.
func said(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "`", " ")), " ")
}

// Every operation of the document stands on the page, in the contents, and with
// all its words and statuses.
func TestPageHoldsTheOperations(t *testing.T) {
	t.Parallel()
	doc, page := shown(t)
	operations := map[string]string{} // the articles, by their anchor
	for part := range strings.SplitSeq(page, `<article class="operation" id="`) {
		name, _, _ := strings.Cut(part, `"`)
		operations[name] = part
	}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			name := anchor(method, path)
			part := operations[name]
			if part == "" || strings.Count(page, `href="#`+name+`"`) != 3 {
				t.Errorf("%s %s: not on the page, or not in its contents", method, path)
			}
			for status := range o.Responses {
				if !strings.Contains(part, ">"+status+"</span>") {
					t.Errorf("%s %s lacks %s", method, path, status)
				}
			}
			words := plain(part)
			for _, text := range []string{o.Summary, o.Description} {
				if !strings.Contains(words, said(text)) {
					t.Errorf("%s %s lacks %q", method, path, text)
				}
			}
		}
	}
	if len(operations) < 25 {
		t.Errorf("only %d operations", len(operations))
	}
}

// So do all fields, codes, and ways to call.
func TestPageHoldsTheRest(t *testing.T) {
	t.Parallel()
	doc, page := shown(t)
	words := plain(page)
	for schema, s := range doc.Components.Schemas {
		for name, p := range s.Properties {
			if !strings.Contains(words, name) || !strings.Contains(words, said(p.Description)) {
				t.Errorf("the page lacks %s.%s", schema, name)
			}
			for code := range p.Codes {
				if !strings.Contains(page, `id="code-`+code+`"`) {
					t.Errorf("the page lacks code %s", code)
				}
			}
		}
	}
	for name, s := range doc.Components.SecuritySchemes {
		if !strings.Contains(page, `id="caller-`+name+`"`) || !strings.Contains(page, s.Name) {
			t.Errorf("the page lacks who calls with %s", name)
		}
	}
}

var (
	inner    = regexp.MustCompile(`href="#([^"]*)"`)
	outer    = regexp.MustCompile(`(?:src|href|action)="[^#d]|<script|url\(|@import| on[a-z]+=| style=`)
	name     = regexp.MustCompile(` id="([^"]*)"`)
	styleTag = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
)

// The page asks for nothing else, all its links lead somewhere, and the browser
// is told to hold it to that.
func TestPageStandsAlone(t *testing.T) {
	t.Parallel()
	w := show(t, product)
	page := w.Body.String()
	if m := outer.FindString(page); m != "" {
		t.Errorf("the page holds %q", m)
	}
	ids := map[string]int{}
	for _, m := range name.FindAllStringSubmatch(page, -1) {
		ids[m[1]]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%d elements are called %s", n, id)
		}
	}
	for _, m := range inner.FindAllStringSubmatch(page, -1) {
		if ids[m[1]] == 0 {
			t.Errorf("nothing is called %q", m[1])
		}
	}
	sum := sha256.Sum256([]byte(styleTag.FindStringSubmatch(page)[1]))
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("policy %q does not allow the page's style", policy)
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("a value was taken out of the page")
	}
}

// What a document says is text, wherever it stands.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script>`
	page := show(t, written(t, `
openapi: 3.1.0
info: {title: "`+evil+`", version: "`+evil+`", summary: "`+evil+`", description: "a `+"`"+evil+"`"+` b"}
servers: [{url: "javascript:`+evil+`", description: "`+evil+`"}]
tags: [{name: "`+evil+`", description: "`+evil+`"}]
paths:
  "/`+evil+`":
    get:
      tags: ["`+evil+`"]
      summary: "`+evil+`"
      description: "`+evil+`"
      security: [{"`+evil+`": []}]
      parameters: [{name: "`+evil+`", in: "`+evil+`", description: "`+evil+`", schema: {type: "`+evil+`", enum: ["`+evil+`"]}}]
      requestBody: {content: {"`+evil+`": {schema: {properties: {"`+evil+`": {description: "`+evil+`"}}}, example: {a: "`+evil+`"}}}}
      responses: {"200": {description: "`+evil+`", content: {a: {example: "`+evil+`"}}}, "`+evil+`": {description: "`+evil+`"}}
components: {securitySchemes: {"`+evil+`": {in: "`+evil+`", name: "`+evil+`", description: "`+evil+`"}}}
`)).Body.String()
	if strings.Contains(page, "<script") || strings.Contains(page, `href="javascript`) {
		t.Error("markup of the document is the page's")
	}
	if n := strings.Count(page, "&lt;script&gt;"); n < 20 {
		t.Errorf("only %d of the texts are on the page", n)
	}
}

// What cannot be shown is said, in words and with the status of a failure.
func TestBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"none":      {filepath.Join(t.TempDir(), "none.yaml"), "none.yaml"},
		"no YAML":   {written(t, "paths: [}"), "did not find"},
		"no paths":  {written(t, "openapi: 3.1.0"), "no paths"},
		"empty":     {written(t, ""), "no paths"},
		"a list":    {written(t, "[1, 2]"), "no paths"},
		"markup":    {written(t, "<b>: ]"), "<b>"},
		"no string": {written(t, "paths: 1"), "no paths"},
	} {
		w := show(t, c.file)
		text := plain(w.Body.String())
		if w.Code != 500 || !strings.Contains(text, "cannot be shown") || name != "markup" && !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", name, w.Code, text)
		}
	}
}

// The file is read at each request.
func TestReadAnew(t *testing.T) {
	t.Parallel()
	file := written(t, "paths: [}")
	h := Handler(file)
	for _, want := range []int{500, 200, 500} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != want {
			t.Errorf("status %d, want %d", w.Code, want)
		}
		text := "paths: {/: {get: {summary: A}}}"
		if want == 200 {
			text = ""
		}
		err := os.WriteFile(file, []byte(text), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever a file holds, it is shown or refused.
func FuzzRender(f *testing.F) {
	text, err := os.ReadFile(product)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(text), "paths: {/: {get: {responses: {200: {$ref: '#/paths/~1'}}}}}", "a: &a {$ref: '#/a'}\npaths: {/: {get: {requestBody: *a}}}",
		"x: {properties: {x: {$ref: '#/x'}}}\npaths: {/: {get: {requestBody: {content: {a: {schema: {$ref: '#/x'}}}}}}}",
		"paths: &a {/x: *a, get: *a}", "x: {type: array, items: {$ref: '#/x'}}\npaths: {/: {get: {parameters: [{schema: {$ref: '#/x'}}]}}}",
		"paths: {/: {get: &g {requestBody: {content: {a: {example: *g}}}}}}",
		"paths: {1: {get: {summary: [1], tags: {a: b}, security: [[], {}], parameters: [1]}}}",
	} {
		f.Add(seed)
	}
	page := parse()
	f.Fuzz(func(t *testing.T, text string) {
		v, err := read([]byte(text))
		if err != nil {
			return
		}
		shown, err := fill(page, "document", v)
		if err != nil || !strings.HasSuffix(strings.TrimSpace(string(shown)), "</html>") {
			t.Errorf("%v", err)
		}
	})
}
