package outbound

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"latchkey/shared/chars"
)

// Transport speaks HTTP/1.1 over connections that it keeps. A request is written
// and its answer read by the goroutine that asks: net/http's own transport hands
// both to two others of each connection, which in a function with one processor
// is a tenth of an answer's work (docs/performance.md). An answer is read whole
// before it is returned, so that a connection is never half used.
//
// It sends a request once. A connection that is dead is seen before it is used;
// one that dies meanwhile is an error, and the caller knows whether to try again.
//
// It is what deployed functions send their requests with. Certificates are checked,
// connecting takes two seconds at most, no proxy is taken from the environment, and a
// connection that was idle for 50 s is not used again, since a sandbox that was
// frozen meanwhile holds a dead one.
type Transport struct {
	now    func() time.Time // by the wall: a frozen sandbox's other clock stands still
	dialer net.Dialer
	tls    *tls.Config

	mu   sync.Mutex
	idle map[string][]*conn // by origin, the last used at the end
}

// answerLimit is the size in bytes up to which an answer is read: above all that
// the table or a vendor has reason to say.
const answerLimit = 8 << 20

// interims is how many interim answers may come before the answer (RFC 9110,
// section 15.2).
const interims = 5

// NewTransport makes a transport without connections. now is the clock by which
// idleness is told.
func NewTransport(now func() time.Time) *Transport {
	return &Transport{
		now:    now,
		dialer: net.Dialer{Timeout: connectLimit, KeepAlive: 15 * time.Second},
		tls: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// A step that asks for more at once than before resumes its session.
			ClientSessionCache: tls.NewLRUClientSessionCache(idleConns),
			// A request is one record, and not one for each packet and a call of the kernel for each of those.
			DynamicRecordSizingDisabled: true,
		},
		idle: map[string][]*conn{},
	}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	secure := r.URL.Scheme == "https"
	if r.URL.Host == "" || !secure && r.URL.Scheme != "http" || r.Method != "" && !chars.Some(r.Method, chars.Upper) {
		closeBody(r)
		return nil, errors.New("sending a request: not a method, or an address, of http or https")
	}
	if r.Context().Err() != nil { // nothing is sent for who has given up
		closeBody(r)
		return nil, context.Cause(r.Context())
	}
	c := t.take(origin(r))
	if c == nil {
		var err error
		c, err = t.dial(r.Context(), r.URL.Hostname(), r.URL.Port(), secure)
		if err != nil {
			closeBody(r)
			return nil, given(r.Context(), err)
		}
	}
	return t.over(c, r)
}

// Warm makes n connections more to an origin, such as "https://api.example.com", and
// asks for anything over each: the session by which others are resumed comes with an
// answer. The first goes ahead, since the others resume its session, and where it
// fails they are not tried. What is answered does not matter. It reports whether there are any.
func (t *Transport) Warm(ctx context.Context, origin string, n int) bool {
	if !t.connect(ctx, origin) {
		return false
	}
	var wg sync.WaitGroup
	for range n - 1 {
		wg.Go(func() { t.connect(ctx, origin) })
	}
	wg.Wait()
	return true
}

// connect makes one connection, whatever is idle, and reports whether it is of use.
func (t *Transport) connect(ctx context.Context, origin string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/", nil)
	if err != nil {
		return false
	}
	c, err := t.dial(ctx, r.URL.Hostname(), r.URL.Port(), r.URL.Scheme == "https")
	if err != nil {
		return false
	}
	_, err = t.over(c, r)
	return err == nil
}

// origin is whom a request goes to: all that its connections have in common.
func origin(r *http.Request) string { return r.URL.Scheme + "://" + r.URL.Host }

// over sends a request over a connection, and keeps that for the next one if it can
// be used again.
func (t *Transport) over(c *conn, r *http.Request) (*http.Response, error) {
	res, err := c.exchange(r)
	if err != nil {
		c.Close()
		return nil, err
	}
	if res.Close || !c.drained() { // what nobody asked for is no answer to the next
		c.Close()
		return res, nil
	}
	t.keep(origin(r), c)
	return res, nil
}

