package main

import (
	"slices"
	"strings"
	"testing"

	"latchkey/shared/email"
	"latchkey/shared/store"
)

// FuzzArguments reads any arguments of any action. What is taken is one address in
// its one spelling with what the action wants besides, wherever the flags stand;
// what is not is one line that a terminal shows as it is.
func FuzzArguments(f *testing.F) {
	for _, args := range []string{
		"show " + ada, "role " + ada + " admin", "role --json " + ada + " admin", "delete " + ada + " --yes", "delete -- --yes@example.com", "show -- -", "show", "show --json",
		"show ADA@Example.com", "role " + ada + " Admin", "show \x1b[2J@example.com", "show --\x1b[2J " + ada, "reset " + ada + " --", "logout --help", "delete --yes --yes --json " + ada,
	} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Fields(line)
		if len(args) == 0 {
			return
		}
		i := slices.IndexFunc(actions(), func(a action) bool { return a.name == args[0] })
		if i < 0 {
			return
		}
		a, d := actions()[i], &desk{}
		help, err := d.read(a, args[1:])
		if err != nil {
			var said strings.Builder
			code := ended(err, &said)
			if shown := strings.TrimSuffix(said.String(), "\n"); code != misled || printable(shown) != shown {
				t.Errorf("%q: %d %q", line, code, said.String())
			}
			return
		}
		if help {
			return
		}
		before, words := args[1:], []string(nil)
		j := slices.Index(before, "--")
		if j >= 0 {
			before, words = before[:j], before[j+1:]
		}
		words = append(slices.DeleteFunc(slices.Clone(before), func(w string) bool { return strings.HasPrefix(w, "-") }), words...)
		address, wrong := email.Normalise(words[0])
		if wrong != "" || d.key != store.Hash(address) || len(words) != 1+len(a.args) || !slices.Equal(d.args, words[1:]) || d.yes && a.name != "delete" {
			t.Errorf("%q is taken: %q, %q", line, d.masked, d.args)
		}
		again := &desk{}
		_, err = again.read(a, append([]string{"--json", "--"}, words...))
		if err != nil || again.key != d.key || !slices.Equal(again.args, d.args) {
			t.Errorf("%q, with its flags before: %v", line, err)
		}
		if strings.Contains(d.masked, address) || a.name == "role" && (d.args[0] != strings.ToLower(d.args[0]) || len(d.args[0]) > 32) {
			t.Errorf("%q: %q, %q", line, d.masked, d.args)
		}
	})
}
