package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"
)

// Limits of Verify's challenges.
const (
	challengeLife     = 5 * time.Minute // unless told otherwise
	maxChallengeLife  = time.Hour
	maxChallengeTries = 5
	maxDetailsMessage = 256 // characters, as the next three
	maxFieldLabel     = 36
	maxFieldValue     = 128
	maxHiddenDetails  = 1024
	maxFields         = 20
	shortCodesPerDay  = 10 // challenges of codes up to four digits
	longCodesPerHour  = 50
	longCodesPerDay   = 100
	maxKeptChallenges = 500 // of an entity; the oldest go first
)

// challenge asks for a factor. The embedded approval is its decision; only a
// push factor's is on a phone.
type challenge struct {
	*approval
	factor *factor
	hidden json.RawMessage // an object of texts, nil: none
	tries  int             // codes compared
}

func (e *entity) challenge(sid string) *challenge {
	for _, c := range e.challenges {
		if c.id == sid {
			return c
		}
	}
	return nil
}

// withChallenge finds the challenge of the path and runs h with mu held.
func (s *Simulator) withChallenge(h func(http.ResponseWriter, *http.Request, *entity, *challenge)) http.HandlerFunc {
	return s.withEntity(func(w http.ResponseWriter, r *http.Request, e *entity) {
		c := e.challenge(r.PathValue("challenge"))
		if c == nil {
			verifyNotFound(w, r)
			return
		}
		h(w, r, e, c)
	})
}

// newChallenge asks the phone of a push factor, or compares a TOTP factor's
// code.
func (s *Simulator) newChallenge(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	view, c, bad := s.createChallenge(r)
	s.mu.Unlock()
	if bad != nil {
		bad.write(w)
		return
	}
	if c.factor.kind() == factorPush {
		s.held(r, c.approval)
	}
	writeJSON(w, http.StatusCreated, view)
}

// createChallenge returns the view as it was at creation. Callers hold mu.
func (s *Simulator) createChallenge(r *http.Request) (challengeView, *challenge, *refusal) {
	e := s.entityOf(r)
	if e == nil {
		return challengeView{}, nil, missing(r)
	}
	if r.PostFormValue("FactorSid") == "" {
		return challengeView{}, nil, invalid("FactorSid")
	}
	f := e.factor(r.PostFormValue("FactorSid"))
	if f == nil {
		return challengeView{}, nil, missing(r)
	}
	if !f.Verified {
		return challengeView{}, nil, &refusal{http.StatusForbidden, 60318, "Factor is unverified"}
	}
	now := s.now()
	c, bad := challengeOf(r.PostForm, f, now)
	if bad != nil {
		return challengeView{}, nil, bad
	}
	if f.TOTP != nil {
		if f.tooManyCodes(now) {
			return challengeView{}, nil, &refusal{http.StatusTooManyRequests, 60312, "Max challenges limit reached"}
		}
		f.asked = append(f.asked, now)
		c.try(r.PostFormValue("AuthPayload"), now)
	} else {
		c.callback = func(*approval) callback { return s.challengeHook(e, c) }
		s.ask(c.approval)
	}
	e.challenges = append(e.challenges, c)
	if n := len(e.challenges); n > maxKeptChallenges {
		e.challenges = slices.Clone(e.challenges[n-maxKeptChallenges:])
	}
	return s.challengeView(e, c), c, nil
}

// tooManyCodes is the limit on guessing, however many challenges it is spread
// over.
func (f *factor) tooManyCodes(now time.Time) bool {
	f.asked = since(f.asked, now.Add(-24*time.Hour))
	if f.TOTP.Digits <= 4 {
		return len(f.asked) >= shortCodesPerDay
	}
	lastHour := 0
	for _, t := range f.asked {
		if t.After(now.Add(-time.Hour)) {
			lastHour++
		}
	}
	return lastHour >= longCodesPerHour || len(f.asked) >= longCodesPerDay
}

