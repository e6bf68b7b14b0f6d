package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// authyUser is a person of the Authy application. The exported fields go into
// the state file.
type authyUser struct {
	ID          int      `json:"id"`
	CountryCode string   `json:"country_code"`
	Cellphone   string   `json:"cellphone"` // national digits
	Emails      []string `json:"emails"`
	Confirmed   bool     `json:"confirmed"` // has passed one genuine token

	tokens   []authyToken
	appSteps []int64     // time steps whose app token was used
	sends    []time.Time // of the last hour
}

func (u *authyUser) phone() string { return "+" + u.CountryCode + u.Cellphone }

// masked hides all but the last digits, in the way of the send answers.
func (u *authyUser) masked() string {
	return "+" + u.CountryCode + "-XXX-XXX-XX" + u.Cellphone[len(u.Cellphone)-2:]
}

func (s *Simulator) authyRoutes(mux *http.ServeMux) {
	v := s.authyFront()
	const base = "/protected/json/"
	mux.HandleFunc("POST "+base+"users/new", s.front(v, nil, s.newAuthyUser))
	mux.HandleFunc("GET "+base+"users/{id}/status", s.front(v, nil, s.withUser(s.authyStatus)))
	mux.HandleFunc("POST "+base+"users/{id}/remove", s.front(v, nil, s.withUser(s.removeAuthyUser)))
	mux.HandleFunc("GET "+base+"sms/{id}", s.front(v, nil, s.withUser(s.authySMS)))
	mux.HandleFunc("GET "+base+"call/{id}", s.front(v, nil, s.withUser(s.authyCall)))
	mux.HandleFunc("GET "+base+"verify/{token}/{id}", s.front(v, countCheck, s.withUser(s.verifyAuthyToken)))
	mux.HandleFunc("/protected/json/", s.front(v, nil, authyNotFound))
	s.oneTouchRoutes(mux, v)
}

// authyFront is the front of Authy: the key in a header (or, as old clients
// send it, in the query), and error codes as strings.
func (s *Simulator) authyFront() vendor {
	return vendor{
		authorized: func(r *http.Request) bool {
			key := r.Header.Get("X-Authy-API-Key")
			if key == "" {
				key = r.URL.Query().Get("api_key")
			}
			return key != "" && key == s.opts.AuthyKey
		},
		refuse: func(w http.ResponseWriter) {
			failAuthy(w, http.StatusUnauthorized, "60001", "Invalid API key")
		},
		limited: func(w http.ResponseWriter) {
			failAuthy(w, http.StatusTooManyRequests, "60003", "DoS protection: too many requests.")
		},
		unreadable: func(w http.ResponseWriter) {
			failAuthy(w, http.StatusBadRequest, "60002", "Invalid request")
		},
	}
}

// authyError is Authy's error body. Validation errors add a member per field.
func authyError(code, message string) map[string]any {
	body := map[string]any{"message": message, "success": false, "errors": map[string]string{"message": message}}
	if code != "" {
		body["error_code"] = code
	}
	return body
}

func failAuthy(w http.ResponseWriter, status int, code, message string) {
	writeAuthy(w, status, authyError(code, message))
}

func writeAuthy(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	writeJSON(w, status, v)
}

// authyNotFound answers an unknown path; no code belongs to it.
func authyNotFound(w http.ResponseWriter, _ *http.Request) {
	failAuthy(w, http.StatusNotFound, "", "The requested URL was not found.")
}

// withUser finds the user of the path and runs h with mu held.
func (s *Simulator) withUser(h func(http.ResponseWriter, *http.Request, *authyUser)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.PathValue("id")) // 0 is nobody
		s.mu.Lock()
		defer s.mu.Unlock()
		u := s.world.authy[id]
		if u == nil {
			failAuthy(w, http.StatusNotFound, "60026", "User not found.")
			return
		}
		h(w, r, u)
	}
}

// authyForm reads a POST body in either spelling, bracketed form names or
// nested JSON, into the form's.
func authyForm(r *http.Request) (url.Values, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		err := r.ParseForm()
		if err != nil {
			return nil, fmt.Errorf("parsing form: %w", err)
		}
		return r.PostForm, nil
	}
	var body map[string]any
	dec := json.NewDecoder(r.Body)
	dec.UseNumber()
	err := dec.Decode(&body)
	if err != nil {
		return nil, fmt.Errorf("decoding body: %w", err)
	}
	form := url.Values{}
	for name, v := range body {
		err = flatten(form, name, v)
		if err != nil {
			return nil, err
		}
	}
	return form, nil
}

func flatten(form url.Values, name string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			err := flatten(form, name+"["+k+"]", inner)
			if err != nil {
				return err
			}
		}
	case string:
		form.Set(name, v)
	case json.Number:
		form.Set(name, v.String())
	case bool:
		form.Set(name, strconv.FormatBool(v))
	case nil:
		form.Set(name, "")
	default:
		return errors.New("decoding body: a list where a value belongs")
	}
	return nil
}
