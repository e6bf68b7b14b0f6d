// Package apigw turns an HTTP API's event (payload format 2.0) into an
// *http.Request and the answer back, and starts a step as a Lambda. A step is a
// plain http.Handler and does not know where it runs.
//
// It is the only importer of aws-lambda-go. The adapter is ours because the
// public one fails on empty answers, on commas in headers and on "%" in paths.
// It must not know what any step does.
package apigw

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Request is the *http.Request that an event stands for. The path is taken as
// it is, not parsed again: the gateway has decoded it already.
func Request(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		b, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, errors.New("decoding the event's body: not base64")
		}
		body = b
	}
	method := e.RequestContext.HTTP.Method
	if method == "" || e.RawPath == "" || e.RawPath[0] != '/' {
		return nil, errors.New("reading the event: it is not one of an HTTP API")
	}
	r := &http.Request{
		Method: method, URL: &url.URL{Path: e.RawPath, RawQuery: e.RawQueryString},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header(e), Body: nopCloser{bytes.NewReader(body)}, ContentLength: int64(len(body)),
		RemoteAddr: remote(e.RequestContext.HTTP.SourceIP),
	}
	r.Host = r.Header.Get("Host")
	if r.Host == "" {
		r.Host = e.RequestContext.DomainName
	}
	r.Header.Del("Host")
	r.RequestURI = r.URL.RequestURI()
	return r.WithContext(calledBy(ctx, e)), nil
}

func header(e events.APIGatewayV2HTTPRequest) http.Header {
	h := make(http.Header, len(e.Headers)+2)
	for name, value := range e.Headers {
		h.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		h.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	h.Set("X-Request-Id", e.RequestContext.RequestID) // over whatever the client sent
	return h
}

// remote gives the address a port, which net/http promises; behind mutual TLS
// the gateway sends one already.
func remote(ip string) string {
	_, _, err := net.SplitHostPort(ip)
	if err == nil {
		return ip
	}
	return net.JoinHostPort(ip, "0")
}

type nopCloser struct{ *bytes.Reader }

// Close does nothing.
func (nopCloser) Close() error { return nil }

// recorder gathers an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's header.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader keeps the first status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write adds to the body.
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// response is the event's answer. Nothing behind us checks header values, so a
// control character in one is an error here.
func (w *recorder) response() (events.APIGatewayV2HTTPResponse, error) {
	w.WriteHeader(http.StatusOK)
	res := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: make(map[string]string, len(w.header))}
	for name, values := range w.header {
		for _, v := range values {
			if strings.ContainsFunc(v, func(c rune) bool { return c < 0x20 && c != '\t' || c == 0x7f }) {
				return res, fmt.Errorf("answering: control character in header %s", name)
			}
		}
		if name == "Set-Cookie" {
			res.Cookies = values
			continue
		}
		res.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	res.Body = w.body.String()
	if !utf8.ValidString(res.Body) {
		res.Body, res.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return res, nil
}
