package rig

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
)

// callbackPath is where the vendors post to.
const callbackPath = "/onetouch/callback"

// opened marks a callback that a test delivers.
const opened = "X-Rig-Opened"

// Letter is a callback as its vendor posted it.
type Letter struct {
	Header http.Header
	Body   string
}

// mailbox keeps callbacks back, if the rig is to, and answers the vendor.
func (r *Rig) mailbox(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.Posted == nil || req.URL.Path != callbackPath || req.Method != http.MethodPost || req.Header.Get(opened) != "" {
			req.Header.Del(opened)
			next.ServeHTTP(w, req)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		r.Posted <- Letter{req.Header.Clone(), string(body)}
	})
}

// Deliver posts a callback that was kept back.
func (r *Rig) Deliver(l Letter, trouble *Trouble) Answer {
	v := r.Visitor(true).Meeting(trouble)
	maps.Copy(v.Header, l.Header)
	v.Header.Set(opened, "yes")
	return v.Do(http.MethodPost, callbackPath, l.Header.Get("Content-Type"), l.Body)
}

// whichTrouble says what a visitor's request meets. The door takes it off.
const whichTrouble = "X-Rig-Trouble"

// Meeting lets the visitor's further requests meet a trouble; nil lets them go
// well. Whether a function died of it is told by the answer: 502.
func (v *Visitor) Meeting(t *Trouble) *Visitor {
	v.Header.Del(whichTrouble)
	if t == nil {
		return v
	}
	text, err := json.Marshal(t)
	if err != nil {
		v.t.Error(err)
	}
	v.Header.Set(whichTrouble, string(text))
	return v
}

// troubles makes the functions of marked requests meet what is ahead of them.
// Of one that died nobody hears.
func troubles(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := r.Header.Get(whichTrouble)
		if text == "" {
			next.ServeHTTP(w, r)
			return
		}
		r.Header.Del(whichTrouble)
		trouble := &Trouble{}
		err := json.Unmarshal([]byte(text), trouble)
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r.WithContext(trouble.With(r.Context())))
		if trouble.Dead() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		maps.Copy(w.Header(), answer.Header())
		if trouble.Met() {
			w.Header().Set(met, "yes")
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()) //nolint:errcheck // the visitor sees it
	})
}

// met marks the answer of a function that met its trouble and lived.
const met = "X-Rig-Met"

// Met reports whether the request met the trouble that was ahead of it.
func (a Answer) Met() bool { return a.Status == http.StatusBadGateway || a.Header.Get(met) != "" }
