package simulator

import (
	"net/http"
	"regexp"
)

var verifyCode = regexp.MustCompile(`^[0-9]{4,10}$`)

// named finds a pending verification by its sid or its phone.
func (s *Simulator) named(service, name string) *verification {
	v := s.pending(verifyKey{service, name})
	if v != nil {
		return v
	}
	for k, v := range s.world.verify {
		if v.sid == name && k.service == service {
			return s.pending(k)
		}
	}
	return nil
}

func (s *Simulator) readVerification(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.named(r.PathValue("service"), r.PathValue("name"))
	if v == nil {
		verifyNotFound(w, r)
		return
	}
	writeJSON(w, http.StatusOK, s.verificationView(v, "pending"))
}

// decideVerification is the operator's word from outside: canceled or
// approved. Either takes the verification from view, and its counters with it.
func (s *Simulator) decideVerification(w http.ResponseWriter, r *http.Request) {
	status := r.PostFormValue("Status")
	if status != "canceled" && status != "approved" {
		failTwilio(w, http.StatusBadRequest, 60200, "Invalid parameter `Status`: "+status)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.named(r.PathValue("service"), r.PathValue("name"))
	if v == nil {
		verifyNotFound(w, r)
		return
	}
	v.updated = s.now()
	delete(s.world.verify, v.key)
	writeJSON(w, http.StatusOK, s.verificationView(v, status))
}

func (s *Simulator) checkVerification(w http.ResponseWriter, r *http.Request) {
	to, sid, code := r.PostFormValue("To"), r.PostFormValue("VerificationSid"), r.PostFormValue("Code")
	service := r.PathValue("service")
	if !s.services[service] {
		verifyNotFound(w, r)
		return
	}
	bad, failed := refusedCheck(to, sid, code)
	if failed {
		bad.write(w)
		return
	}
	name := sid
	if name == "" {
		name = to
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.named(service, name)
	if v == nil || (to != "" && to != v.key.to) {
		verifyNotFound(w, r)
		return
	}
	s.answerCheck(w, v, code)
}

func refusedCheck(to, sid, code string) (refusal, bool) {
	if to == "" && sid == "" {
		return refusal{http.StatusBadRequest, 60221, "Either `To` or `VerificationSid` must be given"}, true
	}
	if to != "" && !e164.MatchString(to) {
		return refusal{http.StatusBadRequest, 60200, "Invalid parameter `To`: " + to}, true
	}
	if !verifyCode.MatchString(code) {
		return refusal{http.StatusBadRequest, 60200, "Invalid parameter: Code"}, true
	}
	return refusal{}, false
}

func (s *Simulator) answerCheck(w http.ResponseWriter, v *verification, code string) {
	if v.checks >= maxChecks {
		failTwilio(w, http.StatusTooManyRequests, 60202, "Max check attempts reached")
		return
	}
	v.checks++
	v.updated = s.now()
	status := "pending"
	if code == v.code {
		status = "approved"
		delete(s.world.verify, v.key)
	}
	writeJSON(w, http.StatusCreated, s.checkView(v, status))
}

// checkView is what VerificationCheck answers.
type checkView struct {
	SID         string  `json:"sid"`
	ServiceSID  string  `json:"service_sid"`
	AccountSID  string  `json:"account_sid"`
	To          string  `json:"to"`
	Channel     string  `json:"channel"`
	Status      string  `json:"status"`
	Valid       bool    `json:"valid"`
	Amount      *string `json:"amount"`
	Payee       *string `json:"payee"`
	SNAErrors   []int   `json:"sna_attempts_error_codes"`
	DateCreated string  `json:"date_created"`
	DateUpdated string  `json:"date_updated"`
}

func (s *Simulator) checkView(v *verification, status string) checkView {
	return checkView{
		SID:         v.sid,
		ServiceSID:  v.key.service,
		AccountSID:  s.opts.AccountSID,
		To:          v.key.to,
		Channel:     v.channel,
		Status:      status,
		Valid:       status == "approved",
		SNAErrors:   []int{},
		DateCreated: isoTime(v.created),
		DateUpdated: isoTime(v.updated),
	}
}

// verificationView is what Verifications answers.
type verificationView struct {
	SID         string          `json:"sid"`
	ServiceSID  string          `json:"service_sid"`
	AccountSID  string          `json:"account_sid"`
	To          string          `json:"to"`
	Channel     string          `json:"channel"`
	Status      string          `json:"status"`
	Valid       bool            `json:"valid"`
	DateCreated string          `json:"date_created"`
	DateUpdated string          `json:"date_updated"`
	Lookup      struct{}        `json:"lookup"`
	Amount      *string         `json:"amount"`
	Payee       *string         `json:"payee"`
	Sends       []verifyAttempt `json:"send_code_attempts"`
	SNA         *struct{}       `json:"sna"`
	URL         string          `json:"url"`
}

func (s *Simulator) verificationView(v *verification, status string) verificationView {
	return verificationView{
		SID:         v.sid,
		ServiceSID:  v.key.service,
		AccountSID:  s.opts.AccountSID,
		To:          v.key.to,
		Channel:     v.channel,
		Status:      status,
		Valid:       status == "approved",
		DateCreated: isoTime(v.created),
		DateUpdated: isoTime(v.updated),
		Sends:       v.sends,
		URL:         "https://verify.twilio.com/v2/Services/" + v.key.service + "/Verifications/" + v.sid,
	}
}
