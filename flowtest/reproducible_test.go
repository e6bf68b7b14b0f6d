package flowtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"latchkey/flowtest/rig"
)

// Two people who build one commit in folders of their own upload the same bytes,
// so that a deployment changes no function whose source did not. `make
// reproducible` shows it for every step, for both architectures, with nothing of
// the first build in the second one's cache.
func TestBuildIsReproducible(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "another", "folder")
	for _, name := range []string{"functions", "shared"} {
		err := os.CopyFS(filepath.Join(elsewhere, name), os.DirFS(filepath.Join(rig.Root(), name)))
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "Makefile"} {
		content, err := os.ReadFile(filepath.Join(rig.Root(), name))
		if err != nil {
			t.Fatal(err)
		}
		err = os.WriteFile(filepath.Join(elsewhere, name), content, 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	var built [2][]byte
	for i, folder := range []string{rig.Root(), elsewhere} {
		artifacts := t.TempDir()
		cmd := makes(t, "build-HomeFunction", "ARTIFACTS_DIR="+artifacts)
		cmd.Dir = folder
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		built[i], err = os.ReadFile(filepath.Join(artifacts, "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(built[0], built[1]) {
		t.Errorf("%d and %d bytes, which differ", len(built[0]), len(built[1]))
	}
}
