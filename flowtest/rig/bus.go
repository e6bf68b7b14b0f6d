package rig

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Bus is an event bus at the wire: AWS's JSON protocol, and a list of what came.
type Bus struct {
	URL string

	mu     sync.Mutex
	events []Event
	refuse string
}

// Event is one event as the owner's rule would get it.
type Event struct {
	Bus, Source, DetailType string
	Time                    time.Time
	Detail                  map[string]any
}

// NewBus is a bus until the test ends.
func NewBus(t testing.TB) *Bus {
	b := &Bus{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.URL = server.URL
	return b
}

// Events are all that came so far, oldest first.
func (b *Bus) Events() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Event(nil), b.events...)
}

// Refuse makes the bus take requests and no event in them, for this reason; ""
// lets it take all.
func (b *Bus) Refuse(code string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = code
}

// ServeHTTP takes PutEvents.
func (b *Bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Entries []struct {
			EventBusName, Source, DetailType, Detail string
			Time                                     float64 // seconds since 1970
		}
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	if err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || !strings.Contains(r.Header.Get("Authorization"), "/events/aws4_request") {
		http.Error(w, `{"__type":"ValidationException","message":"not understood"}`, http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	type entry map[string]string
	out, failed := []entry{}, 0
	for _, e := range in.Entries {
		var detail map[string]any
		err := json.Unmarshal([]byte(e.Detail), &detail)
		if err != nil || b.refuse != "" {
			failed++
			out = append(out, entry{"ErrorCode": b.refuse, "ErrorMessage": "canary"})
			continue
		}
		b.events = append(b.events, Event{e.EventBusName, e.Source, e.DetailType, time.UnixMilli(int64(e.Time * 1000)).UTC(), detail})
		out = append(out, entry{"EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860"})
	}
	json.NewEncoder(w).Encode(map[string]any{"Entries": out, "FailedEntryCount": failed}) //nolint:errcheck // the client sees it
}
