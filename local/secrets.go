package main

import (
	"encoding/json"
	"maps"
	"net/http"
)

// secretsHandler plays AWS Secrets Manager with the one secret of a run: every credential of
// every vendor, under the names that the functions know them by.
func secretsHandler(v vendors) http.Handler {
	values := map[string]string{}
	for _, part := range []map[string]string{v.account, v.verify, v.messages, v.authy} {
		maps.Copy(values, part)
	}
	document, _ := json.Marshal(values) // texts cannot fail
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			SecretID string `json:"SecretId"`
		}
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&request)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer := map[string]string{"ARN": theSecret, "Name": "latchkey", "VersionId": "00000000-0000-0000-0000-000000000001", "SecretString": string(document)}
		if err != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || request.SecretID != theSecret {
			w.WriteHeader(http.StatusBadRequest)
			answer = map[string]string{"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret."}
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
}
