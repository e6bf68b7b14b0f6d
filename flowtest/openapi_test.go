package flowtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
	"latchkey/flowtest/wireapi"
)

// walk is one story for TestOpenAPI.
type walk struct {
	vendor string            // of its users; "" for each in turn
	env    map[string]string // over the rig's own
	walk   func(t *testing.T, r *rig.Rig, v *rig.Visitor)
}

// walks lead through everything that docs/openapi.yaml says of the routes in the
// template. A new step has its walk here.
var walks = map[string]walk{
	"strangers":   {walk: walkStrangers, vendor: "verify"},
	"broken":      {walk: walkBroken, vendor: "verify"},
	"sign-up":     {walk: walkSignUp},
	"codes":       {walk: walkCodes},
	"taken":       {walk: walkTaken, vendor: "authy"},
	"login":       {walk: walkLogin},
	"waiting":     {walk: walkWaiting},
	"lane":        {walk: walkLane, vendor: "authy", env: map[string]string{"LOGIN_FREE_TRIES": "1"}},
	"factors":     {walk: walkFactors, vendor: "verify"},
	"confirming":  {walk: walkConfirming, vendor: "verify"},
	"not offered": {walk: walkNotOffered, vendor: "authy"},
	"callbacks":   {walk: walkCallbacks},
}

// unmade are answers that no walk makes, each with the reason. There are none so
// far, and there should be none without a good one.
var unmade = map[string]string{}

// coming are fields that are described and that a step does not take yet.
var coming = []string{"POST /signup bearer", "POST /login bearer", "POST /login return"}

