package flowtest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// Of two equal forms one writes the session and texts, by the turn that the other
// took for both. Who ends the session at once, while the other still waits to
// learn what came of it, is not given the turn back: texts could be had without end
//
func TestTextStaysTakenWhenItsSessionEnds(t *testing.T) {
	t.Parallel()
	for path, begin := range map[string]func(t *testing.T, r *rig.Rig, v *rig.Visitor) (first, next map[string]string){
		"/signup": func(*testing.T, *rig.Rig, *rig.Visitor) (map[string]string, map[string]string) {
			return rig.Form(ada, adaPhone), rig.Form("bob@example.com", adaPhone)
		},
		"/login": func(t *testing.T, r *rig.Rig, _ *rig.Visitor) (map[string]string, map[string]string) {
			signUp(t, r, r.Visitor(true), ada, adaPhone)
			return credentialsOf(ada), credentialsOf(ada)
		},
	} {
		step := strings.TrimPrefix(path, "/")
		var late, held atomic.Bool
		var ended atomic.Value
		ended.Store(make(chan struct{}))
		r := rig.Start(t, rig.Options{Through: func(name string, next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				switch {
				case name != step || !held.Load():
				case about(req, "L#sends-") && late.CompareAndSwap(true, false):
					time.Sleep(20 * time.Millisecond) // who comes first writes the session, and comes late for the turn
				case strings.HasSuffix(req.Header.Get("X-Amz-Target"), ".GetItem") && about(req, "S#"):
					<-ended.Load().(chan struct{}) // the other learns nothing before the session has ended
				}
				return next.RoundTrip(req)
			})
		}})
		form, other := begin(t, r, nil)
		r.Clock.Advance(time.Hour)
		before, sent := r.Handset().Stats().SMS, 0
		for round := range 6 {
			done := make(chan struct{})
			ended.Store(done)
			held.Store(true)
			late.Store(true)
			first := make(chan *rig.Visitor, 2)
			together(3, func(i int) {
				if i == 2 {
					(<-first).Post("/logout", nil)
					close(done)
					return
				}
				v := r.Visitor(true)
				v.Header.Set("Idempotency-Key", strings.Repeat(string(rune('a'+round)), 40))
				v.Post(path, form)
				first <- v
			})
			held.Store(false)
			v := r.Visitor(true)
			if a := v.Post(path, other); a.Status == 200 && r.Handset().Stats().SMS-before > sent+1 {
				t.Errorf("%s: another text at once", path)
			}
			sent = r.Handset().Stats().SMS - before
			r.Clock.Advance(25 * time.Hour)
		}
	}
}
