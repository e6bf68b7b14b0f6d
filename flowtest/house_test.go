package flowtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// source is one file of the project, tests excluded.
type source struct {
	path string // from the project's root
	file *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	for _, dir := range []string{"functions", "shared", "local", "cmd", "examples"} {
		err := filepath.WalkDir(filepath.Join(rig.Root(), dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(rig.Root(), path)
			list = append(list, source{filepath.ToSlash(rel), f})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(list) < 50 {
		t.Fatalf("only %d files found", len(list))
	}
	return list
}

func (s source) imports() []string {
	var paths []string
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// only says which folders alone may import a path.
var only = map[string][]string{
	"github.com/aws/aws-lambda-go":                  {"shared/apigw/", "examples/"},
	"github.com/aws/aws-sdk-go-v2/service/dynamodb": {"shared/store/"},
	"github.com/twilio/twilio-go":                   {"shared/verify/", "shared/message/"},
	"github.com/nyaruka/phonenumbers":               {"shared/numbers/"},
	"golang.org/x/crypto/bcrypt":                    {"shared/password/"},
	"go.yaml.in/yaml/v3":                            {"local/template/", "local/apidoc/"},
	"github.com/chromedp/chromedp":                  {},
	"latchkey/shared/numbers":                       {"functions/signup/", "functions/phone/", "functions/phone-checks/"},
	"latchkey/flowtest":                             {},

	// A step would compile it at every start; shared/chars costs nothing.
	"regexp": {"shared/numbers/", "local/", "cmd/", "examples/"},

	// Their rules for addresses would be compiled, too; shared/sdk asks one thing of each.
	"github.com/aws/aws-sdk-go-v2/service/eventbridge":    {},
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager": {},
}

// Who may import whom (design section 6).
func TestImports(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		step, _, _ := strings.Cut(strings.TrimPrefix(s.path, "functions/"), "/")
		for _, path := range s.imports() {
			inside, ours := strings.CutPrefix(path, "latchkey/")
			bad := false
			switch {
			case !ours:
			case strings.HasPrefix(s.path, "functions/"):
				bad = !strings.HasPrefix(inside, "shared/") && inside != "functions/"+step
			case strings.HasPrefix(s.path, "shared/"), strings.HasPrefix(s.path, "cmd/"):
				bad = !strings.HasPrefix(inside, "shared/")
			case strings.HasPrefix(s.path, "examples/"):
				own := strings.Join(strings.SplitAfterN(s.path, "/", 3)[:2], "")
				bad = !strings.HasPrefix(inside, "shared/") && !strings.HasPrefix(inside, own)
			case strings.HasPrefix(s.path, "local/"):
				bad = !strings.HasPrefix(inside, "local/")
			}
			if bad {
				t.Errorf("%s must not import %s", s.path, path)
			}
			for prefix, allowed := range only {
				if (path == prefix || strings.HasPrefix(path, prefix+"/")) &&
					!slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(s.path, a) }) {
					t.Errorf("%s must not import %s", s.path, path)
				}
			}
		}
	}
}

// What the house does without: init functions, the wall clock below a start,
// goroutines of a step's own where there are some that are kept, and packages or
// exported names that nobody explains.
func TestHabits(t *testing.T) {
	t.Parallel()
	explained := map[string]bool{}
	for _, s := range sources(t) {
		dir := filepath.Dir(s.path)
		explained[dir] = explained[dir] || s.file.Doc != nil
		started := s.path == "shared/apigw/start.go" || s.path == "cmd/latchkey/main.go"
		product := !strings.HasPrefix(s.path, "local/") && !started
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s has an init function", s.path)
				}
				if n.Name.IsExported() && n.Doc == nil && !hidden(n.Recv) {
					t.Errorf("%s: %s is not explained", s.path, n.Name.Name)
				}
			case *ast.GoStmt:
				if strings.HasPrefix(s.path, "functions/") {
					t.Errorf("%s starts a goroutine, and not with package abreast", s.path)
				}
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if strings.HasPrefix(s.path, "functions/") && ok && x.Name == "sync" && n.Sel.Name == "WaitGroup" {
					t.Errorf("%s has a sync.WaitGroup, and not package abreast", s.path)
				}
				if product && ok && x.Name == "time" && n.Sel.Name == "Now" {
					t.Errorf("%s reads the wall clock", s.path)
				}
			}
			return true
		})
	}
	for dir, ok := range explained {
		if !ok {
			t.Errorf("no file of %s says what the package is for", dir)
		}
	}
}

// hidden reports whether a method belongs to an unexported type.
func hidden(recv *ast.FieldList) bool {
	if recv == nil {
		return false
	}
	kind := recv.List[0].Type
	star, ok := kind.(*ast.StarExpr)
	if ok {
		kind = star.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && !name.IsExported()
}

// The template's routes, the steps' and the front page's list of them agree.
func TestRoutesAgree(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"PHONE_CHECKS": "on"}})
	v := r.Visitor(true)
	methods := map[string][]string{}
	for _, f := range rig.Template(t).Functions {
		if rig.Steps()[f.Name()] == nil {
			t.Errorf("the template has a function %s without a step", f.ID)
		}
		for _, route := range f.Routes {
			if route.Path == "" || route.Path == "$default" {
				continue
			}
			methods[route.Path] = append(methods[route.Path], route.Method)
			a := v.Do(route.Method, route.Path, "", "")
			if a.Status == 404 || a.Status == 405 {
				t.Errorf("%s %s: the step answers %d", route.Method, route.Path, a.Status)
			}
		}
	}
	if len(methods) < 5 {
		t.Fatalf("only %d paths in the template", len(methods))
	}
	for path, want := range methods {
		slices.Sort(want)
		a := v.Do("DELETE", path, "", "")
		if a.Status != 405 || a.Header.Get("Allow") != strings.Join(want, ", ") {
			t.Errorf("%s: %d, Allow %q, want %q", path, a.Status, a.Header.Get("Allow"), want)
		}
	}
	for name := range rig.Steps() {
		if !slices.ContainsFunc(rig.Template(t).Functions, f(name)) {
			t.Errorf("step %s is not in the template", name)
		}
	}
}

// No secret stands in the source, nor what looks like one; nor does the name of
// a registry or a folder of somebody's machine (parity 37, 148).
func TestNoSecretsInTheSource(t *testing.T) {
	t.Parallel()
	secret := regexp.MustCompile(`\b(?:AC|SK|VA|MG)[0-9a-f]{32}\b|\bAKIA[0-9A-Z]{16}\b|BEGIN [A-Z ]*PRIVATE` + ` KEY|registry\.` + `npmjs|/ro` + `ot/`)
	for _, sample := range []string{"AC0123456789abcdef0123456789abcdef", "AKIA" + strings.Repeat("X", 16)} {
		if !secret.MatchString(sample) {
			t.Errorf("the pattern misses %s", sample)
		}
	}
	out, err := exec.Command("git", "-C", rig.Root(), "ls-files", "-co", "--exclude-standard", "-z").Output()
	if err != nil {
		t.Skip("not a git checkout: which files are the project's is not known")
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(rig.Root(), name))
		if err != nil || strings.HasSuffix(name, "flowtest/house_test.go") {
			continue
		}
		for _, m := range secret.FindAllString(string(text), -1) {
			if !strings.Contains(m, strings.Repeat("0", 20)) {
				t.Errorf("%s holds %s", name, m)
			}
		}
	}
}
