package flowtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

const deployedAt = "https://id.example.com"

// front carries the requests of visitors to a deployed stack's address to the rig,
// and looks at every answer.
type front struct {
	t   *testing.T
	app string // where the rig listens

	mu   sync.Mutex
	seen map[string]bool // "page 403", "json 503"
}

// visitor is one of a deployed stack.
func (f *front) visitor(speaksJSON bool) *rig.Visitor {
	v := rig.NewVisitor(f.t, deployedAt, speaksJSON)
	v.Client.Transport = f
	return v
}

// RoundTrip passes a request on, under the name that it was made to.
func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.Host, out.URL.Scheme, out.URL.Host = r.URL.Host, "http", strings.TrimPrefix(f.app, "http://")
	if r.Header.Get("X-Test-Host") != "" {
		out.Host = r.Header.Get("X-Test-Host")
	}
	res, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	kind := "page"
	if strings.Contains(r.Header.Get("Accept"), "json") {
		kind = "json"
	}
	f.mu.Lock()
	f.seen[fmt.Sprint(kind, " ", res.StatusCode)] = true
	f.mu.Unlock()
	f.check(fmt.Sprintf("%s %s as %s: %d", r.Method, r.URL.Path, kind, res.StatusCode), kind, res, string(body))
	return res, err
}

// always are the headers of every answer.
var always = map[string]string{
	"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
	"Cache-Control":                "no-store",
	"Vary":                         "Accept",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"X-Robots-Tag":                 "noindex",
}

func (f *front) check(name, kind string, res *http.Response, body string) {
	h := maps.Clone(always)
	h["Content-Security-Policy"] = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	switch {
	case res.StatusCode == http.StatusSeeOther:
		if body != "" || !strings.HasPrefix(res.Header.Get("Location"), "/") {
			f.t.Errorf("%s: to %q with %q", name, res.Header.Get("Location"), body)
		}
	case kind == "page":
		h["Content-Type"] = "text/html; charset=utf-8"
		h["Content-Security-Policy"] = pagePolicy(body)
	case res.StatusCode >= 400:
		h["Content-Type"] = "application/problem+json"
	default:
		h["Content-Type"] = "application/json"
	}
	for header, want := range h {
		if got := res.Header.Values(header); !slices.Equal(got, []string{want}) {
			f.t.Errorf("%s: %s is %q, want %q", name, header, got, want)
		}
	}
	for header := range res.Header {
		if strings.HasPrefix(header, "Access-Control-") {
			f.t.Errorf("%s: %s", name, header)
		}
	}
	for _, c := range res.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-latchkey-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			f.t.Errorf("%s: cookie %s: secure %v, http only %v, same site %v, path %q, domain %q", name, c.Name, c.Secure, c.HttpOnly, c.SameSite, c.Path, c.Domain)
		}
	}
}

var inline = regexp.MustCompile(`(?s)<(style|script)>(.*?)</(?:style|script)>`)

// pagePolicy allows what stands in this very page.
func pagePolicy(body string) string {
	hash := map[string]string{}
	for _, m := range inline.FindAllStringSubmatch(body, -1) {
		sum := sha256.Sum256([]byte(m[2]))
		hash[m[1]] += "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + hash["script"] + "; style-src " + hash["style"] + "; img-src data:; connect-src 'self'; form-action 'self';" +
		" base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
}

// atFront is a deployed stack and its visitors' way to it.
func atFront(t *testing.T) (*rig.Rig, *front) {
	t.Helper()
	r := rig.Start(t, rig.Options{Env: maps.Clone(deployed)})
	return r, &front{t: t, app: r.App, seen: map[string]bool{}}
}

// Every route, whatever is asked of it and whatever comes of it, has all headers
// with these values, no other site is allowed anything, and cookies are for this
// host alone.
func TestHeaders(t *testing.T) {
	t.Parallel()
	r, f := atFront(t)
	f.visitor(false).Get("/nope")
	f.visitor(true).Get("/nope")
	for i, speaksJSON := range []bool{false, true} {
		v, phone := f.visitor(speaksJSON), fmt.Sprint("+1415555267", i)
		email := fmt.Sprint("ada", i, "@example.com")
		f.each(v)
		expect(t, v.Post("/signup", rig.Form(email, phone)), moved(v), "/verify")
		v.Get("/verify")
		if a := f.visitor(speaksJSON).Post("/signup", rig.Form("bob@example.com", phone)); a.Status != 429 {
			t.Errorf("%d", a.Status)
		}
		code := r.Handset().Code(phone)
		if a := v.Post("/verify", map[string]string{"code": wrong(code)}); a.Status != 401 {
			t.Errorf("%d", a.Status)
		}
		v.Post("/resend", nil)
		expect(t, v.Post("/verify", map[string]string{"code": code}), moved(v), "/account")
		for _, path := range []string{"/account", "/factors", "/password", "/phone", "/recovery/codes", "/login/again", "/login", "/"} {
			v.Get(path)
		}
		r.Wire.Break(shut)
		v.Get("/account")
		f.visitor(speaksJSON).Post("/signup", rig.Form("cy@example.com", "+14155552679"))
		r.Wire.Break(nil)
		r.Clock.Advance(time.Hour)
		expect(t, v.Post("/logout", nil), moved(v), "/")
		kind := map[bool]string{false: "page", true: "json"}[speaksJSON]
		for _, status := range []int{200, 303, 400, 401, 403, 404, 405, 413, 415, 421, 422, 429, 503} {
			if !f.seen[fmt.Sprint(kind, " ", status)] && !(speaksJSON && status == 303) {
				t.Errorf("no %s with %d was looked at", kind, status)
			}
		}
	}
	shopper := f.visitor(true).Signed(shop)
	for route, signed := range signedRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		if signed {
			shopper.Do(method, at(path), "", "")
			shopper.Do("DELETE", at(path), "", "")
		}
	}
}

