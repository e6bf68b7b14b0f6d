package outbound_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/outbound"
)

// secret stands for whatever a vendor wants in an address.
const secret = "canary7351"

// get makes a call the way a library would: it names the vendor's own address.
func get(t *testing.T, ctx context.Context, base *http.Client, to string) (*outbound.Call, string, error) {
	t.Helper()
	call := outbound.Bind(ctx, base, to)
	req, err := http.NewRequest("GET", "https://vendor.invalid/verify/"+secret+"/a%2Fb?force=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := call.HTTP().Do(req)
	if err != nil {
		return call, "", call.Err()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading a buffered body: %v", err)
	}
	return call, string(body), call.Err()
}

func TestCallGoesToTheConfiguredAddress(t *testing.T) {
	var got, host string
	srv := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, host = r.URL.String(), r.Host
		io.WriteString(w, "yes")
	})
	for _, c := range []struct{ to, want string }{
		{srv.URL, "/verify/" + secret + "/a%2Fb?force=true"},
		{srv.URL + "/", "/verify/" + secret + "/a%2Fb?force=true"},
		{srv.URL + "/sim%2Fone", "/sim%2Fone/verify/" + secret + "/a%2Fb?force=true"},
	} {
		call, body, err := get(t, t.Context(), srv.Client(), c.to)
		if err != nil || body != "yes" || call.Status() != 200 {
			t.Fatalf("%s: status %d, body %q, error %v", c.to, call.Status(), body, err)
		}
		if got != c.want {
			t.Errorf("%s: requested %s, want %s", c.to, got, c.want)
		}
		if host != strings.TrimPrefix(srv.URL, "http://") {
			t.Errorf("host header is %q", host)
		}
	}
}

// Every fault of transport is told without the address that was requested, also
// when the server repeats it.
func TestFaultsAreSafeToLog(t *testing.T) {
	echo := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 %s nonsense\r\n\r\n", r.URL.Path)
		conn.Close()
	})
	redirect := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere"+r.URL.Path, http.StatusFound)
	})
	huge := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 10<<20))
	})
	large := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<20+1<<10))
	})
	bomb := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write(make([]byte, 10<<20))
		z.Close()
	})
	cut := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("short"))
	})
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	closed := httptest.NewServer(nil)
	closed.Close()

	for _, c := range []struct {
		name, to string
		is       error
	}{
		{"garbage that repeats the path", echo.URL, nil},
		{"redirect", redirect.URL, outbound.ErrRedirect},
		{"10 MiB", huge.URL, outbound.ErrTooLarge},
		{"a little more than 1 MiB", large.URL, outbound.ErrTooLarge},
		{"10 MiB once unpacked", bomb.URL, nil},
		{"cut short", cut.URL, nil},
		{"unknown certificate", untrusted.URL, nil},
		{"nobody listens", closed.URL, nil},
		{"no address", "", nil},
		{"not an address", "http://%zz", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := get(t, t.Context(), outbound.Client(outbound.NewTransport(time.Now)), c.to)
			if err == nil {
				t.Fatal("passed")
			}
			if strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "calling ") {
				t.Errorf("error text is %q", err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
		})
	}
}

func TestCertificateFaultIsNamed(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, _, err := get(t, t.Context(), outbound.Client(outbound.NewTransport(time.Now)), srv.URL)
	var cert *tls.CertificateVerificationError
	if !errors.As(err, &cert) {
		t.Errorf("error is %v", err)
	}
}

