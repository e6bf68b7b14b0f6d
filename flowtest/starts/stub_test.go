package starts

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"
)

// stub is the table and the vendors in the bench: it answers a call as the same
// call was answered when it was recorded. It keeps nothing, so that every answer
// of a function is the first of its kind, and it costs what a lookup costs.
type stub struct {
	open          atomic.Bool // whether connections are taken
	table, vendor time.Duration

	mu     sync.Mutex
	now    *request
	nth    map[string]int
	missed []string
}

// play lets the stub answer the calls of this request.
func (s *stub) play(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.nth = r, map[string]int{}
}

// find is the answer to a call, nil if there is none: that of the same call, else
// of one of its kind. A call that is made again is answered as it was the second
// time.
func (s *stub) find(exact, loose string) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return nil
	}
	for _, fits := range []func(*exchange) bool{
		func(e *exchange) bool { return e.exact == exact },
		func(e *exchange) bool { return e.loose == loose },
	} {
		var found []*exchange
		for i := range s.now.calls {
			if fits(&s.now.calls[i]) {
				found = append(found, &s.now.calls[i])
			}
		}
		if len(found) > 0 {
			n := s.nth[exact]
			s.nth[exact]++
			return found[min(n, len(found)-1)]
		}
	}
	s.missed = append(s.missed, exact)
	return nil
}

// misses are the calls since the last time that nobody had recorded.
func (s *stub) misses() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.missed
	s.missed = nil
	return m
}

// ServeHTTP answers a call. The one that only connects is answered with nothing.
func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path == "/" && r.Method == http.MethodGet {
		return
	}
	table, exact, loose := call(r, asked)
	e := s.find(exact, loose)
	if e == nil {
		http.Error(w, `{"__type":"com.amazon.coral.validate#ValidationException","message":"not recorded"}`, http.StatusBadRequest)
		return
	}
	wait := s.vendor
	if table {
		wait = s.table
	}
	if wait > 0 {
		time.Sleep(wait) // that long the real one takes
	}
	for name, values := range e.header {
		w.Header()[name] = values
	}
	w.WriteHeader(e.status)
	w.Write(e.answer) //nolint:errcheck // the function is gone
}

// RoundTrip is ServeHTTP without a connection.
func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = io.NopCloser(bytes.NewReader(nil))
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}

// gate closes connections at once for as long as the stub is not open: a step that
// connects before its first event has nothing of it, and is otherwise the same.
type gate struct {
	net.Listener
	open *atomic.Bool
}

// Accept returns the next connection that comes while the stub is open.
func (g gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil || g.open.Load() {
			return c, err
		}
		c.Close()
	}
}

// servers are a stub's three addresses: of the table, of Verify, of Messages.
type servers struct {
	list []*httptest.Server
	vars map[string]string
}

// serve opens a stub's addresses; secure is TLS, with a certificate that the
// function finds at the end of the system's.
func (s *stub) serve(secure bool) servers {
	all := servers{vars: map[string]string{}}
	for _, name := range []string{"AWS_ENDPOINT_URL_DYNAMODB", "TWILIO_VERIFY_URL", "TWILIO_API_URL"} {
		server := httptest.NewUnstartedServer(s)
		server.Listener = gate{server.Listener, &s.open}
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // a function that is ended leaves handshakes behind
		if secure {
			server.StartTLS()
		} else {
			server.Start()
		}
		all.list, all.vars[name] = append(all.list, server), server.URL
	}
	all.vars["AUTHY_API_URL"], all.vars["AWS_ENDPOINT_URL_EVENTBRIDGE"] = all.vars["TWILIO_VERIFY_URL"], all.vars["AWS_ENDPOINT_URL_DYNAMODB"]
	return all
}

// nowhere are addresses at which nobody listens: who connects is refused at once.
func nowhere() servers {
	all := servers{vars: map[string]string{}}
	for _, name := range []string{"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_EVENTBRIDGE", "TWILIO_VERIFY_URL", "TWILIO_API_URL", "AUTHY_API_URL"} {
		all.vars[name] = "http://127.0.0.1:1"
	}
	return all
}

// close ends the servers and the connections to them.
func (s servers) close() {
	for _, server := range s.list {
		server.CloseClientConnections()
		server.Close()
	}
}
