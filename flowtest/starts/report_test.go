package starts

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"latchkey/flowtest/bench"
)

var update = flag.Bool("update", false, "write the measured table into docs/performance.md")

const (
	rounds  = 15
	further = 200
)

// BenchmarkStarts shows every function beside hello. Its own time and memory mean
// nothing.
func BenchmarkStarts(b *testing.B) {
	list := functions(b)
	var samples []sample
	for b.Loop() {
		samples = measure(b, list, rounds, further)
	}
	b.ReportMetric(0, "ns/op")
	for i, f := range list[1:] {
		b.ReportMetric(samples[1+i].init/samples[0].init, f.name+"-start/hello")
		b.ReportMetric(samples[1+i].warm/samples[0].warm, f.name+"-warm/hello")
	}
	text := report(b, list, samples)
	fmt.Printf("\n%s: %s\n%s", machine(), how(), text) // b.Log cuts after ten lines
	if *update {
		record(b, text)
	}
}

// how says what the numbers are.
func how() string {
	return fmt.Sprintf("medians of %d starts, taken in turn with hello's, with %d warm answers each", rounds, further)
}

// row is one line of the report.
type row struct {
	what   string
	values []float64 // one for each function, hello's first
	format string
}

// report is a table in Markdown, with a column for each function and one for its
// ratio to hello.
func report(t testing.TB, list []*function, samples []sample) string {
	t.Helper()
	rows := []row{
		{what: "start: exec to the first poll, ms", format: "%.1f"},
		{what: "first answer, ms", format: "%.2f"},
		{what: "start and first answer, processor ms", format: "%.1f"},
		{what: "warm answer, ms", format: "%.2f"},
		{what: "warm answer, processor ms", format: "%.2f"},
		{what: "peak memory, MiB", format: "%.1f"},
		{what: "bootstrap, MiB", format: "%.1f"},
		{what: "zipped, MiB", format: "%.1f"},
	}
	for i, s := range samples {
		plain, zipped, err := sizes(list[i].file)
		if err != nil {
			t.Fatal(err)
		}
		for at, v := range []float64{s.init, s.first, s.cold, s.warm, s.busy, s.peak / mib, float64(plain) / mib, float64(zipped) / mib} {
			rows[at].values = append(rows[at].values, v)
		}
	}
	return markdown(list, rows)
}

const mib = 1 << 20

func markdown(list []*function, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %-38s | %8s |", "", list[0].name)
	for _, f := range list[1:] {
		fmt.Fprintf(&b, " %10s | %7s |", f.name, "ratio")
	}
	b.WriteString("\n|---|---:|" + strings.Repeat("---:|---:|", len(list)-1))
	for _, r := range rows {
		fmt.Fprintf(&b, "\n| %-38s | %8s |", r.what, fmt.Sprintf(r.format, r.values[0]))
		for _, v := range r.values[1:] {
			ratio := "-"
			if r.values[0] > 0 {
				ratio = fmt.Sprintf("%.2f", v/r.values[0])
			}
			fmt.Fprintf(&b, " %10s | %7s |", fmt.Sprintf(r.format, v), ratio)
		}
	}
	return b.String() + "\n"
}

// machine says on what was measured.
func machine() string {
	cpu := "an unnamed processor"
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		_, after, found := strings.Cut(string(info), "model name")
		line, _, _ := strings.Cut(after, "\n")
		if found {
			cpu = strings.TrimLeft(line, "\t :")
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, %s/%s", cpu, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// What stands between these two lines of docs/performance.md is ours.
const (
	begin = "<!-- measured: begin -->\n"
	end   = "<!-- measured: end -->\n"
)

func record(t testing.TB, text string) {
	t.Helper()
	file := filepath.Join(bench.Root(), "docs", "performance.md")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := bytes.Cut(old, []byte(begin))
	_, after, closed := bytes.Cut(after, []byte(end))
	if !found || !closed {
		t.Fatalf("%s has no place for the table", file)
	}
	said := fmt.Sprintf("%s%s%s: %s.\n\n%s%s%s", before, begin, machine(), how(), text, end, after)
	err = os.WriteFile(file, []byte(said), 0o644)
	if err != nil {
		t.Fatal(err)
	}
}
