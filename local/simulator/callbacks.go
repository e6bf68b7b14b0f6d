package simulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// callbackPatience is how long a vendor waits for the stack's answer.
	callbackPatience = 5 * time.Second
	// reorderPatience is how long a callback waits for one to overtake it.
	reorderPatience = time.Second
	// earlyPatience bounds how long a vendor's own answer is held back.
	earlyPatience = 2500 * time.Millisecond
	// maxFaults in a row, and Authy blanks the address.
	maxFaults = 3
)

// callback is one signed request to the stack.
type callback struct {
	header http.Header // with content type and signature
	body   []byte
}

// delivery is a callback on its way.
type delivery struct {
	callback
	world *world // it belongs to: DELETE /api calls it off
	done  func() // called when nothing more will be sent
	authy bool   // from the vendor that gives an address up after maxFaults
}

// newCaller is the client of all callbacks: a redirect is an answer like any
// other, not a place to repeat a signed request at.
func newCaller() *http.Client {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{}
	}
	return &http.Client{
		Transport:     transport.Clone(),
		Timeout:       callbackPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkCallbackURL wants an address that both ends write alike.
func checkCallbackURL(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return errors.New("callback URL is no http address")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return errors.New("callback URL has more than scheme, host and path")
	}
	return nil
}

// begin registers work that Close waits for; false means that Close came
// first. Callers hold mu, so that no Add follows Close's Wait.
func (s *Simulator) begin() bool {
	if s.closing.Err() != nil {
		return false
	}
	s.waiting.Add(1)
	return true
}

// tell hands the callback of a decided approval to the weather. Callers hold
// mu.
func (s *Simulator) tell(a *approval) {
	w := s.world
	kind := w.weather.Callbacks
	if a.callback == nil || s.opts.CallbackURL == "" || kind == "drop" {
		close(a.told)
		return
	}
	d := delivery{
		callback: a.callback(a),
		world:    w,
		done:     sync.OnceFunc(func() { close(a.told) }),
		authy:    a.oneTouch != nil,
	}
	switch kind {
	case "duplicate":
		s.carry(func() { s.postTwice(d) })
	case "reorder":
		s.reorder(d)
	default:
		late := w.weather.lateness() // none but in delay weather
		s.carry(func() {
			if s.pause(late) {
				s.post(d)
			}
		})
	}
}

// carry runs send in a goroutine that Close waits for. Callers hold mu.
func (s *Simulator) carry(send func()) {
	if !s.begin() {
		return
	}
	go func() {
		defer s.waiting.Done()
		send()
	}()
}

func (s *Simulator) postTwice(d delivery) {
	var both sync.WaitGroup
	both.Go(func() { s.post(d) })
	both.Go(func() { s.post(d) })
	both.Wait()
}

// reorder lets d overtake the callback that waits, or makes it the one that
// waits. Callers hold mu.
func (s *Simulator) reorder(d delivery) {
	w := s.world
	if w.overtaken != nil {
		first := *w.overtaken
		w.overtaken = nil
		s.carry(func() {
			s.post(d)
			s.post(first)
		})
		return
	}
	w.overtaken = &d
	s.carry(func() {
		s.pause(reorderPatience) // cut short by Close, and post sees that too
		s.mu.Lock()
		alone := w.overtaken == &d
		if alone {
			w.overtaken = nil
		}
		s.mu.Unlock()
		if alone {
			s.post(d)
		}
	})
}

// pause waits in real time; false means that Close came first.
func (s *Simulator) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.closing.Done():
		return false
	}
}

// post makes one attempt, unless there is nobody to call any more.
func (s *Simulator) post(d delivery) {
	defer d.done()
	s.mu.Lock()
	idle := s.closing.Err() != nil || s.world != d.world || (d.authy && d.world.faults >= maxFaults)
	if !idle {
		d.world.stats.Callbacks++
	}
	s.mu.Unlock()
	if idle {
		return
	}
	status, err := s.call(s.closing, d.callback)
	if err != nil && s.closing.Err() != nil {
		return
	}
	if d.authy {
		s.judgeAnswer(d.world, err != nil || status >= http.StatusBadRequest)
	}
	s.log.Debug("callback sent", "status", status) // 0: no answer
}

func (s *Simulator) call(ctx context.Context, c callback) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.opts.CallbackURL, bytes.NewReader(c.body))
	if err != nil {
		return 0, fmt.Errorf("making callback: %w", err)
	}
	req.Header = c.header.Clone()
	resp, err := s.caller.Do(req)
	if err != nil {
		return 0, fmt.Errorf("sending callback: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody) // so that the connection can be used again
	return resp.StatusCode, nil
}

// judgeAnswer counts the faults in a row.
func (s *Simulator) judgeAnswer(w *world, fault bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case w.faults >= maxFaults: // blank: only DELETE /api or a restart mends it
	case !fault:
		w.faults = 0
	default:
		w.faults++
		if w.faults == maxFaults {
			s.log.Warn("authy callback blanked after three error answers in a row")
		}
	}
}

// held keeps a vendor's answer to its create call back in early weather: until
// the person has decided and the stack has been called, but not for long.
// Callers do not hold mu.
func (s *Simulator) held(r *http.Request, a *approval) {
	s.mu.Lock()
	wait := s.world.weather.Callbacks == "early" && s.begin()
	s.mu.Unlock()
	if !wait {
		return
	}
	defer s.waiting.Done()
	t := time.NewTimer(earlyPatience)
	defer t.Stop()
	select {
	case <-a.told:
	case <-t.C:
	case <-r.Context().Done():
	case <-s.closing.Done():
	}
}
