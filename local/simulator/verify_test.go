package simulator_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	verifications = "/v2/Services/" + service + "/Verifications"
	checkPath     = "/v2/Services/" + service + "/VerificationCheck"
)

func (r *rig) start(channel string) answer {
	r.t.Helper()
	return r.twilio("POST", verifications, "To", phone, "Channel", channel)
}

func (r *rig) check(code string) answer {
	r.t.Helper()
	return r.twilio("POST", checkPath, "To", phone, "Code", code)
}

func twilioFault(status, code int) string {
	n := strconv.Itoa(code)
	return `{"code":` + n + `,"message":"*","more_info":"https://www.twilio.com/docs/errors/` + n + `","status":` + strconv.Itoa(status) + `}`
}

func TestVerificationShape(t *testing.T) {
	r := newRig(t)
	a := r.start("sms").want(201).like(`{"sid":"*","service_sid":"` + service + `","account_sid":"` + account + `",
		"to":"+14155552671","channel":"sms","status":"pending","valid":false,
		"date_created":"2026-03-04T05:06:07Z","date_updated":"2026-03-04T05:06:07Z","lookup":{},"amount":null,"payee":null,
		"send_code_attempts":[{"time":"2026-03-04T05:06:07Z","channel":"SMS","attempt_sid":"*"}],"sna":null,"url":"*"}`)
	sid := a.text("sid")
	if !strings.HasPrefix(sid, "VE") || len(sid) != 34 {
		t.Errorf("sid %q", sid)
	}
	if a.text("url") != "https://verify.twilio.com"+verifications+"/"+sid {
		t.Errorf("url %q", a.text("url"))
	}
	for _, name := range []string{sid, phone, "%2B" + phone[1:]} {
		if got := r.twilio("GET", verifications+"/"+name).want(200).text("sid"); got != sid {
			t.Errorf("GET %s: sid %q, want %q", name, got, sid)
		}
	}
}

func TestVerificationIsSentAgainUnchanged(t *testing.T) {
	r := newRig(t)
	sid := r.start("sms").want(201).text("sid")
	code := r.code(phone)
	r.clock.move(9 * time.Minute)
	again := r.start("whatsapp").want(201)
	again.like(`{"sid":"` + sid + `","service_sid":"*","account_sid":"*","to":"*","channel":"whatsapp","status":"pending","valid":false,
		"date_created":"2026-03-04T05:06:07Z","date_updated":"2026-03-04T05:15:07Z","lookup":{},"amount":null,"payee":null,
		"send_code_attempts":[{"time":"2026-03-04T05:06:07Z","channel":"SMS","attempt_sid":"*"},
		{"time":"2026-03-04T05:15:07Z","channel":"whatsapp","attempt_sid":"*"}],"sna":null,"url":"*"}`)
	if r.code(phone) != code {
		t.Error("a second send within ten minutes has another code")
	}
	r.clock.move(time.Minute) // the second send does not extend the ten minutes
	r.check(code).want(404).like(twilioFault(404, 20404))
	r.twilio("GET", verifications+"/"+sid).want(404)
	if r.start("call").want(201).text("sid") == sid {
		t.Error("after ten minutes the old verification came back")
	}
}

func TestVerificationCheck(t *testing.T) {
	r := newRig(t)
	sid := r.start("sms").want(201).text("sid")
	code := r.code(phone)
	shape := func(status, valid string) string {
		return `{"sid":"` + sid + `","service_sid":"` + service + `","account_sid":"` + account + `","to":"+14155552671",
			"channel":"sms","status":"` + status + `","valid":` + valid + `,"amount":null,"payee":null,
			"sna_attempts_error_codes":[],"date_created":"2026-03-04T05:06:07Z","date_updated":"2026-03-04T05:06:07Z"}`
	}
	r.check(wrong(code)).want(201).like(shape("pending", "false"))
	r.twilio("POST", checkPath, "VerificationSid", sid, "Code", wrong(code)).want(201).like(shape("pending", "false"))
	r.check(code).want(201).like(shape("approved", "true"))
	gone := r.check(code).want(404).like(twilioFault(404, 20404))
	if got := gone.text("message"); got != "The requested resource /Services/"+service+"/VerificationCheck was not found" {
		t.Errorf("message %q", got)
	}
	r.twilio("GET", verifications+"/"+sid).want(404)
}

func TestVerificationCheckBySid(t *testing.T) {
	r := newRig(t)
	sid := r.start("call").want(201).text("sid")
	code := r.code(phone)
	r.twilio("POST", checkPath, "VerificationSid", sid, "To", "+14155550000", "Code", code).want(404)
	got := r.twilio("POST", checkPath, "VerificationSid", sid, "Code", code).want(201).text("status")
	if got != "approved" {
		t.Errorf("status %q", got)
	}
}

func TestVerifySendLimit(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.start("sms").want(201)
	}
	r.start("sms").want(429).like(twilioFault(429, 60203))
	if n := len(r.messages(phone)); n != 5 {
		t.Errorf("%d messages, want 5", n)
	}
	r.clock.move(10 * time.Minute)
	r.start("sms").want(201)
}

