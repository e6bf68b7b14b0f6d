package flowtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

const shop = "arn:aws:iam::123456789012:role/shop"

// aCheck asks for a code to a phone.
func aCheck(phone string) map[string]string {
	return map[string]string{"countryCode": "US", "phone": phone}
}

// checking is a rig where phone checks are on, and the owner's back end.
func checking(t *testing.T, provider string, change map[string]string) (*rig.Rig, *rig.Visitor) {
	t.Helper()
	vars := map[string]string{"PHONE_CHECKS": "on"}
	for name, value := range change {
		vars[name] = value
	}
	r := rig.Start(t, rig.Options{Provider: provider, Env: vars})
	return r, r.Visitor(true).Signed(shop)
}

// eachChecking runs a test for both vendors.
func eachChecking(t *testing.T, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			r, v := checking(t, provider, nil)
			test(t, r, v)
		})
	}
}

// begun is the id of a check that an answer is about.
func begun(t *testing.T, a rig.Answer) string {
	t.Helper()
	id, _ := a.Doc["id"].(string)
	if a.Status != 200 || len(id) != 43 {
		t.Fatalf("no check is begun: %d %s", a.Status, a.Body)
	}
	return id
}

func tryCode(v *rig.Visitor, id, code string) rig.Answer {
	return v.Post("/phone-checks/"+id, map[string]string{"code": code})
}

// proved holds an answer to its form.
func proved(t *testing.T, a rig.Answer, phone string) {
	t.Helper()
	if a.Status != 200 || a.Doc["verified"] != true || a.Doc["phone"] != phone || len(a.Doc) != 2 {
		t.Fatalf("not proved: %d %s", a.Status, a.Body)
	}
}

// other is a code that is not this one.
func other(code string) string {
	if code == "000000" || code == "0000000" {
		return "1" + code[1:]
	}
	return strings.Repeat("0", len(code))
}

// A phone is proved without an account: once, and again for as long as the
// answer may have been lost; nobody gets a session by it.
// (parity 125)
func TestPhoneCheck(t *testing.T) {
	t.Parallel()
	eachChecking(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		a := v.Post("/phone-checks", map[string]string{"countryCode": "1", "phone": "(415) 555-2671"})
		id := begun(t, a)
		if a.Doc["phone"] != "+•• ••• •••71" || a.Doc["expires_in"] != 600.0 || len(a.Doc) != 3 {
			t.Errorf("begun as %s", a.Body)
		}
		code := r.Handset().Code(adaPhone)
		if dump := r.Dump(); strings.Contains(dump, id) || strings.Contains(dump, code) {
			t.Error("the table holds the id or the code")
		}
		r.Clock.Advance(9 * time.Minute)
		proved(t, tryCode(v, id, code), adaPhone)
		asked := len(r.Wire.Vendors())
		r.Clock.Advance(29 * time.Second)
		proved(t, tryCode(v, id, code[:3]+" "+code[3:]), adaPhone)
		expect(t, tryCode(v, id, other(code)), 410, "expired")
		r.Clock.Advance(time.Second)
		expect(t, tryCode(v, id, code), 410, "expired")
		if n := len(r.Wire.Vendors()); n != asked {
			t.Errorf("the vendor is asked %d times after the phone was proved", n-asked)
		}
		if s := r.Handset().Stats(); s.SMS != 1 || v.Cookie() != "" {
			t.Errorf("%d texts, cookie %q", s.SMS, v.Cookie())
		}
		for _, secret := range []string{code, adaPhone[2:]} {
			if strings.Contains(r.Log.String(), secret) {
				t.Error("the log shows the code or the phone")
			}
		}
	})
}

// Five tries; what no code can be is none; the tries of one check are not those
// of another.
// (parity 125)
func TestPhoneCheckWrongCodes(t *testing.T) {
	t.Parallel()
	eachChecking(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		id := begun(t, v.Post("/phone-checks", aCheck(adaPhone)))
		code := r.Handset().Code(adaPhone)
		for _, typed := range []string{"", "12345", "abcdef"} {
			expect(t, tryCode(v, id, typed), 422, "invalid")
		}
		for left := 4; left >= 0; left-- {
			a := tryCode(v, id, other(code))
			expect(t, a, 401, "wrong_code")
			if a.Doc["tries_left"] != float64(left) {
				t.Errorf("%v tries left, want %d", a.Doc["tries_left"], left)
			}
		}
		r.Clock.Advance(10 * time.Second)
		r.Wire.Reset()
		expect(t, tryCode(v, id, code), 410, "used_up")
		if calls := r.Wire.Vendors(); len(calls) != 0 {
			t.Errorf("a sixth try asks the vendor: %v", calls)
		}
		for _, id := range []string{strings.Repeat("x", 43), "x", id[:42], id + "x", "%2e%2e", "a.b.c"} {
			expect(t, tryCode(v, id, code), 404, "not_found")
		}
	})
}

