package outbound_test

import (
	"net/http"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/outbound"
)

func TestClientFollowsNoRedirect(t *testing.T) {
	requests := 0
	srv := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	for _, rt := range []http.RoundTripper{outbound.NewTransport(time.Now), srv.Client().Transport} {
		requests = 0
		resp, err := outbound.Client(rt).Post(srv.URL, "text/plain", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusFound || requests != 1 {
			t.Errorf("status %d after %d requests", resp.StatusCode, requests)
		}
	}
}
