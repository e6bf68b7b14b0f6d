//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// block is one block of commands with the last line of text before it.
type block struct{ before, commands string }

// blocks are those of the story with curl in the example's README.
func blocks(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(), "examples", "bank", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, story, found := strings.Cut(string(text), "\n## The whole story with curl\n")
	parts := strings.Split(story, "```")
	if !found || len(parts) < 15 || len(parts)%2 == 0 {
		t.Fatalf("the story has %d parts", len(parts))
	}
	var list []block
	for i := 1; i < len(parts); i += 2 {
		commands, ok := strings.CutPrefix(parts[i], "sh\n")
		if !ok {
			t.Fatalf("a block that is no commands: %s", parts[i])
		}
		list = append(list, block{parts[i-1], commands})
	}
	return list
}

var (
	promised = regexp.MustCompile(`(?m) # (\d{3})$`)
	printed  = regexp.MustCompile(`(?m) (\d{3})$`)
)

// withCurl pastes the story of the example's README into one shell, and holds
// what is printed to what the text promises.
func withCurl(t *testing.T, s *stack) {
	_, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	var script strings.Builder
	for _, b := range blocks(t) {
		verify, authy := strings.Contains(b.before, "With Verify"), strings.Contains(b.before, "PROVIDER=authy")
		if verify && s.provider != "verify" || authy && s.provider != "authy" {
			continue
		}
		script.WriteString(b.commands)
	}
	for kind, value := range map[string]string{"email address": "alan@example.com", "password": "correct horse battery", "phone number": "4155552680"} {
		if !strings.Contains(script.String(), value) {
			t.Errorf("the story has no %s", kind)
		}
		s.hidden.add(kind, value)
	}
	here := strings.NewReplacer("http://localhost:3000", s.app, "http://localhost:3001", s.phone, "go run ./cmd/latchkey", s.shop.operator)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", here.Replace(script.String()))
	cmd.Dir, cmd.Env = s.root, append(slices.Clone(s.env), "no_proxy=*")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the story: %v", err)
	}
	statuses := func(pattern *regexp.Regexp, text string) (list []string) {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			list = append(list, m[1])
		}
		return list
	}
	want, got := statuses(promised, script.String()), statuses(printed, string(out))
	if len(want) < 15 || !slices.Equal(want, got) {
		t.Errorf("it prints %v, and promises %v\n%s", got, want, out)
	}
	for _, word := range []string{`{"message":"Forbidden"} 403`, `"forbidden"`, `"reauth"`, `{"message":"Missing Authentication Token"} 403`, `"reference":"card 17"`} {
		if !strings.Contains(string(out), word) {
			t.Errorf("it never prints %s\n%s", word, out)
		}
	}
	asked := s.handset(t).Approvals("+14155552680")
	if len(asked) != 3 || slices.ContainsFunc(asked, func(a rig.Approval) bool { return a.Status != "approved" }) {
		t.Errorf("on the phone: %+v", asked)
	}
	until(t, "the events", patience, func() bool {
		log := s.out.String()
		return strings.Contains(log, `"transfer":"card 17","decision":"approved"`) && strings.Contains(log, `"transfer":"transfer of 120.00 EUR to Acme Ltd","decision":"approved"`)
	})
}
