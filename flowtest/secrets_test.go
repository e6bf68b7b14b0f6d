package flowtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// product reports whether a file is deployed.
func (s source) product() bool {
	return strings.HasPrefix(s.path, "functions/") || strings.HasPrefix(s.path, "shared/") || strings.HasPrefix(s.path, "cmd/")
}

// What is deployed has no randomness that can be guessed, and no door for
// debuggers.
func TestNothingToGuessOrDebug(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, path := range s.imports() {
			switch path {
			case "math/rand", "math/rand/v2", "net/http/pprof", "runtime/pprof", "expvar":
				if s.product() {
					t.Errorf("%s imports %s", s.path, path)
				}
			}
		}
	}
}

// secret is how secrets, and what is made of them, are called here.
var secret = regexp.MustCompile(`(?i)^(secret|previous|prev|signature|mac|proof|digest|token|hash)$`)

// harmless compare what we have just made ourselves with what we have kept:
// nobody can try one value after the other, and learn from the time it takes.
var harmless = map[string]string{
	"functions/approvals/create.go":  "the digest of what the signed caller asks, and of what the same caller asked",
	"functions/password/password.go": "a hash whose salt this request drew",
	"functions/recovery/recovery.go": "digests of codes that this request drew",
}

// Secrets, and what is made of them, are compared in constant time: no == or
// bytes.Equal between two of them. An empty one may be looked for.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, s := range sources(t) {
		if !s.product() || harmless[s.path] != "" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && isSecret(n.X) && isSecret(n.Y) {
					t.Errorf("%s compares %s and %s with %s", s.path, name(n.X), name(n.Y), n.Op)
				}
			case *ast.CallExpr:
				switch name(n.Fun) {
				case "Equal":
					f, ok := n.Fun.(*ast.SelectorExpr)
					if ok && (name(f.X) == "bytes" || name(f.X) == "slices") && len(n.Args) == 2 && (isSecret(n.Args[0]) || isSecret(n.Args[1])) {
						t.Errorf("%s compares %s with %s.Equal", s.path, name(n.Args[0]), name(f.X))
					}
				case "ConstantTimeCompare":
					seen++
				}
			}
			return true
		})
	}
	if seen < 4 {
		t.Errorf("the test is blind: it sees %d comparisons in constant time", seen)
	}
}

func isSecret(e ast.Expr) bool { return secret.MatchString(name(e)) }

// name is the last name of an expression: of a.b, a.b(c) and string(a.b) it is b.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.CallExpr:
		conversion, ok := e.Fun.(*ast.Ident)
		if ok && conversion.Name == "string" && len(e.Args) == 1 {
			return name(e.Args[0])
		}
		return name(e.Fun)
	}
	return ""
}

// Every read of the table is consistent, by key and of the table itself, so that
// nobody is let in by what was true a moment ago.
func TestReadsAreConsistent(t *testing.T) {
	t.Parallel()
	reads := 0
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			kind, members := name(literal.Type), map[string]bool{}
			for _, e := range literal.Elts {
				pair, ok := e.(*ast.KeyValueExpr)
				if ok {
					members[name(pair.Key)] = true
				}
				if ok && name(pair.Key) == "ConsistentRead" && strings.HasPrefix(s.path, "shared/store/") {
					call, ok := pair.Value.(*ast.CallExpr)
					members["ConsistentRead"] = ok && len(call.Args) == 1 && name(call.Args[0]) == "true"
				}
			}
			switch {
			case kind == "ScanInput", kind == "ExecuteStatementInput", members["IndexName"]:
				t.Errorf("%s reads by %s", s.path, kind)
			case kind == "GetItemInput" || kind == "KeysAndAttributes" || kind == "QueryInput":
				reads++
				if !members["ConsistentRead"] {
					t.Errorf("%s: a %s may answer what is stale", s.path, kind)
				}
			}
			return true
		})
	}
	if reads < 3 {
		t.Errorf("the test is blind: it sees %d reads", reads)
	}
}
