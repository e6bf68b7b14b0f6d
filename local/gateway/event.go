package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// event is the payload of format 2.0
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
// What AWS leaves out when it is empty is left out here too.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	Authorizer   any         `json:"authorizer,omitempty"` // lambdaContext or iamContext
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"` // milliseconds
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

const (
	accountID = "123456789012"
	apiID     = "local"
	region    = "us-east-1"
)

func newEvent(r *http.Request, key string, variables map[string]string, body []byte, now time.Time) event {
	path := r.URL.Path
	if path == "" {
		path = "/"
	}
	domain := withoutPort(r.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	source := sourceIP(r.RemoteAddr)
	e := event{
		Version:               "2.0",
		RouteKey:              key,
		RawPath:               path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header["Cookie"]),
		Headers:               headers(r, source, len(body), now),
		QueryStringParameters: query(r.URL.RawQuery),
		PathParameters:        variables,
		RequestContext: requestContext{
			AccountID:    accountID,
			APIID:        apiID,
			DomainName:   domain,
			DomainPrefix: prefix,
			HTTP: httpContext{
				Method: r.Method, Path: path, Protocol: r.Proto,
				SourceIP: source, UserAgent: r.UserAgent(),
			},
			RequestID: requestID(),
			RouteKey:  key,
			Stage:     "$default",
			Time:      now.UTC().Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch: now.UnixMilli(),
		},
	}
	e.setBody(r.Header.Get("Content-Type"), body)
	return e
}

// setBody puts text in as it is and everything else, forms included, in base64.
func (e *event) setBody(contentType string, body []byte) {
	if len(body) == 0 {
		return
	}
	if isText(contentType) {
		e.Body = string(body)
		return
	}
	e.Body = base64.StdEncoding.EncodeToString(body)
	e.IsBase64Encoded = true
}

func isText(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch kind {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(kind, "text/")
}

// hopByHop are headers of one connection (RFC 9110, section 7.6.1): they end at the gateway,
// in both directions.
func hopByHop(lower string) bool {
	switch lower {
	case "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
		"te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// headers are in lower case with repeats joined, without cookies, and with what the service
// adds or sets itself.
func headers(r *http.Request, source string, length int, now time.Time) map[string]string {
	all := map[string]string{}
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		if lower == "cookie" || hopByHop(lower) {
			continue
		}
		all[lower] = strings.Join(values, ",")
	}
	all["host"] = r.Host
	all["content-length"] = strconv.Itoa(length)
	all["x-forwarded-for"] = appended(all["x-forwarded-for"], source)
	all["x-forwarded-proto"] = "http"
	all["x-forwarded-port"] = port(r)
	all["x-amzn-trace-id"] = traceID(now)
	return all
}

// appended keeps what a client claims about itself on the left, as the service does.
func appended(list, last string) string {
	if list == "" {
		return last
	}
	return list + ", " + last
}

// cookies are one text per cookie, as sent.
func cookies(lines []string) []string {
	var list []string
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			part = strings.TrimSpace(part)
			if part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// query decodes what it can; a pair that cannot be decoded is kept as sent.
func query(raw string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		before, repeated := all[name]
		if repeated {
			value = before + "," + value
		}
		all[name] = value
	}
	return all
}

func unescape(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return decoded
}

// withoutPort keeps the brackets of an IPv6 address, as a host name in a URL needs them.
func withoutPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon > strings.LastIndexByte(host, ']') {
		return host[:colon]
	}
	return host
}

func sourceIP(remote string) string {
	address, err := netip.ParseAddrPort(remote)
	if err == nil {
		return address.Addr().Unmap().WithZone("").String()
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

// port is the one the request came in at.
func port(r *http.Request) string {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if ok {
		_, p, err := net.SplitHostPort(local.String())
		if err == nil {
			return p
		}
	}
	_, p, err := net.SplitHostPort(r.Host)
	if err != nil {
		return "80"
	}
	return p
}

// requestID has the shape of the service's: sixteen characters of base64 with padding.
func requestID() string {
	b := make([]byte, 11)
	_, _ = rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

func traceID(now time.Time) string {
	b := make([]byte, 12)
	_, _ = rand.Read(b)
	return fmt.Sprintf("Root=1-%08x-%x", now.Unix(), b)
}
