package simulator

import (
	"encoding/base64"
	"net/http"
	"time"
)

// accessToken lets a phone register one push factor for an identity.
type accessToken struct {
	name string // of the factor, empty: any
	ends time.Time
}

// Seconds that an access token lasts.
const minTTL, maxTTL = 60, 300

// accessTokenView is what AccessTokens answers.
type accessTokenView struct {
	SID          string `json:"sid"`
	AccountSID   string `json:"account_sid"`
	ServiceSID   string `json:"service_sid"`
	Identity     string `json:"entity_identity"`
	FactorType   string `json:"factor_type"`
	FriendlyName string `json:"factor_friendly_name"`
	TTL          int    `json:"ttl"`
	DateCreated  string `json:"date_created"`
	Token        string `json:"token"`
	URL          string `json:"url"`
}

// newAccessToken makes a token that the simulator remembers: Twilio's is a JWE
// that carries its purpose, ours only looks like one. That it is good once is
// unconfirmed.
func (s *Simulator) newAccessToken(w http.ResponseWriter, r *http.Request) {
	service := r.PathValue("service")
	if !s.services[service] {
		verifyNotFound(w, r)
		return
	}
	identity, name := r.PostFormValue("Identity"), r.PostFormValue("FactorFriendlyName")
	ttl, ok := formInt(r.PostForm, "Ttl", minTTL, minTTL, maxTTL)
	ok = ok && identityShape.MatchString(identity) && r.PostFormValue("FactorType") == factorPush
	if !ok || (name != "" && !friendlyName(name)) {
		failTwilio(w, http.StatusBadRequest, 60305, "Invalid access token parameters")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	token := jweLike()
	s.keepToken(service, identity, token, accessToken{name, now.Add(time.Duration(ttl) * time.Second)})
	sid := newSID("YK")
	writeJSON(w, http.StatusCreated, accessTokenView{
		SID:          sid,
		AccountSID:   s.opts.AccountSID,
		ServiceSID:   service,
		Identity:     identity,
		FactorType:   factorPush,
		FriendlyName: name,
		TTL:          ttl,
		DateCreated:  isoTime(now),
		Token:        token,
		URL:          verifyOrigin + "/v2/Services/" + service + "/AccessTokens/" + sid,
	})
}

// jweLike returns five random base64url parts in the lengths of a JWE.
func jweLike() string {
	token := ""
	for i, n := range []int{48, 256, 12, 240, 16} {
		if i > 0 {
			token += "."
		}
		token += base64.RawURLEncoding.EncodeToString(randomBytes(n))
	}
	return token
}

// keepToken hangs the token on its identity, which may have no entity yet, and
// drops those that are over. Callers hold mu.
func (s *Simulator) keepToken(service, identity, token string, t accessToken) {
	now := s.now()
	entities := s.world.entities
	if len(entities) >= verifySweep {
		for k, e := range entities {
			e.dropTokens(now)
			if e.SID == "" && len(e.tokens) == 0 {
				delete(entities, k)
			}
		}
	}
	e := s.reserve(service, identity)
	e.dropTokens(now)
	if e.tokens == nil {
		e.tokens = map[string]accessToken{}
	}
	e.tokens[token] = t
}

func (e *entity) dropTokens(now time.Time) {
	for token, t := range e.tokens {
		if !now.Before(t.ends) {
			delete(e.tokens, token)
		}
	}
}

// allows reports whether the token is good for a factor of that name.
func (e *entity) allows(token, name string, now time.Time) bool {
	t, found := e.tokens[token]
	return found && now.Before(t.ends) && (t.name == "" || t.name == name)
}
