package signup

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/local/simulator"
	"latchkey/shared/env"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// start makes the step with a real table and simulated vendors, and counts how
// often it hashes.
func start(t *testing.T) (h http.Handler, hashes *atomic.Int64) {
	t.Helper()
	table := bench.Open(t)
	zeros := strings.Repeat("0", 32)
	sim, err := simulator.New(simulator.Options{AccountSID: "AC" + zeros, AuthToken: "x", Services: []string{"VA" + zeros}})
	if err != nil {
		t.Fatal(err)
	}
	vendors := httptest.NewServer(sim.Vendors())
	t.Cleanup(func() { sim.Close(); vendors.Close() }) //nolint:errcheck // the test is over
	table.Set("PUBLIC_URL=http://localhost", "BCRYPT_COST=4", "TWILIO_ACCOUNT_SID=AC"+zeros, "TWILIO_AUTH_TOKEN=x",
		"VERIFY_SERVICE_SID=VA"+zeros, "TWILIO_VERIFY_URL="+vendors.URL)
	s, err := open(table.Config())
	if err != nil {
		t.Fatal(err)
	}
	hashes = &atomic.Int64{}
	hash := s.hash
	s.hash = func(p string) (string, error) { hashes.Add(1); return hash(p) }
	return s.handler(), hashes
}

func getenv(m map[string]string) func(string) string {
	return func(name string) string { return m[name] }
}

func submit(h http.Handler, form url.Values) int {
	r := httptest.NewRequest(http.MethodPost, "/signup", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// One bcrypt for a sign-up, none for what is refused or repeated.
func TestHashesOnce(t *testing.T) {
	t.Parallel()
	h, hashes := start(t)
	form := url.Values{
		"form": {strings.Repeat("s", 43)}, "fullName": {"Ada Lovelace"}, "email": {"ada@example.com"},
		"password": {strings.Repeat("x", 73)}, "countryCode": {"US"}, "phone": {"4155552671"},
	}
	for _, c := range []struct {
		password string
		status   int
		hashes   int64
	}{{strings.Repeat("x", 73), 422, 0}, {"correct horse", 303, 1}, {"correct horse", 303, 1}, {"another horse", 429, 1}} {
		form.Set("password", c.password)
		status := submit(h, form)
		if status != c.status || hashes.Load() != c.hashes {
			t.Errorf("%d bytes: status %d after %d hashes, want %d after %d", len(c.password), status, hashes.Load(), c.status, c.hashes)
		}
	}
}

// Hashes that are cheap to guess are for a laptop alone (parity 39).
func TestCheapHashesAreForLaptops(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("0", 32)
	for public, ok := range map[string]bool{"http://localhost:3000": true, "https://id.example.com": false, "": false} {
		_, err := New(context.Background(), env.Config{
			Getenv: getenv(map[string]string{
				"TABLE_NAME": "t", "PUBLIC_URL": public, "BCRYPT_COST": "4",
				"TWILIO_ACCOUNT_SID": "AC" + zeros, "TWILIO_AUTH_TOKEN": "x", "VERIFY_SERVICE_SID": "VA" + zeros,
			}),
			Now: time.Now, HTTP: http.DefaultClient, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		})
		if ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "BCRYPT_COST") {
			t.Errorf("%q: %v", public, err)
		}
	}
}
