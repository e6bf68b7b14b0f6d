package flowtest

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// forgeries alter an authentic callback in one place.
func forgeries(t *testing.T) map[string]func(r *rig.Rig, c told) letter {
	t.Helper()
	header, nonce := "X-Twilio-Signature", "Content-Type"
	if vendorOf(t) == "authy" {
		header, nonce = "X-Authy-Signature", "X-Authy-Signature-Nonce"
	}
	headers := func(change func(h http.Header)) func(*rig.Rig, told) letter {
		return func(r *rig.Rig, c told) letter {
			l := c.sign(r)
			change(l.header)
			return l
		}
	}
	body := func(change func(c *told)) func(*rig.Rig, told) letter {
		return func(r *rig.Rig, c told) letter { // what was signed is not what is said
			l := c.sign(r)
			change(&c)
			return letter{l.header, c.sign(r).body}
		}
	}
	list := map[string]func(*rig.Rig, told) letter{
		"no signature":        headers(func(h http.Header) { h.Del(header) }),
		"empty signature":     headers(func(h http.Header) { h[header] = []string{""} }),
		"signature of zeros":  headers(func(h http.Header) { h.Set(header, strings.Repeat("A", 27)+"=") }),
		"altered signature":   headers(func(h http.Header) { h.Set(header, flip(h.Get(header))) }),
		"two signatures":      headers(func(h http.Header) { h.Add(header, flip(h.Get(header))) }),
		"another decision":    body(func(c *told) { c.status = "denied" }),
		"another request":     body(func(c *told) { c.id = c.id[:len(c.id)-1] + wrong("1" + c.id)[len(c.id):] }),
		"another person":      body(func(c *told) { c.by = wrong(c.by) }),
		"another session":     body(func(c *told) { c.session = strings.Repeat("ab", 16) }),
		"one more member":     body(func(c *told) { c.extra = map[string]string{"more": ""} }),
		"without the session": body(func(c *told) { c.session = "" }),
		"another vendor's key": func(r *rig.Rig, c told) letter {
			l := c.sign(r)
			l.header = http.Header{"Content-Type": l.header["Content-Type"], "X-Authy-Signature-Nonce": {"1"}}
			other := map[string]string{"X-Twilio-Signature": "X-Authy-Signature", "X-Authy-Signature": "X-Twilio-Signature"}[header]
			l.header.Set(other, c.sign(r).header.Get(header))
			return l
		},
	}
	if vendorOf(t) == "authy" {
		list["another nonce"] = headers(func(h http.Header) { h.Set(nonce, "1763632801") })
		list["no nonce"] = headers(func(h http.Header) { h.Del(nonce) })
		list["not JSON"] = func(r *rig.Rig, c told) letter { l := c.sign(r); return letter{l.header, "x" + l.body} }
	}
	return list
}

// flip changes the first character of a signature.
func flip(s string) string {
	if strings.HasPrefix(s, "A") {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

// What is unsigned, signed with something else or altered in one place is 403,
// is read no further and changes nothing; whatever a header says of the address,
// the configured one was signed (parity 94, 95, 139, I-07,
// T-41, T-45).
func TestForgedCallbacks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		real := saying(newest(t, r, adaPhone), "approved")
		before := r.Dump()
		r.Wire.Reset()
		for name, forge := range forgeries(t) {
			a := forge(r, real).post(r)
			if a.Status != 403 || a.Code() != "forged" {
				t.Errorf("%s: %d %s", name, a.Status, a.Code())
			}
		}
		for name, value := range map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Original-Url": "/x"} {
			l := real.sign(r)
			l.body = strings.Replace(l.body, "approved", "denied", 1)
			l.header.Set(name, value)
			if a := l.post(r); a.Status != 403 {
				t.Errorf("%s: %d", name, a.Status)
			}
		}
		for _, c := range r.Wire.Calls() {
			t.Errorf("a forged callback made a call: %s %s", c.Step, c.Name)
		}
		if r.Dump() != before {
			t.Error("a forged callback changed the table")
		}
		if state, _ := status(v); state != "pending" {
			t.Errorf("status %q", state)
		}
		if n := strings.Count(r.Log.String(), "alarm: a callback is not authentic"); n == 0 {
			t.Error("no alarm in the log")
		}
		l := real.sign(r)
		l.header.Set("X-Forwarded-Proto", "https") // the true one counts, whatever a proxy adds
		l.header.Set("X-Forwarded-Host", "evil.example")
		if a := l.post(r); a.Status != 200 {
			t.Errorf("the true callback: %d", a.Status)
		}
		if state, _ := status(v); state != "approved" {
			t.Errorf("status %q", state)
		}
	})
}