// (parity 125)
func TestPhoneCheckExpires(t *testing.T) {
	t.Parallel()
	eachChecking(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		id := begun(t, v.Post("/phone-checks", aCheck(adaPhone)))
		r.Clock.Advance(10 * time.Minute)
		r.Wire.Reset()
		expect(t, tryCode(v, id, r.Handset().Code(adaPhone)), 410, "expired")
		expect(t, v.Post("/phone-checks", aCheck(adaPhone)), 410, "expired")
		if calls := r.Wire.Vendors(); len(calls) != 0 {
			t.Errorf("an expired check asks the vendor: %v", calls)
		}
	})
}

// Equal requests are one check and one text, and of equal codes one is counted
// by the vendor and all are answered.
// (parity 125)
func TestPhoneChecksAtOnce(t *testing.T) {
	eachChecking(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		ids := make([]string, 20)
		together(20, func(i int) {
			a := v.Post("/phone-checks", aCheck(adaPhone))
			ids[i], _ = a.Doc["id"].(string)
		})
		id := begun(t, v.Post("/phone-checks", aCheck(adaPhone)))
		for _, got := range ids {
			if got != id {
				t.Errorf("check %q, want %q", got, id)
			}
		}
		expect(t, v.Post("/phone-checks", aCheck("+14155552672")), 409, "idempotency")
		if s := r.Handset().Stats(); s.SMS != 1 {
			t.Errorf("%d texts, want 1", s.SMS)
		}
		code := r.Handset().Code(adaPhone)
		together(20, func(i int) {
			a := tryCode(v, id, code)
			if a.Status != 200 || a.Doc["verified"] != true {
				t.Errorf("code %d: %d %s", i, a.Status, a.Body)
			}
		})
		v.Header.Set("Idempotency-Key", strings.Repeat("l", 32))
		r.Handset().Weather(`{"api":"500"}`)
		expect(t, v.Post("/phone-checks", aCheck("+14155552673")), 503, "unavailable")
		r.Handset().Weather(`{"api":"ok"}`)
		r.Clock.Advance(time.Minute)
		together(20, func(int) { v.Post("/phone-checks", aCheck("+14155552673")) })
		begun(t, v.Post("/phone-checks", aCheck("+14155552673")))
		if n := len(r.Handset().Messages("+14155552673")); n != 1 {
			t.Errorf("%d texts of a new try, want 1", n)
		}
		leaves(t, r, map[string]int{"code_sent": 2, "code_not_sent": 1, "phone_checked": 1, "code_refused": 0})
		v.Header.Set("Idempotency-Key", "short")
		expect(t, v.Post("/phone-checks", aCheck(adaPhone)), 400, "malformed")
	})
}

// Without a key two requests are two, and the phone's limits hold: together they
// are one text.
func TestPhoneChecksWithoutAKey(t *testing.T) {
	r, v := checking(t, "", nil)
	answers := make([]int, 20)
	together(20, func(i int) { answers[i] = v.Post("/phone-checks", aCheck(adaPhone)).Status })
	sent := 0
	for _, status := range answers {
		if status == 200 {
			sent++
		}
	}
	if s := r.Handset().Stats(); s.SMS != 1 || sent != 1 {
		t.Errorf("%d texts, answers %v", s.SMS, answers)
	}
	if n := sessions(r); n != 1 {
		t.Errorf("%d checks are left, want 1", n)
	}
}

func sessions(r *rig.Rig) int { return strings.Count(r.Dump(), `{"S":"S#`) }

