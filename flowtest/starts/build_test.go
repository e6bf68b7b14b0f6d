package starts

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"latchkey/flowtest/bench"
)

// command is the Makefile's own command that builds a function: what is measured
// is what deploys. root is the project's folder, or that of another commit.
func command(t testing.TB, root string) (environ, args []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^LAMBDA := (.*)$`).FindSubmatch(text)
	if line == nil {
		t.Fatal("the Makefile does not say how a function is built")
	}
	args = strings.Fields(string(line[1]))
	for strings.Contains(args[0], "=") {
		environ, args = append(environ, args[0]), args[1:]
	}
	return append(environ, "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH), args
}

// build makes the bootstrap of a function, for this machine. It stays in .local,
// so that what did not change is not linked again.
func (f *function) build(t testing.TB) error {
	t.Helper()
	environ, args := command(t, f.root)
	f.file = filepath.Join(bench.Root(), ".local", "starts", strings.ReplaceAll(f.name, " ", "-"), "bootstrap")
	cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], "-o", f.file, "./"+f.folder)...)
	cmd.Dir, cmd.Env = f.root, append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", f.name, err, out)
	}
	return nil
}

// sizes are a bootstrap's bytes as it is and in the archive that is uploaded.
func sizes(file string) (plain, zipped int, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("bootstrap")
	if err != nil {
		return 0, 0, err
	}
	_, err = io.Copy(w, bytes.NewReader(content))
	if err != nil {
		return 0, 0, err
	}
	err = z.Close()
	if err != nil {
		return 0, 0, err
	}
	return len(content), archive.Len(), nil
}

// sizes are the bytes of a function's bootstrap, as it is and zipped.
func (f *function) sizes(t testing.TB) (plain, zipped float64) {
	t.Helper()
	a, b, err := sizes(f.file)
	if err != nil {
		t.Fatal(err)
	}
	return float64(a), float64(b)
}
