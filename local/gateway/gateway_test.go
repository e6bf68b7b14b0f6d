package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/local/template"
)

// invoker is an Invoker made of a function.
type invoker func(ctx context.Context, function string, event []byte) ([]byte, error)

func (f invoker) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	return f(ctx, function, event)
}

func functions(keys ...string) []template.Function {
	var list []template.Function
	for _, key := range keys {
		name, route, _ := strings.Cut(key, ": ")
		method, path, _ := strings.Cut(route, " ")
		if route == template.Default {
			method, path = template.Any, template.Default
		}
		list = append(list, template.Function{Folder: "functions/" + name, Routes: []template.Route{{Method: method, Path: path}}})
	}
	return list
}

func serve(t *testing.T, fs []template.Function, f invoker, o Options) *httptest.Server {
	t.Helper()
	h, err := New(fs, f, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// exchange sends bytes as they are and returns the response, so that no client tidies up.
func exchange(t *testing.T, server *httptest.Server, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, request)
	if err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestRouting(t *testing.T) {
	fs := functions(
		"home: GET /", "default: $default", "post: POST /signup", "any: ANY /signup",
		"user: GET /users/{id}", "me: GET /users/me", "sub: GET /users/{id}/posts/{post}",
		"files: ANY /files/{proxy+}", "special: GET /files/a/{x}", "greedy: GET /{all+}",
	)
	server := serve(t, fs, func(_ context.Context, function string, data []byte) ([]byte, error) {
		var e event
		err := json.Unmarshal(data, &e)
		if err != nil {
			return nil, err
		}
		variables, _ := json.Marshal(e.PathParameters)
		return json.Marshal(map[string]any{"statusCode": 200, "body": function + " " + e.RouteKey + " " + string(variables)})
	}, Options{})
	cases := []struct{ method, path, want string }{
		{"GET", "/", "home GET / null"},
		{"POST", "/", "default $default null"},
		{"HEAD", "/", ""},
		{"POST", "/signup", "post POST /signup null"},
		{"GET", "/signup", "any ANY /signup null"},
		{"DELETE", "/signup", "any ANY /signup null"},
		{"POST", "/signup/", "default $default null"},
		{"GET", "/users/me", "me GET /users/me null"},
		{"GET", "/users/7", `user GET /users/{id} {"id":"7"}`},
		{"GET", "/users/a%2Fb%20c", `user GET /users/{id} {"id":"a/b c"}`},
		{"GET", "/users/", `greedy GET /{all+} {"all":"users/"}`},
		{"GET", "/users/7/posts/8", `sub GET /users/{id}/posts/{post} {"id":"7","post":"8"}`},
		{"PUT", "/files/x/y/", `files ANY /files/{proxy+} {"proxy":"x/y/"}`},
		{"GET", "/files/a/b", `special GET /files/a/{x} {"x":"b"}`},
		{"GET", "/files/a/b/c", `files ANY /files/{proxy+} {"proxy":"a/b/c"}`},
		{"GET", "/other", `greedy GET /{all+} {"all":"other"}`},
		{"PATCH", "/other", "default $default null"},
		{"GET", "//", `greedy GET /{all+} {"all":"/"}`},
	}
	for _, c := range cases {
		resp := exchange(t, server, c.method+" "+c.path+" HTTP/1.1\r\nHost: h\r\n\r\n")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || string(body) != c.want {
			t.Errorf("%s %s = %d %q, want %q", c.method, c.path, resp.StatusCode, body, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, routes := range [][]string{
		{"a: GET /x", "b: GET /x"},
		{"a: GET x"},
		{"a: GET /{p+}/x"},
		{"a: GET /{}"},
		{"a: GET /a{b}"},
		{"a: $default", "b: $default"},
	} {
		_, err := New(functions(routes...), nil, Options{})
		if err == nil {
			t.Errorf("routes %v were accepted", routes)
		}
	}
}

func TestRefusals(t *testing.T) {
	calls := 0
	server := serve(t, functions("a: POST /a"), func(context.Context, string, []byte) ([]byte, error) {
		calls++
		return []byte(`{"statusCode":200}`), nil
	}, Options{})
	large := strings.Repeat("x", 10241)
	cases := []struct {
		name, request string
		status        int
		message       string
	}{
		{"no route", "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", 404, "Not Found"},
		{"no such method", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", 404, "Not Found"},
		{"long header", "POST /a HTTP/1.1\r\nHost: h\r\nX: " + large + "\r\n\r\n", 431, "Request Header Fields Too Large"},
		{"long query", "POST /a?" + large + " HTTP/1.1\r\nHost: h\r\n\r\n", 431, "Request Header Fields Too Large"},
		{"announced body", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10485761\r\n\r\n", 413, "Request Entity Too Large"},
	}
	for _, c := range cases {
		resp := exchange(t, server, c.request)
		body, _ := io.ReadAll(resp.Body)
		want := `{"message":"` + c.message + `"}`
		if resp.StatusCode != c.status || string(body) != want {
			t.Errorf("%s: %d %s, want %d %s", c.name, resp.StatusCode, body, c.status, want)
		}
	}
	// net/http answers this one itself unless it is told not to.
	star := &http.Request{Method: "OPTIONS", URL: &url.URL{Path: "*"}, RequestURI: "*"}
	recorder := httptest.NewRecorder()
	server.Config.Handler.ServeHTTP(recorder, star)
	if recorder.Code != 400 {
		t.Errorf("OPTIONS *: %d", recorder.Code)
	}
	if calls != 0 {
		t.Errorf("%d refused requests reached the function", calls)
	}
}

func TestBodyLimits(t *testing.T) {
	size := 0
	server := serve(t, functions("a: POST /a"), func(_ context.Context, _ string, e []byte) ([]byte, error) {
		size = len(e)
		return []byte(`{"statusCode":204}`), nil
	}, Options{})
	post := func(body io.Reader) int {
		resp, err := http.Post(server.URL+"/a", "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := post(strings.NewReader(strings.Repeat("x", 5<<20))); got != 204 || size < 5<<20 {
		t.Errorf("5 MiB: %d, event of %d bytes", got, size)
	}
	size = 0
	if got := post(strings.NewReader(strings.Repeat("x", 7<<20))); got != 413 || size != 0 {
		t.Errorf("7 MiB, more than an event holds: %d", got)
	}
	chunked := io.MultiReader(bytes.NewReader(make([]byte, 10<<20)), strings.NewReader("x"))
	if got := post(chunked); got != 413 || size != 0 {
		t.Errorf("10 MiB and a byte, chunked: %d", got)
	}
}

func TestFaults(t *testing.T) {
	cases := []struct {
		name   string
		answer string
		err    error
		status int
		body   string
	}{
		{"error", "", errors.New("boom"), 500, `{"message":"Internal Server Error"}`},
		{"own time limit", "", context.DeadlineExceeded, 500, `{"message":"Internal Server Error"}`},
		{"no JSON", "oops", nil, 500, `{"message":"Internal Server Error"}`},
		{"empty", "", nil, 500, `{"message":"Internal Server Error"}`},
		{"status 0", `{"statusCode":0}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"injected header", `{"statusCode":200,"headers":{"a":"b\r\nc: d"}}`, nil, 500, `{"message":"Internal Server Error"}`},
	}
	for _, c := range cases {
		server := serve(t, functions("a: GET /"), func(context.Context, string, []byte) ([]byte, error) {
			return []byte(c.answer), c.err
		}, Options{})
		resp := exchange(t, server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || string(body) != c.body || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
	}
}

func TestIntegrationTimeout(t *testing.T) {
	server := serve(t, functions("a: GET /"), func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}, Options{Timeout: 20 * time.Millisecond})
	resp := exchange(t, server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 503 || string(body) != `{"message":"Service Unavailable"}` {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// A client that leaves does not stop the function.
func TestClientGone(t *testing.T) {
	entered, finished := make(chan bool), make(chan error, 1)
	server := serve(t, functions("a: GET /"), func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		entered <- true
		select {
		case <-ctx.Done():
			finished <- ctx.Err()
		case <-time.After(100 * time.Millisecond):
			finished <- nil
		}
		return []byte(`{}`), nil
	}, Options{})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-entered
	conn.Close()
	if err := <-finished; err != nil {
		t.Errorf("the function's context ended: %v", err)
	}
}

func TestResponses(t *testing.T) {
	cases := []struct {
		name, answer string
		status       int
		body         string
		header       http.Header
	}{
		{"full", `{"statusCode":201,"headers":{"content-type":"text/html","X-A":"b, c","x-n":3},"cookies":["a=1; Path=/","b=2"],"body":"<p>"}`, 201, "<p>",
			http.Header{"Content-Type": {"text/html"}, "X-A": {"b, c"}, "X-N": {"3"}, "Set-Cookie": {"a=1; Path=/", "b=2"}}},
		{"as Go writes an empty one", `{"statusCode":204,"headers":null,"multiValueHeaders":null,"body":"","cookies":null}`, 204, "", nil},
		{"base64", `{"statusCode":200,"isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString([]byte{0, 255}) + `"}`, 200, "\x00\xff", nil},
		{"defaults", `{"statusCode":200,"body":"x"}`, 200, "x", http.Header{"Content-Type": {"text/plain;charset=UTF-8"}}},
		{"status in quotes", `{"statusCode":"303","headers":{"location":"/a"}}`, 303, "", http.Header{"Location": {"/a"}}},
		{"no status", `{"message":"hi"}`, 200, `{"message":"hi"}`, http.Header{"Content-Type": {"application/json"}}},
		{"other case is no status", `{"StatusCode":404}`, 200, `{"StatusCode":404}`, nil},
		{"a text", `"hi \u00e9"`, 200, "hi é", nil},
		{"a list", `[1]`, 200, `[1]`, nil},
		{"null", `null`, 200, `null`, nil},
		{"framing is ours", `{"statusCode":200,"headers":{"content-length":"99","connection":"close","transfer-encoding":"x"},"body":"ab"}`, 200, "ab", http.Header{"Content-Length": {"2"}}},
		{"set-cookie as a header too", `{"statusCode":200,"headers":{"set-cookie":"a=1"},"cookies":["b=2"]}`, 200, "", http.Header{"Set-Cookie": {"a=1", "b=2"}}},
	}
	for _, c := range cases {
		server := serve(t, functions("a: GET /"), func(context.Context, string, []byte) ([]byte, error) {
			return []byte(c.answer), nil
		}, Options{})
		resp := exchange(t, server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || string(body) != c.body {
			t.Errorf("%s: %d %q", c.name, resp.StatusCode, body)
		}
		for name, want := range c.header {
			if strings.Join(resp.Header[name], "|") != strings.Join(want, "|") {
				t.Errorf("%s: header %s = %q, want %q", c.name, name, resp.Header[name], want)
			}
		}
	}
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b","A":"c"},"cookies":["x"],"body":"AA==","isBase64Encoded":true}`))
	f.Add([]byte(`{"statusCode":200,"headers":{"a\r\n":"b"}}`))
	f.Add([]byte(`"text"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		resp, err := parseResponse(data)
		if err != nil {
			return
		}
		if resp.status < 200 || resp.status > 599 {
			t.Errorf("status %d", resp.status)
		}
		recorder := httptest.NewRecorder()
		resp.write(recorder)
		for name, values := range recorder.Header() {
			for _, v := range values {
				if strings.ContainsAny(name+v, "\r\n\x00") {
					t.Errorf("header %q: %q", name, v)
				}
			}
		}
	})
}
