package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Phone serves the simulated phone: its page, its API, the weather and the
// counts. A browser on another site can neither write to it nor, by pointing
// its own name at the loopback address, read it. The weather does not touch it.
func (s *Simulator) Phone() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", pageHandler())
	mux.HandleFunc("GET /api/phones", s.listPhones)
	mux.HandleFunc("GET /api/phones/{e164}/messages", s.onPhone(s.listMessages))
	mux.HandleFunc("GET /api/phones/{e164}/approvals", s.onPhone(s.listApprovals))
	mux.HandleFunc("POST /api/phones/{e164}/approvals/{id}", s.onPhone(s.decideApproval))
	mux.HandleFunc("PUT /api/phones/{e164}/app", s.onPhone(s.putApp))
	mux.HandleFunc("GET /api/phones/{e164}/token", s.onPhone(s.showToken))
	mux.HandleFunc("GET /api/weather", s.showWeather)
	mux.HandleFunc("PUT /api/weather", s.putWeather)
	mux.HandleFunc("GET /api/stats", s.showStats)
	mux.HandleFunc("DELETE /api", s.deleteAll)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "There is nothing at this address.")
	})
	return onlyLocal(sameSite(mux))
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	writeJSON(w, status, map[string]string{"error": sentence})
}

func sameSite(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "Another site may not change the simulated phone.")
	}))
	return p.Handler(next)
}

// onlyLocal refuses names that were made to resolve to this machine, and sets
// the headers that every answer carries.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !localHost(r.Host) {
			refuse(w, http.StatusForbidden, "The simulated phone answers on localhost only.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func localHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]") // no port
	}
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1"
}

// onPhone reads the number of the path; a plus sign may come raw or as %2B.
func (s *Simulator) onPhone(h func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		phone := r.PathValue("e164")
		if !e164.MatchString(phone) {
			refuse(w, http.StatusBadRequest, "A phone is named by its number in E.164, such as +14155552671.")
			return
		}
		h(w, r, phone)
	}
}

// phoneView is an entry of GET /api/phones.
type phoneView struct {
	Phone         string `json:"phone"`
	Unread        int    `json:"unread"`        // messages that no one has listed yet
	Pending       int    `json:"pending"`       // approvals that wait for an answer
	Authy         bool   `json:"authy"`         // a user of Authy has this number
	App           bool   `json:"app"`           // Authy's
	Factors       int    `json:"factors"`       // push factors of Verify registered here
	Authenticator bool   `json:"authenticator"` // an otpauth URI was scanned
}

// listPhones names the phones that received something, were asked something or
// have an app, the latest first.
func (s *Simulator) listPhones(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	phones := make([]string, 0, len(s.world.phones))
	for phone := range s.world.phones {
		phones = append(phones, phone)
	}
	slices.SortFunc(phones, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(s.world.phones[b].touched, s.world.phones[a].touched),
			strings.Compare(a, b),
		)
	})
	pending := s.world.pendingApprovals(s.now())
	authy := map[string]bool{}
	for _, u := range s.world.authy {
		authy[u.phone()] = true
	}
	views := make([]phoneView, len(phones))
	for i, phone := range phones {
		h := s.world.phones[phone]
		views[i] = phoneView{phone, h.unread, pending[phone], authy[phone], h.appSeed != nil, len(h.factors), h.totp != nil}
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, views)
}

func (s *Simulator) listMessages(w http.ResponseWriter, _ *http.Request, phone string) {
	messages := []message{}
	s.mu.Lock()
	h := s.world.phones[phone]
	if h != nil {
		messages = append(messages, h.messages...)
		h.unread = 0
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, messages)
}

func (s *Simulator) showWeather(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, s.world.weather)
}

// change sets what was named and leaves the rest as it is.
func change(to, named *string) {
	if named != nil {
		*to = *named
	}
}

func (s *Simulator) putWeather(w http.ResponseWriter, r *http.Request) {
	var req struct{ SMS, API, Callbacks *string }
	if !readJSON(w, r, &req) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.world.weather
	change(&next.SMS, req.SMS)
	change(&next.API, req.API)
	change(&next.Callbacks, req.Callbacks)
	err := next.check()
	if err != nil {
		refuse(w, http.StatusBadRequest, "Weather: "+err.Error()+".")
		return
	}
	s.world.weather = next
	writeJSON(w, http.StatusOK, next)
}

func (s *Simulator) showStats(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, s.world.stats)
}

func (s *Simulator) deleteAll(w http.ResponseWriter, _ *http.Request) {
	err := s.forget()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "The state file could not be written.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// readJSON decodes a small body without unknown members, or answers 400.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("The body is not the JSON expected here: %v.", err))
		return false
	}
	return true
}
