// Package secretsmanager plays AWS Secrets Manager on a laptop: it answers the SDK's
// GetSecretValue. It knows nothing of what a secret holds.
package secretsmanager

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// target is the one operation that is played, as AWS JSON names it
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html).
const target = "secretsmanager.GetSecretValue"

// maxRequest bounds a request in bytes: a name and little else.
const maxRequest = 64 << 10

// Store is the endpoint of the service. It is empty at first.
type Store struct {
	mu      sync.Mutex
	secrets map[string]*string
	refused string
	reads   int
}

// New returns one without secrets.
func New() *Store { return &Store{secrets: map[string]*string{}} }

// Put gives the secret of that name or ARN another value. Nil is a secret that never had one,
// as a stack makes it.
func (s *Store) Put(id string, value *string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[id] = value
}

// Refuse makes the service answer everything with an error of that name, such as
// AccessDeniedException; "" ends it.
func (s *Store) Refuse(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = name
}

// Reads is how often a secret was asked for.
func (s *Store) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// ServeHTTP answers GetSecretValue.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != target {
		fail(w, "UnknownOperationException", "only GetSecretValue is played here")
		return
	}
	var request struct{ SecretId string } //nolint:revive // AWS's spelling
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err == nil {
		err = json.Unmarshal(data, &request)
	}
	if err != nil {
		fail(w, "SerializationException", "the request is not the JSON of GetSecretValue")
		return
	}
	if r.Header.Get("Authorization") == "" {
		fail(w, "MissingAuthenticationTokenException", "the request is not signed")
		return
	}
	value, name, text := s.read(request.SecretId)
	if name != "" {
		fail(w, name, text)
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"ARN": request.SecretId, "Name": request.SecretId, "SecretString": value, "VersionStages": []string{"AWSCURRENT"},
	})
}

// read returns a value, or the name and text of an error in the service's own words.
func (s *Store) read(id string) (value, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.refused != "" {
		return "", s.refused, "refused, as it was asked to"
	}
	secret, ok := s.secrets[id]
	switch {
	case !ok:
		return "", "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
	case secret == nil:
		return "", "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
	}
	return *secret, "", ""
}

func fail(w http.ResponseWriter, name, text string) {
	answer(w, http.StatusBadRequest, map[string]string{"__type": name, "Message": text})
}

func answer(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(doc) //nolint:errcheck // the client is gone
}
