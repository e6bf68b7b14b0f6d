package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// twilio is the front of Verify and Messages: HTTP Basic, integer codes.
func (s *Simulator) twilio() vendor {
	return vendor{
		authorized: s.basicAuth,
		refuse: func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
			failTwilio(w, http.StatusUnauthorized, 20003, "Authenticate")
		},
		limited: func(w http.ResponseWriter) {
			failTwilio(w, http.StatusTooManyRequests, 20429, "Too Many Requests")
		},
		unreadable: func(w http.ResponseWriter) {
			failTwilio(w, http.StatusBadRequest, 20001, "The request body could not be read")
		},
	}
}

func (s *Simulator) basicAuth(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return ok && user != "" && user == s.opts.AccountSID && password == s.opts.AuthToken
}

// twilioError is the error body of Verify and Messages.
type twilioError struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

func failTwilio(w http.ResponseWriter, status, code int, message string) {
	writeJSON(w, status, twilioError{
		Code:     code,
		Message:  message,
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
		Status:   status,
	})
}

// notFoundTwilio is 20404. path is the resource without its API version.
func notFoundTwilio(w http.ResponseWriter, path string) {
	failTwilio(w, http.StatusNotFound, 20404, fmt.Sprintf("The requested resource %s was not found", path))
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
