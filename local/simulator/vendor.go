package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"
)

// codeLife is how long a code of any vendor is good: ten minutes, the default
// of Verify.
const codeLife = 10 * time.Minute

// maxBody bounds a request to a vendor, in bytes; Messages' longest text takes
// less than 20 KB once form-encoded.
const maxBody = 64 << 10

// e164 is the shape of a phone number. Like the vendors' first look it says
// nothing about whether the number is assigned.
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// vendor is what the front of an API needs to know: who may come in, and how
// that API words its refusals.
type vendor struct {
	authorized func(*http.Request) bool
	refuse     func(http.ResponseWriter)
	limited    func(http.ResponseWriter)
	unreadable func(http.ResponseWriter)
}

// front puts credentials, statistics and weather before h, in this order:
// arrived counts a genuine request even if the weather then spoils it.
func (s *Simulator) front(v vendor, arrived func(*stats), h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.log.Debug("vendor called", "route", r.Pattern)
		if !v.authorized(r) {
			v.refuse(w)
			return
		}
		if arrived != nil {
			s.mu.Lock()
			arrived(&s.world.stats)
			s.mu.Unlock()
		}
		// Read the body before waiting: net/http notices that a client went
		// away only when its body has been read to the end.
		err := readBody(w, r)
		if err != nil {
			v.unreadable(w)
			return
		}
		if s.endure(v, w, r) {
			h(w, r)
		}
	}
}

func countCheck(st *stats) { st.Checks++ }

func writeJSON(w http.ResponseWriter, status int, v any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client may be gone; nothing to do about it
}

// readBody replaces the request's body by its bytes.
func readBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return fmt.Errorf("reading request body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return nil
}
