//go:build unix

package main

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// tree writes files of a small module and returns its folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, text)
	}
	return root
}

func TestFingerprints(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod": "module m", "shared/a/a.go": "package a", "functions/x/x.go": "package x", "functions/y/y.html": "<p>",
		"functions/x/x_test.go": "", "functions/x/testdata/f": "", "functions/x/.swp": "",
		"examples/e/functions/e/e.go": "package e",
	})
	steps := []string{"functions/x", "functions/y", "examples/e/functions/e"}
	look := func() map[string]fingerprint {
		t.Helper()
		prints, err := fingerprints(root, "salt", steps)
		if err != nil {
			t.Fatal(err)
		}
		return prints
	}
	before := look()
	if !maps.Equal(before, look()) || before["functions/x"] == before["functions/y"] {
		t.Fatalf("fingerprints %v", before)
	}
	cases := []struct {
		file string
		x, y bool // whether it changes
		e    bool // the example's
	}{
		{"functions/x/x.go", true, false, false},
		{"functions/y/y.html", false, true, false},
		{"functions/x/new.css", true, false, false},
		{"shared/a/a.go", true, true, true},
		{"go.mod", true, true, true},
		{"functions/x/x_test.go", false, false, false},
		{"functions/x/testdata/f", false, false, false},
		{"functions/x/.swp", false, false, false},
		{"functions/z", false, false, false},
		{"examples/e/e.go", false, false, true}, // what its steps share
		{"examples/e/functions/e/e.go", false, false, true},
	}
	for _, c := range cases {
		write(t, filepath.Join(root, c.file), "package changed // longer")
		after := look()
		if (after["functions/x"] != before["functions/x"]) != c.x || (after["functions/y"] != before["functions/y"]) != c.y ||
			(after["examples/e/functions/e"] != before["examples/e/functions/e"]) != c.e {
			t.Errorf("a change of %s is seen wrongly", c.file)
		}
		before = after
	}
	salted, err := fingerprints(root, "other", steps)
	if err != nil || salted["functions/x"] == before["functions/x"] {
		t.Error("the salt does not count")
	}
}

// What could be built is built and told, also beside a step that could not.
func TestBuildSome(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":                     "module m\n\ngo 1.26\n",
		"functions/a/a.go":           "package a\n",
		"functions/a/lambda/main.go": "package main\n\nfunc main() {}\n",
		"functions/b/b.go":           "package b\n",
		"functions/b/lambda/main.go": "package main\n\nfunc main() { nothing() }\n",
	})
	out := &output{}
	steps := []string{"functions/a", "functions/b"}
	b := newBuilder(root, filepath.Join(root, "bin"), steps, out)
	built, err := b.build(t.Context())
	if !errors.Is(err, errBuild) || !reflect.DeepEqual(built, steps[:1]) {
		t.Errorf("built %v, %v\n%s", built, err, out)
	}
	write(t, filepath.Join(root, "functions/b/lambda/main.go"), "package main\n\nfunc main() {}\n")
	built, err = b.build(t.Context())
	if err != nil || !reflect.DeepEqual(built, steps[1:]) {
		t.Errorf("built %v, %v", built, err)
	}
	built, err = b.build(t.Context())
	if err != nil || len(built) != 0 {
		t.Errorf("built %v, %v though nothing changed", built, err)
	}
	err = os.Remove(b.binary("functions/a"))
	if err != nil {
		t.Fatal(err)
	}
	built, err = b.build(t.Context())
	if err != nil || !reflect.DeepEqual(built, steps[:1]) {
		t.Errorf("built %v, %v after the binary was lost", built, err)
	}
}

func TestListen(t *testing.T) {
	s, err := listen(0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = listen(s.port)
	if !errors.Is(err, errPortTaken) {
		t.Errorf("the port was given twice: %v", err)
	}
	entered := make(chan bool)
	s.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
	}))
	go func() { _, _ = http.Get("http://" + s.listeners[0].Addr().String()) }()
	<-entered
	start := time.Now()
	s.close()
	if time.Since(start) > 2*time.Second {
		t.Error("a request that does not end holds up the end")
	}
	again, err := listen(s.port)
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	again.close()
	(*server)(nil).close()
}