// each asks every route for all that needs no session: methods that it has not,
// bodies that nobody reads, other sites and another host.
func (f *front) each(v *rig.Visitor) {
	other := func(name, value string) *rig.Visitor {
		w := f.visitor(v.JSON)
		w.Header.Set(name, value)
		return w
	}
	const form, jsonType = "application/x-www-form-urlencoded", "application/json"
	for route, signed := range signedRoutes(f.t) {
		method, path, _ := strings.Cut(route, " ")
		preflight := other("Origin", "https://evil.example")
		preflight.Header.Set("Access-Control-Request-Method", method)
		preflight.Header.Set("Access-Control-Request-Headers", "content-type")
		preflight.Do("OPTIONS", at(path), "", "")
		v.Do("PUT", at(path), form, "a=b")
		vendors := path == "/onetouch/callback" && !v.JSON // which answers JSON alone
		if signed || vendors {
			continue
		}
		other("X-Test-Host", "abc.execute-api.eu-west-1.amazonaws.com").Do(method, path, "", "")
		other("Sec-Fetch-Site", "cross-site").Do(method, path, "", "")
		v.Do(method, path, "", "")
		if method == "POST" {
			v.Do(method, path, form, "a=%zz")
			v.Do(method, path, jsonType, "[]")
			v.Do(method, path, form, "a="+strings.Repeat("x", 65<<10))
			v.Do(method, path, "text/plain", "a=b")
			other("Origin", "null").Do(method, path, form, "a=b")
		}
	}
}

// Each step that takes a write holds the browser's word for where it comes from
// against the host that was asked, in this order: host, site, origin (R-032,
//
func TestOriginMatrix(t *testing.T) {
	t.Parallel()
	_, f := atFront(t)
	const self, gateway = "id.example.com", "abc.execute-api.eu-west-1.amazonaws.com"
	for route, signed := range signedRoutes(t) {
		method, path, _ := strings.Cut(route, " ")
		if signed || method != "POST" {
			continue
		}
		for _, host := range []string{self, "ID.example.com:443", gateway} {
			for _, c := range []struct {
				site, origin string
				pass         bool
			}{
				{"", "", true}, {"same-origin", deployedAt, true}, {"none", "", true}, {"", deployedAt, host == self}, // compared with the host as it is spelled
				{"same-site", "https://www.example.com", false}, {"cross-site", "https://evil.example", false}, {"cross-site", "", false}, {"cross-site", deployedAt, false},
				{"", "https://evil.example", false}, {"", "null", false}, {"", "https://" + gateway, false}, {"", "https://id.example.com.evil.example", false},
			} {
				v := f.visitor(true)
				for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin, "X-Test-Host": host} {
					if value != "" {
						v.Header.Set(name, value)
					}
				}
				a := v.Do(method, path, "application/json", "[]")
				want := ""
				switch {
				case host == gateway:
					want = "misdirected"
				case !c.pass:
					want = "cross_origin"
				}
				if want != "" && a.Code() != want || want == "" && (a.Code() == "misdirected" || a.Code() == "cross_origin") {
					t.Errorf("%s at %s from %q, origin %q: %d %s, want %q", path, host, c.site, c.origin, a.Status, a.Code(), want)
				}
			}
		}
	}
}
