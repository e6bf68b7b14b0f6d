package starts

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/flowtest/bench"
)

// base reports whether a function is another commit's.
func (f *function) base() bool { return f.root != bench.Root() }

// others are the steps of another commit, each with the requests of ours: what
// they ask of table and vendors must be near enough to be answered. Its sources lie
// in a working tree that is removed in the end.
func others(t testing.TB, revision string, ours []*function) []*function {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "base")
	git := func(args ...string) {
		out, err := exec.Command("git", append([]string{"-C", bench.Root()}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	git("worktree", "add", "--detach", folder, revision)
	t.Cleanup(func() { git("worktree", "remove", "--force", folder) })
	var list []*function
	for _, f := range ours {
		if !strings.HasSuffix(f.folder, "/lambda") {
			continue
		}
		other := *f
		other.name, other.root = "base "+f.name, folder
		list = append(list, &other)
	}
	return list
}

// compared is a table of what ours take, as ratios to the other commit's.
func compared(t testing.TB, list []*function, all []figures) string {
	t.Helper()
	head := []string{"", "start", "first answer", "warm, processor", "warm, wall", "peak memory", "bootstrap", "zipped"}
	var lines [][]string
	for i, f := range list {
		for j, other := range list {
			if other.name != "base "+f.name {
				continue
			}
			line := []string{f.name}
			if other.failed != nil {
				t.Logf("not compared: %v", other.failed)
				lines = append(lines, append(line, strings.Split(strings.Repeat("-", len(head)-1), "")...))
				continue
			}
			a, b := weigh(t, f, all[i]), weigh(t, other, all[j])
			for at := range a {
				line = append(line, ratio(a[at], b[at]))
			}
			lines = append(lines, line)
		}
	}
	return markdown(head, lines)
}

// weigh are a function's figures that are compared, in the table's order.
func weigh(t testing.TB, f *function, m figures) []float64 {
	t.Helper()
	plain, zipped := f.sizes(t)
	return []float64{m.bare, m.secure.first, m.secure.busy[0], m.secure.wall[0], m.secure.peak, plain, zipped}
}
