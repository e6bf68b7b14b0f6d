package simulator

import (
	"fmt"
	"net/http"
	"time"
)

// Limits of Verify: sends in the ten minutes of a verification, and checks.
const (
	maxSends     = 5
	maxChecks    = 5
	verifyDigits = 6
	// verifySweep is the number of verifications at which expired ones are
	// looked for and dropped.
	verifySweep = 1000
	// serviceName stands in texts for the friendly name of every service.
	serviceName  = "Latchkey"
	verifySender = "Verify"
)

// verifyKey names a pending verification: one per service and phone.
type verifyKey struct{ service, to string }

type verification struct {
	sid              string
	key              verifyKey
	channel          string
	code             string
	created, updated time.Time
	sends            []verifyAttempt
	checks           int
}

type verifyAttempt struct {
	Time       string `json:"time"`
	Channel    string `json:"channel"`
	AttemptSID string `json:"attempt_sid"`
}

// attemptChannel spells a simulated channel the way send_code_attempts does,
// in mixed cases; "" means that it is not simulated.
func attemptChannel(channel string) string {
	switch channel {
	case kindSMS:
		return "SMS"
	case kindCall:
		return "CALL"
	case kindWhatsApp:
		return "whatsapp"
	}
	return ""
}

// verifyMagic are numbers that fail, after Twilio's test numbers for Messages;
// Verify itself has none, so these are the simulator's own convention.
func verifyMagic(to, channel string) (refusal, bool) {
	switch to {
	case "+15005550001":
		return refusal{http.StatusBadRequest, 60200, "Invalid parameter `To`: " + to}, true
	case "+15005550003":
		return refusal{http.StatusForbidden, 60605, "Verification delivery blocked for this country"}, true
	case "+15005550004":
		return refusal{http.StatusForbidden, 60410, "Verification delivery attempt blocked"}, true
	case landline:
		return refusal{http.StatusForbidden, 60205, "SMS is not supported by landline phone number"}, channel != kindCall
	}
	return refusal{}, false
}

// refusal is a Twilio error that a table can hold.
type refusal struct {
	status, code int
	message      string
}

func (f refusal) write(w http.ResponseWriter) { failTwilio(w, f.status, f.code, f.message) }

func (s *Simulator) verifyRoutes(mux *http.ServeMux) {
	v := s.twilio()
	mux.HandleFunc("POST /v2/Services/{service}/Verifications", s.front(v, nil, s.startVerification))
	mux.HandleFunc("GET /v2/Services/{service}/Verifications/{name}", s.front(v, nil, s.readVerification))
	mux.HandleFunc("POST /v2/Services/{service}/Verifications/{name}", s.front(v, nil, s.decideVerification))
	mux.HandleFunc("POST /v2/Services/{service}/VerificationCheck", s.front(v, countCheck, s.checkVerification))
	mux.HandleFunc("/v2/", s.front(v, nil, verifyNotFound))
}

func verifyNotFound(w http.ResponseWriter, r *http.Request) {
	notFoundTwilio(w, r.URL.Path[len("/v2"):])
}

func (s *Simulator) startVerification(w http.ResponseWriter, r *http.Request) {
	key := verifyKey{r.PathValue("service"), r.PostFormValue("To")}
	channel := r.PostFormValue("Channel")
	if !s.services[key.service] {
		verifyNotFound(w, r)
		return
	}
	bad, failed := refusedStart(key.to, channel)
	if failed {
		bad.write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.pending(key)
	if v == nil {
		v = s.newVerification(key)
	}
	if len(v.sends) >= maxSends {
		failTwilio(w, http.StatusTooManyRequests, 60203, "Max send attempts reached")
		return
	}
	s.send(v, channel, r.PostFormValue("CustomFriendlyName"))
	writeJSON(w, http.StatusCreated, s.verificationView(v, "pending"))
}

func refusedStart(to, channel string) (refusal, bool) {
	if !e164.MatchString(to) {
		return refusal{http.StatusBadRequest, 60200, "Invalid parameter `To`: " + to}, true
	}
	switch channel {
	case "email", "sna", "auto", "rcs":
		return refusal{http.StatusBadRequest, 60223, "Delivery channel disabled: " + channel}, true
	}
	if attemptChannel(channel) == "" {
		return refusal{http.StatusBadRequest, 60200, "Invalid parameter `Channel`: " + channel}, true
	}
	return verifyMagic(to, channel)
}

// pending returns the live verification, nil if there is none. Callers hold mu.
func (s *Simulator) pending(key verifyKey) *verification {
	v := s.world.verify[key]
	if v == nil {
		return nil
	}
	if !s.now().Before(v.created.Add(codeLife)) {
		delete(s.world.verify, key)
		return nil
	}
	return v
}

func (s *Simulator) newVerification(key verifyKey) *verification {
	now := s.now()
	if len(s.world.verify) >= verifySweep {
		for k := range s.world.verify {
			s.pending(k)
		}
	}
	v := &verification{sid: newSID("VE"), key: key, code: newCode(verifyDigits), created: now}
	s.world.verify[key] = v
	return v
}

func (s *Simulator) send(v *verification, channel, name string) {
	now := s.now()
	v.channel, v.updated = channel, now
	v.sends = append(v.sends, verifyAttempt{isoTime(now), attemptChannel(channel), newSID("VL")})
	if name == "" {
		name = serviceName
	}
	s.deliver(channel, verifySender, v.key.to, codeText(channel, name, v.code))
}

// codeText is what the phone shows, or what the voice says. The code is one
// plain run of digits in each, so that a script finds it.
func codeText(kind, name, code string) string {
	if kind == kindCall {
		return fmt.Sprintf("Hello, this is %s. Your verification code is %s. Once more: %s. Goodbye.", name, code, code)
	}
	return fmt.Sprintf("Your %s verification code is %s.\nIt is good for ten minutes. Never tell it to anyone, not even to us.", name, code)
}
