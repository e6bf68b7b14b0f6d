package flowtest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
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

// Of two equal forms one writes the session, by the turn that the other took for both,
// and is refused by a limit that all share. What the other took is given back, since
// nothing was sent.
func TestTurnIsGivenBackWhenItsTwinIsRefused(t *testing.T) {
	t.Parallel()
	w, seen := newTwins("signup"), make(chan struct{})
	close(w.ended) // what the second asks of the session is answered at once
	var looks atomic.Int64
	r := rig.Start(t, rig.Options{
		Env: map[string]string{"SENDS_PER_DAY": "1"},
		Through: func(step string, next http.RoundTripper) http.RoundTripper {
			ordered := w.through(step, next)
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				if !w.on.Load() {
					return next.RoundTrip(req)
				}
				if about(req, "L#stack-signup#") { // the first is refused after the second saw its session
					<-seen
				}
				look := strings.HasSuffix(req.Header.Get("X-Amz-Target"), ".GetItem") && about(req, "S#") && looks.Add(1) == 1
				res, err := ordered.RoundTrip(req)
				if look {
					close(seen)
				}
				return res, err
			})
		},
	})
	expect(t, r.Visitor(true).Post("/signup", rig.Form("bob@example.com", bobPhone)), 200, "/verify")
	v := r.Visitor(true)
	v.Header.Set("Idempotency-Key", strings.Repeat("a", 40))
	w.on.Store(true)
	answered := make(chan int, 2)
	send := func() { answered <- clone(t, r, v).Post("/signup", rig.Form(ada, adaPhone)).Status }
	go send()
	<-w.written
	<-w.asked
	go send()
	if a, b := <-answered, <-answered; a != 429 || b != 429 || w.turns.Load() < 2 {
		t.Errorf("answered %d and %d, after %d questions for the turn", a, b, w.turns.Load())
	}
	if n := len(r.Handset().Messages(adaPhone)); n != 0 {
		t.Errorf("%d texts", n)
	}
	var left []string
	for _, it := range r.Items() {
		pk, _ := it["pk"].(map[string]any)["S"].(string)
		times, _ := it["times"].(map[string]any)
		taken, _ := times["L"].([]any)
		if len(taken) > 0 && strings.HasPrefix(pk, "L#sends-signup#"+store.Hash(adaPhone)) || it["ids"] != nil && !strings.HasPrefix(pk, "L#email-signup#"+store.Hash(store.Hash("bob@example.com"))) {
			left = append(left, pk)
		}
	}
	if len(left) > 0 {
		t.Errorf("taken, and not given back: %v", left)
	}
}
