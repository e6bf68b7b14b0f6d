package starts

import (
	"context"
	"testing"
)

// pairs is how often a request that hashes is asked beside a hash, in each of
// pairedLives.
const (
	pairs       = 12
	pairedLives = 4
)

// beyond is what requests that hash once take of the processor beyond the hash, in
// milliseconds. A hash takes 30 times as long as the rest, and varies by more than
// the rest from one second to the next. So each request is asked in turn with the
// bare hash, and what counts is the median of what it took more.
func (b *board) beyond(requests ...string) map[string]float64 {
	b.t.Helper()
	s := &stub{}
	secure := s.serve(true)
	defer secure.close()
	l := life{stub: s, at: secure, cert: certificates(b.t, secure), warmed: true}
	besides := b.of(hello).plain.busy[0] // what the bare hash is, too
	bare, _ := b.who(hash)
	all := map[string]float64{}
	for _, name := range requests {
		f, r := b.who(name)
		var more []float64
		for range pairedLives {
			more = append(more, f.pair(b.t, l, bare, r)...)
		}
		all[name] = median(more) + besides
	}
	return all
}

// who is the function that a request belongs to, and the request.
func (b *board) who(name string) (*function, *request) {
	b.t.Helper()
	for _, f := range b.list {
		for _, r := range f.cases {
			if r.name == name && !f.base() {
				return f, r
			}
		}
	}
	b.t.Fatalf("%s was not measured", name)
	return nil, nil
}

// pair asks a function and the bare one in turn, and returns what each request took
// of the processor more than the bare one's beside it.
func (f *function) pair(t testing.TB, l life, bare *function, r *request) []float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	type side struct {
		process *process
		asked   *request
		used    float64
	}
	sides := []*side{{asked: r}, {asked: bare.cases[0]}}
	for i, one := range []*function{f, bare} {
		p, err := one.begin(l)
		if err != nil {
			t.Fatal(err)
		}
		defer p.stop()
		_, err = p.ready(ctx)
		if err != nil {
			t.Fatalf("%s: %v; it wrote: %s", one.name, err, p.output.String())
		}
		sides[i].process = p
	}
	var more []float64
	for n := range 1 + pairs {
		var took [2]float64
		for i, one := range sides {
			_, used, err := one.process.ask(ctx, l.stub, one.asked)
			if err != nil {
				t.Fatal(err)
			}
			took[i], one.used = used-one.used, used
		}
		if n > 0 { // the first is not warm
			more = append(more, took[0]-took[1])
		}
	}
	missed := l.stub.misses()
	if len(missed) > 0 {
		t.Fatalf("%s asked what nobody had recorded: %q", r.name, missed)
	}
	return more
}
