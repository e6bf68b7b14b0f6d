package flowtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// docs/parity.md says which test covers which behaviour. It is true: every
// number stands there once, every test exists, and its comment names the
// number.
func TestParity(t *testing.T) {
	t.Parallel()
	covered := claims(t)
	page, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "parity.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	row := regexp.MustCompile(`(?m)^\| (\d+) \| [^|]+ \| ([^|]+) \|$`)
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil || seen[n] {
			t.Errorf("number %s stands there twice", m[1])
		}
		seen[n] = true
		tests := regexp.MustCompile(`Test\w+`).FindAllString(m[2], -1)
		if len(tests) == 0 && !strings.HasPrefix(m[2], "dropped: ") && !strings.HasPrefix(m[2], "later: ") {
			t.Errorf("%d is neither tested nor explained: %s", n, m[2])
		}
		for _, name := range tests {
			if !slices.Contains(covered[name], n) {
				t.Errorf("%d: the comment of %s names %v", n, name, covered[name])
			}
		}
	}
	for n := range 152 {
		if !seen[n+1] {
			t.Errorf("%d is missing", n+1)
		}
	}
}

// claims are the numbers that each test's comment names: "(parity 3, 12-14)".
func claims(t *testing.T) map[string][]int {
	t.Helper()
	list := map[string][]int{}
	everyTest(t, func(_ string, fn *ast.FuncDecl) {
		list[fn.Name.Name] = append(list[fn.Name.Name], numbers(fn.Doc.Text())...)
	})
	return list
}

// everyTest shows each test and fuzzer of the project with the name of its package.
func everyTest(t *testing.T, show func(pkg string, fn *ast.FuncDecl)) {
	t.Helper()
	err := filepath.WalkDir(rig.Root(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz")) {
				show(strings.TrimSuffix(f.Name.Name, "_test"), fn)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func numbers(comment string) []int {
	var list []int
	for _, m := range regexp.MustCompile(`parity ([0-9, \n-]+)`).FindAllStringSubmatch(comment, -1) {
		for _, part := range regexp.MustCompile(`(\d+)(?:-(\d+))?`).FindAllStringSubmatch(m[1], -1) {
			low, _ := strconv.Atoi(part[1])
			high, err := strconv.Atoi(part[2])
			if err != nil {
				high = low
			}
			for n := low; n <= high; n++ {
				list = append(list, n)
			}
		}
	}
	return list
}