// given is why a request was given up, if it was, and else the error.
func given(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// take is a kept connection to an origin that is alive, nil if there is none.
func (t *Transport) take(origin string) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	for list := t.idle[origin]; len(list) > 0; {
		c := list[len(list)-1]
		list = list[:len(list)-1]
		t.idle[origin] = list
		age := t.now().Sub(c.kept)
		if age >= 0 && age < idleLimit && quiet(c.socket) {
			return c
		}
		c.Close()
	}
	return nil
}

// keep keeps a connection for the next request.
func (t *Transport) keep(origin string, c *conn) {
	c.kept = t.now().Round(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle[origin]) >= idleConns {
		c.Close()
		return
	}
	t.idle[origin] = append(t.idle[origin], c)
}

// dial connects, in no more than connectLimit for each of TCP and TLS.
func (t *Transport) dial(ctx context.Context, host, port string, secure bool) (*conn, error) {
	if port == "" {
		port = "80"
		if secure {
			port = "443"
		}
	}
	socket, err := t.dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	return t.open(ctx, socket, host, secure)
}

// open shakes hands over a socket, if it is to be secure.
func (t *Transport) open(ctx context.Context, socket net.Conn, host string, secure bool) (*conn, error) {
	c := &conn{Conn: socket, socket: socket}
	if secure {
		config := t.tls.Clone()
		config.ServerName = host
		ctx, cancel := context.WithTimeout(ctx, connectLimit)
		defer cancel()
		shaken := tls.Client(socket, config)
		err := shaken.HandshakeContext(ctx)
		if err != nil {
			socket.Close()
			return nil, err
		}
		c.Conn = shaken
	}
	c.in, c.out = bufio.NewReader(c), bufio.NewWriter(c.Conn)
	return c, nil
}

// conn is one connection. It serves one request at a time.
type conn struct {
	net.Conn
	socket net.Conn // under TLS, or the same
	in     *bufio.Reader
	out    *bufio.Writer
	left   int64 // bytes that may still be read
	kept   time.Time
}

// Read reads no more than the answer may be long.
func (c *conn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	return n, err
}

// drained reports whether nothing more has come than was asked for, as far as it was
// read: bytes, records of TLS, or the end. It waits for nothing.
func (c *conn) drained() bool {
	err := c.SetReadDeadline(time.Unix(1, 0))
	if err != nil {
		return false
	}
	c.left = 1
	_, err = c.in.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// exchange sends a request and reads its answer, until the request's context ends.
func (c *conn) exchange(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	deadline, _ := ctx.Deadline() // none is the zero time for both
	err := c.SetDeadline(deadline)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	over := time.Unix(1, 0)
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(over) }) //nolint:errcheck // it is closed already
	res, err := c.converse(r)
	stopped := stop()
	switch {
	case !stopped && err == nil: // the answer counts, but the deadline may be written at any time from now on
		res.Close = true
	case !stopped:
		return nil, context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded): // some other timer was faster than the context's
		return nil, context.DeadlineExceeded
	}
	return res, err
}

// converse writes a request and reads its answer whole.
func (c *conn) converse(r *http.Request) (*http.Response, error) {
	// Request.Write flushes a *bufio.Writer behind the head, lest the body wait for the answer. Ours never does,
	// and is one write with its head, as long as both fit into the buffer.
	err := r.Write(struct{ *bufio.Writer }{c.out})
	if err == nil {
		err = c.out.Flush()
	}
	if err != nil {
		return nil, err
	}
	res, err := c.head(r)
	if err != nil {
		return nil, err
	}
	packed := res.Header.Get("Content-Encoding")
	if packed != "" && packed != "identity" {
		return nil, errors.New("answer is packed, which was not asked for")
	}
	c.left = answerLimit
	body, err := io.ReadAll(res.Body)
	res.Body.Close() // read to its end, or of no use
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// head reads the head of the answer, past interim ones.
func (c *conn) head(r *http.Request) (*http.Response, error) {
	c.left = headerLimit
	for range interims + 1 {
		res, err := http.ReadResponse(c.in, r)
		if err != nil {
			return nil, err
		}
		switch {
		case res.ProtoMajor != 1 || res.StatusCode < 100 || res.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("answer is of another protocol")
		case res.StatusCode >= 200:
			return res, nil
		}
	}
	return nil, fmt.Errorf("no answer after %d interim ones", interims)
}
