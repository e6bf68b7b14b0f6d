package outbound_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/shared/outbound"
)

// script is a server that answers the nth request of a connection with the nth
// text, and then hangs up or, with linger, waits for more.
type script struct {
	url     string
	linger  bool
	texts   []string
	conns   atomic.Int32
	asked   atomic.Int32
	ended   chan struct{} // one for each connection that was hung up
	started sync.WaitGroup
}

func perform(t *testing.T, linger bool, texts ...string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{url: "http://" + l.Addr().String(), linger: linger, texts: texts, ended: make(chan struct{}, 100)}
	s.started.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			over := context.AfterFunc(t.Context(), func() { c.Close() }) // the client keeps it
			s.started.Go(func() { s.play(c); over() })
		}
	})
	t.Cleanup(func() { l.Close(); s.started.Wait() })
	return s
}

func (s *script) play(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for _, text := range s.texts {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		s.asked.Add(1)
		io.WriteString(c, text)
	}
	if s.linger {
		io.Copy(io.Discard, in)
		return
	}
	c.Close()
	s.ended <- struct{}{}
}

// ask sends a request with a body, and returns the answer's status and body.
func ask(ctx context.Context, rt http.RoundTripper, url string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("asked"))
	if err != nil {
		return 0, "", err
	}
	res, err := rt.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

