package flowtest

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// at posts a callback with this query.
func (l letter) at(r *rig.Rig, query string) rig.Answer {
	v := r.Visitor(true)
	v.Header = l.header.Clone()
	return v.Do("POST", "/onetouch/callback"+query, "", l.body)
}

// One byte altered anywhere in what a vendor posted, in its body, its signature,
// its nonce or after its address, and it is forged; neither the door nor the step
// repairs anything (parity 93-95, T-41).
func TestEveryByteOfACallback(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run("every byte/"+provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(true)
			silent(t, r, v)
			v = waiting(t, r, v)
			genuine := saying(newest(t, r, adaPhone), "approved").sign(r)
			refused := func(what string, a rig.Answer) {
				if a.Status != 403 || a.Code() != "forged" {
					t.Errorf("%s: %d %s", what, a.Status, a.Code())
				}
			}
			altered := func(s string, i int) string { return s[:i] + string([]byte{s[i] ^ 1}) + s[i+1:] }
			for i := range genuine.body {
				refused("body, "+altered(genuine.body, i), letter{genuine.header, altered(genuine.body, i)}.post(r))
			}
			for name, values := range genuine.header {
				if name == "Content-Type" {
					continue
				}
				for i := range values[0] {
					l := letter{genuine.header.Clone(), genuine.body}
					l.header[name] = []string{altered(values[0], i)}
					refused(name+", "+l.header.Get(name), l.post(r))
				}
			}
			if provider == "verify" { // whose signature covers a query; Authy's leaves it out
				for _, query := range []string{"?x", "?x=1", "?bodySHA256=", "?type=challenge.approved"} {
					refused(query, genuine.at(r, query))
				}
			}
			if state, _ := status(v); state != "pending" {
				t.Errorf("status %q", state)
			}
			l := letter{http.Header{}, genuine.body}
			for name, values := range genuine.header { // and the true one, however its headers are spelled
				l.header[strings.ToLower(name)] = values
			}
			if a := l.post(r); a.Status != 200 {
				t.Errorf("the true one: %d %s", a.Status, a.Body)
			}
			if state, _ := status(v); state != "approved" {
				t.Errorf("status %q", state)
			}
		})
	}
}

// A name in any case is the same header (RFC 9110, section 5.1), and a query that
// is signed for is no obstacle (R-150, R-151; parity 93).
func TestCallbackAsItMayCome(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run("spelled/"+provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(true)
			silent(t, r, v)
			same := func(name string) string { return name }
			for name, way := range map[string]struct {
				query string
				spell func(string) string
			}{"small": {"", strings.ToLower}, "capital": {"", strings.ToUpper}, "with a query": {"?v=2&empty", same}} {
				w := waiting(t, r, v)
				l := saying(newest(t, r, adaPhone), "approved").signAt(r, way.query)
				spelled := http.Header{}
				for name, values := range l.header {
					spelled[way.spell(name)] = values
				}
				a := letter{spelled, l.body}.at(r, way.query)
				if a.Status != 200 {
					t.Errorf("%s: %d %s", name, a.Status, a.Body)
				}
				expect(t, w.Post("/status", nil), 200, "/account")
			}
		})
	}
}

// Without a key, or with an empty one, nobody is believed, least of all who
// signs with the empty key; the other vendor's scheme does not stand in
// (R-150, R-151, T-45).
func TestNoKeyNoCallback(t *testing.T) {
	t.Parallel()
	keys := map[string]map[string]string{
		"verify": {"TWILIO_AUTH_TOKEN": "", "TWILIO_API_KEY_SID": "SK" + strings.Repeat("0", 31) + "1", "TWILIO_API_KEY_SECRET": "rigsecret"},
		"authy":  {"AUTHY_API_KEY": ""},
	}
	for _, provider := range []string{"verify", "authy"} {
		t.Run("keyless/"+provider, func(t *testing.T) {
			t.Parallel()
			other := map[string]string{"verify": "authy", "authy": "verify"}[provider]
			r := rig.Start(t, rig.Options{Provider: other, Env: keys[provider]})
			id, by := "YC"+strings.Repeat("0", 31)+"7", "YF"+strings.Repeat("0", 31)+"7"
			if provider == "authy" {
				id, by = "00000000-1111-2222-3333-444444444444", "1234567"
			}
			c := told{vendor: provider, id: id, by: by, status: "approved"}
			before := r.Dump()
			for _, key := range []string{"", "rigkey", "rigtoken", " "} {
				if a := c.signWith(r, key).post(r); a.Status != 403 || a.Code() != "forged" {
					t.Errorf("signed with %q: %d %s", key, a.Status, a.Code())
				}
			}
			if r.Dump() != before {
				t.Error("the table changed")
			}
		})
	}
}
