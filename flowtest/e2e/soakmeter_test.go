//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// meter is what all visitors' requests go through: it notes how each was answered,
// and how long that took.
type meter struct {
	base http.RoundTripper

	mu         sync.Mutex
	took       map[string][]time.Duration // by route
	classes    map[string]int             // such as 2xx
	refused    map[string]int             // by status and code
	unanswered int
}

func newMeter() *meter {
	return &meter{
		base: &http.Transport{MaxIdleConnsPerHost: 4 * soakers},
		took: map[string][]time.Duration{}, classes: map[string]int{}, refused: map[string]int{},
	}
}

// RoundTrip passes a request on and reads the whole answer.
func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	res, err := m.base.RoundTrip(r)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.unanswered++
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	route := r.Method + " " + r.URL.Path
	m.took[route] = append(m.took[route], time.Since(began))
	m.classes[fmt.Sprintf("%dxx", res.StatusCode/100)]++
	if res.StatusCode >= 400 {
		var problem struct{ Code string }
		_ = json.Unmarshal(body, &problem) // what is no document has no code
		m.refused[fmt.Sprintf("%d %s", res.StatusCode, problem.Code)]++
	}
	return res, nil
}

// requests writes how they were answered.
func (m *meter) requests(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, counts := range []map[string]int{m.classes, m.refused} {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(w, "answered %s\t%d\n", name, counts[name])
		}
	}
	fmt.Fprintf(w, "unanswered\t%d\n", m.unanswered)
}

// times writes how long answers took.
func (m *meter) times(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintln(w, "\nroute\tanswers\tp50\tp99")
	for _, route := range slices.Sorted(maps.Keys(m.took)) {
		took := slices.Sorted(slices.Values(m.took[route]))
		fmt.Fprintf(w, "%s\t%d\t%v\t%v\n", route, len(took), part(took, 50).Round(100*time.Microsecond), part(took, 99).Round(100*time.Microsecond))
	}
}

// part is the smallest of the sorted durations that so many per cent do not exceed.
func part(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

// resident is what is in memory of the stack's programs, in bytes: of those that run
// more than once, the largest.
type resident map[string]int

// The programs that are no functions.
const (
	runner = "runner"
	engine = "engine"
)

func (s *stack) resident() resident {
	found := resident{}
	for id, line := range s.processes("") {
		name := filepath.Base(filepath.Dir(strings.Fields(line + " x")[0]))
		switch {
		case strings.Contains(line, "serve.js"):
			name = engine
		case strings.HasPrefix(line, s.shop.runner):
			name = runner
		case !strings.Contains(line, "/bootstrap"):
			continue
		}
		var size, pages int
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", id))
		fmt.Sscan(string(text), &size, &pages) // nothing of one that has ended meanwhile
		found[name] = max(found[name], pages*os.Getpagesize())
	}
	return found
}

// What a function's memory may grow by: both.
const (
	growthShare = 0.30
	growthBytes = 8 << 20
)

// grown are the functions that hold much more memory than before. The runner and the
// engine keep what people leave behind, the simulated phones' messages and the table.
func (before resident) grown(after resident) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		more := after[name] - before[name]
		if name != runner && name != engine && before[name] > 0 && more > growthBytes && float64(more) > growthShare*float64(before[name]) {
			list = append(list, name)
		}
	}
	return list
}

func (before resident) write(w io.Writer, after resident) {
	fmt.Fprintln(w, "\nresident, MiB\tafter the warm-up\tat the end")
	for _, name := range slices.Sorted(maps.Keys(after)) {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\n", name, float64(before[name])/(1<<20), float64(after[name])/(1<<20))
	}
}

// table aligns the columns of what is written to it.
func table(write func(w io.Writer)) string {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	write(w)
	_ = w.Flush() // into memory
	return text.String()
}

func TestPart(t *testing.T) {
	t.Parallel()
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, c := range []struct {
		of            []time.Duration
		percent, want int
	}{{hundred, 50, 50}, {hundred, 99, 99}, {hundred[:1], 50, 1}, {hundred[:1], 99, 1}, {hundred[:3], 50, 2}, {hundred[:3], 99, 3}} {
		if got := part(c.of, c.percent); int(got) != c.want {
			t.Errorf("%d%% of %d: %d, want %d", c.percent, len(c.of), got, c.want)
		}
	}
}

func TestGrown(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	before := resident{runner: 10 * mib, engine: 10 * mib, "little": 10 * mib, "small share": 100 * mib, "both": 20 * mib}
	after := resident{runner: 90 * mib, engine: 90 * mib, "little": 17 * mib, "small share": 120 * mib, "both": 29 * mib, "new": 50 * mib}
	if got := before.grown(after); !slices.Equal(got, []string{"both"}) {
		t.Errorf("%q", got)
	}
}
