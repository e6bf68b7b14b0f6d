// Package starts measures what a function costs: how long it takes to start and
// to answer, and what it weighs, as ratios beside a hello-world Lambda that is
// measured in the same run, turn by turn. The bootstraps are built as for AWS and
// run in processes of their own, between a stub of the Runtime API and one of the
// table; both are on this machine and speak plain HTTP, so neither a network nor
// a TLS handshake is in the numbers.
//
// Times are shown and never asserted. What is asserted are counts: what is
// linked, how often an answer allocates, how large a binary is.
//
// It must not know what a function decides beyond telling yes from no.
package starts

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// function is one Lambda to be measured.
type function struct {
	name   string
	folder string // of its command, from the project's root
	event  []byte
	vars   map[string]string
	want   string // is part of a right answer

	file string // its bootstrap
}

// functions are hello, beside which the others stand, and the others. A step is
// measured by one more entry: its folder, an event and its variables.
func functions(t testing.TB) []*function {
	t.Helper()
	p := signIn(t)
	table := httptest.NewServer(p)
	t.Cleanup(table.Close)
	vars, event := variables(table.URL), p.event(t, "authorizer.json")
	list := []*function{
		{name: "hello", folder: "flowtest/starts/testdata/hello", event: event, vars: vars, want: "Hello"},
		{name: "authorizer", folder: "functions/authorizer/lambda", event: event, vars: vars, want: `"isAuthorized":true`},
	}
	for _, f := range list {
		f.file = build(t, f.name, f.folder)
	}
	return list
}

// sample is what one start of a function took: in milliseconds, the memory in
// bytes.
type sample struct {
	init, first, cold, warm, busy, peak float64
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

var errAnswer = errors.New("a wrong answer")

// life starts a function and lets it answer a first event and then some more.
// The sample's cold is all processor time of this life.
func (f *function) life(further int) (s sample, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := start(f.file, f.vars)
	if err != nil {
		return s, err
	}
	defer func() {
		s.cold = ms(p.stop())
		if err != nil {
			err = errors.Join(err, errors.New(f.name+" wrote: "+p.output.String()))
		}
	}()
	at, err := p.ready(ctx)
	if err != nil {
		return s, err
	}
	s.init = ms(at.Sub(p.began))
	var times []float64
	for range 1 + further {
		a, took, err := p.invoke(ctx, f.event)
		if err != nil {
			return s, err
		}
		if !strings.Contains(string(a.body), f.want) {
			return s, errAnswer
		}
		times = append(times, ms(took))
	}
	s.first, s.warm, s.peak = times[0], median(times[1:]), float64(p.peak())
	return s, nil
}

// once measures a function once: a life of one answer, which is all cold, and a
// longer one. What the longer one's processor time is more is the warm answers'.
func (f *function) once(further int) (sample, error) {
	short, err := f.life(0)
	if err != nil {
		return sample{}, err
	}
	long, err := f.life(further)
	if err != nil {
		return sample{}, err
	}
	long.busy = (long.cold - short.cold) / float64(further)
	long.init, long.first, long.cold = short.init, short.first, short.cold
	return long, nil
}

// measure takes samples of all functions turn by turn, so that whatever else the
// machine does meets all alike, and returns their medians.
func measure(t testing.TB, list []*function, rounds, further int) []sample {
	t.Helper()
	samples := make([][]sample, len(list))
	for range rounds {
		for i, f := range list {
			s, err := f.once(further)
			if err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	medians := make([]sample, len(list))
	for i, of := range samples {
		middle := func(take func(sample) float64) float64 {
			var values []float64
			for _, s := range of {
				values = append(values, take(s))
			}
			return median(values)
		}
		medians[i] = sample{
			init:  middle(func(s sample) float64 { return s.init }),
			first: middle(func(s sample) float64 { return s.first }),
			cold:  middle(func(s sample) float64 { return s.cold }),
			warm:  middle(func(s sample) float64 { return s.warm }),
			busy:  middle(func(s sample) float64 { return s.busy }),
			peak:  middle(func(s sample) float64 { return s.peak }),
		}
	}
	return medians
}

// median is the middle of the values, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
