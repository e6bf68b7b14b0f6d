package starts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/flowtest/bench"
)

// What docs/cost.md says that a flow asks of the table and of the vendors is what
// it does ask: the prices are multiplied with these.
func TestCostIsCounted(t *testing.T) {
	w := recorded(t)
	text, err := os.ReadFile(filepath.Join(bench.Root(), "docs", "cost.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("items:\n%s", w.kinds())
	for _, f := range whole() {
		line := w.counted(f)
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/cost.md does not say\n%s", line)
		}
	}
}

// counted is a flow's line in docs/cost.md.
func (w *world) counted(f flow) string {
	var tables, vendors int
	var reads, writes float64
	for _, name := range f.asked {
		table, vendor, read, write := w.find(name).units(w.t)
		tables, vendors, reads, writes = tables+table, vendors+vendor, reads+read, writes+write
	}
	return fmt.Sprintf("| %s | %d | %d | %g | %g | %d |", f.name, len(f.asked), tables, reads, writes, vendors)
}
