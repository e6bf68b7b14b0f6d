package starts

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
)

var update = flag.Bool("update", false, "write what was measured into docs/performance.md")

// TestBench is `make bench`: every step beside hello, whole flows, and the goals.
func TestBench(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("ROUNDS"))
	if err != nil || rounds < 1 {
		t.Skip("measures only as `make bench`")
	}
	p := plan{rounds: rounds, events: 40}
	quota := p.restrict(t)
	w := recorded(t)
	list := w.functions(strings.Fields(os.Getenv("ONLY"))...)
	base := os.Getenv("BASE")
	if base != "" {
		list = append(list, others(t, base, list)...)
	}
	for _, f := range list {
		err := f.build(t)
		if err != nil {
			f.fail(t, err)
		}
	}
	began := time.Now()
	b := &board{t: t, world: recorded(t), list: list, plan: p} // recorded again: building may take minutes
	b.adopt()
	b.all = measure(t, list, p)
	some := os.Getenv("ONLY") != ""
	if !some {
		b.more = b.beyond("POST /signup", "POST /login, push", "POST /login, text")
	}
	took := time.Since(began).Round(time.Second)
	text := fmt.Sprintf("%s: medians of %d rounds, in %s, %s. %s\n\n", machine(), rounds, took, time.Now().UTC().Format("2 January 2006"), quota)
	if some {
		text += b.functions() + "\n" + b.requests()
	} else {
		text += b.report(startup(t))
	}
	fmt.Print("\n" + text)
	if base != "" {
		fmt.Printf("\nBeside %s, ours to theirs (below 1 is better now):\n\n%s", base, compared(t, list, b.all))
	}
	if *update && !some {
		record(t, text)
	}
}

// restrict reads QUOTA and makes the control group for it, and says in a sentence
// what came of it.
func (p *plan) restrict(t *testing.T) string {
	share, err := strconv.ParseFloat(os.Getenv("QUOTA"), 64)
	if err != nil || share <= 0 || share > 1 {
		return "No quota was asked for (QUOTA=0.07), so all had a whole processor."
	}
	p.share = share
	q, err := newQuota()
	if err != nil {
		return "All had a whole processor: " + err.Error() + "."
	}
	t.Cleanup(func() {
		err := q.close()
		if err != nil {
			t.Error(err)
		}
	})
	p.quota = q
	return fmt.Sprintf("Where a small Lambda is named, a function had %g of a processor for each 128 MB from its first event on.", share)
}

// board is all that was measured.
type board struct {
	t     testing.TB
	world *world
	list  []*function
	plan  plan
	all   []figures
	more  map[string]float64 // of requests that hash once: as beyond says
}

// adopt gives the functions the requests of the board's own world: recorded a
// moment ago, so that nothing expires while it is played.
func (b *board) adopt() {
	fresh := map[string]*function{}
	for _, f := range b.world.functions() {
		fresh[f.name] = f
	}
	for _, f := range b.list {
		n := fresh[strings.TrimPrefix(f.name, "base ")]
		f.cases, f.vars = n.cases, n.vars
	}
}

// of are a function's figures by its name.
func (b *board) of(name string) figures {
	for i, f := range b.list {
		if f.name == name {
			return b.all[i]
		}
	}
	b.t.Fatalf("%s was not measured", name)
	return figures{}
}

// cost is what a warm answer to a request takes, over TLS.
func (b *board) cost(name string) (busy, wall float64) {
	f, r := b.who(name)
	m := b.all[slices.Index(b.list, f)].secure
	at := slices.Index(f.cases, r)
	return m.busy[at], m.wall[at]
}

// report is all tables.
func (b *board) report(startup float64) string {
	return b.functions() + "\n" + b.requests() + "\n" + b.flows() + "\n" + markdown(
		[]string{"goal", "must", "aim", "seen", "holds", "shown by"}, b.goals(startup)) + "\n" + b.world.kinds()
}

// functions is a line for each function.
func (b *board) functions() string {
	first := b.of(hello)
	small, smallZip := b.list[0].sizes(b.t)
	var lines [][]string
	for i, f := range b.list {
		if f.base() {
			continue
		}
		m := b.all[i]
		plain, zipped := f.sizes(b.t)
		table, vendor, _, _ := f.cases[0].units(b.t)
		lines = append(lines, []string{
			f.name, f.cases[0].name, decimal(m.bare), ratio(m.bare, first.bare), decimal(m.secure.init),
			decimal(m.secure.first), ratio(m.secure.first, m.secure.wall[0]),
			decimal(m.small.init + m.small.first), decimal(m.belate.init + m.belate.first),
			decimal(m.secure.busy[0]), decimal(m.secure.wall[0]), decimal(m.plain.busy[0]),
			decimal(m.secure.peak / mib), decimal(plain / mib), ratio(plain, small), decimal(zipped / mib), ratio(zipped, smallZip),
			number(table), number(vendor),
		})
	}
	return markdown([]string{
		"", "typical request", "init, ms", "× hello", "init, connecting, ms", "first answer, ms", "× warm", "both when small, ms", "without warming, ms",
		"warm CPU, ms", "warm wall, ms", "warm CPU without TLS, ms", "peak, MiB", "bootstrap, MiB", "× hello", "zip, MiB", "× hello", "table calls", "vendor calls",
	}, lines)
}

// requests is a line for each request.
func (b *board) requests() string {
	var lines [][]string
	for i, f := range b.list {
		for at, r := range f.cases {
			if f.base() {
				continue
			}
			table, vendor, read, write := r.units(b.t)
			lines = append(lines, []string{
				f.name, r.name, decimal(b.all[i].secure.busy[at]), decimal(b.all[i].secure.wall[at]),
				number(table), fmt.Sprint(read), fmt.Sprint(write), number(vendor),
			})
		}
	}
	return markdown([]string{"function", "request", "warm CPU, ms", "warm wall, ms", "table calls", "read units", "write units", "vendor calls"}, lines)
}

const mib = 1 << 20

func number(n int) string { return strconv.Itoa(n) }

func decimal(v float64) string { return fmt.Sprintf("%.2f", v) }

// ratio is a to b, "-" if there is no b.
func ratio(a, b float64) string {
	if b <= 0 {
		return "-"
	}
	return decimal(a / b)
}

// markdown is a table. The first column is words, all others stand at the right.
func markdown(head []string, lines [][]string) string {
	widths := make([]int, len(head))
	for _, line := range append([][]string{head}, lines...) {
		for i, s := range line {
			widths[i] = max(widths[i], len([]rune(s)))
		}
	}
	var text strings.Builder
	write := func(line []string) {
		for i, s := range line {
			if i == 0 {
				fmt.Fprintf(&text, "| %-*s |", widths[i], s)
				continue
			}
			fmt.Fprintf(&text, " %*s |", widths[i], s)
		}
		text.WriteString("\n")
	}
	write(head)
	text.WriteString("|---|" + strings.Repeat("---:|", len(head)-1) + "\n")
	for _, line := range lines {
		write(line)
	}
	return text.String()
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
		t.Fatalf("%s has no place for the tables", file)
	}
	err = os.WriteFile(file, fmt.Appendf(nil, "%s%s%s%s%s", before, begin, text, end, after), 0o644)
	if err != nil {
		t.Fatal(err)
	}
}