func TestVerifyCheckLimit(t *testing.T) {
	for name, end := range map[string]func(*rig){
		"expiry": func(r *rig) { r.clock.move(10 * time.Minute) },
		"cancel": func(r *rig) {
			if got := r.twilio("POST", verifications+"/"+phone, "Status", "canceled").want(200).text("status"); got != "canceled" {
				r.t.Errorf("status %q", got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.start("sms").want(201)
			code := r.code(phone)
			for range 5 {
				r.check(wrong(code)).want(201)
			}
			r.check(code).want(429).like(twilioFault(429, 60202))
			r.start("sms").want(201) // another send does not help
			r.check(code).want(429)
			end(r)
			r.check(code).want(404)
			r.start("sms").want(201)
			if got := r.check(r.code(phone)).want(201).text("status"); got != "approved" {
				t.Errorf("status %q", got)
			}
		})
	}
}

func TestVerifyApprovedFromOutside(t *testing.T) {
	r := newRig(t)
	sid := r.start("sms").want(201).text("sid")
	r.twilio("POST", verifications+"/"+sid, "Status", "expired").want(400).like(twilioFault(400, 60200))
	a := r.twilio("POST", verifications+"/%2B14155552671", "Status", "approved").want(200)
	if a.text("status") != "approved" || a.json()["valid"] != true {
		t.Errorf("body %s", a.body)
	}
	r.check(r.code(phone)).want(404)
	r.twilio("POST", verifications+"/"+sid, "Status", "approved").want(404)
}

func TestVerifyRefusals(t *testing.T) {
	r := newRig(t)
	r.start("sms").want(201)
	other := "/v2/Services/VA00000000000000000000000000000009"
	for _, c := range []struct {
		name, path string
		form       []string
		status     int
		code       int
	}{
		{"no To", verifications, []string{"Channel", "sms"}, 400, 60200},
		{"To without plus", verifications, []string{"To", "14155552671", "Channel", "sms"}, 400, 60200},
		{"To with blanks", verifications, []string{"To", "+1 415 555 2671", "Channel", "sms"}, 400, 60200},
		{"no channel", verifications, []string{"To", phone}, 400, 60200},
		{"unknown channel", verifications, []string{"To", phone, "Channel", "pigeon"}, 400, 60200},
		{"channel off", verifications, []string{"To", phone, "Channel", "email"}, 400, 60223},
		{"magic invalid", verifications, []string{"To", "+15005550001", "Channel", "sms"}, 400, 60200},
		{"magic country", verifications, []string{"To", "+15005550003", "Channel", "sms"}, 403, 60605},
		{"magic blocked", verifications, []string{"To", "+15005550004", "Channel", "sms"}, 403, 60410},
		{"magic landline", verifications, []string{"To", "+15005550009", "Channel", "sms"}, 403, 60205},
		{"unknown service", other + "/Verifications", []string{"To", phone, "Channel", "sms"}, 404, 20404},
		{"check in unknown service", other + "/VerificationCheck", []string{"To", phone, "Code", "123456"}, 404, 20404},
		{"check names nothing", checkPath, []string{"Code", "123456"}, 400, 60221},
		{"check without code", checkPath, []string{"To", phone}, 400, 60200},
		{"check of a short code", checkPath, []string{"To", phone, "Code", "123"}, 400, 60200},
		{"check of a long code", checkPath, []string{"To", phone, "Code", "12345678901"}, 400, 60200},
		{"check of letters", checkPath, []string{"To", phone, "Code", "12a456"}, 400, 60200},
		{"check of a bad To", checkPath, []string{"To", "4155552671", "Code", "123456"}, 400, 60200},
		{"check of a stranger", checkPath, []string{"To", "+14155550000", "Code", "123456"}, 404, 20404},
		{"unknown path", "/v2/Services/" + service + "/Nothing", nil, 404, 20404},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.twilio("POST", c.path, c.form...).want(c.status).like(twilioFault(c.status, c.code))
		})
	}
	r.twilio("POST", verifications, "To", "+15005550009", "Channel", "call").want(201)
	// Malformed checks are no attempts: the right code still passes.
	if got := r.check(r.code(phone)).want(201).text("status"); got != "approved" {
		t.Errorf("status %q", got)
	}
}

func TestTwilioCredentials(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{verifications, checkPath, "/v2/", "/2010-04-01/Accounts/" + account + "/Messages.json"} {
		for _, c := range [][2]string{{account, "wrong"}, {"AC2", secret}, {"", ""}} {
			req := r.request("POST", r.vendor.URL+path, "application/x-www-form-urlencoded", "")
			if c[0] != "" {
				req.SetBasicAuth(c[0], c[1])
			}
			r.do(req).want(401).like(twilioFault(401, 20003))
		}
	}
	if n := r.api("GET", "/api/stats", "").json()["checks"]; n.(interface{ String() string }).String() != "0" {
		t.Errorf("strangers' checks were counted: %v", n)
	}
}

func TestServicesKeepApart(t *testing.T) {
	r := newRig(t)
	first := r.start("sms").want(201).text("sid")
	code := r.code(phone)
	second := r.twilio("POST", strings.Replace(verifications, service, service2, 1), "To", phone, "Channel", "sms").want(201).text("sid")
	if first == second {
		t.Fatal("two services share a verification")
	}
	check2 := strings.Replace(checkPath, service, service2, 1)
	r.twilio("POST", check2, "VerificationSid", first, "Code", code).want(404)
	if got := r.twilio("POST", check2, "To", phone, "Code", r.code(phone)).want(201).text("status"); got != "approved" {
		t.Errorf("second service: %q", got)
	}
	if got := r.check(code).want(201).text("status"); got != "approved" {
		t.Errorf("first service: %q", got)
	}
}

func TestParallelChecksApproveOnce(t *testing.T) {
	r := newRig(t)
	r.start("sms").want(201)
	code := r.code(phone)
	answers := make([]answer, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = r.check(code) })
	}
	wg.Wait()
	approved := 0
	for _, a := range answers {
		if a.status == 201 && a.text("status") == "approved" {
			approved++
		} else if a.status != 404 {
			t.Errorf("status %d", a.status)
		}
	}
	if approved != 1 {
		t.Errorf("%d approved, want 1", approved)
	}
}
