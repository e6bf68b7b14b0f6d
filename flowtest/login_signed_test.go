package flowtest

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// vendorOf is whom a test's users belong to, by the test's name.
func vendorOf(t *testing.T) string {
	for _, name := range []string{"authy", "verify"} {
		if strings.Contains(t.Name(), "/"+name) {
			return name
		}
	}
	t.Fatal("no vendor in the test's name")
	return ""
}

// told is what a vendor tells of an approval, before it is signed.
type told struct {
	vendor  string
	id      string // of the request
	by      string // the person or factor that decided
	status  string
	session string            // in the hidden details; "" for none
	extra   map[string]string // members or fields beside or over the others
}

// saying is what the vendor tells when an approval is decided as it should be.
func saying(a store.Approval, status string) told {
	return told{vendor: a.Provider, id: a.ID, by: a.Subject, status: status, session: a.Session}
}

// letter is a callback as it is posted.
type letter struct {
	header http.Header
	body   string
}

// sign writes and signs a callback as the vendor does, by code that neither the
// product nor the simulator has.
func (c told) sign(r *rig.Rig) letter {
	return c.write(r.App+"/onetouch/callback", map[string]string{"authy": "rigkey", "verify": "rigtoken"}[c.vendor])
}

// signWith is sign under another key.
func (c told) signWith(r *rig.Rig, key string) letter {
	return c.write(r.App+"/onetouch/callback", key)
}

// signAt is sign for an address that has a query, which Authy leaves out.
func (c told) signAt(r *rig.Rig, query string) letter {
	if c.vendor == "authy" {
		return c.sign(r)
	}
	return c.write(r.App+"/onetouch/callback"+query, "rigtoken")
}

func (c told) write(address, key string) letter {
	if c.vendor == "authy" {
		return c.writeAuthy(address, key)
	}
	fields := map[string]string{
		"type": "challenge." + c.status, "challenge_sid": c.id, "factor_sid": c.by, "factor_type": "push",
		"service_sid": "VA" + strings.Repeat("0", 31) + "1",
	}
	if c.session != "" {
		fields["challenge_hidden_details"] = fmt.Sprintf(`{"session":%q}`, c.session)
	}
	maps.Copy(fields, c.extra)
	form, text := url.Values{}, address
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		form.Set(name, fields[name])
		text += name + fields[name]
	}
	return letter{http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {digest(sha1.New, key, text)},
	}, form.Encode()}
}

func (c told) writeAuthy(address, key string) letter {
	doc := map[string]any{"authy_id": json.Number(c.by), "uuid": c.id, "status": c.status, "callback_action": "approval_request_status"}
	flat := url.Values{"authy_id": {c.by}, "uuid": {c.id}, "status": {c.status}, "callback_action": {"approval_request_status"}}
	if c.session != "" {
		hidden := map[string]any{"hidden_details": map[string]any{"session": c.session}}
		doc["approval_request"] = map[string]any{"transaction": hidden}
		flat.Set("approval_request[transaction][hidden_details][session]", c.session)
	}
	for name, value := range c.extra {
		doc[name] = value
		flat.Set(name, value)
	}
	body, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	const nonce = "1763632800"
	return letter{http.Header{
		"Content-Type": {"application/json"}, "X-Authy-Signature-Nonce": {nonce},
		"X-Authy-Signature": {digest(sha256.New, key, nonce+"|POST|"+address+"|"+flat.Encode())},
	}, string(body)}
}

func digest(kind func() hash.Hash, key, text string) string {
	mac := hmac.New(kind, []byte(key))
	io.WriteString(mac, text) //nolint:errcheck // a hash takes everything
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// post delivers a callback.
func (l letter) post(r *rig.Rig) rig.Answer {
	v := r.Visitor(true)
	v.Header = l.header.Clone()
	return v.Do("POST", "/onetouch/callback", l.header.Get("Content-Type"), l.body)
}

// deliver posts what a vendor tells, which is always taken.
func (c told) deliver(t *testing.T, r *rig.Rig) {
	t.Helper()
	a := c.sign(r).post(r)
	if a.Status != 200 {
		t.Fatalf("an authentic callback: %d %s", a.Status, a.Body)
	}
}

// newest is the approval that a phone was asked for last, as the table has it.
func newest(t *testing.T, r *rig.Rig, phone string) store.Approval {
	t.Helper()
	asked := r.Handset().Approvals(phone)
	if len(asked) == 0 {
		t.Fatal("the phone was asked for nothing")
	}
	a, err := r.Table.Approval(t.Context(), store.Ref{Provider: vendorOf(t), ID: asked[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// waiting is a new browser of Ada's that waits for an approval.
func waiting(t *testing.T, r *rig.Rig, v *rig.Visitor) *rig.Visitor {
	t.Helper()
	w := r.Visitor(v.JSON)
	expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/status")
	return w
}

// silent is a rig whose vendors call nobody back: what is delivered, the test
// delivers itself.
func silent(t *testing.T, r *rig.Rig, v *rig.Visitor) {
	t.Helper()
	member(t, r, v, ada, adaPhone)
	r.Handset().Weather(`{"callbacks":"drop"}`)
}

// outside checks that a browser is not signed in and cannot confirm itself.
func outside(t *testing.T, what string, v *rig.Visitor) {
	t.Helper()
	if a := v.Post("/status", nil); a.Next == "/account" {
		t.Errorf("%s: POST /status signs in", what)
	}
	if a := v.Get("/account"); a.Status == 200 {
		t.Errorf("%s: the account is open", what)
	}
}

// asksOf are the questions about approvals that waiting pages put to a vendor.
func asksOf(r *rig.Rig) int {
	n := 0
	for _, c := range r.Wire.Calls() {
		if c.Step == "status" && !c.Table {
			n++
		}
	}
	return n
}
