//go:build linux

// Package e2e runs latchkey as a developer does and uses it as visitors do: the
// runner starts the very binaries that deploy, a real browser walks the pages,
// programs speak JSON, and processes are killed under them. It sees nothing
// but what goes in and out, and must not reach into the product.
//
// SCREENSHOTS=folder writes every screen there, and signup.png and login.png, the
// pictures of the project's docs. LOGS=folder keeps what the stacks wrote. SOAK=5m runs
// TestSoak, over the vendor of PROVIDER and with the chances of SEED.
package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/rig"
)

// workshop is what all stacks of a test run are made from: the runner, and a
// copy of what it needs, so that nobody who edits the project meanwhile
// changes what runs here.
type workshop struct {
	runner   string
	operator string // the command latchkey
	sources  string
	bin      string     // where the runners build; the second finds all done
	turn     sync.Mutex // one builds at a time
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{runner: filepath.Join(folder, "run"), operator: filepath.Join(folder, "latchkey"), sources: filepath.Join(folder, "sources"), bin: filepath.Join(folder, "bin")}
	for path, from := range map[string]string{w.runner: "./local", w.operator: "./cmd/latchkey"} {
		build := exec.Command("go", "build", "-o", path, from)
		build.Dir = rig.Root()
		output, err := build.CombinedOutput()
		if err != nil {
			t.Fatalf("building %s: %v\n%s", from, err, output)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "template.yaml", "functions", "shared", "examples"} {
		err := duplicate(filepath.Join(rig.Root(), name), filepath.Join(w.sources, name))
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// project is a folder to run one stack in.
func (w *workshop) project(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = duplicate(w.sources, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{w.bin, filepath.Join(root, ".local"), filepath.Join(root, "local")} {
		err := os.MkdirAll(folder, 0o700)
		if err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{".local/bin": w.bin, "local/dynamodb": filepath.Join(rig.Root(), "local", "dynamodb")}
	for name, target := range links {
		err := os.Symlink(target, filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// duplicate copies files with their times, by which the runner knows what it
// has built already. Tests are left out.
func duplicate(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		return copyFile(path, filepath.Join(to, name))
	})
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Dir(to), 0o700)
	if err != nil {
		return err
	}
	err = os.WriteFile(to, data, 0o600)
	if err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