// What is authentic and decides nothing is taken, with 200, and changes nothing
// for anybody; Authy would switch us off after three errors (parity 92, 96, 98,
// 100, 130; ).
func TestMeaninglessCallbacks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		real := saying(newest(t, r, adaPhone), "approved")
		unknown := map[string]string{
			"authy": "00000000-1111-2222-3333-444444444444", "verify": "YC" + strings.Repeat("0", 31) + "7",
		}[vendorOf(t)]
		cases := map[string]func(c *told){
			"an unknown request": func(c *told) { c.id = unknown },
			"a malformed id":     func(c *told) { c.id = "42" },
			"an id of markup":    func(c *told) { c.id = "<b>#../" },
			"still pending":      func(c *told) { c.status = "pending" },
			"expired":            func(c *told) { c.status = "expired" },
			"a word of no list":  func(c *told) { c.status = "APPROVED" },
			"no word":            func(c *told) { c.status = "" },
			"another event": func(c *told) {
				c.extra = map[string]string{"callback_action": "user_added"}
				if c.vendor == "verify" {
					c.extra = map[string]string{"type": "factor.created"}
				}
			},
		}
		if vendorOf(t) == "verify" {
			cases["an authenticator's"] = func(c *told) { c.extra = map[string]string{"factor_type": "totp"} }
			cases["another service's"] = func(c *told) { c.extra = map[string]string{"service_sid": "VA" + strings.Repeat("0", 31) + "9"} }
		}
		for name, change := range cases {
			c := real
			change(&c)
			for range 4 {
				c.deliver(t, r)
			}
			if state, _ := status(v); state != "pending" {
				t.Errorf("%s: status %q", name, state)
			}
			outside(t, name, v)
		}
		a := r.Visitor(true).Get("/onetouch/callback")
		if a.Status != 200 || a.Doc["connected"] != true {
			t.Errorf("a ping: %d %s", a.Status, a.Body)
		}
		large := real
		large.extra = map[string]string{"more": strings.Repeat("x", 64<<10)}
		if a := large.sign(r).post(r); a.Status != 413 {
			t.Errorf("a body of more than 64 KiB: %d", a.Status)
		}
		real.deliver(t, r)
		expect(t, v.Post("/status", nil), moved(v), "/account")
	})
}

// The table down, or silent, or the function killed while a callback comes: the
// vendor gets its 200 within a second, the log an alarm, and the poll brings the
// decision (parity 96, 101; F-26, F-30, R-157, I-21, I-24, I-30).
func TestCallbackWithoutTheTable(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]rig.Fault{"lost": rig.Lost, "hanging": rig.Hanging, "unheard": rig.Unheard} {
		for _, provider := range []string{"verify", "authy"} {
			t.Run(name+"/"+provider, func(t *testing.T) {
				r := rig.Start(t, rig.Options{Provider: provider})
				v := r.Visitor(true)
				silent(t, r, v)
				for _, decision := range []string{"approved", "denied"} {
					w := waiting(t, r, v)
					r.Handset().Decide(adaPhone, decision)
					r.Wire.Break(func(c rig.Call) rig.Fault {
						if c.Step == "onetouch-callback" && c.Table {
							return fault
						}
						return rig.None
					})
					l := saying(newest(t, r, adaPhone), decision).sign(r)
					began := time.Now()
					a := l.post(r)
					if took := time.Since(began); a.Status != 200 || took >= time.Second {
						t.Errorf("%s: %d after %s", decision, a.Status, took)
					}
					r.Wire.Break(nil)
					if fault != rig.Unheard && !strings.Contains(r.Log.String(), "alarm: a decision was not kept") {
						t.Error("no alarm in the log")
					}
					r.Clock.Advance(3 * time.Second)
					awaitStatus(t, r, w, decision)
					if decision == "approved" {
						expect(t, w.Post("/status", nil), 200, "/account")
					}
				}
			})
		}
	}
}

