package flowtest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// twins has two equal forms meet on their way to the table: the first writes the
// session, and the second takes the phone's turn for both. The second learns
// nothing of the session before it has ended.
type twins struct {
	step           string
	on             atomic.Bool
	writes, turns  atomic.Int64
	written, asked chan struct{} // the first one's session, and its question for a turn
	taken, ended   chan struct{} // the turn, by the second, and the session
}

func newTwins(step string) *twins {
	return &twins{step: step, written: make(chan struct{}), asked: make(chan struct{}), taken: make(chan struct{}), ended: make(chan struct{})}
}

// through holds up a step's requests to the table.
func (w *twins) through(name string, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if name != w.step || !w.on.Load() {
			return next.RoundTrip(req)
		}
		done := func() {}
		_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
		switch {
		case operation == "PutItem" && about(req, "L#sends-"):
			switch w.turns.Add(1) {
			case 1:
				close(w.asked)
				<-w.taken
			case 2:
				done = func() { close(w.taken) }
			}
		case operation == "PutItem" && about(req, "S#") && w.writes.Add(1) == 1:
			done = func() { close(w.written) }
		case operation == "GetItem" && about(req, "S#"):
			<-w.ended
		}
		res, err := next.RoundTrip(req)
		done()
		return res, err
	})
}

// Of two equal forms one writes the session and texts, by the turn that the other
// took for both. Who ends the session at once, while the other still waits to
// learn what came of it, is not given the turn back: texts could be had without end
//
func TestTextStaysTakenWhenItsSessionEnds(t *testing.T) {
	t.Parallel()
	for path, begin := range map[string]func(t *testing.T, r *rig.Rig) (twin, other *rig.Visitor, form, next map[string]string){
		"/signup": func(_ *testing.T, r *rig.Rig) (twin, other *rig.Visitor, form, next map[string]string) {
			return r.Visitor(true), r.Visitor(true), rig.Form(ada, adaPhone), rig.Form("bob@example.com", adaPhone)
		},
		"/login": func(t *testing.T, r *rig.Rig) (twin, other *rig.Visitor, form, next map[string]string) {
			signUp(t, r, r.Visitor(true), ada, adaPhone)
			r.Clock.Advance(time.Hour)
			return r.Visitor(true), r.Visitor(true), credentialsOf(ada), credentialsOf(ada)
		},
		"/phone": func(t *testing.T, r *rig.Rig) (twin, other *rig.Visitor, form, next map[string]string) {
			twin, other = r.Visitor(true), r.Visitor(true)
			signUp(t, r, twin, ada, adaPhone)
			logInByText(t, r, other)
			return twin, other, moveTo(newPhone), moveTo(newPhone)
		},
	} {
		w := newTwins(strings.TrimPrefix(path, "/"))
		r := rig.Start(t, rig.Options{Through: w.through})
		twin, other, form, next := begin(t, r)
		before := r.Handset().Stats().SMS
		w.on.Store(true)
		answered := make(chan *rig.Visitor, 2)
		send := func() {
			v := clone(t, r, twin)
			v.Header.Set("Idempotency-Key", strings.Repeat("a", 40))
			v.Post(path, form)
			answered <- v
		}
		go send()
		<-w.written
		<-w.asked
		go send()
		(<-answered).Post("/logout", nil)
		close(w.ended)
		<-answered
		w.on.Store(false)
		other.Post(path, next)
		if sent := r.Handset().Stats().SMS - before; sent != 1 || w.turns.Load() < 2 {
			t.Errorf("%s: %d texts at once, and %d questions for the turn", path, sent, w.turns.Load())
		}
	}
}
