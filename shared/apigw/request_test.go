package apigw_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/shared/apigw"
)

// event is a recorded event's text.
func event(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recorded is the event of a form, for a test to change.
func recorded(t testing.TB) events.APIGatewayV2HTTPRequest {
	t.Helper()
	var e events.APIGatewayV2HTTPRequest
	err := json.Unmarshal(event(t, "form"), &e)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func request(t testing.TB, e events.APIGatewayV2HTTPRequest) *http.Request {
	t.Helper()
	r, err := apigw.Request(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// what the gateway sends for a browser's form is the request that
// net/http would have made of it.
func TestRequestOfAForm(t *testing.T) {
	r := request(t, recorded(t))
	if r.Method != "POST" || r.URL.Path != "/signup" || r.URL.RawQuery != "" || r.Host != "id.example.com" || r.RequestURI != "/signup" {
		t.Errorf("%s %s host %s, asked as %s", r.Method, r.URL, r.Host, r.RequestURI)
	}
	if r.Header.Get("Host") != "" || r.Header.Get("Accept") != "text/html,application/xhtml+xml,*/*;q=0.8" || r.Header.Get("Sec-Fetch-Site") != "same-origin" {
		t.Errorf("header %v", r.Header)
	}
	if got := r.Header.Values("X-Request-Id"); len(got) != 1 || got[0] != "JKJaXmPLvHcESHA=" {
		t.Errorf("request id %q, want the gateway's", got)
	}
	for name, want := range map[string]string{"__Host-latchkey-notice": "welcome", "__Host-latchkey-session": "a.b.c"} {
		c, err := r.Cookie(name)
		if err != nil || c.Value != want {
			t.Errorf("cookie %s: %v %v", name, c, err)
		}
	}
	if r.RemoteAddr != "192.0.2.44:0" {
		t.Errorf("from %s, want the gateway's source address", r.RemoteAddr)
	}
	if r.ContentLength != 24 {
		t.Errorf("length %d, want that of the decoded body", r.ContentLength)
	}
	err := r.ParseForm()
	if err != nil || r.PostForm.Get("fullName") != "Ada" || r.PostForm.Get("code") != "#1 2" {
		t.Errorf("form %v %v", r.PostForm, err)
	}
	if r.Context() != t.Context() {
		t.Error("another context")
	}
}

// encoded or not, the body is the same.
func TestRequestBody(t *testing.T) {
	for _, body := range []string{"", "a=b", "\x00\xff", strings.Repeat("x", 100_000)} {
		plain, encoded := recorded(t), recorded(t)
		plain.Body, plain.IsBase64Encoded = body, false
		encoded.Body, encoded.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
		for _, e := range []events.APIGatewayV2HTTPRequest{plain, encoded} {
			r := request(t, e)
			b, err := io.ReadAll(r.Body)
			if err != nil || string(b) != body || r.ContentLength != int64(len(body)) || r.Body.Close() != nil {
				t.Errorf("encoded %v: %d bytes %v, length %d", e.IsBase64Encoded, len(b), err, r.ContentLength)
			}
		}
	}
}

// The gateway has decoded the path once; decoding it again would make another
// of it.
func TestRequestPath(t *testing.T) {
	for _, path := range []string{"/", "/signup", "/a%2Fb", "/100%", "/what?", "/%", "/a b", "/a;b", "/a#b", "//evil.example/x", "/ü", "/../x", "/a+b", "/%zz"} {
		for _, query := range []string{"", "a=b&a=c", "q=%3F%26", "?", "%zz"} {
			e := recorded(t)
			e.RawPath, e.RawQueryString = path, query
			r := request(t, e)
			if r.URL.Path != path || r.URL.RawQuery != query || r.URL.Host != "" || r.URL.Scheme != "" {
				t.Errorf("%q ? %q: path %q, query %q", path, query, r.URL.Path, r.URL.RawQuery)
			}
		}
	}
}

func TestRequestHeaders(t *testing.T) {
	e := recorded(t)
	e.Headers = map[string]string{
		"accept-language": "de-DE,de;q=0.9, en", "x-forwarded-for": "1.1.1.1, 2.2.2.2", "x-custom": "a, b,c", "empty": "",
		"idempotency-key": "k", "x-request-id": "spoofed", "host": "ID.example.com:8443",
	}
	r := request(t, e)
	for name, want := range map[string]string{
		"Accept-Language": "de-DE,de;q=0.9, en", "X-Forwarded-For": "1.1.1.1, 2.2.2.2", "X-Custom": "a, b,c", "Empty": "", "Idempotency-Key": "k",
	} {
		if got := r.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.Host != "ID.example.com:8443" || r.Header.Get("X-Request-Id") == "spoofed" {
		t.Errorf("host %q, id %q", r.Host, r.Header.Get("X-Request-Id"))
	}
	for _, name := range []string{"x-request-id", "X-Request-Id", "X-REQUEST-ID"} {
		e.Headers = map[string]string{name: "spoofed"}
		e.RequestContext.RequestID = ""
		if got := request(t, e).Header.Get("X-Request-Id"); got != "" {
			t.Errorf("%s: the client's id %q stays when the gateway has none", name, got)
		}
	}
}

// The host decides what is of our own origin. Without the header it is the
// gateway's name.
func TestRequestWithoutHost(t *testing.T) {
	e := recorded(t)
	delete(e.Headers, "host")
	if r := request(t, e); r.Host != "id.example.com" {
		t.Errorf("host %q", r.Host)
	}
	e.Headers, e.Cookies = nil, nil
	r := request(t, e)
	if len(r.Cookies()) != 0 || len(r.Header) != 1 {
		t.Errorf("header %v", r.Header)
	}
}

func TestRequestCookies(t *testing.T) {
	e := recorded(t)
	e.Cookies = []string{"a=1", "b=x, y", "c=", "a=2"}
	r := request(t, e)
	if got := r.Header.Get("Cookie"); got != "a=1; b=x, y; c=; a=2" {
		t.Errorf("%q", got)
	}
	c, err := r.Cookie("a")
	if err != nil || c.Value != "1" {
		t.Errorf("%v %v", c, err)
	}
}

// with mutual TLS the gateway sends a port, and IPv6 has colons too.
func TestRequestSource(t *testing.T) {
	for source, want := range map[string]string{
		"192.0.2.44": "192.0.2.44", "192.0.2.44:51512": "192.0.2.44", "2001:db8::7": "2001:db8::7", "::1": "::1",
		"[2001:db8::7]:51512": "2001:db8::7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2:3:4:5:6", "": "",
	} {
		e := recorded(t)
		e.RequestContext.HTTP.SourceIP = source
		host, port, err := net.SplitHostPort(request(t, e).RemoteAddr)
		if err != nil || host != want || port == "" {
			t.Errorf("%q: host %q port %q %v", source, host, port, err)
		}
	}
}

func TestRequestOfSomethingElse(t *testing.T) {
	for name, change := range map[string]func(*events.APIGatewayV2HTTPRequest){
		"nothing":        func(e *events.APIGatewayV2HTTPRequest) { *e = events.APIGatewayV2HTTPRequest{} },
		"no method":      func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = "" },
		"no path":        func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "" },
		"a foreign path": func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "signup" },
		"not base64":     func(e *events.APIGatewayV2HTTPRequest) { e.Body = "canary!" },
	} {
		e := recorded(t)
		change(&e)
		r, err := apigw.Request(t.Context(), e)
		if r != nil || err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v %v", name, r, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("POST", "/signup", "a=b", "host", "id.example.com", "a=b", "192.0.2.1", "Ym9keQ==", true)
	f.Add("GET", "//%2F?#", "%", "x-request-id", "spoofed", "; ,=", "2001:db8::7", "\xff", false)
	f.Fuzz(func(t *testing.T, method, path, query, name, value, cookie, source, body string, encoded bool) {
		e := events.APIGatewayV2HTTPRequest{
			RawPath: path, RawQueryString: query, Headers: map[string]string{name: value}, Cookies: []string{cookie}, Body: body, IsBase64Encoded: encoded,
		}
		e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP, e.RequestContext.RequestID = method, source, "id"
		r, err := apigw.Request(context.Background(), e)
		if err != nil {
			return
		}
		b, err := io.ReadAll(r.Body)
		if err != nil || int64(len(b)) != r.ContentLength || !encoded && string(b) != body {
			t.Errorf("body %q %v, length %d", b, err, r.ContentLength)
		}
		if r.URL.Path != path || r.Method != method || r.Header.Get("X-Request-Id") != "id" {
			t.Errorf("%s %q, id %q", r.Method, r.URL.Path, r.Header.Get("X-Request-Id"))
		}
		// Whatever came in, handlers may ask for everything.
		r.Cookies()
		r.FormValue("a")
		r.UserAgent()
	})
}
