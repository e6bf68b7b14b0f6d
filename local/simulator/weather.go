package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxWait bounds the durations a weather may name.
const maxWait = time.Minute

// weather says how the vendors misbehave.
type weather struct {
	SMS       string `json:"sms"`
	API       string `json:"api"`
	Callbacks string `json:"callbacks"`
}

func fairWeather() weather { return weather{SMS: "deliver", API: "ok", Callbacks: "deliver"} }

// check returns an error that is a sentence for whoever sent the weather.
func (w weather) check() error {
	if !oneOf(w.SMS, "", "deliver", "drop") {
		return fmt.Errorf("sms is deliver or drop, not %q", w.SMS)
	}
	if !oneOf(w.API, "slow:", "ok", "429", "500") {
		return fmt.Errorf("api is ok, slow:3s (up to %v), 429 or 500, not %q", maxWait, w.API)
	}
	if !oneOf(w.Callbacks, "delay:", "deliver", "drop", "duplicate", "reorder", "early") {
		return fmt.Errorf("callbacks is deliver, drop, duplicate, reorder, early or delay:2s (up to %v), not %q", maxWait, w.Callbacks)
	}
	return nil
}

// oneOf reports whether v is one of the words, or timed and a duration.
func oneOf(v, timed string, words ...string) bool {
	if slices.Contains(words, v) {
		return true
	}
	if timed == "" || !strings.HasPrefix(v, timed) {
		return false
	}
	d, err := time.ParseDuration(v[len(timed):])
	return err == nil && d > 0 && d <= maxWait
}

// slowness is how long an API call waits.
func (w weather) slowness() time.Duration {
	v, slow := strings.CutPrefix(w.API, "slow:")
	if !slow {
		return 0
	}
	d, _ := time.ParseDuration(v) // check has seen it
	return d
}

// lateness is how long a callback waits.
func (w weather) lateness() time.Duration {
	v, late := strings.CutPrefix(w.Callbacks, "delay:")
	if !late {
		return 0
	}
	d, _ := time.ParseDuration(v) // check has seen it
	return d
}

// endure lets the api weather have its way with one vendor call. False means
// that the call is over: answered, or its client is gone. A client that leaves
// during the wait has caused nothing.
func (s *Simulator) endure(v vendor, w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	now := s.world.weather
	s.mu.Unlock()
	switch now.API {
	case "429":
		w.Header().Set("Retry-After", "1")
		v.limited(w)
		return false
	case "500":
		writeHTML(w, http.StatusInternalServerError, "Internal Server Error")
		return false
	}
	if d := now.slowness(); d > 0 {
		return s.wait(d, w, r)
	}
	return true
}

func (s *Simulator) wait(d time.Duration, w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock() // Close cancels under mu: no Add may follow its Wait
	if s.closing.Err() == nil {
		s.waiting.Add(1)
		defer s.waiting.Done()
	}
	s.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.closing.Done():
		writeHTML(w, http.StatusServiceUnavailable, "Service Unavailable")
		return false
	}
}

// writeHTML answers as a gateway in front of the vendor would: undecodable.
func writeHTML(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body><h1>%d %s</h1></body></html>\n", status, title, status, title)
}
