package message_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/message"
)

// FuzzAnswers lets Twilio answer anything: a text was taken only if the answer is
// a success with an identifier, was refused only by one that says so, and no
// error repeats what the answer quotes.
func FuzzAnswers(f *testing.F) {
	f.Add(201, created)
	f.Add(400, refuses(400, 21614))
	f.Add(500, refuses(500, 20500))
	f.Add(200, `{"sid":null}`)
	f.Add(201, `{"sid":7}`)
	f.Add(302, ``)
	f.Add(200, `<html>`)
	f.Fuzz(func(t *testing.T, status int, answer string) {
		if status < 200 || status > 599 {
			return
		}
		cfg := doortest.Config(settings())
		requests := 0
		cfg.HTTP = &http.Client{Transport: doortest.RoundTrip(func(*http.Request) (*http.Response, error) {
			requests++
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
		})}
		err := doortest.Open(t, cfg, message.New).Send(t.Context(), to, body)
		var doc map[string]any
		unread := json.Unmarshal([]byte(answer), &doc)
		if err == nil && (status >= 300 || unread != nil || len(doc) == 0) {
			t.Errorf("%d %q passes", status, answer)
		}
		if errors.Is(err, message.ErrRefused) && (status < 400 || status >= 500) {
			t.Errorf("%d is a refusal: %v", status, err)
		}
		if requests != 1 {
			t.Errorf("%d requests", requests)
		}
		doortest.Discreet(t, err, to, to[1:], token, body, "/2010")
	})
}
