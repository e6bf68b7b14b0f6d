package flowtest

import (
	"debug/elf"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// Every function of the template has a target that `sam build` calls, and it
// builds that function's folder.
func TestBuildTargets(t *testing.T) {
	t.Parallel()
	for _, f := range rig.Template(t).Functions {
		out, err := makes(t, "-n", "build-"+f.ID, "ARTIFACTS_DIR=/nowhere").CombinedOutput()
		if err != nil || !strings.Contains(string(out), " ./"+strings.TrimSuffix(f.Folder, "/")+"/lambda\n") {
			t.Errorf("%s: %v\n%s", f.ID, err, out)
		}
	}
}

// What is uploaded is a static binary for arm64.
func TestBuildIsStaticARM64(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := makes(t, "build-SignupFunction", "ARTIFACTS_DIR="+dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := elf.Open(filepath.Join(dir, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_AARCH64 {
		t.Errorf("it is for %s", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is linked dynamically")
		}
	}
}

func makes(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", args...)
	cmd.Dir = rig.Root()
	return cmd
}
