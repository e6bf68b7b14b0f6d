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
