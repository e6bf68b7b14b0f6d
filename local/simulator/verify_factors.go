package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// Types of factor.
const (
	factorPush = "push"
	factorTOTP = "totp"
)

// Limits of Verify's factors. How long a factor that saw too many wrong
// codes refuses is not published: here it does until it is removed.
const (
	maxPushFactors    = 20
	maxTOTPFactors    = 100
	maxFactorsPerDay  = 100
	maxFactorAttempts = 5
	maxFriendlyName   = 64   // characters
	maxMetadata       = 1024 // characters
	totpSkew          = 1    // time steps either way, unless told otherwise
)

// authPayload is the shape of a code.
var authPayload = regexp.MustCompile(`^[0-9]{3,8}$`)

// factor is a phone's push registration or an authenticator app. The exported
// fields go into the state file.
type factor struct {
	SID      string          `json:"sid"`
	Name     string          `json:"friendly_name"`
	Verified bool            `json:"verified"`
	Created  time.Time       `json:"created"`
	Updated  time.Time       `json:"updated"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Phone    string          `json:"phone,omitempty"` // E.164, of push: where it lives
	TOTP     *totpSecret     `json:"totp,omitempty"`  // nil for push
	Skew     int64           `json:"skew,omitempty"`  // time steps
	Wrong    int             `json:"wrong,omitempty"` // codes refused while unverified

	used  []int64     // time steps whose code has passed
	asked []time.Time // challenges of the last day
}

func (f *factor) kind() string {
	if f.TOTP == nil {
		return factorPush
	}
	return factorTOTP
}

func (f *factor) status() string {
	if f.Verified {
		return "verified"
	}
	return "unverified"
}

// judge compares code with the factor's codes around now. Each time step
// passes once, whatever it passed for (unconfirmed at Twilio).
func (f *factor) judge(code string, now time.Time) bool {
	current := f.TOTP.stepAt(now)
	f.used = slices.DeleteFunc(f.used, func(step int64) bool { return step < current-f.Skew })
	for step := current - f.Skew; step <= current+f.Skew; step++ {
		if f.TOTP.code(step) == code && !slices.Contains(f.used, step) {
			f.used = append(f.used, step)
			return true
		}
	}
	return false
}

func friendlyName(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= maxFriendlyName
}

// tooManyOf reports whether the entity has all the factors of that type that
// it may have.
func (e *entity) tooManyOf(kind string) bool {
	most, n := maxTOTPFactors, 0
	if kind == factorPush {
		most = maxPushFactors
	}
	for _, f := range e.Factors {
		if f.kind() == kind {
			n++
		}
	}
	return n >= most
}

// tooManyToday counts removed factors, too.
func (e *entity) tooManyToday(now time.Time) bool {
	e.creations = since(e.creations, now.Add(-24*time.Hour))
	return len(e.creations) >= maxFactorsPerDay
}

// since drops the times that are not after start.
func since(times []time.Time, start time.Time) []time.Time {
	return slices.DeleteFunc(times, func(t time.Time) bool { return !t.After(start) })
}

func (e *entity) add(f *factor, now time.Time) {
	e.Factors = append(e.Factors, f)
	e.creations = append(e.creations, now)
}

func (e *entity) factor(sid string) *factor {
	for _, f := range e.Factors {
		if f.SID == sid {
			return f
		}
	}
	return nil
}

// withFactor finds the factor of the path and runs h with mu held.
func (s *Simulator) withFactor(h func(http.ResponseWriter, *http.Request, *entity, *factor)) http.HandlerFunc {
	return s.withEntity(func(w http.ResponseWriter, r *http.Request, e *entity) {
		f := e.factor(r.PathValue("factor"))
		if f == nil {
			verifyNotFound(w, r)
			return
		}
		h(w, r, e, f)
	})
}

// newFactor makes TOTP factors, and the entity if need be. Push factors come
// from a phone with an access token; that a server may send a phone's public
// key itself is not simulated, for no phone here could answer.
func (s *Simulator) newFactor(w http.ResponseWriter, r *http.Request) {
	service, identity := r.PathValue("service"), r.PathValue("identity")
	if !s.services[service] {
		verifyNotFound(w, r)
		return
	}
	if !identityShape.MatchString(identity) {
		invalid("Identity").write(w)
		return
	}
	now := s.now()
	f, bad := factorOf(r, now)
	if bad != nil {
		bad.write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.reserve(service, identity)
	if e.tooManyOf(factorTOTP) {
		failTwilio(w, http.StatusBadRequest, 60315, "Max factors limit reached")
		return
	}
	if e.tooManyToday(now) {
		failTwilio(w, http.StatusTooManyRequests, 60326, "Max factors per day reached")
		return
	}
	e.begin(now)
	e.add(f, now)
	err := s.save()
	if err != nil {
		failSave(w)
		return
	}
	writeJSON(w, http.StatusCreated, newFactorView{
		factorView: s.factorView(e, f),
		Binding: map[string]string{
			"secret": base32Plain.EncodeToString(f.TOTP.Secret),
			"uri":    f.TOTP.otpauth(serviceName, f.Name),
		},
	})
}

// factorOf reads a TOTP factor from the form.
func factorOf(r *http.Request, now time.Time) (*factor, *refusal) {
	name := r.PostFormValue("FriendlyName")
	if !friendlyName(name) {
		return nil, invalid("FriendlyName")
	}
	switch r.PostFormValue("FactorType") {
	case factorTOTP:
	case factorPush:
		return nil, &refusal{http.StatusBadRequest, 60300, "Push factors are made by the phone"}
	default:
		return nil, invalid("FactorType")
	}
	metadata, err := textObject(r.PostFormValue("Metadata"), maxMetadata)
	if err != nil {
		return nil, invalid("Metadata")
	}
	t, skew, bad := totpOf(r.PostForm)
	if bad != nil {
		return nil, bad
	}
	return &factor{SID: newSID("YF"), Name: name, Created: now, Updated: now, Metadata: metadata, TOTP: t, Skew: skew}, nil
}

// totpOf reads the secret, if the caller brings one, and the configuration.
func totpOf(form url.Values) (*totpSecret, int64, *refusal) {
	t := &totpSecret{Alg: totpAlg}
	if form.Has("Config.Alg") {
		t.Alg = form.Get("Config.Alg")
	}
	if t.hash() == nil {
		return nil, 0, invalid("Config.Alg")
	}
	var ok bool
	t.Digits, ok = formInt(form, "Config.CodeLength", totpDigits, 3, 8)
	if !ok {
		return nil, 0, invalid("Config.CodeLength")
	}
	period, ok := formInt(form, "Config.TimeStep", totpPeriod, 20, 60)
	if !ok {
		return nil, 0, invalid("Config.TimeStep")
	}
	t.Period = int64(period)
	skew, ok := formInt(form, "Config.Skew", totpSkew, 0, 2)
	if !ok {
		return nil, 0, invalid("Config.Skew")
	}
	t.Secret = randomBytes(20)
	if form.Has("Binding.Secret") {
		var err error
		t.Secret, err = parseBase32(form.Get("Binding.Secret"))
		if err != nil || t.check() != nil {
			return nil, 0, invalid("Binding.Secret")
		}
	}
	return t, int64(skew), nil
}

// textObject reads a JSON object of texts, nil if text is empty; most is in
// characters.
func textObject(text string, most int) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	var object map[string]*string
	err := json.Unmarshal([]byte(text), &object)
	if err != nil || object == nil || utf8.RuneCountInString(text) > most {
		return nil, errors.New("no object of texts, or too long")
	}
	for _, value := range object {
		if value == nil {
			return nil, errors.New("a value is no text")
		}
	}
	return json.RawMessage(text), nil
}

func (s *Simulator) listFactors(w http.ResponseWriter, r *http.Request, e *entity) {
	views := make([]factorView, len(e.Factors))
	for i, f := range e.Factors {
		views[i] = s.factorView(e, f)
	}
	writeList(w, r, "factors", views)
}

func (s *Simulator) readFactor(w http.ResponseWriter, _ *http.Request, e *entity, f *factor) {
	writeJSON(w, http.StatusOK, s.factorView(e, f))
}

// updateFactor renames a factor, verifies a TOTP factor, or both. Config.* and
// Metadata are taken and ignored. A verified factor stays so whatever the code
// is (unconfirmed).
func (s *Simulator) updateFactor(w http.ResponseWriter, r *http.Request, e *entity, f *factor) {
	name, code := r.PostFormValue("FriendlyName"), r.PostFormValue("AuthPayload")
	if name != "" && !friendlyName(name) {
		invalid("FriendlyName").write(w)
		return
	}
	if code != "" && (f.TOTP == nil || !authPayload.MatchString(code)) {
		invalid("AuthPayload").write(w)
		return
	}
	now := s.now()
	if code != "" && !f.Verified {
		if f.Wrong >= maxFactorAttempts {
			failTwilio(w, http.StatusTooManyRequests, 60310, "Max factor verification attempts reached")
			return
		}
		f.Verified = f.judge(code, now)
		if !f.Verified {
			f.Wrong++
		}
	}
	if name != "" {
		f.Name = name
	}
	f.Updated = now
	err := s.save()
	if err != nil {
		failSave(w)
		return
	}
	writeJSON(w, http.StatusOK, s.factorView(e, f))
}

func (s *Simulator) removeFactor(w http.ResponseWriter, _ *http.Request, e *entity, f *factor) {
	s.drop(e, f)
	err := s.save()
	if err != nil {
		failSave(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// drop takes the factor from its phone, and its unanswered challenges with it.
func (s *Simulator) drop(e *entity, f *factor) {
	h := s.world.phones[f.Phone]
	if h != nil {
		delete(h.factors, f.SID)
	}
	now := s.now()
	e.challenges = slices.DeleteFunc(e.challenges, func(c *challenge) bool {
		gone := c.factor == f && c.status(now) == statusPending
		if gone {
			delete(s.world.approvals, c.id)
		}
		return gone
	})
	e.Factors = slices.DeleteFunc(e.Factors, func(other *factor) bool { return other == f })
}

// factorView is the Factor resource.
type factorView struct {
	SID          string          `json:"sid"`
	AccountSID   string          `json:"account_sid"`
	ServiceSID   string          `json:"service_sid"`
	EntitySID    string          `json:"entity_sid"`
	Identity     string          `json:"identity"`
	DateCreated  string          `json:"date_created"`
	DateUpdated  string          `json:"date_updated"`
	FriendlyName string          `json:"friendly_name"`
	Status       string          `json:"status"`
	FactorType   string          `json:"factor_type"`
	Config       any             `json:"config"`
	Metadata     json.RawMessage `json:"metadata"`
	URL          string          `json:"url"`
}

// newFactorView adds what is told once, at creation.
type newFactorView struct {
	factorView
	Binding map[string]string `json:"binding"`
	Options *struct{}         `json:"options"`
}

func (s *Simulator) factorView(e *entity, f *factor) factorView {
	v := factorView{
		SID:          f.SID,
		AccountSID:   s.opts.AccountSID,
		ServiceSID:   e.Service,
		EntitySID:    e.SID,
		Identity:     e.Identity,
		DateCreated:  isoTime(f.Created),
		DateUpdated:  isoTime(f.Updated),
		FriendlyName: f.Name,
		Status:       f.status(),
		FactorType:   f.kind(),
		Metadata:     f.Metadata,
		URL:          e.url() + "/Factors/" + f.SID,
		// What a phone without push services registers with.
		Config: map[string]string{
			"sdk_version": "1.0.0", "app_id": "local.phone", "notification_platform": "none", "notification_token": "",
		},
	}
	if t := f.TOTP; t != nil {
		v.Config = map[string]any{"alg": t.Alg, "skew": f.Skew, "code_length": t.Digits, "time_step": t.Period}
	}
	return v
}