// which connections serve another request, and which do not.
func TestWhichConnectionsAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		texts []string
		after time.Duration
		conns int32
	}{
		"another request":                   {[]string{fine, fine}, 0, 1},
		"chunks":                            {[]string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n", fine}, 0, 1},
		"no body":                           {[]string{"HTTP/1.1 204 No Content\r\n\r\n", fine}, 0, 1},
		"interim answers":                   {[]string{"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 4) + fine, fine}, 0, 1},
		"just not too old":                  {[]string{fine, fine}, 49 * time.Second, 1},
		"too old":                           {[]string{fine, fine}, 50 * time.Second, 2},
		"the clock went back":               {[]string{fine, fine}, -time.Second, 2},
		"told to close":                     {[]string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine", fine}, 0, 2},
		"an answer more than was asked for": {[]string{fine + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", fine}, 0, 2},
		"a byte more":                       {[]string{fine + "\n", fine}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			rt := outbound.NewTransport(func() time.Time { return now })
			s := perform(t, true, c.texts...)
			for range 2 {
				status, body, err := ask(t.Context(), rt, s.url)
				if err != nil || status/100 != 2 || body != "" && body != "fine" {
					t.Fatalf("%d %q: %v", status, body, err)
				}
				now = now.Add(c.after)
			}
			if n := s.conns.Load(); n != c.conns {
				t.Errorf("%d connections, want %d", n, c.conns)
			}
		})
	}
}

// A server that has hung up meanwhile costs nothing but a new connection.
func TestDeadConnectionsAreNotUsed(t *testing.T) {
	rt := outbound.NewTransport(time.Now)
	s := perform(t, false, fine)
	for i := range int32(3) {
		_, body, err := ask(t.Context(), rt, s.url)
		if err != nil || body != "fine" {
			t.Fatalf("%q: %v", body, err)
		}
		<-s.ended
		if s.conns.Load() != i+1 {
			t.Errorf("%d connections after %d requests", s.conns.Load(), i+1)
		}
	}
}

// A request that was given up before it began is not sent, not even over a
// connection that there is.
func TestNothingIsSentForNobody(t *testing.T) {
	rt := outbound.NewTransport(time.Now)
	s := perform(t, true, fine, fine)
	_, _, err := ask(t.Context(), rt, s.url)
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("the visitor left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	for range 20 {
		_, _, err = ask(ctx, rt, s.url)
		if !errors.Is(err, why) {
			t.Fatal(err)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("%d requests came", n)
	}
}

// What is sent to a connection that dies while it is used is not sent again.
func TestARequestThatBreaksIsNotRepeated(t *testing.T) {
	rt := outbound.NewTransport(time.Now)
	s := perform(t, false, fine, "")
	_, _, err := ask(t.Context(), rt, s.url)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = ask(t.Context(), rt, s.url)
	if err == nil || s.conns.Load() != 1 {
		t.Errorf("%d connections: %v", s.conns.Load(), err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             "",
		"no HTTP":             "SSH-2.0-OpenSSH\r\n\r\n",
		"interim ones only":   strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20),
		"another protocol":    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"an endless head":     "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 100) + "\r\n",
		"cut short":           "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfine",
		"a cut chunk":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nfine",
		"two lengths":         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfine",
		"a packed one":        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfine",
		"more than anyone is": "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 8<<20+1<<13),
	} {
		t.Run(name, func(t *testing.T) {
			s := perform(t, false, text)
			status, _, err := ask(t.Context(), outbound.NewTransport(time.Now), s.url)
			if err == nil {
				t.Errorf("is %d", status)
			}
		})
	}
}

// A request that is given up ends at once, at whatever point, and what comes
// late is no answer to the next.
func TestGivenUp(t *testing.T) {
	for name, text := range map[string]string{"no answer": "", "half a head": "HTTP/1.1 200", "half a body": "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfine"} {
		rt := outbound.NewTransport(time.Now)
		s := perform(t, true, text)
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("the visitor left")
		go func() {
			for s.conns.Load() == 0 {
				time.Sleep(time.Millisecond) // it is connecting
			}
			cancel(why)
		}()
		_, _, err := ask(ctx, rt, s.url)
		if !errors.Is(err, why) {
			t.Errorf("%s, given up: %v", name, err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, _, err = ask(ctx, rt, s.url)
		stop()
		if !errors.Is(err, context.DeadlineExceeded) || s.conns.Load() != 2 {
			t.Errorf("%s, out of time: %v over %d connections", name, err, s.conns.Load())
		}
	}
}

// Many at once have a connection each, and later ones share those.
func TestSideBySide(t *testing.T) {
	const many = 6
	var conns, held atomic.Int32
	all := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if held.Add(1) == many {
			close(all)
		}
		<-all
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	rt := outbound.NewTransport(time.Now)
	for range 3 {
		var wg sync.WaitGroup
		for range many {
			wg.Go(func() {
				_, body, err := ask(t.Context(), rt, srv.URL)
				if err != nil || body != "asked" {
					t.Errorf("%q: %v", body, err)
				}
			})
		}
		wg.Wait()
	}
	if conns.Load() != many {
		t.Errorf("%d connections for %d at once", conns.Load(), many)
	}
}

// Not an address of ours: nothing is sent, and the body is closed.
func TestOtherSchemes(t *testing.T) {
	for _, url := range []string{"ftp://127.0.0.1/", "//127.0.0.1/", "http:///x"} {
		r, err := http.NewRequest(http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		body := &closing{Reader: strings.NewReader("x")}
		r.Body = body
		_, err = outbound.NewTransport(time.Now).RoundTrip(r)
		if err == nil || !body.closed {
			t.Errorf("%s: %v, closed %v", url, err, body.closed)
		}
	}
	s := perform(t, true, fine, fine)
	r, err := http.NewRequest(http.MethodGet, s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Method = "GET / HTTP/1.1\r\n\r\nGET"
	_, err = outbound.NewTransport(time.Now).RoundTrip(r)
	if err == nil || s.asked.Load() != 0 {
		t.Errorf("a method with a request in it: %v, and %d came", err, s.asked.Load())
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// FuzzAnswerOverTheWire lets a server say anything. What we take for an answer, net/http's
// own transport takes for the same; more than it we refuse.
func FuzzAnswerOverTheWire(f *testing.F) {
	for _, text := range []string{
		fine, fine + fine, "HTTP/1.1 100 Continue\r\n\r\n" + fine, "HTTP/1.0 200 OK\r\n\r\nfine", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\nX: y\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 200\r\nContent-Length: -1\r\n\r\n", "\r\n" + fine, "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			t.Skip()
		}
		std := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
		s := perform(t, false, text)
		status, body, err := ask(t.Context(), outbound.NewTransport(time.Now), s.url)
		other, otherBody, otherErr := ask(t.Context(), std, s.url)
		if err == nil && (otherErr != nil || status != other || body != otherBody) {
			t.Errorf("%q: %d %q, net/http says %d %q: %v", text, status, body, other, otherBody, otherErr)
		}
	})
}

// There are as many connections as were asked for, however soon one of them is idle
// again, and the next requests use them. Where one fails, no others are tried.
func TestWarm(t *testing.T) {
	t.Parallel()
	const many = 5
	var conns, asked atomic.Int32
	all := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := asked.Add(1)
		if n == 2*many {
			close(all)
		}
		if n > many { // the next ones are all on their way together
			<-all
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	rt := outbound.NewTransport(time.Now)
	if !rt.Warm(t.Context(), srv.URL, many) || conns.Load() != many || asked.Load() != many {
		t.Errorf("%d connections, %d requests", conns.Load(), asked.Load())
	}
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			_, _, err := ask(t.Context(), rt, srv.URL)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if conns.Load() != many {
		t.Errorf("%d connections for %d requests at once", conns.Load(), many)
	}
	var refused atomic.Int32
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		refused.Add(1)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(broken.Close)
	if rt.Warm(t.Context(), broken.URL, many) || refused.Load() != 1 {
		t.Errorf("%d tries where none helps", refused.Load())
	}
}
