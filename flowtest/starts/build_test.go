package starts

import (
	"archive/zip"
	"bytes"
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
// is what deploys.
func command(t testing.TB) (environ, args []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(bench.Root(), "Makefile"))
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

// build returns the bootstrap of the command in folder, for this machine. It
// stays in .local, so that what did not change is not linked again.
func build(t testing.TB, name, folder string) string {
	t.Helper()
	environ, args := command(t)
	file := filepath.Join(bench.Root(), ".local", "starts", name, "bootstrap")
	cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], "-o", file, "./"+folder)...)
	cmd.Dir, cmd.Env = bench.Root(), append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("building %s: %v\n%s", folder, err, out)
	}
	return file
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
