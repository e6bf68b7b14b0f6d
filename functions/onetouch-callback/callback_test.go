package callback

import (
	"net/http/httptest"
	"testing"
)

// What was signed is the configured address, with a stage or a name of one's own
// as it stands there; the gateway's name counts only where there is no other. No
// other header counts (parity 95; R-152).
func TestAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ public, want string }{
		"a name of one's own": {"https://auth.example.com", "https://auth.example.com/onetouch/callback"},
		"a stage":             {"https://abc.execute-api.eu-west-1.amazonaws.com/prod", "https://abc.execute-api.eu-west-1.amazonaws.com/prod/onetouch/callback"},
		"this machine":        {"http://localhost:3000", "http://localhost:3000/onetouch/callback"},
		"the gateway's":       {"", "https://gateway.example/onetouch/callback"},
	} {
		r := httptest.NewRequest("POST", "http://gateway.example/onetouch/callback?x=1", nil)
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("X-Forwarded-Proto", "http")
		r.Header.Set("Forwarded", "host=evil.example;proto=http")
		s := &step{url: c.public}
		if got := s.address(r); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
