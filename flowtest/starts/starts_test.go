// Package starts measures what a function costs: how long it takes to start and
// to answer, what a request takes of the processor, and what it weighs, as ratios
// beside a hello-world Lambda that is measured in the same run, turn by turn. The
// bootstraps are built as for AWS and run in processes of their own, between a
// stub of the Runtime API and one of the table and the vendors.
//
// What the stub answers was recorded: all requests of the bench are made once in
// the whole product, in this process, with a real engine and the simulator. It is
// played again for every event, so that each answer is the first of its kind.
//
// Times are shown and never asserted. What is asserted are counts: what is
// linked, how often an answer allocates, how large a binary is, what is asked of
// table and vendors.
//
// It must not know what a function decides beyond telling right from wrong.
package starts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// function is one Lambda to be measured.
type function struct {
	name   string
	root   string // the project's folder, or another commit's
	folder string // of its command, from the root
	memory int    // in MB, as the template gives it
	vars   map[string]string
	cases  []*request // the typical one first

	file   string // its bootstrap
	failed error  // why it cannot be measured: only another commit's may be that
}

// beside are the functions of no step that the others are measured beside.
const (
	hello   = "hello"
	getItem = "getitem"
	hash    = "hash"
)

// runtimes are the variables that the template may set for Go itself. Its others lead
// to what is not there.
var runtimes = [...]string{"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "SSL_CERT_DIR"}

// functions are hello and its like, and the steps with these names, or all steps.
func (w *world) functions(names ...string) []*function {
	w.t.Helper()
	event := w.find("GET /").event
	list := []*function{
		{name: hello, cases: []*request{{name: hello, event: event, status: "Hello"}}},
		{name: getItem, cases: []*request{{name: getItem, event: event, status: "found", calls: []exchange{w.item()}}}},
		{name: hash, cases: []*request{{name: hash, event: event, status: "hashed"}}},
	}
	for _, f := range list {
		f.root, f.folder, f.memory, f.vars = bench.Root(), "flowtest/starts/testdata/"+f.name, 128, maps.Clone(w.vars)
		if f.name == hash {
			f.memory = 512 // as what hashes has
		}
	}
	for _, t := range bench.Template(w.t).Functions {
		if len(names) > 0 && !slices.Contains(names, t.Name()) {
			continue
		}
		f := &function{name: t.Name(), root: bench.Root(), folder: t.Folder + "/lambda", memory: t.MemoryMB, vars: maps.Clone(w.vars)}
		for _, name := range runtimes {
			if t.Environment[name] != "" {
				f.vars[name] = t.Environment[name]
			}
		}
		for _, r := range w.cases {
			switch {
			case r.step != f.name:
			case r.name == typical(f.name):
				f.cases = slices.Insert(f.cases, 0, r)
			default:
				f.cases = append(f.cases, r)
			}
		}
		list = append(list, f)
	}
	return list
}

// find is the request of this name.
func (w *world) find(name string) *request {
	w.t.Helper()
	for _, r := range w.cases {
		if r.name == name {
			return r
		}
	}
	w.t.Fatalf("%s was not recorded", name)
	return nil
}

// item is the answer to a read of one item: a session's, as it lies in the table.
func (w *world) item() exchange {
	w.t.Helper()
	for _, it := range w.table.Items(w.t) {
		sk, _ := it["sk"].(map[string]any)["S"].(string)
		if !strings.HasPrefix(sk, "S#") {
			continue
		}
		answer, err := json.Marshal(map[string]any{"Item": it})
		if err != nil {
			w.t.Fatal(err)
		}
		header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Crc32": {fmt.Sprint(crc32.ChecksumIEEE(answer))}}
		return exchange{table: true, asked: []byte(`{"ConsistentRead":true}`), exact: "B#1 GetItem ", loose: "B GetItem", answer: answer, status: http.StatusOK, header: header}
	}
	w.t.Fatal("there is no session")
	return exchange{}
}

// life is how a function is run once.
type life struct {
	stub    *stub
	at      servers
	cert    string // file of the certificates that are believed
	warmed  bool   // whether it may connect before its first event
	quota   *quota // none if nil: it holds once the function has started, as on Lambda
	share   float64
	events  int // further ones of each request, after the first; less than 0: not even that
	longest time.Duration
	times   int // that it is lived in one round
}

// sample is what one life took: in milliseconds, the memory in bytes.
type sample struct {
	init, first, cold, peak float64
	wall, busy              []float64 // of a warm answer, for each request
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// begin starts a function's process.
func (f *function) begin(l life) (*process, error) {
	vars := maps.Clone(f.vars)
	maps.Copy(vars, l.at.vars)
	vars["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = strconv.Itoa(f.memory)
	if l.cert != "" {
		vars["SSL_CERT_FILE"] = l.cert
	}
	l.stub.open.Store(l.warmed)
	l.stub.play(nil)
	return start(f.file, vars)
}

// live starts a function, gives it a first event and then more of each kind.
func (f *function) live(l life) (s sample, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := f.begin(l)
	if err != nil {
		return s, err
	}
	defer func() {
		p.stop()
		missed := l.stub.misses()
		if err == nil && len(missed) > 0 {
			err = fmt.Errorf("it asked what nobody had recorded: %q", missed)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w; it wrote: %s", f.name, err, p.output.String())
		}
	}()
	at, err := p.ready(ctx)
	if err != nil {
		return s, err
	}
	s.init = ms(at.Sub(p.began))
	if l.quota != nil {
		err = l.quota.hold(p.cmd.Process.Pid, l.share*float64(f.memory)/128)
		if err != nil {
			return s, err
		}
	}
	l.stub.open.Store(true)
	if l.events < 0 {
		return s, nil
	}
	s.first, s.cold, err = p.ask(ctx, l.stub, f.cases[0])
	if err != nil {
		return s, err
	}
	err = f.warm(ctx, p, l, &s)
	s.peak = float64(p.peak())
	return s, err
}

// warm gives a function more events, of each request in turn. One that takes long
// is asked less often.
func (f *function) warm(ctx context.Context, p *process, l life, s *sample) error {
	walls, busy, spent := make([][]float64, len(f.cases)), make([]float64, len(f.cases)), make([]float64, len(f.cases))
	before, _ := processor(p.cmd.Process.Pid)
	for range l.events {
		for i, r := range f.cases {
			if spent[i] > ms(l.longest) {
				continue
			}
			wall, after, err := p.ask(ctx, l.stub, r)
			if err != nil {
				return err
			}
			walls[i] = append(walls[i], wall)
			spent[i] += wall
			busy[i] += after - ms(before)
			before = time.Duration(after * float64(time.Millisecond))
		}
	}
	for i := range f.cases {
		if len(walls[i]) > 0 {
			s.wall, s.busy = append(s.wall, median(walls[i])), append(s.busy, busy[i]/float64(len(walls[i])))
		}
	}
	return nil
}

var errAnswer = errors.New("a wrong answer")

// ask gives a function an event and returns how long the answer took, and what the
// process had used of the processor when it was ready for the next.
func (p *process) ask(ctx context.Context, s *stub, r *request) (wall, used float64, err error) {
	s.play(r)
	a, took, err := p.invoke(ctx, r.event)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", r.name, err)
	}
	if !strings.Contains(string(a.body), r.status) {
		return 0, 0, fmt.Errorf("%s: %w: %s", r.name, errAnswer, a.body)
	}
	cpu, _ := processor(p.cmd.Process.Pid)
	return ms(took), ms(cpu), nil
}

// median is the middle of the values, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
