package verify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/push"
)

// says reports whether another reader finds this text under a name in the object.
// twilio-go's own reader takes names in any case, the last of several, and nothing
// after the first document.
func says(body, name, word string) bool {
	d := json.NewDecoder(strings.NewReader(body))
	t, err := d.Token()
	if err != nil || t != json.Delim('{') {
		return false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		var value any
		err = d.Decode(&value)
		if err != nil {
			return false
		}
		k, _ := key.(string)
		if strings.EqualFold(k, name) && value == word {
			return true
		}
	}
	return false
}

// FuzzAnswers lets Verify answer anything to everything. No door panics, none
// repeats a word of the answer in an error, and each says yes only where another
// reader of the same bytes finds the one word for it.
func FuzzAnswers(f *testing.F) {
	for _, o := range operations {
		f.Add(o.status, o.success)
	}
	for _, body := range []string{
		`{"sid":"` + ref + `","status":"approved","valid":true}`, `{"sid":"` + device + `","factor_sid":"` + device + `","status":"pending"}`,
		`{"Status":"approved","status":"denied"}`, `{"status":"approved"}{"status":"denied"}`, `{"status":["approved"]}`,
		refuses(429, 60203), refuses(404, 20404), `{"factors":null,"meta":{"next_page_url":"https://x/?Page=1&PageToken=y"}}`, `null`, `[]`, ``, `{`,
	} {
		f.Add(200, body)
		f.Add(429, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		cfg := doortest.Config(settings())
		cfg.HTTP = &http.Client{Transport: doortest.RoundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})}
		c := doortest.Open(t, cfg, open)
		yes := func(what string, err error, name, word string) {
			if outcome(err) == "none of ours" {
				t.Errorf("%s: %v", what, err)
			}
			quiet(t, err)
			if err == nil && (!says(body, name, word) || status >= 300) {
				t.Errorf("%s passes with %d %q", what, status, body)
			}
		}
		yes("a code", c.Login().Check(t.Context(), target, ref, typed), "status", "approved")
		yes("an app's code", c.Factors().CheckToken(t.Context(), identity, device, typed), "status", "approved")
		yes("an app's confirmation", c.Factors().ConfirmToken(t.Context(), identity, device, typed), "status", "verified")
		d, err := c.Pushes().Decision(t.Context(), person, challenge)
		if err == nil && d != push.Approved && d != push.Denied && d != push.Pending && d != push.Expired {
			t.Errorf("the decision %q", d)
		}
		yes("a decision", err, "sid", challenge)
		yes("an approval", err, "status", string(d))
		for _, o := range operations {
			err := o.do(t.Context(), c)
			if outcome(err) == "none of ours" {
				t.Errorf("%s: %v", o.name, err)
			}
			quiet(t, err)
		}
	})
}