func TestContextEndsTheCall(t *testing.T) {
	release := make(chan struct{})
	silent := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	stuck := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-release
	})
	t.Cleanup(func() { close(release) })
	for _, srv := range []*doortest.Server{silent, stuck} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, _, err := get(t, ctx, outbound.Client(outbound.NewTransport(time.Now)), srv.URL)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), secret) {
			t.Errorf("after the deadline: %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, _, err = get(t, ctx, outbound.Client(outbound.NewTransport(time.Now)), srv.URL)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after cancelling: %v", err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	const date = "Wed, 21 Oct 2026 07:28:00 GMT"
	for _, c := range []struct {
		header, date string
		want         time.Duration
	}{
		{"", date, time.Minute},
		{"7", date, 7 * time.Second},
		{"0", date, time.Minute},
		{"-5", date, time.Minute},
		{"soon", date, time.Minute},
		{"99999999999999", date, 24 * time.Hour},
		{"99999999999999999999999999", date, time.Minute},
		{"Wed, 21 Oct 2026 07:28:30 GMT", date, 30 * time.Second},
		{"Wed, 21 Oct 2026 07:27:30 GMT", date, time.Minute},
		{"Wed, 21 Oct 2099 07:28:30 GMT", date, 24 * time.Hour},
		{"Wed, 21 Oct 2026 07:28:30 GMT", "yesterday", time.Minute},
	} {
		srv := doortest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.Header().Set("Date", c.date)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		call, _, err := get(t, t.Context(), srv.Client(), srv.URL)
		if err != nil || call.Status() != 429 {
			t.Fatalf("status %d, error %v", call.Status(), err)
		}
		got := call.RetryAfter(time.Minute)
		if got != c.want {
			t.Errorf("%q: wait %s, want %s", c.header, got, c.want)
		}
	}
}

// net/http's own transport sends a GET again by itself when a reused connection
// breaks. At Authy that would be a second text.
func TestARequestIsSentOnce(t *testing.T) {
	for name, rt := range map[string]http.RoundTripper{"ours": outbound.NewTransport(time.Now), "net/http's": &http.Transport{}} {
		t.Run(name, func(t *testing.T) { sentOnce(t, outbound.Client(rt)) })
	}
}

func sentOnce(t *testing.T, base *http.Client) {
	t.Helper()
	var requests atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerOnce(conn, &requests)
		}
	}()
	to := "http://" + listener.Addr().String()
	_, _, err = get(t, t.Context(), base, to)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = get(t, t.Context(), base, to)
	if err == nil {
		t.Error("the second call passed without an answer")
	}
	if requests.Load() != 2 {
		t.Errorf("%d requests for two calls", requests.Load())
	}
}

// answerOnce answers the connection's first request and hangs up on the next.
func answerOnce(conn net.Conn, requests *atomic.Int32) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := range 2 {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		requests.Add(1)
		if req.ContentLength != 0 || len(req.TransferEncoding) != 0 {
			requests.Add(100)
		}
		if i == 0 {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	}
}

// A caller that forgets to read or close an answer costs no connection.
func TestConnectionsAreKept(t *testing.T) {
	srv := doortest.Serve(t, doortest.Answers(http.StatusBadRequest, strings.Repeat("x", 5000)))
	base := outbound.Client(outbound.NewTransport(time.Now))
	for range 100 {
		call := outbound.Bind(t.Context(), base, srv.URL)
		_, err := call.HTTP().Get("https://vendor.invalid/")
		if err != nil {
			t.Fatal(err)
		}
	}
	if srv.Opened() != 1 {
		t.Errorf("%d connections for 100 calls in a row", srv.Opened())
	}
}

func TestACallThatWasNotMade(t *testing.T) {
	call := outbound.Bind(t.Context(), outbound.Client(outbound.NewTransport(time.Now)), "https://vendor.invalid")
	if call.Err() == nil || call.Status() != 0 {
		t.Errorf("status %d, error %v", call.Status(), call.Err())
	}
}

func TestRefusalText(t *testing.T) {
	for _, c := range []struct {
		refusal outbound.Refusal
		want    string
	}{
		{outbound.Refusal{Vendor: "verify", Status: 429, Code: 60203}, "verify answered 429, code 60203"},
		{outbound.Refusal{Vendor: "verify", Status: 503}, "verify answered 503"},
		{outbound.Refusal{Vendor: "authy", Status: 401, Code: 60001, Credentials: true}, "credentials refused: authy answered 401, code 60001"},
	} {
		if c.refusal.Error() != c.want {
			t.Errorf("%q, want %q", c.refusal.Error(), c.want)
		}
	}
}