// GET reports: whatever asks for the page, as often as it likes and however it
// dresses up, no session is confirmed, nothing is sent and the table stays as it
// is (R-060, R-028; parity 99, 143; T-34, T-35).
func TestGetStatusChangesNothing(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		for _, state := range []string{"pending", "approved"} {
			if state == "approved" {
				saying(newest(t, r, adaPhone), state).deliver(t, r)
			}
			half, before, sent := v.Cookie(), r.Dump(), r.Handset().Stats()
			for _, path := range []string{"/status", "/status?status=approved&confirm=1", "/status?id=" + newest(t, r, adaPhone).ID, "/verify", "/account", "/"} {
				for _, h := range []map[string]string{
					nil, {"Sec-Fetch-Site": "cross-site"}, {"X-Http-Method-Override": "POST"}, {"Purpose": "prefetch"},
				} {
					w := clone(t, r, v)
					for name, value := range h {
						w.Header.Set(name, value)
					}
					w.Get(path)
					w.Do("HEAD", path, "", "")
					if w.Cookie() != half {
						t.Fatalf("%s: GET %s with %v changed the cookie", state, path, h)
					}
				}
			}
			if r.Dump() != before {
				t.Errorf("%s: a GET changed the table", state)
			}
			if after := r.Handset().Stats(); after != sent {
				t.Errorf("%s: a GET reached a vendor: %+v, before %+v", state, after, sent)
			}
			if got, _ := status(r.Visitor(true)); got != "" {
				t.Errorf("%s: somebody without the cookie is told %q", state, got)
			}
		}
		expect(t, v.Post("/status", nil), moved(v), "/account")
	})
}

// A cookie that was stolen before the confirmation opens nothing after it. The
// lost answer of the confirmation is given again for half a minute, to who calls
// from the same network with the same browser, and to nobody any more once
// somebody else has tried (parity 141, I-26, T-25).
func TestStolenHalfSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		thieves := map[string]func(w *rig.Visitor){
			"another browser": func(w *rig.Visitor) { w.Header.Set("User-Agent", "another") },
			"another address": func(w *rig.Visitor) { w.From("203.0.113.7") },
			"too late":        func(*rig.Visitor) { r.Clock.Advance(30 * time.Second) },
		}
		for name, differ := range thieves {
			owner := waiting(t, r, v)
			stolen := owner.Cookie()
			r.Handset().Decide(adaPhone, "approved")
			awaitStatus(t, r, owner, "approved")
			expect(t, owner.Post("/status", nil), moved(v), "/account")
			again := r.Visitor(v.JSON) // the owner, whose answer was lost
			again.SetCookie(stolen)
			expect(t, again.Post("/status", nil), moved(v), "/account")
			if again.Cookie() != owner.Cookie() {
				t.Errorf("%s: the repeat made another cookie", name)
			}
			thief := r.Visitor(v.JSON)
			thief.SetCookie(stolen)
			differ(thief)
			dead(t, name, thief)
			same := r.Visitor(v.JSON)
			same.SetCookie(stolen)
			dead(t, name+", then as the owner", same)
			expect(t, thief.Post("/logout", nil), moved(v), "/")
			if a := owner.Get("/account"); a.Status != 200 {
				t.Errorf("%s: who stole the cookie logged the owner out", name)
			}
			r.Clock.Advance(time.Minute)
		}
	})
}

// dead checks that a cookie opens nothing and signs nobody in.
func dead(t *testing.T, what string, v *rig.Visitor) {
	t.Helper()
	cookie := v.Cookie()
	answers := map[string]rig.Answer{}
	for _, path := range []string{"/account", "/status", "/verify", "/factors"} {
		answers["GET "+path] = v.Get(path)
	}
	for path, fields := range map[string]map[string]string{
		"/status": nil, "/verify": {"code": "123456"}, "/resend": nil, "/factors": {"type": "totp"}, "/factors/remove": {"id": "1"},
	} {
		answers["POST "+path] = v.Post(path, maps.Clone(fields))
	}
	for request, a := range answers {
		if v.JSON && (a.Status != 401 || a.Code() != "no_session") || !v.JSON && (a.Status != 303 || a.Next != "/login") {
			t.Errorf("%s: %s: %d %q %s", what, request, a.Status, a.Next, a.Code())
		}
	}
	if v.Cookie() != cookie {
		t.Errorf("%s: it was given a cookie", what)
	}
}
