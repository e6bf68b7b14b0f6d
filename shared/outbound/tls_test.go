package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Over TLS: the certificate is checked, and that it is the host's; no proxy of the
// environment is used and no HTTP/2 offered; a later connection resumes the session,
// and one that the server ended meanwhile is not used.
func TestTLS(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	var said atomic.Value
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		resumed := ""
		if r.TLS.DidResume {
			resumed = " resumed"
		}
		said.Store(r.Proto + resumed)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ours := NewTransport(time.Now)
	ask := func(url string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := ours.RoundTrip(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	var unchecked *tls.CertificateVerificationError
	err := ask(srv.URL)
	if !errors.As(err, &unchecked) {
		t.Errorf("an unknown certificate: %v", err)
	}
	ours.tls.RootCAs = x509.NewCertPool()
	ours.tls.RootCAs.AddCert(srv.Certificate())
	err = ask(strings.Replace(srv.URL, "127.0.0.1", "localhost", 1))
	if !errors.As(err, &unchecked) {
		t.Errorf("another host's certificate: %v", err)
	}
	conns.Store(0)
	for i, want := range []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1 resumed"} {
		if i == 2 {
			srv.CloseClientConnections()
		}
		err = ask(srv.URL)
		if err != nil || said.Load() != want {
			t.Errorf("request %d: %v, %v", i, said.Load(), err)
		}
	}
	if conns.Load() != 2 {
		t.Errorf("%d connections", conns.Load())
	}
}

// A server that takes the connection and then says nothing costs no more than the
// time to connect, or what the caller has left.
func TestSilentTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewTransport(time.Now).RoundTrip(r)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// What comes over TLS behind an answer, in a record of its own but with it, is not
// the answer to the next request; nor is a connection used that said it ends.
func TestNothingWaitsUnderTLS(t *testing.T) {
	const fine, evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for name, behind := range map[string]func(*tls.Conn){
		"an answer": func(c *tls.Conn) { io.WriteString(c, evil) }, //nolint:errcheck // the client may have ended it
		"the end":   func(c *tls.Conn) { c.CloseWrite() },          //nolint:errcheck // the same
	} {
		conns := atomic.Int32{}
		srv := httptest.NewUnstartedServer(nil)
		plain := srv.Listener
		srv.StartTLS()
		config := srv.TLS.Clone()
		root := srv.Certificate()
		srv.Close()
		l, err := net.Listen("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				conns.Add(1)
				together := &corked{Conn: c}
				go converse(tls.Server(together, config), together, fine, behind)
			}
		}()
		ours := NewTransport(time.Now)
		ours.tls.RootCAs = x509.NewCertPool()
		ours.tls.RootCAs.AddCert(root)
		for i := range 2 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := ours.RoundTrip(r)
			if err != nil {
				t.Fatalf("%s, request %d: %v", name, i, err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || string(body) != "fine" {
				t.Errorf("%s, request %d: %q, %v", name, i, body, err)
			}
		}
		if conns.Load() != 2 {
			t.Errorf("%s: %d connections", name, conns.Load())
		}
	}
}

// converse answers each request, with something behind the answer, in one packet.
func converse(c *tls.Conn, under *corked, answer string, behind func(*tls.Conn)) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		_, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		under.cork()
		io.WriteString(c, answer) //nolint:errcheck // it may be gone
		behind(c)
		under.uncork()
	}
}

// corked is a connection whose writes can be held back, to go out as one.
type corked struct {
	net.Conn
	holds bool
	held  []byte
}

func (c *corked) cork() { c.holds = true }

func (c *corked) uncork() {
	c.SetWriteDeadline(time.Time{}) //nolint:errcheck // TLS forbids to write after its end
	c.Conn.Write(c.held)            //nolint:errcheck // it may be gone
	c.holds, c.held = false, nil
}

// Write implements net.Conn.
func (c *corked) Write(b []byte) (int, error) {
	if c.holds {
		c.held = append(c.held, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}
