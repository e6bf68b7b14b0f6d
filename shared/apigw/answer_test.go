package apigw_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/shared/apigw"
)

// answer is what the gateway gets of a handler, and the log.
func answer(t testing.TB, h http.HandlerFunc) (events.APIGatewayV2HTTPResponse, string) {
	t.Helper()
	var log bytes.Buffer
	res := invoke(t, t.Context(), apigw.Adapt(h, slog.New(slog.NewJSONHandler(&log, nil))), recorded(t))
	return res, log.String()
}

// invoke calls a function as the Runtime API does, with bytes and for bytes.
func invoke(t testing.TB, ctx context.Context, f lambda.Handler, e events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	b, err = f.Invoke(ctx, b)
	if err != nil {
		t.Fatalf("the runtime would print %v", err)
	}
	var res events.APIGatewayV2HTTPResponse
	err = json.Unmarshal(b, &res)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestAnswer(t *testing.T) {
	res, log := answer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Cookie")
		w.Header().Set("Permissions-Policy", "camera=(), usb=()")
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "hällo ")
		fmt.Fprint(w, r.Host)
	})
	if res.StatusCode != 201 || res.Body != "hällo id.example.com" || res.IsBase64Encoded || log != "" {
		t.Errorf("%+v, log %s", res, log)
	}
	for name, want := range map[string]string{"content-type": "text/html; charset=utf-8", "vary": "Accept, Cookie", "permissions-policy": "camera=(), usb=()"} {
		if res.Headers[name] != want {
			t.Errorf("%s: %q, want %q", name, res.Headers[name], want)
		}
	}
	if len(res.Headers) != 3 || len(res.MultiValueHeaders) != 0 {
		t.Errorf("headers %v %v", res.Headers, res.MultiValueHeaders)
	}
}

// Cookies have commas in them; joined they would be one broken cookie.
func TestAnswerCookies(t *testing.T) {
	res, _ := answer(t, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Expires: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2", MaxAge: -1})
		w.Header().Set("Location", "/verify")
		w.WriteHeader(http.StatusSeeOther)
	})
	if len(res.Cookies) != 2 || !strings.HasPrefix(res.Cookies[0], "a=1; Expires=Sun, 01 Mar") || !strings.HasPrefix(res.Cookies[1], "b=2; Max-Age=0") {
		t.Errorf("cookies %q", res.Cookies)
	}
	if res.Headers["set-cookie"] != "" || res.Headers["location"] != "/verify" || res.StatusCode != 303 || res.Body != "" {
		t.Errorf("%+v", res)
	}
}

func TestEmptyAnswer(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing":       func(http.ResponseWriter, *http.Request) {},
		"a header":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", "y") },
		"nothing twice": func(w http.ResponseWriter, _ *http.Request) { w.Write(nil); w.Write([]byte{}) },
	} {
		res, _ := answer(t, h)
		if res.StatusCode != 200 || res.Body != "" || res.Headers == nil {
			t.Errorf("%s: %+v", name, res)
		}
	}
	res, _ := answer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if res.StatusCode != 204 {
		t.Errorf("%+v", res)
	}
}

func TestBinaryAnswer(t *testing.T) {
	for _, body := range []string{"\xff\xfe", "text\x80", "\xed\xa0\x80"} {
		res, _ := answer(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		b, err := base64.StdEncoding.DecodeString(res.Body)
		if !res.IsBase64Encoded || err != nil || string(b) != body {
			t.Errorf("%q: %+v", body, res)
		}
	}
}

// nobody behind us checks, so nothing of it goes out.
func TestControlCharactersInHeaders(t *testing.T) {
	for _, bad := range []string{"a\r\nSet-Cookie: x=y", "a\nb", "a\rb", "a\x00b", "a\x1fb", "\x7f", "\x01"} {
		for _, name := range []string{"Location", "Set-Cookie", "X-Custom"} {
			res, log := answer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Secret", "canary")
				w.Header().Add(name, "fine")
				w.Header().Add(name, bad)
				io.WriteString(w, "canary")
			})
			b, err := json.Marshal(res)
			if err != nil || res.StatusCode != 500 || len(res.Cookies) != 0 || strings.Contains(string(b), "canary") || res.Headers["cache-control"] != "no-store" || res.Headers["strict-transport-security"] == "" {
				t.Errorf("%s %q: %s", name, bad, b)
			}
			if !strings.Contains(log, name) || strings.Contains(log, "x=y") || strings.Contains(log, "canary") {
				t.Errorf("%s %q: log %s", name, bad, log)
			}
		}
	}
	res, _ := answer(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", "a\tb é") })
	if res.StatusCode != 200 || res.Headers["x"] != "a\tb é" {
		t.Errorf("%+v", res)
	}
}

