package message_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/env"
	"latchkey/shared/message"
	"latchkey/shared/phone"
)

const (
	from  = "+15005550006"
	to    = "+14155552345"
	token = "canarytoken"
	body  = "canary text"
)

var (
	account = "AC" + strings.Repeat("0a", 16)
	service = "MG" + strings.Repeat("0b", 16)
)

func settings() map[string]string {
	return map[string]string{
		"TWILIO_ACCOUNT_SID": account,
		"TWILIO_AUTH_TOKEN":  token,
		"TWILIO_NUMBER":      from,
	}
}

func door(t *testing.T, set map[string]string, h http.HandlerFunc) *message.Client {
	t.Helper()
	return doortest.Open(t, doortest.Serve(t, h).Settings(set, "TWILIO_API_URL"), message.New)
}

func refuses(status, code int) string {
	return fmt.Sprintf(`{"code":%d,"message":"The 'To' number %s is not valid: %s","status":%d}`, code, to, body, status)
}

// created is the vendor's answer: counts are text, dates are RFC 2822.
var created = `{"account_sid":"` + account + `","api_version":"2010-04-01","body":"x","date_created":"Thu, 24 Aug 2023 05:01:45 +0000",
	"date_sent":null,"direction":"outbound-api","error_code":null,"error_message":null,"from":"` + from + `","messaging_service_sid":null,
	"num_media":"0","num_segments":"1","price":null,"sid":"SM` + strings.Repeat("0c", 16) + `","status":"queued",
	"subresource_uris":{"media":"/2010-04-01/x"},"to":"` + to + `","uri":"/2010-04-01/y"}`

func TestNewSettings(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		off    bool
		fault  string
	}{
		{name: "number"},
		{name: "service", change: map[string]string{"TWILIO_NUMBER": "", "TWILIO_MESSAGING_SERVICE_SID": service}},
		{name: "short code", change: map[string]string{"TWILIO_NUMBER": "12345"}},
		{name: "name", change: map[string]string{"TWILIO_NUMBER": "Latchkey 1"}},
		{name: "off", change: map[string]string{"TWILIO_NUMBER": ""}, off: true},
		{name: "off without an account", change: map[string]string{"TWILIO_NUMBER": "", "TWILIO_ACCOUNT_SID": "", "TWILIO_AUTH_TOKEN": ""}, off: true},
		{name: "number with blanks", change: map[string]string{"TWILIO_NUMBER": "+1 500 555 0006"}, fault: "TWILIO_NUMBER is not a sender: a number of yours"},
		{name: "wrong kind of service", change: map[string]string{"TWILIO_MESSAGING_SERVICE_SID": account}, fault: "TWILIO_MESSAGING_SERVICE_SID must be MG"},
		{name: "no token", change: map[string]string{"TWILIO_AUTH_TOKEN": ""}, fault: "TWILIO_AUTH_TOKEN is not set"},
		{name: "path in the account", change: map[string]string{"TWILIO_ACCOUNT_SID": "AC/.."}, fault: "TWILIO_ACCOUNT_SID must be AC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := settings()
			for k, v := range c.change {
				set[k] = v
			}
			cfg := doortest.Config(set)
			warmed := 0
			cfg.Warm = func(string, int) { warmed++ }
			vars := env.Read(cfg)
			client := message.New(cfg, vars)
			if client.On() == c.off || (warmed == 1) == c.off {
				t.Errorf("on: %v, warmed %d times", client.On(), warmed)
			}
			doortest.Faults(t, vars.Err(), c.fault)
			doortest.Hides(t, token, client, vars.Err())
		})
	}
}

func TestOffSendsNothing(t *testing.T) {
	cfg := doortest.Config(nil)
	err := message.New(cfg, env.Read(cfg)).Send(t.Context(), to, body)
	if !errors.Is(err, message.ErrOff) {
		t.Error(err)
	}
}

// A number for tests is sent nothing, and everybody else is.
func TestNumbersForTests(t *testing.T) {
	set := settings()
	set["PUBLIC_URL"] = "http://localhost:3000"
	set["TEST_NUMBERS"] = to + "=424242 until " + time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	requests := 0
	c := door(t, set, func(w http.ResponseWriter, r *http.Request) {
		requests++
		doortest.Answers(201, created)(w, r)
	})
	for _, want := range []struct {
		to       phone.Number
		requests int
	}{{to, 0}, {"+14155552346", 1}, {to, 1}} {
		err := c.Send(t.Context(), want.to, body)
		if err != nil || requests != want.requests {
			t.Errorf("%s: %v after %d requests, want %d", string(want.to), err, requests, want.requests)
		}
	}
}

func TestRequest(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		form   string
		user   string
	}{
		{"number", nil, "Body=canary+text&From=%2B15005550006&To=%2B14155552345", account},
		{"service first", map[string]string{"TWILIO_MESSAGING_SERVICE_SID": service}, "Body=canary+text&MessagingServiceSid=" + service + "&To=%2B14155552345", account},
	} {
		set := settings()
		for k, v := range c.change {
			set[k] = v
		}
		requests := 0
		err := door(t, set, func(w http.ResponseWriter, r *http.Request) {
			requests++
			r.ParseForm()
			user, password, _ := r.BasicAuth()
			if r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json" || r.PostForm.Encode() != c.form {
				t.Errorf("%s: %s with %s", c.name, r.URL, r.PostForm.Encode())
			}
			if user != account || password != token {
				t.Errorf("%s: as %q with %q", c.name, user, password)
			}
			doortest.Answers(201, created)(w, r)
		}).Send(t.Context(), to, body)
		if err != nil || requests != 1 {
			t.Errorf("%s: %v after %d requests", c.name, err, requests)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		refused bool
		text    string
	}{
		{"not a mobile", doortest.Answers(400, refuses(400, 21614)), true, "message answered 400, code 21614"},
		{"unsubscribed", doortest.Answers(400, refuses(400, 21610)), true, "code 21610"},
		{"credentials", doortest.Answers(401, refuses(401, 20003)), true, "credentials refused: message answered 401, code 20003"},
		{"limited", doortest.Answers(429, refuses(429, 20429)), true, "code 20429"},
		{"out of order", doortest.Answers(500, refuses(500, 20500)), false, "message answered 500, code 20500"},
		{"page", doortest.Answers(503, "<html>"+to), false, "message answered 503"},
		{"page with 200", doortest.Answers(200, "<html>"+to), false, "message answered 200"},
		{"no identifier", doortest.Answers(201, `{"status":"queued","to":"`+to+`"}`), false, "no identifier"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/"+to, http.StatusFound) }, false, "redirect"},
		{"hangs up", doortest.HangsUp, false, "calling "},
		{"10 MiB", doortest.Answers(201, `{"sid":"SM1","body":"`+strings.Repeat(body, 1<<20)+`"}`), false, "too large"},
	} {
		var requests atomic.Int32
		err := door(t, settings(), func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			c.answer(w, r)
		}).Send(t.Context(), to, body)
		if err == nil || errors.Is(err, message.ErrRefused) != c.refused || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if requests.Load() != 1 {
			t.Errorf("%s: %d requests", c.name, requests.Load())
		}
		doortest.Discreet(t, err, to, to[1:], token, body, "/2010")
	}
}

func TestDeadline(t *testing.T) {
	c := door(t, settings(), doortest.Hangs)
	start := time.Now()
	err := c.Send(t.Context(), to, body)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, message.ErrRefused) {
		t.Errorf("its own limit: %v", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("waited %s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = c.Send(ctx, to, body)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's: %v", err)
	}
}
