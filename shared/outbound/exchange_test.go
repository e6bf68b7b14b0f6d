package outbound

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A request leaves in one piece, head and body, whatever its body is read from and
// though it is longer than a packet, if not than the buffer: each piece is a record of TLS, a call of the
// kernel and a packet.
func TestARequestIsOneWrite(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // counted only
	}))
	t.Cleanup(srv.Close)
	ours := NewTransport(time.Now)
	ours.tls.RootCAs = x509.NewCertPool()
	ours.tls.RootCAs.AddCert(srv.Certificate())
	socket, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	counted := &counting{Conn: socket}
	c, err := ours.open(t.Context(), counted, "127.0.0.1", true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for range 2 {
		const size = 2000
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, io.LimitReader(strings.NewReader(strings.Repeat("x", size)), size))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = size
		before := counted.writes
		_, err = c.exchange(r)
		if err != nil || counted.writes != before+1 {
			t.Errorf("%d writes for a request, %v", counted.writes-before, err)
		}
	}
}

// counting is a connection that counts its writes.
type counting struct {
	net.Conn
	writes int
}

// Write implements net.Conn.
func (c *counting) Write(b []byte) (int, error) {
	c.writes++
	return c.Conn.Write(b)
}

// An answer that is whole when its deadline comes counts. Its connection is not
// kept: the deadline may be written onto it while the next request is under way.
func TestAnswerAtItsDeadline(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "whole") //nolint:errcheck // its reader will tell
	}))
	t.Cleanup(srv.Close)
	for over, closes := range map[bool]bool{false: false, true: true} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		socket, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewTransport(time.Now).open(ctx, &heard{socket, func() {
			if over {
				cancel() // when it returns, who asked to be told is being told
			}
		}}, "", false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.exchange(r)
		if err != nil {
			t.Fatalf("over %v: %v", over, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != "whole" || res.Close != closes {
			t.Errorf("over %v: %q, closes %v, %v", over, body, res.Close, err)
		}
	}
}

// heard is a connection that tells of each piece that came.
type heard struct {
	net.Conn
	came func()
}

// Read implements net.Conn.
func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	if n > 0 {
		h.came()
	}
	return n, err
}
