package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// BodyLimit is the size in bytes, unpacked, up to which an answer is read. A
// larger one is an error.
const BodyLimit = 1 << 20

// longestWait bounds what a vendor may ask for, so that a broken header locks
// nobody out for longer than a day.
const longestWait = 24 * time.Hour

// What can be wrong with an answer as such.
var (
	ErrTooLarge = errors.New("answer is too large")
	ErrRedirect = errors.New("answer is a redirect, which is not followed")

	errNotSent = errors.New("no request was made")
	errBroken  = errors.New("connection broke before an answer was read")
)

// Call is one request to a vendor. It is made for a library that takes an
// *http.Client and nothing else: what such a library drops, the Call keeps.
// It serves one request and is not for use by several goroutines.
type Call struct {
	ctx    context.Context
	next   http.RoundTripper
	to     *url.URL
	host   string
	status int
	wait   time.Duration
	err    error
}

// Bind returns a Call that is made over base's transport, ends with ctx, and
// goes to the address to, whatever scheme and host the request itself names. A
// path in to stands before the request's own.
func Bind(ctx context.Context, base *http.Client, to string) *Call {
	c := &Call{ctx: ctx, next: base.Transport, err: errNotSent}
	if c.next == nil {
		c.next = http.DefaultTransport
	}
	u, err := url.Parse(to)
	if err != nil || u.Host == "" {
		c.host = "vendor"
		return c
	}
	c.to, c.host = u, u.Host
	return c
}

// HTTP returns the client that makes the Call.
func (c *Call) HTTP() *http.Client {
	return &http.Client{Transport: c, CheckRedirect: refuseRedirect}
}

// Status is the answer's HTTP status, 0 when none came.
func (c *Call) Status() int { return c.status }

// RetryAfter is how long the answer asks to wait (RFC 9110, section 10.2.3),
// and otherwise when it does not.
func (c *Call) RetryAfter(otherwise time.Duration) time.Duration {
	if c.wait <= 0 {
		return otherwise
	}
	return c.wait
}

// Err is nil when an answer was read in full. Otherwise it says what went
// wrong, in words that are safe to log, and unwraps to the context's error when
// the time was up. It replaces the error of the client or the library, which
// is not safe to log.
func (c *Call) Err() error {
	if c.err == nil {
		return nil
	}
	return fmt.Errorf("calling %s: %w", c.host, c.err)
}

// RoundTrip implements http.RoundTripper. It reads the whole answer, so that
// the connection can be used again even if the caller forgets to close it.
func (c *Call) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.to == nil {
		closeBody(req)
		return nil, c.Err()
	}
	resp, err := c.next.RoundTrip(c.readdress(req))
	if err != nil {
		c.err = c.cause(err)
		return nil, c.Err()
	}
	defer resp.Body.Close()
	c.status = resp.StatusCode
	c.wait = retryAfter(resp.Header)
	c.err = c.buffer(resp)
	if c.err != nil {
		return nil, c.Err()
	}
	return resp, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

func (c *Call) readdress(req *http.Request) *http.Request {
	out := req.Clone(c.ctx)
	out.Host = ""
	out.URL.Scheme, out.URL.Host = c.to.Scheme, c.to.Host
	out.URL.RawPath = strings.TrimSuffix(c.to.EscapedPath(), "/") + req.URL.EscapedPath()
	out.URL.Path = strings.TrimSuffix(c.to.Path, "/") + req.URL.Path
	if out.Body == nil || out.Body == http.NoBody {
		// Over net/http's own transport, which tests and the doctor use, a GET is
		// repeated by itself when a pooled connection breaks while the answer is
		// awaited. A GET of Authy's sends a text or uses up a code. A body
		// that cannot be rewound, though empty, forbids the repeat.
		out.Body = io.NopCloser(strings.NewReader(""))
		out.GetBody = nil
	}
	return out
}

// buffer replaces the answer's body by its content.
func (c *Call) buffer(resp *http.Response) error {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return ErrRedirect
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, BodyLimit+1))
	if err != nil {
		return c.cause(err)
	}
	if len(body) > BodyLimit {
		return ErrTooLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return nil
}

// cause lets through the kinds of error that hold nothing of the request or
// the answer.
func (c *Call) cause(err error) error {
	op := (*net.OpError)(nil)
	cert := (*tls.CertificateVerificationError)(nil)
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case errors.As(err, &op):
		return op
	case errors.As(err, &cert):
		return cert
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, ErrTooLarge):
		return ErrTooLarge
	default:
		return errBroken
	}
}

// retryAfter reads seconds or a date. A date is counted from the answer's own
// Date, so that our clock does not matter.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	seconds, err := strconv.Atoi(v)
	if err == nil {
		return time.Duration(min(seconds, int(longestWait/time.Second))) * time.Second
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return min(until.Sub(sent), longestWait)
}