// Only who signed the request is served, whoever else they are, and nobody
// where it is not wanted: without a call to a vendor or the table.
// (parity 125)
func TestPhoneChecksAreTheBackEnds(t *testing.T) {
	t.Parallel()
	r, _ := checking(t, "", nil)
	user := r.Visitor(true)
	expect(t, user.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
	expect(t, user.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	forger := r.Visitor(true)
	forger.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20261120/us-east-1/execute-api/aws4_request")
	forger.Header.Set("X-Amzn-Iam-User-Arn", shop)
	closed, signed := checking(t, "", map[string]string{"PHONE_CHECKS": ""})
	for name, c := range map[string]struct {
		r      *rig.Rig
		v      *rig.Visitor
		status int
		code   string
	}{
		"nobody": {r, r.Visitor(true), 403, ""}, "a signed-in user": {r, user, 403, ""}, "a forger": {r, forger, 403, ""}, // by the gateway
		"off": {closed, signed, 404, "not_found"},
	} {
		c.r.Wire.Reset()
		expect(t, c.v.Post("/phone-checks", aCheck("+14155552672")), c.status, c.code)
		expect(t, c.v.Post("/phone-checks", nil), c.status, c.code)
		expect(t, tryCode(c.v, strings.Repeat("x", 43), "123456"), c.status, c.code)
		if calls := c.r.Wire.Calls(); len(calls) != 0 {
			t.Errorf("%s: calls %v", name, calls)
		}
	}
	r.Wire.Reset()
	unchecked := r.Owner() // as if the routes were deployed without authorization
	unchecked.ARN = ""
	for _, path := range []string{"/phone-checks", "/phone-checks/" + strings.Repeat("x", 43)} {
		if a := unchecked.Do("POST", path, `{"code":"123456"}`, nil); a.Status != 403 || a.Code() != "forbidden" || len(r.Wire.Calls()) != 0 {
			t.Errorf("%s: %d %s, calls %v", path, a.Status, a.Body, r.Wire.Calls())
		}
	}
}

// (parity 125)
func TestRefusedPhoneChecks(t *testing.T) {
	t.Parallel()
	eachChecking(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		for name, c := range map[string]struct{ country, phone, channel, field string }{
			"no country": {"", "4155552671", "", "countryCode"}, "no phone": {"US", "", "", "phone"}, "landline": {"GB", "020 7031 3000", "", "phone"},
			"no such channel": {"US", adaPhone, "pigeon", "channel"},
		} {
			r.Wire.Reset()
			a := v.Post("/phone-checks", map[string]string{"countryCode": c.country, "phone": c.phone, "channel": c.channel})
			refusedJSON(t, a, c.field)
			if a.Status != 422 || len(r.Wire.Calls()) > 0 {
				t.Errorf("%s: %d, calls %v", name, a.Status, r.Wire.Calls())
			}
		}
		expect(t, v.Post("/phone-checks", map[string]string{"phone": adaPhone, "email": ada}), 400, "malformed")
		call := aCheck(adaPhone)
		call["channel"] = "call"
		begun(t, v.Post("/phone-checks", call))
		if s := r.Handset().Stats(); s.Calls != 1 || s.SMS != 0 {
			t.Errorf("%+v, want one call", s)
		}
	})
}

// The limits are sign-up's; a back end's many visitors are not one address. What
// a limit refuses leaves nothing.
func TestPhoneCheckLimits(t *testing.T) {
	t.Parallel()
	r, v := checking(t, "", map[string]string{"SENDS_PER_ADDRESS": "4", "SENDS_PER_DAY": "12"})
	first := begun(t, v.Post("/phone-checks", aCheck(adaPhone)))
	a := v.Post("/phone-checks", aCheck(adaPhone))
	expect(t, a, 429, "wait")
	if a.Header.Get("Retry-After") != "30" {
		t.Errorf("told to wait %q", a.Header.Get("Retry-After"))
	}
	for range 3 {
		r.Clock.Advance(90 * time.Second)
		if begun(t, v.Post("/phone-checks", aCheck(adaPhone))) == first {
			t.Error("a new request is given the old check")
		}
	}
	r.Clock.Advance(30 * time.Minute)
	expect(t, v.Post("/phone-checks", aCheck(adaPhone)), 429, "wait") // four a day
	expect(t, r.Visitor(true).Post("/signup", rig.Form(ada, adaPhone)), 429, "wait")
	for i := range 8 {
		begun(t, v.Post("/phone-checks", aCheck(fmt.Sprintf("+1415555300%d", i))))
	}
	left := sessions(r)
	r.Wire.Reset()
	expect(t, v.Post("/phone-checks", aCheck("+14155553009")), 429, "wait") // the stack's day
	if sessions(r) != left || len(r.Wire.Vendors()) > 0 {
		t.Errorf("%d checks after a refusal, want %d; vendor %v", sessions(r), left, r.Wire.Vendors())
	}
}
