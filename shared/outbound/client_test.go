package outbound_test

import (
	"net/http"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/outbound"
)

func TestClientKeepsItsPromises(t *testing.T) {
	c := outbound.Client(nil)
	tr, ok := c.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("transport is a %T", c.Transport)
	}
	if tr.Proxy != nil {
		t.Error("takes a proxy from the environment")
	}
	if tr.IdleConnTimeout <= 0 || tr.IdleConnTimeout >= time.Minute {
		t.Errorf("keeps idle connections for %s", tr.IdleConnTimeout)
	}
	if tr.TLSClientConfig.InsecureSkipVerify || tr.ForceAttemptHTTP2 {
		t.Error("skips certificate checks, or speaks HTTP/2")
	}
	if c.Timeout <= 0 || c.Timeout > 5*time.Second {
		t.Errorf("gives a call %s", c.Timeout)
	}
}

func TestClientFollowsNoRedirect(t *testing.T) {
	requests := 0
	srv := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	for _, rt := range []http.RoundTripper{nil, srv.Client().Transport} {
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
