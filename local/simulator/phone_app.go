package simulator

import (
	"net/http"
	"time"
)

// appRequest is the body of PUT /api/phones/{e164}/app. Any of the three may
// stand alone.
type appRequest struct {
	Installed *bool   `json:"installed"` // the Authy app
	Enrolment *string `json:"enrolment"` // of a push factor
	URI       *string `json:"uri"`       // otpauth: an authenticator app's secret
}

// putApp registers and scans before it touches the Authy app, so that a text
// which is refused leaves the rest as it was.
func (s *Simulator) putApp(w http.ResponseWriter, r *http.Request, phone string) {
	var req appRequest
	if !readJSON(w, r, &req) {
		return
	}
	if req.Installed == nil && req.Enrolment == nil && req.URI == nil {
		refuse(w, http.StatusBadRequest, `Say {"installed":true} or {"installed":false}, or give an "enrolment" or a "uri".`)
		return
	}
	if req.Enrolment != nil {
		status, sentence := s.enrol(phone, *req.Enrolment)
		if refused(w, status, sentence) {
			return
		}
	}
	if req.URI != nil {
		status, sentence := s.scan(phone, *req.URI)
		if refused(w, status, sentence) {
			return
		}
	}
	if req.Installed != nil {
		err := s.install(phone, *req.Installed)
		if err != nil {
			refuse(w, http.StatusInternalServerError, "The state file could not be written.")
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.URI != nil && s.world.phones[phone] != nil {
		s.world.phones[phone].appLast = false
	}
	writeJSON(w, http.StatusOK, map[string]bool{"installed": s.world.hasApp(phone)})
}

// refused answers what enrol and scan say, unless they say that it is done.
func refused(w http.ResponseWriter, status int, sentence string) bool {
	if status == 0 || status == http.StatusOK {
		return false
	}
	refuse(w, status, sentence)
	return true
}

// install puts the Authy app on the phone or takes it off; a new installation
// has a new seed, so the old app's tokens are dead.
func (s *Simulator) install(phone string, installed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.hasApp(phone) == installed {
		if installed {
			s.world.phones[phone].appLast = true
		}
		return nil
	}
	h := s.world.handset(phone)
	h.appSeed, h.appLast = nil, installed
	if installed {
		h.appSeed = randomBytes(20)
	} else if len(h.messages) == 0 && !h.holdsSecret() && len(s.world.approvalsOf(phone)) == 0 {
		delete(s.world.phones, phone)
	}
	return s.save()
}

// showToken shows the rolling token of the app that came to the phone last: an
// authenticator's or Authy's.
func (s *Simulator) showToken(w http.ResponseWriter, _ *http.Request, phone string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	h := s.world.phones[phone]
	if h != nil && !(h.appSeed != nil && h.appLast) {
		token, left, ok := h.totpNow(now)
		if ok {
			writeJSON(w, http.StatusOK, tokenView{token, left})
			return
		}
	}
	if h == nil || h.appSeed == nil {
		refuse(w, http.StatusConflict, "Neither the Authy app nor an authenticator's secret is on this phone.")
		return
	}
	step := int64(appStep / time.Second)
	writeJSON(w, http.StatusOK, tokenView{appToken(h.appSeed, appStepAt(now)), step - now.Unix()%step})
}

// tokenView is what GET /api/phones/{e164}/token answers.
type tokenView struct {
	Token       string `json:"token"`
	SecondsLeft int64  `json:"seconds_left"`
}
