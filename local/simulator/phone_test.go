package simulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPhoneMessages(t *testing.T) {
	r := newRig(t)
	if a := r.api("GET", "/api/phones/"+phone+"/messages", "").want(200); strings.TrimSpace(a.body) != "[]" {
		t.Errorf("no messages are %s", a.body)
	}
	for _, channel := range []string{"sms", "call", "whatsapp"} {
		r.start(channel).want(201)
		r.clock.move(time.Minute)
	}
	r.api("GET", "/api/phones", "").want(200).like(`[{"phone":"+14155552671","unread":3,"pending":0,"authy":false,"app":false,"factors":0,"authenticator":false}]`)
	r.api("GET", "/api/phones/%2B14155552671/messages", "").want(200).like(`[
		{"id":"*","kind":"sms","from":"Verify","to":"+14155552671","body":"*","sent_at":"2026-03-04T05:06:07Z"},
		{"id":"*","kind":"call","from":"Verify","to":"+14155552671","body":"*","sent_at":"2026-03-04T05:07:07Z"},
		{"id":"*","kind":"whatsapp","from":"Verify","to":"+14155552671","body":"*","sent_at":"2026-03-04T05:08:07Z"}]`)
	r.api("GET", "/api/phones", "").want(200).like(`[{"phone":"+14155552671","unread":0,"pending":0,"authy":false,"app":false,"factors":0,"authenticator":false}]`)
	codes := map[string]bool{}
	for _, m := range r.messages(phone) {
		codes[codeInText.FindString(m.Body)] = true
	}
	if len(codes) != 1 || codes[""] {
		t.Errorf("codes in the three messages: %v", codes)
	}
}

func TestPhoneKeepsTheLatestMessages(t *testing.T) {
	r := newRig(t)
	for i := range 503 {
		r.twilio("POST", messagesPath+".json", "To", phone, "From", sender, "Body", fmt.Sprint("text ", i)).want(201)
	}
	got := r.messages(phone)
	if len(got) != 500 || got[0].Body != "text 3" || got[499].Body != "text 502" {
		t.Errorf("%d messages, first %q", len(got), got[0].Body)
	}
	for i := range 502 {
		r.twilio("POST", messagesPath+".json", "To", fmt.Sprintf("+1415555%04d", i), "From", sender, "Body", "x").want(201)
	}
	if n := strings.Count(r.api("GET", "/api/phones", "").body, `"phone"`); n != 500 {
		t.Errorf("%d phones, want 500", n)
	}
	if len(r.messages("+14155550501")) != 1 {
		t.Error("the latest phone was forgotten")
	}
}

func TestPhoneRefusals(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/phones/14155552671/messages", "", 400},
		{"GET", "/api/phones/nobody/messages", "", 400},
		{"GET", "/api/nothing", "", 404},
		{"POST", "/api/weather", "{}", 404},
		{"GET", "/page.html", "", 404},
		{"POST", "/api/phones/" + phone + "/approvals/1", `{"decision":"approved"}`, 404},
		{"PUT", "/api/phones/" + phone + "/app", `{"installed":true,"enrolment":"x"}`, 400},
		{"PUT", "/api/phones/" + phone + "/app", `{"uri":"otpauth://totp/x"}`, 400},
		{"PUT", "/api/phones/" + phone + "/app", `{}`, 400},
		{"PUT", "/api/phones/" + phone + "/app", `{"installed":"yes"}`, 400},
		{"PUT", "/api/phones/" + phone + "/app", `{"other":true}`, 400},
		{"PUT", "/api/phones/" + phone + "/app", "{", 400},
		{"PUT", "/api/weather", `{"sms":"` + strings.Repeat("x", 20<<10) + `"}`, 400},
	} {
		a := r.api(c.method, c.path, c.body).want(c.status).like(`{"error":"*"}`)
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", c.path, a.header)
		}
	}
	r.api("GET", "/api/phones/"+phone+"/approvals", "").want(200).like(`[]`)
}

func TestPhoneAnswersLocalhostOnly(t *testing.T) {
	r := newRig(t)
	for host, status := range map[string]int{
		"localhost": 200, "localhost:3001": 200, "LOCALHOST:1": 200, "127.0.0.1:9": 200, "[::1]:3001": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:3001": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:80": 403, "192.0.2.1": 403,
	} {
		for _, path := range []string{"/", "/api/stats"} {
			req := r.request("GET", r.phone.URL+path, "", "")
			req.Host = host
			if a := r.do(req); a.status != status {
				t.Errorf("Host %q %s: status %d, want %d", host, path, a.status, status)
			}
		}
	}
}

func TestPhoneRefusesOtherSites(t *testing.T) {
	r := newRig(t)
	r.start("sms").want(201)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"} {
		req := r.request("DELETE", r.phone.URL+"/api", "", "")
		req.Header.Set(name, value)
		r.do(req).want(403).like(`{"error":"*"}`)
	}
	if len(r.messages(phone)) != 1 {
		t.Error("another site deleted the messages")
	}
	req := r.request("PUT", r.phone.URL+"/api/weather", "application/json", "{}")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	r.do(req).want(200)
}

func TestDeleteForgetsEverything(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.start("sms").want(201)
	code := r.code(phone)
	sid := r.twilio("POST", messagesPath+".json", "To", phone, "From", sender, "Body", "x").want(201).text("sid")
	r.check(wrong(code))
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":true}`).want(200)
	r.api("PUT", "/api/weather", `{"sms":"drop","callbacks":"early"}`).want(200)
	if a := r.api("DELETE", "/api", "").want(204); a.body != "" {
		t.Errorf("body %q", a.body)
	}
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":0,"callbacks":0}`)
	r.api("GET", "/api/weather", "").want(200).like(`{"sms":"deliver","api":"ok","callbacks":"deliver"}`)
	r.api("GET", "/api/phones", "").want(200).like(`[]`)
	r.api("GET", "/api/phones/"+phone+"/token", "").want(409)
	r.check(code).want(404)
	r.twilio("GET", messagesPath+"/"+sid+".json").want(404)
	r.authy("GET", "users/"+id+"/status", "").want(404)
}

func TestPage(t *testing.T) {
	r := newRig(t)
	a := r.api("GET", "/", "").want(200)
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("content type %q", a.header.Get("Content-Type"))
	}
	policy := a.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, element := range []string{"style", "script"} {
		found := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(a.body, -1)
		if len(found) != 1 {
			t.Fatalf("%d elements %s", len(found), element)
		}
		sum := sha256.Sum256([]byte(found[0][1]))
		if !strings.Contains(policy, element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("policy does not allow the page's own %s", element)
		}
	}
	for _, bad := range []string{"http://", "https://", "//cdn", "@import", "innerHTML", "insertAdjacentHTML", "document.write", " style=", "onclick", "src=", "url("} {
		if strings.Contains(a.body, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	r.do(r.request(http.MethodHead, r.phone.URL+"/", "", "")).want(200)
}
