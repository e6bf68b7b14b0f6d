package authy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/otp"
)

// 200, the sentence and success, all three.
// (parity 57, 59)
func TestOnlyApprovalPasses(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"as the vendor writes it", `{"message":"Token is valid.","token":"is valid","success":"true","device":{"id":null}}`, "passed"},
		{"success as boolean", `{"token":"is valid","success":true}`, "passed"},
		{"success false", `{"token":"is valid","success":false}`, "unavailable"},
		{"success as text, false", `{"token":"is valid","success":"false"}`, "unavailable"},
		{"success is 1", `{"token":"is valid","success":1}`, "unavailable"},
		{"success is an object", `{"token":"is valid","success":{"a":"true"}}`, "unavailable"},
		{"no success", `{"token":"is valid"}`, "unavailable"},
		{"no token", `{"success":"true","message":"Token is valid."}`, "unavailable"},
		{"token null", `{"success":"true","token":null}`, "unavailable"},
		{"token true", `{"success":"true","token":true}`, "unavailable"},
		{"token in a list", `{"success":"true","token":["is valid"]}`, "unavailable"},
		{"other sentence", `{"success":"true","token":"is valid."}`, "unavailable"},
		{"other case", `{"success":"true","TOKEN":"is valid"}`, "unavailable"},
		{"invalid", `{"success":"true","token":"is invalid"}`, "wrong"},
		{"list", `[{"success":"true","token":"is valid"}]`, "unavailable"},
		{"more than one", `{"success":"true","token":"is valid"}{}`, "unavailable"},
		{"page", `<html>is valid</html>`, "unavailable"},
		{"nothing", ``, "unavailable"},
		{"null", `null`, "unavailable"},
	} {
		err := door(t, doortest.Answers(200, c.body)).Login().Check(t.Context(), known, "", typed)
		if doortest.Outcome(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		discreet(t, err)
	}
	for _, status := range []int{201, 204, 302, 400, 401, 403, 404, 500, 503} {
		err := door(t, doortest.Answers(status, `{"token":"is valid","success":true}`)).Login().Check(t.Context(), known, "", typed)
		if doortest.Outcome(err) != "unavailable" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status, code int
		send, check  string
	}{
		{400, 60000, "unavailable", "unavailable"},
		{401, 60001, "unavailable", "unavailable"},
		{400, 60002, "unavailable", "unavailable"},
		{429, 60003, "wait 1h0m0s", "wait 1h0m0s"},
		{400, 60004, "unavailable", "unavailable"},
		{403, 60006, "unreachable", "unavailable"},
		{403, 60007, "unreachable", "unavailable"},
		{403, 60008, "unavailable", "unavailable"},
		{429, 60009, "wait 5s", "wait 5s"},
		{400, 60013, "unreachable", "unavailable"},
		{503, 60014, "unavailable", "unavailable"},
		{503, 60015, "unavailable", "unavailable"},
		{404, 60016, "unavailable", "unavailable"},
		{403, 60017, "unreachable", "unavailable"},
		{403, 60018, "unreachable", "unavailable"},
		{401, 60019, "unavailable", "gone"},
		{401, 60020, "unavailable", "wrong"},
		{404, 60026, "unavailable", "unavailable"},
		{400, 60027, "unreachable", "unavailable"},
		{400, 60033, "unreachable", "unavailable"},
		{401, 60047, "unavailable", "unavailable"},
		{503, 60060, "unavailable", "unavailable"},
		{403, 60063, "unavailable", "unavailable"},
		{403, 60078, "unreachable", "unavailable"},
		{403, 60082, "unreachable", "unavailable"},
		{403, 60083, "unreachable", "unavailable"},
		{403, 60106, "unreachable", "unavailable"},
		{403, 60107, "unreachable", "unavailable"},
		{403, 60115, "unreachable", "unavailable"},
		{400, 99999, "unavailable", "unavailable"},
		{200, 60020, "unavailable", "wrong"},
	} {
		codes := door(t, doortest.Answers(c.status, refuses(c.code))).Signup()
		for _, to := range []otp.Target{stranger, known} {
			sent, err := codes.Send(t.Context(), to, otp.SMS)
			if doortest.Outcome(err) != c.send || sent.User != to.User {
				t.Errorf("sending, %d %d: %+v, %s, want %s (%v)", c.status, c.code, sent, doortest.Outcome(err), c.send, err)
			}
			discreet(t, err)
		}
		err := codes.Check(t.Context(), known, "", typed)
		if doortest.Outcome(err) != c.check {
			t.Errorf("checking, %d %d: %s, want %s (%v)", c.status, c.code, doortest.Outcome(err), c.check, err)
		}
		discreet(t, err)
		refused := c.code == 60001 || c.code == 60047 || c.code == 60063
		if strings.Contains(err.Error(), "credentials refused") != refused {
			t.Errorf("operator is told %q", err)
		}
	}
}

