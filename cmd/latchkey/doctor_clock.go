package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// By how much two clocks may differ. An authenticator's token lives for thirty
// seconds; a signature for AWS is refused after five minutes.
const (
	driftNoted = 5 * time.Second
	driftWrong = 30 * time.Second
)

// watch carries requests, and compares the Date of every answer with this
// machine's clock.
type watch struct {
	next http.RoundTripper
	now  func() time.Time

	mu    sync.Mutex
	drift map[string]time.Duration // by host, the smallest seen; positive where the other clock is ahead
}

func newWatch(next http.RoundTripper, now func() time.Time) *watch {
	if next == nil {
		next = http.DefaultTransport
	}
	return &watch{next: next, now: now, drift: map[string]time.Duration{}}
}

// RoundTrip carries one request.
func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := w.now()
	res, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	date, wrong := http.ParseTime(res.Header.Get("Date"))
	if wrong == nil && res.Header.Get("Age") == "" { // a cache's answer has the date of its making
		w.note(r.URL.Host, drift(date, sent, w.now()))
	}
	return res, nil
}

func (w *watch) note(host string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, ok := w.drift[host]
	if !ok || d.Abs() < known.Abs() {
		w.drift[host] = d
	}
}

// drift is by how much the clock of an answer is at least ahead of ours, which
// said sent and got around it. A Date has whole seconds, and an answer may have
// been long under way: neither is held against it.
func drift(date, sent, got time.Time) time.Duration {
	switch earliest, latest := date, date.Add(time.Second); {
	case earliest.After(got):
		return earliest.Sub(got)
	case latest.Before(sent):
		return latest.Sub(sent)
	}
	return 0
}

const setClock = "If other hosts say the same it is this machine's clock: let it follow a time server (timedatectl set-ntp true); else it is theirs, " +
	"and authenticators' tokens and signatures fail there"

// findings are one for each host that answered.
func (w *watch) findings() []finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []finding
	for _, host := range slices.Sorted(maps.Keys(w.drift)) {
		d := w.drift[host]
		size := d.Abs().Round(time.Second)
		seen := fmt.Sprintf("its clock is %s ahead of this machine's", size)
		if d < 0 {
			seen = fmt.Sprintf("its clock is %s behind this machine's", size)
		}
		switch {
		case d.Abs() > driftWrong:
			list = append(list, found(faulty, host, setClock, "%s", seen))
		case d.Abs() > driftNoted:
			list = append(list, found(warned, host, setClock, "%s", seen))
		default:
			list = append(list, good(host, "its clock and this machine's agree"))
		}
	}
	return list
}
