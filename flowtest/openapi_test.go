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
	"strangers":   {walk: walkStrangers, vendor: "verify", env: checksOn},
	"elsewhere":   {walk: walkElsewhere, vendor: "verify", env: deployed},
	"broken":      {walk: walkBroken, vendor: "verify", env: checksOn},
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
	"tokens":      {walk: walkTokens},
	"again":       {walk: walkAgain, vendor: "verify"},
	"password":    {walk: walkPassword, vendor: "verify"},
	"phone":       {walk: walkPhone, vendor: "authy"},
	"recovery":    {walk: walkRecovery, vendor: "verify"},
	"approvals":   {walk: walkApprovals},
	"checks":      {walk: walkPhoneChecks, env: checksOn},
	"no checks":   {walk: walkNoPhoneChecks, vendor: "verify"},
}

// deployed is a stack with an address of its own, which is no laptop.
var deployed = map[string]string{"PHONE_CHECKS": "on", "PUBLIC_URL": "https://id.example.com", "BCRYPT_COST": "10"}

var checksOn = map[string]string{"PHONE_CHECKS": "on"}

// unmade are answers that no walk makes, each with the reason. There are none so
// far, and there should be none without a good one.
var unmade = map[string]string{}

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
	return slices.Sorted(maps.Keys(signedRoutes(t)))
}

// signedRoutes says of each of the template's routes whether it takes signed
// requests alone.
func signedRoutes(t *testing.T) map[string]bool {
	t.Helper()
	routes := map[string]bool{}
	for _, f := range rig.Template(t).Functions {
		for _, route := range f.Routes {
			if route.Path != "" && route.Path != "$default" {
				routes[route.Method+" "+route.Path] = route.IAM
			}
		}
	}
	return routes
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
	if routes := existing(t); !slices.Equal(documented, routes) {
		t.Fatalf("docs/openapi.yaml has %q, the template %q", documented, routes)
	}
	for _, route := range documented {
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

// within are the members of a field that is a list of objects.
var within = regexp.MustCompile(` \([^)]*\)`)

// The fields that the document has for a route are those that the route takes,
// no more and no fewer.
func TestOpenAPIFields(t *testing.T) {
	t.Parallel()
	doc := described(t)
	r := rig.Start(t, rig.Options{Env: maps.Clone(checksOn)})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	for route, signed := range signedRoutes(t) {
		want, ok := doc.Fields(route)
		if !ok {
			continue
		}
		asker := v
		if signed {
			asker = owners(r)
		}
		method, path, _ := strings.Cut(route, " ")
		a := asker.Do(method, path, "application/json", `{"no such key":""}`)
		detail, _ := a.Doc["detail"].(string)
		m := takes.FindStringSubmatch(detail)
		if m == nil {
			t.Errorf("%s takes any key: %d %s", route, a.Status, a.Body)
			continue
		}
		list := strings.ReplaceAll(within.ReplaceAllString(m[1], ""), " and ", ", ")
		if list == "none" {
			list = ""
		}
		got := strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s takes %q, docs/openapi.yaml has %q", route, got, want)
		}
	}
}

// request is one line of the table of requests in docs/api.md.
var request = regexp.MustCompile("(?m)^\\| `([A-Z]+ /[^` ]*)` \\|")

// The table of requests in docs/api.md has every route, and no other.
func TestOpenAPIRequests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range request.FindAllStringSubmatch(string(text), -1) {
		told[m[1]] = true
	}
	if got, want := slices.Sorted(maps.Keys(told)), existing(t); !slices.Equal(got, want) {
		t.Errorf("docs/api.md has %q, the template %q", got, want)
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
	if !maps.Equal(statuses, made) {
		t.Errorf("package web makes %v\ndocs/openapi.yaml has %v", made, statuses)
	}
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