// The vendor has written its answers in several ways over the years.
// (parity 58)
func TestSpellingsOfARefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"code as number", 401, `{"error_code":60020,"success":"false"}`, "wrong"},
		{"no code but the sentence", 401, `{"token":"is invalid","success":false}`, "wrong"},
		{"our key and the sentence", 401, `{"token":"is invalid","error_code":"60001"}`, "unavailable"},
		{"no code, no sentence", 401, `{"success":false}`, "unavailable"},
		{"code is text", 401, `{"error_code":"canary","success":false}`, "unavailable"},
		{"code is negative", 401, `{"error_code":-60020}`, "unavailable"},
		{"code is fractional", 401, `{"error_code":60020.5}`, "unavailable"},
		{"code in a list", 401, `{"error_code":["60020"]}`, "unavailable"},
		{"errors empty", 404, `{"errors":{},"error_code":"60026"}`, "unavailable"},
		{"page", 502, `<html>60020</html>`, "unavailable"},
		{"page with 401", 401, `<html>60020</html>`, "unavailable"},
		{"page with 429", 429, `<html>`, "wait 5s"},
	} {
		err := door(t, doortest.Answers(c.status, c.body)).Login().Check(t.Context(), known, "", typed)
		if doortest.Outcome(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSpellingsOfAnID(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"user":{"id":1635},"success":true}`, "1635"},
		{`{"user":{"id":"1635"},"success":"true"}`, "1635"},
		{`{"user":{"id":12345678901234567890},"success":true}`, "12345678901234567890"},
		{`{"user":{"id":1e3},"success":true}`, ""},
		{`{"user":{"id":-1},"success":true}`, ""},
		{`{"user":{"id":"../1"},"success":true}`, ""},
		{`{"user":{"id":"1\n"},"success":true}`, ""},
		{`{"user":{"id":123456789012345678901},"success":true}`, ""},
		{`{"user":{"id":null},"success":true}`, ""},
		{`{"user":"1635","success":true}`, ""},
		{`{"user":{"id":1635}}`, ""},
		{`{"success":true}`, ""},
	} {
		codes := door(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				doortest.Answers(200, c.body)(w, r)
				return
			}
			smsSent(w, r)
		}).Signup()
		sent, err := codes.Send(t.Context(), stranger, otp.SMS)
		if sent.User != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %+v, %v", c.body, sent, err)
		}
	}
}

func TestSendNeedsSuccess(t *testing.T) {
	for _, body := range []string{`{}`, `{"success":false}`, `{"success":"false"}`, `<html>`, ``} {
		_, err := door(t, doortest.Answers(200, body)).Login().Send(t.Context(), known, otp.SMS)
		if doortest.Outcome(err) != "unavailable" {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// What cannot be right is refused here, without a call.
func TestNoCallForNonsense(t *testing.T) {
	var calls atomic.Int32
	codes := door(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1) }).Login()
	for _, c := range []struct{ name, user, code, want string }{
		{"nobody", "", typed, "gone"},
		{"path in the id", "1/../2", typed, "unavailable"},
		{"no code", "1635", "", "wrong"},
		{"short", "1635", "12345", "wrong"},
		{"long", "1635", "12345678901", "wrong"},
		{"path in the code", "1635", "123456/..", "wrong"},
		{"query in the code", "1635", "123456?x=", "wrong"},
		{"other digits", "1635", "١٢٣٤٥٦", "wrong"},
	} {
		err := codes.Check(t.Context(), otp.Target{User: c.user}, "", c.code)
		if doortest.Outcome(err) != c.want {
			t.Errorf("checking, %s: %v", c.name, err)
		}
	}
	for _, c := range []struct {
		name    string
		to      otp.Target
		channel otp.Channel
		want    string
	}{
		{"WhatsApp", known, otp.WhatsApp, "unreachable"},
		{"path in the id", otp.Target{User: "1/.."}, otp.SMS, "unavailable"},
		{"other country code", otp.Target{Phone: number, CountryCode: "49"}, otp.SMS, "unreachable"},
		{"no country code", otp.Target{Phone: "3001234512", CountryCode: ""}, otp.SMS, "unreachable"},
	} {
		_, err := codes.Send(t.Context(), c.to, c.channel)
		if doortest.Outcome(err) != c.want {
			t.Errorf("sending, %s: %v", c.name, err)
		}
		discreet(t, err)
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestTroubleOnTheWay(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"hangs", doortest.Hangs},
		{"hangs up", doortest.HangsUp},
		{"redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again"+r.URL.Path, http.StatusFound)
		}},
		{"10 MiB", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(`{"token":"is valid","success":true,"x":"` + strings.Repeat("0123456789", 1<<20) + `"}`))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			codes := door(t, c.answer).Login()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, sendErr := codes.Send(ctx, known, otp.SMS)
			checkErr := codes.Check(ctx, known, "", typed)
			for _, err := range []error{sendErr, checkErr} {
				if doortest.Outcome(err) != "unavailable" {
					t.Errorf("outcome is %v", err)
				}
				discreet(t, err)
				if c.name == "hangs" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("not the deadline: %v", err)
				}
			}
		})
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	_, err := door(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "17")
		doortest.Answers(429, refuses(60003))(w, r)
	}).Login().Send(t.Context(), known, otp.SMS)
	if doortest.Outcome(err) != "wait 17s" {
		t.Error(err)
	}
}

// Registration, text and check have four seconds each.
func TestCallsHaveALimit(t *testing.T) {
	var until []time.Time
	cfg := doortest.Config(settings)
	cfg.HTTP = &http.Client{Transport: doortest.RoundTrip(func(r *http.Request) (*http.Response, error) {
		deadline, _ := r.Context().Deadline()
		until = append(until, deadline)
		w := httptest.NewRecorder()
		fmt.Fprint(w, `{"user":{"id":1635},"success":true}`)
		return w.Result(), nil
	})}
	codes := authy.New(cfg, env.Read(cfg), true).Login()
	_, err := codes.Send(context.Background(), stranger, otp.SMS)
	if err != nil {
		t.Fatal(err)
	}
	codes.Check(context.Background(), known, "", typed)
	if len(until) != 3 {
		t.Fatalf("deadlines are %v", until)
	}
	for _, d := range until {
		if time.Until(d) <= 0 || time.Until(d) > 4*time.Second {
			t.Errorf("call may take until %v", d)
		}
	}
}

func TestErrorsCostNoConnection(t *testing.T) {
	srv := doortest.Serve(t, doortest.Answers(401, refuses(60020)))
	codes := doortest.Open(t, srv.Settings(settings, "AUTHY_API_URL"), open).Login()
	for range 100 {
		codes.Check(t.Context(), known, "", typed)
	}
	if srv.Opened() != 1 {
		t.Errorf("%d connections for 100 refusals", srv.Opened())
	}
}
