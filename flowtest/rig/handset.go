package rig

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Handset is a simulated phone's programming interface.
type Handset struct {
	URL string

	t testing.TB
}

// Message is one message on a phone.
type Message struct {
	Kind, From, Body string
}

// Stats counts what the vendors were asked.
type Stats struct {
	SMS, Calls, Checks, Approvals, Callbacks int
}

// NewHandset is the phone at this address.
func NewHandset(t testing.TB, address string) *Handset { return &Handset{URL: address, t: t} }

// Handset is the rig's phone.
func (r *Rig) Handset() *Handset { return NewHandset(r.t, r.Phone) }

func (h *Handset) do(method, path, body string, into any) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		h.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, b, err)
	}
	if into == nil {
		return
	}
	err = json.Unmarshal(b, into)
	if err != nil {
		h.t.Fatal(err)
	}
}

// Messages are a phone's messages, oldest first.
func (h *Handset) Messages(phone string) []Message {
	h.t.Helper()
	var list []Message
	h.do(http.MethodGet, "/api/phones/"+url.PathEscape(phone)+"/messages", "", &list)
	return list
}

var code = regexp.MustCompile(`\b\d{6,7}\b`)

// Code is the newest code on a phone, or "".
func (h *Handset) Code(phone string) string {
	h.t.Helper()
	list := h.Messages(phone)
	for i := len(list) - 1; i >= 0; i-- {
		m := code.FindString(list[i].Body)
		if m != "" {
			return m
		}
	}
	return ""
}

// Approval is one push request on a phone.
type Approval struct {
	ID, Message, Status string
	Details             map[string]string
}

// Approvals are a phone's push requests, newest first.
func (h *Handset) Approvals(phone string) []Approval {
	h.t.Helper()
	var list []Approval
	h.do(http.MethodGet, "/api/phones/"+url.PathEscape(phone)+"/approvals", "", &list)
	return list
}

// Raw is the phone's answer to a GET, as it was written.
func (h *Handset) Raw(path string) string {
	h.t.Helper()
	var doc json.RawMessage
	h.do(http.MethodGet, path, "", &doc)
	return string(doc)
}

// Decide answers the newest push request on a phone: "approved" or "denied".
func (h *Handset) Decide(phone, decision string) {
	h.t.Helper()
	list := h.Approvals(phone)
	if len(list) == 0 {
		h.t.Fatalf("nothing to be %s on the phone", decision)
	}
	h.DecideOn(phone, list[0].ID, decision)
}

// DecideOn answers one push request on a phone.
func (h *Handset) DecideOn(phone, id, decision string) {
	h.t.Helper()
	h.do(http.MethodPost, "/api/phones/"+url.PathEscape(phone)+"/approvals/"+id, `{"decision":"`+decision+`"}`, nil)
}

// App changes what the phone has: {"installed":true}, {"enrolment":…} or
// {"uri":…}.
func (h *Handset) App(phone string, change map[string]any) {
	h.t.Helper()
	doc, err := json.Marshal(change)
	if err != nil {
		h.t.Fatal(err)
	}
	h.do(http.MethodPut, "/api/phones/"+url.PathEscape(phone)+"/app", string(doc), nil)
}

// Token is what the phone's app shows now.
func (h *Handset) Token(phone string) string {
	h.t.Helper()
	var doc struct{ Token string }
	h.do(http.MethodGet, "/api/phones/"+url.PathEscape(phone)+"/token", "", &doc)
	return doc.Token
}

// Weather changes it: any of {"callbacks":…,"sms":…,"api":…}.
func (h *Handset) Weather(doc string) {
	h.t.Helper()
	h.do(http.MethodPut, "/api/weather", doc, nil)
}

// Stats are the counts since the last Forget.
func (h *Handset) Stats() Stats {
	h.t.Helper()
	var s Stats
	h.do(http.MethodGet, "/api/stats", "", &s)
	return s
}

// Forget makes the simulator forget everything.
func (h *Handset) Forget() {
	h.t.Helper()
	h.do(http.MethodDelete, "/api", "", nil)
}
