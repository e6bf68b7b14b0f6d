package starts

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
)

// crowd passes requests on to the stub, each of which takes a while, and keeps how
// many were on their way to a host at once.
type crowd struct {
	stub *stub

	mu        sync.Mutex
	now, most map[string]int
}

// RoundTrip implements http.RoundTripper.
func (c *crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.now[r.URL.Host]++
	c.most[r.URL.Host] = max(c.most[r.URL.Host], c.now[r.URL.Host])
	c.mu.Unlock()
	time.Sleep(tableTakes) // by the bubble's clock: all that are asked at once are on their way together
	c.mu.Lock()
	c.now[r.URL.Host]--
	c.mu.Unlock()
	return c.stub.RoundTrip(r)
}

// Before its first event a step has made as many connections to each origin as any
// recorded request of its has calls on their way at once. What a handler has to
// connect for itself takes a small Lambda tens of ms.
func TestAsManyConnectionsAsCallsAtOnce(t *testing.T) {
	w, began := recorded(t), time.Now()
	for _, r := range w.cases {
		if r.step == "authorizer" { // asks once, after its secret is there
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened, warmed := time.Now(), map[string]int{}
				c := &crowd{stub: &stub{}, now: map[string]int{}, most: map[string]int{}}
				f, err := rig.Steps()[r.step](t.Context(), env.Config{
					Getenv: func(name string) string { return w.vars[name] },
					Now:    func() time.Time { return began.Add(time.Since(opened)) },
					HTTP:   outbound.Client(c), Log: slog.New(slog.DiscardHandler),
					Warm: func(origin string, n int) {
						u, err := url.Parse(origin)
						if err != nil {
							t.Fatal(err)
						}
						warmed[u.Host] = max(warmed[u.Host], n)
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				c.stub.play(r)
				out, err := f.Invoke(t.Context(), r.event)
				if err != nil || !strings.Contains(string(out), r.status) {
					t.Errorf("%s: %s, %v", r.name, out, err)
				}
				for host, n := range c.most {
					if n > warmed[host] {
						t.Errorf("%s has %d calls to %s on their way at once, and %d connections", r.name, n, host, warmed[host])
					}
				}
			})
		})
	}
}
