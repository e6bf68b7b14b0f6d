// Package outbound is what all requests to vendors have in common: one pool of
// connections, and for each request a Call that ties it to a context, sends it
// to the configured address, bounds its answer, never sends it twice, and fails
// with errors that can be logged.
//
// The last point is the reason for most of this package. net/http puts the
// whole address of a failed request into its error, and vendors want codes and
// numbers in addresses and quote them in answers. So nothing that net/http or a
// vendor worded leaves a Call: only our own words, the host, and causes of a
// kind known to hold no more than the connection's addresses.
//
// The connections are its own as well (Transport), and carry what the table and
// AWS's other services are asked, too.
//
// It must not know any vendor's paths, codes or credentials.
package outbound

import (
	"net/http"
	"time"
)

const (
	connectLimit = 2 * time.Second
	totalLimit   = 5 * time.Second  // R-160, for callers that bind no Call
	idleLimit    = 50 * time.Second // below the minute after which servers and load balancers hang up
	idleConns    = 8                // a function serves one request at a time, with a few calls side by side
	headerLimit  = 64 << 10         // bytes
)

// Client returns the HTTP client for table and vendors alike, over rt. It follows
// no redirects: one would turn a POST into a GET and its answer into a success.
func Client(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: refuseRedirect, Timeout: totalLimit}
}

func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
