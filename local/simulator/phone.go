package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
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
	Phone  string `json:"phone"`
	Unread int    `json:"unread"` // messages that no one has listed yet
	App    bool   `json:"app"`
}

// listPhones names the phones that received something or have the app, the
// latest first.
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
	views := make([]phoneView, len(phones))
	for i, phone := range phones {
		h := s.world.phones[phone]
		views[i] = phoneView{phone, h.unread, h.appSeed != nil}
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

// listApprovals is always empty: no simulated vendor makes push requests yet.
func (s *Simulator) listApprovals(w http.ResponseWriter, _ *http.Request, _ string) {
	writeJSON(w, http.StatusOK, []struct{}{})
}

func (s *Simulator) decideApproval(w http.ResponseWriter, _ *http.Request, _ string) {
	refuse(w, http.StatusNotFound, "This phone has no such approval request.")
}

// appRequest is the body of PUT /api/phones/{e164}/app.
type appRequest struct {
	Installed *bool   `json:"installed"`
	Enrolment *string `json:"enrolment"`
	URI       *string `json:"uri"`
}

func (s *Simulator) putApp(w http.ResponseWriter, r *http.Request, phone string) {
	var req appRequest
	if !readJSON(w, r, &req) {
		return
	}
	if req.Enrolment != nil || req.URI != nil {
		refuse(w, http.StatusConflict, "This phone cannot take enrolments of Verify factors yet.")
		return
	}
	if req.Installed == nil {
		refuse(w, http.StatusBadRequest, `Say {"installed":true} or {"installed":false}.`)
		return
	}
	err := s.install(phone, *req.Installed)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "The state file could not be written.")
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"installed": *req.Installed})
}

// install puts the app on the phone or takes it off; a new installation has a
// new seed, so the old app's tokens are dead.
func (s *Simulator) install(phone string, installed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.hasApp(phone) == installed {
		return nil
	}
	h := s.world.handset(phone)
	h.appSeed = nil
	if installed {
		h.appSeed = randomBytes(20)
	} else if len(h.messages) == 0 {
		delete(s.world.phones, phone)
	}
	return s.save()
}

func (s *Simulator) showToken(w http.ResponseWriter, _ *http.Request, phone string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.world.hasApp(phone) {
		refuse(w, http.StatusConflict, "The Authy app is not installed on this phone.")
		return
	}
	now := s.now()
	step := int64(appStep / time.Second)
	writeJSON(w, http.StatusOK, map[string]any{
		"token":        appToken(s.world.phones[phone].appSeed, appStepAt(now)),
		"seconds_left": step - now.Unix()%step,
	})
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
