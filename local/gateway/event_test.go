package gateway

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// capture sends a raw request and returns the event as the function saw it.
func capture(t *testing.T, route, request string) map[string]any {
	t.Helper()
	var got map[string]any
	now := time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.FixedZone("", 3600))
	server := serve(t, functions("a: "+route), func(_ context.Context, _ string, e []byte) ([]byte, error) {
		return []byte(`{"statusCode":204}`), json.Unmarshal(e, &got)
	}, Options{Now: func() time.Time { return now }})
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	resp := exchange(t, server, strings.ReplaceAll(request, "PORT", port))
	if resp.StatusCode != 204 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if got["requestContext"].(map[string]any)["requestId"] != resp.Header.Get("Apigw-Requestid") {
		t.Error("the request id of the event and of the response differ")
	}
	got["port"] = port
	return got
}

func TestEvent(t *testing.T) {
	form := "fullName=Ann+B&phone=%2B1"
	got := capture(t, "POST /a/{id}", "POST /a/%C3%A9%2Fx?q=a%20b&q=c&r=&%zz=1 HTTP/1.1\r\n"+
		"Host: example.test:8080\r\nUser-Agent: agent\r\nX-Two: 1\r\nX-TWO: 2, 3\r\n"+
		"Cookie: a=1; b=\"2\"\r\ncookie: a=3;;\r\nConnection: keep-alive\r\nX-Forwarded-For: 9.9.9.9\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 25\r\n\r\n"+form)
	context := got["requestContext"].(map[string]any)
	headers := got["headers"].(map[string]any)

	matches(t, "x-amzn-trace-id", headers["x-amzn-trace-id"], `^Root=1-69a7afaf-[0-9a-f]{24}$`)
	matches(t, "requestId", context["requestId"], `^[A-Za-z0-9+/]{15}=$`)
	delete(headers, "x-amzn-trace-id")
	delete(context, "requestId")
	want := map[string]any{
		"port": got["port"], "version": "2.0", "routeKey": "POST /a/{id}",
		"rawPath": "/a/é/x", "rawQueryString": "q=a%20b&q=c&r=&%zz=1",
		"cookies":               []any{"a=1", `b="2"`, "a=3"},
		"queryStringParameters": map[string]any{"q": "a b,c", "r": "", "%zz": "1"},
		"pathParameters":        map[string]any{"id": "é/x"},
		"body":                  base64.StdEncoding.EncodeToString([]byte(form)),
		"isBase64Encoded":       true,
		"headers": map[string]any{
			"host": "example.test:8080", "user-agent": "agent", "x-two": "1,2, 3",
			"content-type": "application/x-www-form-urlencoded", "content-length": "25",
			"x-forwarded-for": "9.9.9.9, 127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-port": got["port"],
		},
		"requestContext": map[string]any{
			"accountId": "123456789012", "apiId": "local", "domainName": "example.test", "domainPrefix": "example",
			"http":     map[string]any{"method": "POST", "path": "/a/é/x", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "agent"},
			"routeKey": "POST /a/{id}", "stage": "$default",
			"time": "04/Mar/2026:04:06:07 +0000", "timeEpoch": 1772597167089.0,
		},
	}
	for key := range want {
		if !reflect.DeepEqual(got[key], want[key]) {
			t.Errorf("%s = %v\nwant %v", key, got[key], want[key])
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("unexpected %s = %v", key, got[key])
		}
	}
}

// What is empty is left out, as on AWS.
func TestEventWithoutExtras(t *testing.T) {
	got := capture(t, "$default", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for _, key := range []string{"cookies", "queryStringParameters", "pathParameters", "body", "stageVariables"} {
		if value, there := got[key]; there {
			t.Errorf("%s = %v, want it left out", key, value)
		}
	}
	if got["isBase64Encoded"] != false || got["rawQueryString"] != "" || got["routeKey"] != "$default" {
		t.Errorf("event = %v", got)
	}
	if got["headers"].(map[string]any)["content-length"] != "0" {
		t.Errorf("headers = %v", got["headers"])
	}
}

func TestBodyEncoding(t *testing.T) {
	plain := []string{"text/plain", "TEXT/html; charset=utf-8", "application/json", "application/json;x=y", "application/xml", "application/javascript"}
	for _, kind := range plain {
		e := event{}
		e.setBody(kind, []byte("é"))
		if e.Body != "é" || e.IsBase64Encoded {
			t.Errorf("%q: %+v", kind, e)
		}
	}
	for _, kind := range []string{"", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/problem+json", "image/png", "text", ";"} {
		e := event{}
		e.setBody(kind, []byte("é"))
		if e.Body != "w6k=" || !e.IsBase64Encoded {
			t.Errorf("%q: %+v", kind, e)
		}
	}
}

func TestAddresses(t *testing.T) {
	for remote, want := range map[string]string{
		"1.2.3.4:5": "1.2.3.4", "[::1]:5": "::1", "[fe80::1%eth0]:5": "fe80::1", "[::ffff:1.2.3.4]:5": "1.2.3.4", "odd": "odd",
	} {
		if got := sourceIP(remote); got != want {
			t.Errorf("source of %q = %q, want %q", remote, got, want)
		}
	}
	for host, want := range map[string]string{
		"localhost:3000": "localhost", "localhost": "localhost", "[::1]:3000": "[::1]", "[::1]": "[::1]", "": "",
	} {
		if got := withoutPort(host); got != want {
			t.Errorf("host of %q = %q, want %q", host, got, want)
		}
	}
}

func matches(t *testing.T, what string, got any, pattern string) {
	t.Helper()
	s, ok := got.(string)
	if !ok || !regexp.MustCompile(pattern).MatchString(s) {
		t.Errorf("%s = %v, want %s", what, got, pattern)
	}
}

// FuzzEvent sends arbitrary requests through the server's own parser.
func FuzzEvent(f *testing.F) {
	f.Add([]byte("POST /a%2Fb?x=%zz&x=1 HTTP/1.1\r\nHost: h\r\nCookie: a=1; ;b\r\nContent-Length: 1\r\n\r\nx"))
	f.Add([]byte("GET http://other/%?;= HTTP/1.0\r\nX: \xff\r\nx: 2\r\n\r\n"))
	f.Add([]byte("CONNECT h:1 HTTP/1.1\r\nHost: [::1]:\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(data))))
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		segments, err := split(r.URL.EscapedPath())
		if err != nil {
			return
		}
		_, _ = fit([]segment{{"a", variable}, {"b", greedy}}, segments)
		e := newEvent(r, "$default", nil, body, time.Unix(0, 0))
		encoded, err := json.Marshal(e)
		if err != nil || !utf8.Valid(encoded) {
			t.Fatalf("%v: %q", err, encoded)
		}
		for name := range e.Headers {
			if name != strings.ToLower(name) || name == "cookie" || name == "connection" {
				t.Errorf("header %q is in the event", name)
			}
		}
		if e.IsBase64Encoded {
			decoded, err := base64.StdEncoding.DecodeString(e.Body)
			if err != nil || string(decoded) != string(body) {
				t.Error("the body does not survive")
			}
		}
	})
}
