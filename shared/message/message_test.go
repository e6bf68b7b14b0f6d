package message_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/message"
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

func config(set map[string]string) env.Config {
	return env.Config{Getenv: func(name string) string { return set[name] }, HTTP: http.DefaultClient}
}

func settings(url string) map[string]string {
	return map[string]string{
		"TWILIO_ACCOUNT_SID": account,
		"TWILIO_AUTH_TOKEN":  token,
		"TWILIO_NUMBER":      from,
		"TWILIO_API_URL":     url,
	}
}

func door(t *testing.T, set map[string]string, h http.HandlerFunc) *message.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	set["TWILIO_API_URL"] = srv.URL
	cfg := config(set)
	cfg.HTTP = srv.Client()
	vars := env.Read(cfg)
	c := message.New(cfg, vars)
	if vars.Err() != nil {
		t.Fatal(vars.Err())
	}
	return c
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
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
			set := settings("")
			for k, v := range c.change {
				set[k] = v
			}
			cfg := config(set)
			warmed := 0
			cfg.Warm = func(string) { warmed++ }
			vars := env.Read(cfg)
			client := message.New(cfg, vars)
			if client.On() == c.off || (warmed == 1) == c.off {
				t.Errorf("on: %v, warmed %d times", client.On(), warmed)
			}
			err := vars.Err()
			if c.fault == "" && err != nil || !strings.Contains(fmt.Sprint(err), c.fault) && c.fault != "" {
				t.Errorf("faults are %v, want %q", err, c.fault)
			}
			if strings.Contains(fmt.Sprintf("%+v %#v %v", client, client, err), token) {
				t.Error("prints the token")
			}
		})
	}
}

func TestOffSendsNothing(t *testing.T) {
	cfg := config(nil)
	err := message.New(cfg, env.Read(cfg)).Send(t.Context(), to, body)
	if !errors.Is(err, message.ErrOff) {
		t.Error(err)
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
		set := settings("")
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
			answers(201, created)(w, r)
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
		{"not a mobile", answers(400, refuses(400, 21614)), true, "message answered 400, code 21614"},
		{"unsubscribed", answers(400, refuses(400, 21610)), true, "code 21610"},
		{"credentials", answers(401, refuses(401, 20003)), true, "credentials refused: message answered 401, code 20003"},
		{"limited", answers(429, refuses(429, 20429)), true, "code 20429"},
		{"out of order", answers(500, refuses(500, 20500)), false, "message answered 500, code 20500"},
		{"page", answers(503, "<html>"+to), false, "message answered 503"},
		{"page with 200", answers(200, "<html>"+to), false, "message answered 200"},
		{"no identifier", answers(201, `{"status":"queued","to":"`+to+`"}`), false, "no identifier"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/"+to, http.StatusFound) }, false, "redirect"},
		{"hangs up", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, false, "calling "},
		{"10 MiB", answers(201, `{"sid":"SM1","body":"`+strings.Repeat(body, 1<<20)+`"}`), false, "larger than 1 MiB"},
	} {
		var requests atomic.Int32
		err := door(t, settings(""), func(w http.ResponseWriter, r *http.Request) {
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
		for _, s := range []string{to, to[1:], token, body, "/2010"} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%s: error text holds %q: %v", c.name, s, err)
			}
		}
	}
}

func TestDeadline(t *testing.T) {
	c := door(t, settings(""), func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm() // only then does the server notice that the caller left
		<-r.Context().Done()
	})
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
