package simulator

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const verifyOrigin = "https://verify.twilio.com"

// identityShape is what names an entity.
var identityShape = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// entity is a person of a Verify service. One without sid does not exist yet:
// it only holds the access tokens made for its identity. The exported fields
// go into the state file.
type entity struct {
	SID      string    `json:"sid"`
	Service  string    `json:"service"`
	Identity string    `json:"identity"` // as first written
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Factors  []*factor `json:"factors"` // oldest first

	challenges []*challenge // oldest first
	tokens     map[string]accessToken
	creations  []time.Time // of factors, of the last day
}

// entityKey names an entity. Twilio's examples spell one identity in two
// cases, so case does not count.
func entityKey(service, identity string) string { return service + "/" + strings.ToLower(identity) }

func (s *Simulator) entityRoutes(mux *http.ServeMux) {
	v := s.twilio()
	const (
		base       = "/v2/Services/{service}/"
		one        = base + "Entities/{identity}"
		factors    = one + "/Factors"
		challenges = one + "/Challenges"
	)
	mux.HandleFunc("POST "+base+"AccessTokens", s.front(v, nil, s.newAccessToken))
	mux.HandleFunc("POST "+base+"Entities", s.front(v, nil, s.newEntity))
	mux.HandleFunc("GET "+one, s.front(v, nil, s.withEntity(s.readEntity)))
	mux.HandleFunc("DELETE "+one, s.front(v, nil, s.withEntity(s.removeEntity)))
	mux.HandleFunc("POST "+factors, s.front(v, nil, s.newFactor))
	mux.HandleFunc("GET "+factors, s.front(v, nil, s.withEntity(s.listFactors)))
	mux.HandleFunc("GET "+factors+"/{factor}", s.front(v, nil, s.withFactor(s.readFactor)))
	mux.HandleFunc("POST "+factors+"/{factor}", s.frontCode(v, s.withFactor(s.updateFactor)))
	mux.HandleFunc("DELETE "+factors+"/{factor}", s.front(v, nil, s.withFactor(s.removeFactor)))
	mux.HandleFunc("POST "+challenges, s.frontCode(v, s.newChallenge))
	mux.HandleFunc("GET "+challenges, s.front(v, nil, s.withEntity(s.listChallenges)))
	mux.HandleFunc("GET "+challenges+"/{challenge}", s.front(v, nil, s.withChallenge(s.readChallenge)))
	mux.HandleFunc("POST "+challenges+"/{challenge}", s.frontCode(v, s.withChallenge(s.answerChallenge)))
}

// frontCode is front for calls that are checks when they carry a code, which
// has to be known before the weather spoils them.
func (s *Simulator) frontCode(v vendor, h http.HandlerFunc) http.HandlerFunc {
	check, other := s.front(v, countCheck, h), s.front(v, nil, h)
	return func(w http.ResponseWriter, r *http.Request) {
		start, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // an error comes again, to front
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(start), r.Body), r.Body}
		form, _ := url.ParseQuery(string(start))
		if form.Get("AuthPayload") != "" {
			check(w, r)
			return
		}
		other(w, r)
	}
}

// invalid is 60306, which Verify answers to every malformed parameter of
// entities, factors, challenges and lists.
func invalid(name string) *refusal {
	return &refusal{http.StatusBadRequest, 60306, "Invalid parameter: " + name}
}

// missing is 20404 for the resource of the path.
func missing(r *http.Request) *refusal {
	return &refusal{http.StatusNotFound, 20404, "The requested resource " + r.URL.Path[len("/v2"):] + " was not found"}
}

// failSave answers when the state file could not be written.
func failSave(w http.ResponseWriter) {
	failTwilio(w, http.StatusInternalServerError, 20500, "Internal Server Error")
}

// entityOf finds the entity of the path, nil if there is none. Callers hold mu.
func (s *Simulator) entityOf(r *http.Request) *entity {
	e := s.world.entities[entityKey(r.PathValue("service"), r.PathValue("identity"))]
	if e == nil || e.SID == "" {
		return nil
	}
	return e
}

// withEntity finds the entity of the path and runs h with mu held.
func (s *Simulator) withEntity(h func(http.ResponseWriter, *http.Request, *entity)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		e := s.entityOf(r)
		if e == nil {
			verifyNotFound(w, r)
			return
		}
		h(w, r, e)
	}
}

func (s *Simulator) newEntity(w http.ResponseWriter, r *http.Request) {
	service, identity := r.PathValue("service"), r.PostFormValue("Identity")
	if !s.services[service] {
		verifyNotFound(w, r)
		return
	}
	if !identityShape.MatchString(identity) {
		invalid("Identity").write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.reserve(service, identity)
	if e.SID != "" {
		failTwilio(w, http.StatusConflict, 60301, "Entity already exists")
		return
	}
	e.Identity = identity
	e.begin(s.now())
	err := s.save()
	if err != nil {
		failSave(w)
		return
	}
	writeJSON(w, http.StatusCreated, s.entityView(e))
}

// reserve returns the entity of that identity, or one that does not exist yet.
// Callers hold mu.
func (s *Simulator) reserve(service, identity string) *entity {
	key := entityKey(service, identity)
	e := s.world.entities[key]
	if e == nil {
		e = &entity{Service: service, Identity: identity}
		s.world.entities[key] = e
	}
	return e
}

// begin makes the entity exist.
func (e *entity) begin(now time.Time) {
	if e.SID == "" {
		e.SID, e.Created, e.Updated = newSID("YE"), now, now
	}
}

func (s *Simulator) readEntity(w http.ResponseWriter, _ *http.Request, e *entity) {
	writeJSON(w, http.StatusOK, s.entityView(e))
}

// removeEntity takes its factors and challenges along (unconfirmed), and the
// access tokens of its identity.
func (s *Simulator) removeEntity(w http.ResponseWriter, _ *http.Request, e *entity) {
	for len(e.Factors) > 0 {
		s.drop(e, e.Factors[0])
	}
	delete(s.world.entities, entityKey(e.Service, e.Identity))
	err := s.save()
	if err != nil {
		failSave(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// url is the address of the entity as Twilio would write it.
func (e *entity) url() string {
	return verifyOrigin + "/v2/Services/" + e.Service + "/Entities/" + e.Identity
}

// entityView is the Entity resource.
type entityView struct {
	SID         string            `json:"sid"`
	Identity    string            `json:"identity"`
	AccountSID  string            `json:"account_sid"`
	ServiceSID  string            `json:"service_sid"`
	DateCreated string            `json:"date_created"`
	DateUpdated string            `json:"date_updated"`
	URL         string            `json:"url"`
	Links       map[string]string `json:"links"`
}

func (s *Simulator) entityView(e *entity) entityView {
	return entityView{
		SID:         e.SID,
		Identity:    e.Identity,
		AccountSID:  s.opts.AccountSID,
		ServiceSID:  e.Service,
		DateCreated: isoTime(e.Created),
		DateUpdated: isoTime(e.Updated),
		URL:         e.url(),
		Links: map[string]string{
			"factors":     e.url() + "/Factors",
			"new_factors": e.url() + "/Factors",
			"challenges":  e.url() + "/Challenges",
		},
	}
}