// An event that is none of ours is 400, and its content stays out of the log.
func TestEventNotUnderstood(t *testing.T) {
	var log bytes.Buffer
	f := apigw.Adapt(http.NotFoundHandler(), slog.New(slog.NewJSONHandler(&log, nil)))
	e := recorded(t)
	e.Body = "canary!"
	res := invoke(t, t.Context(), f, e)
	if res.StatusCode != 400 || strings.Contains(log.String(), "canary") || log.Len() == 0 || strings.Contains(res.Body, "canary") {
		t.Errorf("%+v, log %s", res, log.String())
	}
	for accept, kind := range map[string]string{"text/html": "text/html; charset=utf-8", "application/json": "application/problem+json"} {
		e.Headers["accept"] = accept
		res = invoke(t, t.Context(), f, e)
		if res.Headers["content-type"] != kind || !strings.Contains(res.Headers["content-security-policy"], "default-src 'none'") || !strings.Contains(res.Body, e.RequestContext.RequestID) {
			t.Errorf("%+v", res)
		}
	}
}

// our own answer ends a slow request, not the gateway's.
func TestHandlerHasLessTime(t *testing.T) {
	var left time.Duration
	f := apigw.Adapt(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		deadline, ok := r.Context().Deadline()
		if ok {
			left = time.Until(deadline)
		}
	}), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	invoke(t, ctx, f, recorded(t))
	if left > 9500*time.Millisecond || left < 8*time.Second {
		t.Errorf("%v of 10 s are left", left)
	}
	left = 0
	invoke(t, context.Background(), f, recorded(t))
	if left != 0 {
		t.Errorf("a deadline of %v from nowhere", left)
	}
}

// The recorded bytes of an event, there and back.
func TestInvoke(t *testing.T) {
	f := apigw.Adapt(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, r.FormValue("fullName"))
	}), slog.New(slog.DiscardHandler))
	b, err := f.Invoke(t.Context(), event(t, "form"))
	if err != nil {
		t.Fatal(err)
	}
	var res struct {
		StatusCode int
		Body       string
		Cookies    []string
	}
	err = json.Unmarshal(b, &res)
	if err != nil || res.StatusCode != 200 || res.Body != "POST /signup Ada" || len(res.Cookies) != 1 {
		t.Errorf("%s %v", b, err)
	}
}

// One handler answers the same behind net/http and behind the gateway.
func TestSameAsNetHTTP(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s|%s|%s|%s|%s|%v|%d|%s|%v", r.Method, r.URL.Path, r.URL.RawQuery, r.Host, b, err, r.ContentLength, r.Header.Get("Cookie"), r.Header["X-List"])
	})
	e := recorded(t)
	e.RawPath, e.RawQueryString, e.Body, e.IsBase64Encoded = "/a b/%", "x=%20", "body", false
	e.Headers = map[string]string{"host": "id.example.com", "x-list": "a, b"}
	got := invoke(t, t.Context(), apigw.Adapt(h, slog.New(slog.DiscardHandler)), e)
	r := httptest.NewRequest("POST", "http://id.example.com/a%20b/%25?x=%20", strings.NewReader("body"))
	r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	r.Header.Set("X-List", "a, b")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got.Body != w.Body.String() {
		t.Errorf("%s, behind net/http %s", got.Body, w.Body)
	}
}

// Whatever a handler writes, the gateway gets JSON it can send, with the same
// bytes in it.
func FuzzAnswer(f *testing.F) {
	f.Add("Location", "/verify", "body", 303)
	f.Add("Set-Cookie", "a=b\r\nc", "\xff", 200)
	f.Add("X", "\x00", "", 500)
	f.Fuzz(func(t *testing.T, name, value, body string, status int) {
		if status < 200 || status > 599 {
			return
		}
		res, _ := answer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
		if strings.ContainsAny(value, "\r\n\x00") {
			if res.StatusCode != 500 || res.Headers[strings.ToLower(name)] == value || len(res.Cookies) > 0 {
				t.Errorf("%q is sent: %+v", value, res)
			}
			return
		}
		got := res.Body
		if res.IsBase64Encoded {
			raw, err := base64.StdEncoding.DecodeString(got)
			if err != nil {
				t.Fatal(err)
			}
			got = string(raw)
		}
		if res.StatusCode != 500 && (res.StatusCode != status || got != body) {
			t.Errorf("%d %q, want %d %q", res.StatusCode, got, status, body)
		}
	})
}
