package starts

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/flowtest/rig"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
)

// replayed is a step of this process that talks to a stub.
func (w *world) replayed(t testing.TB, s *stub, step string) rig.Function {
	t.Helper()
	f, err := rig.Steps()[step](t.Context(), env.Config{
		Getenv: func(name string) string { return w.vars[name] },
		Now:    time.Now, HTTP: outbound.Client(s), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every step has a typical request, and every request that was recorded is
// answered the same again and again by what the stub plays, from a clock that
// has gone on. What the bench measures is what the product does.
func TestReplay(t *testing.T) {
	w := recorded(t)
	s := &stub{}
	shown := map[string]bool{}
	for _, r := range w.cases {
		shown[r.step] = shown[r.step] || r.name == typical(r.step)
		f := w.replayed(t, s, r.step)
		for range 2 {
			s.play(r)
			out, err := f.Invoke(t.Context(), r.event)
			if err != nil || !strings.Contains(string(out), r.status) {
				t.Errorf("%s: %s, %v", r.name, out, err)
			}
			played := 0
			for _, n := range s.nth {
				played += n
			}
			missed := s.misses()
			if len(missed) > 0 || played != len(r.calls) {
				t.Errorf("%s: %d calls, recorded were %d; unknown are %q", r.name, played, len(r.calls), missed)
			}
		}
	}
	for _, f := range bench.Template(t).Functions {
		if !shown[f.Name()] {
			t.Errorf("%s has no typical request", f.Name())
		}
	}
}
