package simulator

import (
	"encoding/json"
	"net/http"
	"time"
)

// enrolment is the text that the product shows, usually as a QR code. It is
// the product's own format, for the app that its owner writes around Twilio's
// SDK; the SDK needs these four to register a push factor.
type enrolment struct {
	Token        string `json:"token"`
	Identity     string `json:"identity"`
	ServiceSID   string `json:"serviceSid"`
	FriendlyName string `json:"friendlyName"`
}

const (
	notWritten = "The state file could not be written."
	notGood    = "This enrolment is not good: it is used, too old or not ours. Ask for a new one."
)

// enrol plays Twilio's SDK on that phone: it creates the entity if need be and
// a push factor, verified at once, that lives on the phone. It returns 200, or
// another status and a sentence for whoever pasted the text. Callers do not
// hold mu.
//
// Twilio would also send factor.created and factor.verified to a webhook that
// asked for them; the simulated webhook asks for challenges only.
func (s *Simulator) enrol(phone, text string) (int, string) {
	var in enrolment
	err := json.Unmarshal([]byte(text), &in)
	if err != nil || in.Token == "" || !identityShape.MatchString(in.Identity) || !friendlyName(in.FriendlyName) {
		return http.StatusBadRequest, `An enrolment is {"token":…,"identity":…,"serviceSid":…,"friendlyName":…}.`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	e := s.world.entities[entityKey(in.ServiceSID, in.Identity)]
	if e == nil || !e.allows(in.Token, in.FriendlyName, now) {
		return http.StatusUnauthorized, notGood
	}
	if e.tooManyOf(factorPush) || e.tooManyToday(now) {
		return http.StatusConflict, "This person has too many devices already."
	}
	delete(e.tokens, in.Token)
	e.begin(now)
	f := &factor{SID: newSID("YF"), Name: in.FriendlyName, Verified: true, Created: now, Updated: now, Phone: phone}
	e.add(f, now)
	s.world.register(f)
	err = s.save()
	if err != nil {
		return http.StatusInternalServerError, notWritten
	}
	return http.StatusOK, ""
}

// register notes a push factor on its phone.
func (w *world) register(f *factor) {
	h := w.handset(f.Phone)
	if h.factors == nil {
		h.factors = map[string]bool{}
	}
	h.factors[f.SID] = true
}

// scan plays an authenticator app that reads a QR code; a phone has one, and
// the latest code replaces what was there. It returns like enrol, and callers
// do not hold mu.
func (s *Simulator) scan(phone, uri string) (int, string) {
	t, err := parseOTPAuth(uri)
	if err != nil {
		return http.StatusBadRequest, "This is no code for an authenticator app: " + err.Error() + "."
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.handset(phone).totp = t
	err = s.save()
	if err != nil {
		return http.StatusInternalServerError, notWritten
	}
	return http.StatusOK, ""
}

// totpNow is what the authenticator app shows, and for how many seconds more;
// false means that it shows nothing. Callers hold mu.
func (h *handset) totpNow(now time.Time) (token string, secondsLeft int64, ok bool) {
	if h == nil || h.totp == nil {
		return "", 0, false
	}
	t := h.totp
	return t.code(t.stepAt(now)), t.Period - now.Unix()%t.Period, true
}
