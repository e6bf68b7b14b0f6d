package verify_test

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
	"latchkey/shared/otp"
	"latchkey/shared/verify"
)

// Every status of the vendor's specification, and some of nobody's: one passes.
func TestOnlyApprovedPasses(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"approved", `{"sid":"` + ref + `","status":"approved","valid":true}`, nil},
		{"approved, legacy field says no", `{"status":"approved","valid":false}`, nil},
		{"pending", `{"status":"pending","valid":false}`, otp.ErrWrong},
		{"pending, legacy field says yes", `{"status":"pending","valid":true}`, otp.ErrWrong},
		{"canceled", `{"status":"canceled"}`, otp.ErrGone},
		{"max_attempts_reached", `{"status":"max_attempts_reached"}`, otp.ErrGone},
		{"deleted", `{"status":"deleted"}`, otp.ErrGone},
		{"failed", `{"status":"failed"}`, otp.ErrGone},
		{"expired", `{"status":"expired"}`, otp.ErrGone},
		{"other case", `{"status":"Approved","valid":true}`, otp.ErrUnavailable},
		{"unknown", `{"status":"canary","valid":true}`, otp.ErrUnavailable},
		{"null", `{"status":null,"valid":true}`, otp.ErrUnavailable},
		{"absent", `{"valid":true}`, otp.ErrUnavailable},
		{"not text", `{"status":true}`, otp.ErrUnavailable},
		{"another verification's", `{"sid":"VE` + strings.Repeat("f", 32) + `","status":"approved"}`, otp.ErrUnavailable},
		{"list", `[{"status":"approved"}]`, otp.ErrUnavailable},
		{"page", `<html>approved</html>`, otp.ErrUnavailable},
		{"nothing", ``, otp.ErrUnavailable},
	} {
		for _, status := range []int{200, 201} {
			err := door(t, doortest.Answers(status, c.body)).Login().Check(t.Context(), target, ref, typed)
			if !errors.Is(err, c.want) {
				t.Errorf("%s, %d: %v, want %v", c.name, status, err, c.want)
			}
			discreet(t, err)
		}
		for _, status := range []int{302, 400, 401, 403, 500, 503} {
			err := door(t, doortest.Answers(status, c.body)).Login().Check(t.Context(), target, ref, typed)
			if !errors.Is(err, otp.ErrUnavailable) {
				t.Errorf("%s, %d: %v", c.name, status, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status, code int
		send, check  string
	}{
		{400, 60200, "unreachable", "wrong"},
		{429, 60202, "wait 10m0s", "wait 10m0s"},
		{429, 60203, "wait 10m0s", "wait 10m0s"},
		{403, 60204, "unavailable", "unavailable"},
		{403, 60205, "unreachable", "unavailable"},
		{400, 60206, "unavailable", "unavailable"},
		{400, 60207, "unavailable", "unavailable"},
		{429, 60212, "wait 5s", "wait 5s"},
		{400, 60212, "wait 5s", "wait 5s"},
		{400, 60220, "unreachable", "unavailable"},
		{400, 60221, "unavailable", "unavailable"},
		{400, 60223, "unreachable", "unavailable"},
		{403, 60238, "unreachable", "unavailable"},
		{403, 60410, "unreachable", "unavailable"},
		{403, 60605, "unreachable", "unavailable"},
		{400, 21211, "unreachable", "unavailable"},
		{403, 21408, "unreachable", "unavailable"},
		{400, 21608, "unreachable", "unavailable"},
		{400, 21610, "unreachable", "unavailable"},
		{400, 21612, "unreachable", "unavailable"},
		{400, 21614, "unreachable", "unavailable"},
		{401, 20003, "unavailable", "unavailable"},
		{403, 20008, "unavailable", "unavailable"},
		{404, 20404, "unavailable", "gone"},
		{404, 0, "unavailable", "gone"},
		{429, 20429, "wait 5s", "wait 5s"},
		{429, 12345, "wait 5s", "wait 5s"},
		{500, 20500, "unavailable", "unavailable"},
		{400, 99999, "unavailable", "unavailable"},
		{418, 0, "unavailable", "unavailable"},
	} {
		codes := door(t, doortest.Answers(c.status, refuses(c.status, c.code))).Signup()
		sent, err := codes.Send(t.Context(), target, otp.SMS)
		if doortest.Outcome(err) != c.send || sent != (otp.Sent{}) {
			t.Errorf("sending, %d %d: %s, want %s (%v)", c.status, c.code, doortest.Outcome(err), c.send, err)
		}
		discreet(t, err)
		if !strings.Contains(err.Error(), fmt.Sprintf("verify answered %d", c.status)) {
			t.Errorf("operator is told %q", err)
		}
		err = codes.Check(t.Context(), target, ref, typed)
		if doortest.Outcome(err) != c.check {
			t.Errorf("checking, %d %d: %s, want %s (%v)", c.status, c.code, doortest.Outcome(err), c.check, err)
		}
		discreet(t, err)
		refused := c.status == 401 || c.code == 20003 || c.code == 20008
		if strings.Contains(err.Error(), "credentials refused") != refused {
			t.Errorf("operator is told %q", err)
		}
	}
}

// A gateway's page is nobody's verdict, whatever its status.
func TestPagesAreNoVerdict(t *testing.T) {
	for _, status := range []int{400, 404, 500, 502, 503} {
		codes := door(t, doortest.Answers(status, "<html>"+number+"</html>")).Login()
		_, err := codes.Send(t.Context(), target, otp.SMS)
		if doortest.Outcome(err) != "unavailable" {
			t.Errorf("sending, %d: %v", status, err)
		}
		discreet(t, err)
		err = codes.Check(t.Context(), target, ref, typed)
		if doortest.Outcome(err) != "unavailable" || !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("checking, %d: %v", status, err)
		}
		discreet(t, err)
	}
	err := door(t, doortest.Answers(429, "<html>")).Login().Check(t.Context(), target, ref, typed)
	if doortest.Outcome(err) != "wait 5s" {
		t.Errorf("page with 429: %v", err)
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	for _, code := range []int{20429, 60203} {
		codes := door(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "17")
			doortest.Answers(429, refuses(429, code))(w, r)
		}).Login()
		_, err := codes.Send(t.Context(), target, otp.SMS)
		if doortest.Outcome(err) != "wait 17s" {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestSendNeedsAnIdentifier(t *testing.T) {
	for _, body := range []string{`{}`, `{"sid":null}`, `{"sid":"VE1"}`, `{"sid":"` + login + `"}`, `{"sid":7}`, ``, `<html>`} {
		sent, err := door(t, doortest.Answers(201, body)).Login().Send(t.Context(), target, otp.SMS)
		if doortest.Outcome(err) != "unavailable" || sent != (otp.Sent{}) {
			t.Errorf("%q: %+v, %v", body, sent, err)
		}
	}
}

// What cannot be right is refused here, without a call.
func TestNoCallForNonsense(t *testing.T) {
	var calls atomic.Int32
	codes := door(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1) }).Login()
	for _, c := range []struct {
		name, ref, code string
		want            error
	}{
		{"no reference", "", typed, otp.ErrGone},
		{"other reference", login, typed, otp.ErrGone},
		{"path in reference", ref + "/..", typed, otp.ErrGone},
		{"no code", ref, "", otp.ErrWrong},
		{"short", ref, "123", otp.ErrWrong},
		{"long", ref, "12345678901", otp.ErrWrong},
		{"letters", ref, "12345a", otp.ErrWrong},
		{"other digits", ref, "١٢٣٤٥٦", otp.ErrWrong},
		{"line end", ref, "123456\n", otp.ErrWrong},
	} {
		err := codes.Check(t.Context(), target, c.ref, c.code)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	_, err := codes.Send(t.Context(), otp.Target{Phone: "15017122661"}, otp.SMS)
	if !errors.Is(err, otp.ErrUnreachable) {
		t.Errorf("number without plus: %v", err)
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
			http.Redirect(w, r, "/?To="+number, http.StatusFound)
		}},
		{"10 MiB", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(`{"status":"approved","to":"` + strings.Repeat(number, 1<<20) + `"}`))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			codes := door(t, c.answer).Login()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, sendErr := codes.Send(ctx, target, otp.SMS)
			checkErr := codes.Check(ctx, target, ref, typed)
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

func TestErrorsCostNoConnection(t *testing.T) {
	srv := doortest.Serve(t, doortest.Answers(400, refuses(400, 60200)))
	codes := doortest.Open(t, srv.Settings(settings(), "TWILIO_VERIFY_URL"), open).Login()
	for range 100 {
		codes.Send(t.Context(), target, otp.SMS)
	}
	if srv.Opened() != 1 {
		t.Errorf("%d connections for 100 refusals", srv.Opened())
	}
}

// A caller without a deadline does not wait longer than four seconds.
func TestCallsHaveALimit(t *testing.T) {
	var left time.Duration
	cfg := doortest.Config(settings())
	cfg.HTTP = &http.Client{Transport: doortest.RoundTrip(func(r *http.Request) (*http.Response, error) {
		until, ok := r.Context().Deadline()
		left = time.Until(until)
		if !ok {
			t.Error("call without a deadline")
		}
		return nil, errors.New("no route to " + r.URL.String())
	})}
	codes := verify.New(cfg, env.Read(cfg), true).Login()
	_, err := codes.Send(context.Background(), target, otp.SMS)
	discreet(t, err)
	sending := left
	err = codes.Check(context.Background(), target, ref, typed)
	discreet(t, err)
	for _, d := range []time.Duration{sending, left} {
		if d <= 0 || d > 4*time.Second {
			t.Errorf("call may take %s", d)
		}
	}
}
