package starts

import (
	"strings"
	"testing"
)

// often is how many times a warm answer allocates: seen when this was written. Most
// of it is the SDK's, 300 or so for each call to the table.
var often = map[string]float64{
	"GET /": 199, "GET /signup": 237, "GET /login": 212, "GET /verify": 748, "GET /account": 876, "GET /factors": 871, "GET /password": 863,
	"GET /phone": 891, "GET /status, page": 1069, "GET /status, poll": 1054, "GET /approvals/{id}": 1017,
	"POST /signup": 4059, "POST /verify, sign-up": 2842, "POST /verify, login": 2772, "POST /resend": 3812, "POST /logout": 707,
	"POST /login, wrong password": 1953, "POST /login, unknown email": 1832, "POST /login, text": 4596, "POST /login, push": 4124,
	"POST /phone": 5131, "POST /recovery/codes": 2696, "POST /password": 2772, "POST /phone-checks": 4046, "POST /factors/confirm": 1932,
	"POST /onetouch/callback": 693, "POST /status": 2516, "POST /approvals": 2634,
}

// A warm answer allocates no more than it did, and a little: what is seldom needed,
// such as growing a pool, is in the tenth part more.
func TestAllocations(t *testing.T) {
	w, s := recorded(t), &stub{}
	for _, r := range w.cases {
		if r.step == "authorizer" { // has a test of its own
			continue
		}
		f := w.replayed(t, s, r.step)
		ask := func() {
			s.play(r)
			out, err := f.Invoke(t.Context(), r.event)
			if err != nil || !strings.Contains(string(out), r.status) {
				t.Fatalf("%s: %s, %v", r.name, out, err)
			}
		}
		ask()
		n := testing.AllocsPerRun(3, ask)
		t.Logf("%q: %.0f,", r.name, n)
		if n > 1.1*often[r.name] {
			t.Errorf("%s allocates %.0f times, and did %.0f", r.name, n, often[r.name])
		}
	}
}