func described(t *testing.T) *wireapi.Document {
	t.Helper()
	d, err := wireapi.Open(filepath.Join(rig.Root(), "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// existing are the template's routes, such as "POST /login".
func existing(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, f := range rig.Template(t).Functions {
		for _, route := range f.Routes {
			if route.Path != "" && route.Path != "$default" {
				list = append(list, route.Method+" "+route.Path)
			}
		}
	}
	slices.Sort(list)
	return list
}

// What programs send and are answered is what docs/openapi.yaml says: each
// route, each member of a document, each refusal. And what it says does happen:
// every answer that it has for a route of the template is seen.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	doc := described(t)
	t.Run("walks", func(t *testing.T) {
		for name, w := range walks {
			for _, provider := range []string{"verify", "authy"} {
				if w.vendor != "" && w.vendor != provider {
					continue
				}
				t.Run(name+"/"+provider, func(t *testing.T) {
					t.Parallel()
					r := rig.Start(t, rig.Options{Provider: provider, Env: maps.Clone(w.env)})
					r.Watch = func(c *http.Client) { doc.Watch(c, func(fault string) { t.Error(fault) }) }
					w.walk(t, r, r.Visitor(true))
				})
			}
		}
	})
	documented := doc.Operations()
	for _, route := range existing(t) {
		if !slices.Contains(documented, route) {
			t.Errorf("docs/openapi.yaml lacks %s", route)
			continue
		}
		for _, answer := range doc.Unseen(route) {
			if unmade[route+" "+answer] == "" {
				t.Errorf("%s is never answered %s, which docs/openapi.yaml has", route, answer)
			}
		}
	}
	for answer := range unmade {
		route, rest, _ := cutRoute(answer)
		if !slices.Contains(documented, route) || !slices.Contains(doc.Unseen(route), rest) {
			t.Errorf("%q is made, or not in the document", answer)
		}
	}
}

// cutRoute takes "POST /login" off the front of a text.
func cutRoute(text string) (route, rest string, ok bool) {
	method, rest, _ := strings.Cut(text, " ")
	path, rest, ok := strings.Cut(rest, " ")
	return method + " " + path, rest, ok
}

// takes is what a route says of itself when it is sent a key it does not know.
var takes = regexp.MustCompile(`This route takes (.*)\.$`)

// The fields that the document has for a route are those that the route takes,
// no more and no fewer.
func TestOpenAPIFields(t *testing.T) {
	t.Parallel()
	doc := described(t)
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	pending := slices.Clone(coming)
	for _, route := range existing(t) {
		want, ok := doc.Fields(route)
		if !ok {
			continue
		}
		want = slices.DeleteFunc(want, func(name string) bool {
			i := slices.Index(pending, route+" "+name)
			if i >= 0 {
				pending = slices.Delete(pending, i, i+1)
			}
			return i >= 0
		})
		method, path, _ := strings.Cut(route, " ")
		a := v.Do(method, path, "application/json", `{"no such key":""}`)
		detail, _ := a.Doc["detail"].(string)
		m := takes.FindStringSubmatch(detail)
		if m == nil {
			t.Errorf("%s takes any key: %d %s", route, a.Status, a.Body)
			continue
		}
		got := strings.FieldsFunc(m[1], func(c rune) bool { return c == ',' || c == ' ' })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s takes %q, docs/openapi.yaml has %q", route, got, want)
		}
	}
	if len(pending) > 0 {
		t.Errorf("not in docs/openapi.yaml: %q", pending)
	}
}

// row is one line of the table of codes in docs/api.md.
var row = regexp.MustCompile("(?m)^\\| (`[a-z_`, ]+`) \\| ([0-9, ]+) \\|")

// One table in docs/api.md has every code with its status, and so has the
// document; both say what package web can make.
func TestOpenAPICodes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		codes, statuses := strings.Split(m[1], ", "), strings.Split(strings.TrimSpace(m[2]), ", ")
		for i, code := range codes {
			code = strings.Trim(code, "`")
			if told[code] != 0 || len(statuses) != len(codes) {
				t.Errorf("docs/api.md: %s", m[0])
			}
			told[code], _ = strconv.Atoi(statuses[min(i, len(statuses)-1)])
		}
	}
	made := problems(t)
	if len(made) < 20 || !maps.Equal(made, told) {
		t.Errorf("package web makes %v\ndocs/api.md has %v", made, told)
	}
	doc := described(t)
	listed, explained, statuses := doc.Codes(), doc.Explained(), doc.Statuses()
	slices.Sort(listed)
	slices.Sort(explained)
	if !slices.Equal(listed, explained) || !slices.Equal(listed, slices.Sorted(maps.Keys(statuses))) {
		t.Errorf("docs/openapi.yaml lists %q, explains %q and answers %v", listed, explained, statuses)
	}
	for code, status := range made {
		if statuses[code] != status {
			t.Errorf("docs/openapi.yaml has %s with %d, not %d", code, statuses[code], status)
		}
	}
	for _, code := range listed {
		if made[code] == 0 && answeredBy(doc, existing(t), code) {
			t.Errorf("no step can answer %s, which docs/openapi.yaml has for a route of the template", code)
		}
	}
}

// answeredBy reports whether one of the routes is documented to answer a code.
func answeredBy(doc *wireapi.Document, routes []string, code string) bool {
	for _, route := range routes {
		for _, answer := range doc.Answers(route) {
			if strings.HasSuffix(answer, " "+code) {
				return true
			}
		}
	}
	return false
}

// problems are the codes, with their status, of all problems that package web's
// source makes.
func problems(t *testing.T) map[string]int {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(rig.Root(), "shared", "web", "problem.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || fmt.Sprint(lit.Type) != "Problem" {
			return true
		}
		values := map[string]string{}
		for _, e := range lit.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			v, ok := kv.Value.(*ast.BasicLit)
			if ok {
				values[fmt.Sprint(kv.Key)] = strings.Trim(v.Value, `"`)
			}
		}
		made[values["Code"]], err = strconv.Atoi(values["Status"])
		if err != nil || values["Code"] == "" {
			t.Errorf("a problem without a code or a status in so many words: %v", values)
		}
		return true
	})
	return made
}
