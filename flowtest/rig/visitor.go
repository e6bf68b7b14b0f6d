package rig

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Visitor is one browser or one program, with its own cookies.
type Visitor struct {
	JSON   bool // speaks JSON instead of forms
	Client *http.Client
	Header http.Header // sent with every request

	t   testing.TB
	app string
}

// Answer is what a visitor was told.
type Answer struct {
	Status int
	Next   string // where to go: a redirect's Location, or "next"
	Body   string
	Header http.Header
	Doc    map[string]any // of a JSON answer
}

// Code is a problem document's code.
func (a Answer) Code() string {
	s, _ := a.Doc["code"].(string)
	return s
}

// NewVisitor is a visitor of this app without any cookie.
func NewVisitor(t testing.TB, app string, speaksJSON bool) *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Visitor{
		t: t, app: app, JSON: speaksJSON, Header: http.Header{},
		Client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// Visitor is a new one of the rig's app.
func (r *Rig) Visitor(speaksJSON bool) *Visitor {
	v := NewVisitor(r.t, r.App, speaksJSON)
	if r.Watch != nil {
		r.Watch(v.Client)
	}
	return v
}

// Get asks for a page.
func (v *Visitor) Get(path string) Answer { return v.Do(http.MethodGet, path, "", "") }

// Post sends fields, as a form or as a document.
func (v *Visitor) Post(path string, fields map[string]string) Answer {
	if v.JSON && fields == nil {
		return v.Do(http.MethodPost, path, "application/json", "{}")
	}
	if v.JSON {
		doc, err := json.Marshal(fields)
		if err != nil {
			v.t.Fatal(err)
		}
		return v.Do(http.MethodPost, path, "application/json", string(doc))
	}
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	return v.Do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// Do makes any request.
func (v *Visitor) Do(method, path, contentType, body string) Answer {
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.app+path, bytes.NewReader([]byte(body)))
	if err != nil {
		v.t.Error(err)
		return Answer{}
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", "text/html")
	if v.JSON {
		req.Header.Set("Accept", "application/json")
	}
	for name, values := range v.Header {
		req.Header[name] = values
	}
	res, err := v.Client.Do(req)
	if err != nil {
		v.t.Errorf("%s %s: %v", method, path, err)
		return Answer{}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Errorf("%s %s: %v", method, path, err)
	}
	return answer(res, b)
}

func answer(res *http.Response, body []byte) Answer {
	a := Answer{Status: res.StatusCode, Next: res.Header.Get("Location"), Body: string(body), Header: res.Header}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		err := json.Unmarshal(body, &a.Doc)
		if err == nil && a.Next == "" {
			a.Next, _ = a.Doc["next"].(string)
		}
	}
	return a
}

// Cookie is the value of the visitor's session cookie.
func (v *Visitor) Cookie() string {
	u, err := url.Parse(v.app)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.Client.Jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "latchkey-session") {
			return c.Value
		}
	}
	return ""
}

// SetCookie gives the visitor a session cookie.
func (v *Visitor) SetCookie(value string) {
	u, err := url.Parse(v.app)
	if err != nil {
		v.t.Fatal(err)
	}
	v.Client.Jar.SetCookies(u, []*http.Cookie{{Name: "latchkey-session", Value: value, Path: "/"}})
}

var seed = regexp.MustCompile(`name="form" value="([^"]+)"`)

// Seed opens the sign-up form and returns its hidden value.
func (v *Visitor) Seed() string {
	m := seed.FindStringSubmatch(v.Get("/signup").Body)
	if m == nil {
		v.t.Error("the form has no seed")
		return ""
	}
	return html.UnescapeString(m[1])
}

// Form is a sign-up that works, for a phone and an address of one's own.
func Form(email, phone string) map[string]string {
	return map[string]string{
		"fullName": "Ada Lovelace", "email": email, "password": "correct horse battery", "countryCode": "US", "phone": phone,
	}
}
