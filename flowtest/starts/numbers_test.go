package starts

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/bench"
)

// The steps that take a phone number have a numbering plan of their own: neither
// the library that it is from nor what that needs is linked into them.
func TestLinkNoNumberLibrary(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"signup", "phone", "phone-checks"} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "lambda.norpc", "./functions/"+step+"/lambda")
		cmd.Dir = bench.Root()
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, "latchkey/shared/numbers") {
			t.Fatalf("these are not the dependencies of %s: %v", step, deps)
		}
		for _, path := range deps {
			for _, heavy := range []string{"github.com/nyaruka/phonenumbers", "golang.org/x/text/language", "google.golang.org/protobuf", "encoding/xml"} {
				if path == heavy || strings.HasPrefix(path, heavy+"/") {
					t.Errorf("%s links %s", step, path)
				}
			}
		}
	}
}
