package providers_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/phone"
	"latchkey/shared/providers"
	"latchkey/shared/store"
	"latchkey/shared/verify"
)

// What a session keeps decides who checks its code, not what the number is by
// then: what the vendor sent before the number became one for tests, the vendor
// is asked about; what nobody sent, nobody is asked about, also when the number
// is one no more. One that was never sent anything is gone, as ever.
func TestFixedCodes(t *testing.T) {
	const reviewer, over, removed = "+14155550100", "+14155550101", "+14155550102"
	requests := 0
	server := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		doortest.Answers(404, `{"code":20404,"message":"not found","status":404,"success":false}`)(w, r)
	})
	vars := map[string]string{
		"PUBLIC_URL": "http://localhost:3000", "TWILIO_VERIFY_URL": server.URL, "AUTHY_API_URL": server.URL,
		"TEST_NUMBERS": reviewer + "=424242 until 2026-11-21," + over + "=424242 until 2026-11-19",
	}
	maps.Copy(vars, verifyVars)
	maps.Copy(vars, authyVars)
	cfg := doortest.Config(vars)
	cfg.Now = func() time.Time { return start }
	v := env.Read(cfg)
	set := providers.New(cfg, v)
	if v.Err() != nil {
		t.Fatal(v.Err())
	}
	vendorsRef := "VE" + strings.Repeat("0", 32)
	for _, c := range []struct {
		vendor           string
		number           phone.Number
		ref, typed, want string
		requests         int
	}{
		{verify.Name, reviewer, "test", "424242", "passed", 0}, {authy.Name, reviewer, "test", "424242", "passed", 0},
		{verify.Name, reviewer, "test", "424243", "wrong", 0}, {authy.Name, reviewer, "test", "4242424", "wrong", 0},
		{verify.Name, over, "test", "424242", "gone", 0}, {authy.Name, over, "test", "424242", "gone", 0},
		{verify.Name, removed, "test", "424242", "gone", 0}, {authy.Name, removed, "test", "424242", "gone", 0},
		{verify.Name, reviewer, vendorsRef, "424242", "gone", 1}, {authy.Name, reviewer, "sent", "424242", "unavailable", 1},
		{verify.Name, reviewer, "", "424242", "gone", 0}, {authy.Name, reviewer, "", "424242", "unavailable", 1},
	} {
		for _, flow := range []store.Flow{store.Signup, store.Login, store.Proof, store.Move} {
			codes, err := set.Codes(flow, c.vendor)
			if err != nil {
				t.Fatal(err)
			}
			requests = 0
			to := otp.Target{Phone: c.number, CountryCode: "1", User: "12345"}
			err = codes.Check(t.Context(), to, c.ref, c.typed)
			got := doortest.Outcome(err)
			if got != c.want || requests != c.requests {
				t.Errorf("%s, %s, %q with %q: %s after %d requests, want %s after %d", c.vendor, flow, string(c.number), c.ref, got, requests, c.want, c.requests)
			}
		}
	}
}