// challengeOf reads a challenge from the form. Details belong to push; a TOTP
// challenge has none.
func challengeOf(form url.Values, f *factor, now time.Time) (*challenge, *refusal) {
	expires, ok := expiration(form.Get("ExpirationDate"), now)
	if !ok {
		return nil, invalid("ExpirationDate")
	}
	hidden, err := textObject(form.Get("HiddenDetails"), maxHiddenDetails)
	if err != nil {
		return nil, invalid("HiddenDetails")
	}
	c := &challenge{
		approval: &approval{id: newSID("YC"), phone: f.Phone, decision: statusPending, created: now, expires: expires},
		factor:   f,
		hidden:   hidden,
	}
	if f.TOTP != nil {
		code := form.Get("AuthPayload")
		if code != "" && !authPayload.MatchString(code) {
			return nil, invalid("AuthPayload")
		}
		return c, nil
	}
	c.message = form.Get("Details.Message")
	if c.message == "" || utf8.RuneCountInString(c.message) > maxDetailsMessage {
		return nil, invalid("Details.Message")
	}
	c.details, ok = fieldsOf(form["Details.Fields"])
	if !ok {
		return nil, invalid("Details.Fields")
	}
	return c, nil
}

func expiration(text string, now time.Time) (time.Time, bool) {
	if text == "" {
		return now.Add(challengeLife), true
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err == nil && t.After(now) && !t.After(now.Add(maxChallengeLife))
}

// fieldsOf reads the lines that the phone shows below the message.
func fieldsOf(texts []string) ([]detail, bool) {
	if len(texts) > maxFields {
		return nil, false
	}
	var lines []detail
	for _, text := range texts {
		var f fieldView
		err := json.Unmarshal([]byte(text), &f)
		if err != nil || f.Label == "" || f.Value == "" ||
			utf8.RuneCountInString(f.Label) > maxFieldLabel || utf8.RuneCountInString(f.Value) > maxFieldValue {
			return nil, false
		}
		lines = append(lines, detail{f.Label, f.Value})
	}
	return lines, true
}

// try compares a code; none is no try. A wrong one leaves the challenge
// pending.
func (c *challenge) try(code string, now time.Time) {
	if code == "" {
		return
	}
	c.tries++
	if c.factor.judge(code, now) {
		c.decision, c.answered = statusApproved, now
	}
}

// answerChallenge is a second try with another code. A push challenge is
// answered on the phone's page: the signed answer of Twilio's SDK is not
// simulated.
func (s *Simulator) answerChallenge(w http.ResponseWriter, r *http.Request, e *entity, c *challenge) {
	code := r.PostFormValue("AuthPayload")
	now := s.now()
	status := c.status(now)
	switch {
	case c.factor.TOTP == nil || !authPayload.MatchString(code):
		invalid("AuthPayload").write(w)
	case status == statusExpired:
		failTwilio(w, http.StatusForbidden, 60323, "Challenge expired")
	case status != statusPending:
		failTwilio(w, http.StatusForbidden, 60322, "Challenge was already responded")
	case c.tries >= maxChallengeTries:
		failTwilio(w, http.StatusTooManyRequests, 60308, "Max challenge attempts reached")
	default:
		c.try(code, now)
		writeJSON(w, http.StatusOK, s.challengeView(e, c))
	}
}

func (s *Simulator) readChallenge(w http.ResponseWriter, _ *http.Request, e *entity, c *challenge) {
	writeJSON(w, http.StatusOK, s.challengeView(e, c))
}

// listChallenges gives the oldest first, unless Order is desc.
func (s *Simulator) listChallenges(w http.ResponseWriter, r *http.Request, e *entity) {
	query := r.URL.Query()
	sid, status, order := query.Get("FactorSid"), query.Get("Status"), query.Get("Order")
	if order != "" && order != "asc" && order != "desc" {
		invalid("Order").write(w)
		return
	}
	if status != "" && !slices.Contains([]string{statusPending, statusExpired, statusApproved, statusDenied}, status) {
		invalid("Status").write(w)
		return
	}
	now := s.now()
	var views []challengeView
	for _, c := range e.challenges {
		if (sid == "" || c.factor.SID == sid) && (status == "" || c.status(now) == status) {
			views = append(views, s.challengeView(e, c))
		}
	}
	if order == "desc" {
		slices.Reverse(views)
	}
	writeList(w, r, "challenges", views)
}
