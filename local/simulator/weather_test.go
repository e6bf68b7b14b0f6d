package simulator_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/local/simulator"
)

func TestWeatherSetting(t *testing.T) {
	r := newRig(t)
	r.api("PUT", "/api/weather", `{"api":"slow:1500ms"}`).want(200).like(`{"sms":"deliver","api":"slow:1500ms","callbacks":"deliver"}`)
	r.api("PUT", "/api/weather", `{"sms":"drop","callbacks":"delay:2s"}`).want(200).like(`{"sms":"drop","api":"slow:1500ms","callbacks":"delay:2s"}`)
	for _, bad := range []string{
		`{"api":"slow"}`, `{"api":"slow:"}`, `{"api":"slow:61s"}`, `{"api":"slow:-1s"}`, `{"api":"slow:0s"}`, `{"api":"503"}`, `{"api":""}`,
		`{"sms":"lose"}`, `{"sms":"drop","callbacks":"delay:2h"}`, `{"callbacks":"twice"}`, `{"rain":"yes"}`, `{"api":429}`,
	} {
		r.api("PUT", "/api/weather", bad).want(400).like(`{"error":"*"}`)
	}
	for _, good := range []string{"deliver", "drop", "duplicate", "reorder", "early", "delay:60s"} {
		r.api("PUT", "/api/weather", `{"api":"ok","sms":"deliver","callbacks":"`+good+`"}`).want(200)
	}
	r.api("GET", "/api/weather", "").want(200).like(`{"sms":"deliver","api":"ok","callbacks":"delay:60s"}`)
}

func TestWeatherDropsMessages(t *testing.T) {
	r := newRig(t)
	r.api("PUT", "/api/weather", `{"sms":"drop"}`).want(200)
	id := r.enrol()
	r.start("sms").want(201)
	r.start("call").want(201)
	r.authy("GET", "sms/"+id, "").want(200).like(smsSent)
	uri := r.twilio("POST", messagesPath+".json", "To", phone, "From", sender, "Body", "x").want(201).text("uri")
	if got := r.twilio("GET", uri).want(200).text("status"); got != "sent" {
		t.Errorf("status of a lost message %q", got)
	}
	if n := len(r.messages(phone)); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":3,"calls":1,"checks":0,"approvals":0,"callbacks":0}`)
}

func TestWeatherRefusesAndFails(t *testing.T) {
	r := newRig(t)
	id := r.enrol()
	r.start("sms").want(201)
	code := r.code(phone)
	r.api("PUT", "/api/weather", `{"api":"429"}`).want(200)
	for _, a := range []answer{r.check(code), r.start("sms")} {
		if a.want(429).like(twilioFault(429, 20429)).header.Get("Retry-After") != "1" {
			t.Errorf("headers %v", a.header)
		}
	}
	a := r.authy("GET", "verify/1234567/"+id+"?force=true", "").want(429).like(authyFault("60003", "*"))
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("headers %v", a.header)
	}
	r.api("PUT", "/api/weather", `{"api":"500"}`).want(200)
	for _, a := range []answer{r.check(code), r.authy("GET", "sms/"+id, "")} {
		a.want(500)
		if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.HasPrefix(a.body, "<html>") {
			t.Errorf("body %q", a.body)
		}
	}
	// Three checks arrived, none of them did anything.
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":1,"calls":0,"checks":3,"approvals":0,"callbacks":0}`)
	r.api("PUT", "/api/weather", `{"api":"ok"}`).want(200)
	if got := r.check(code).want(201).text("status"); got != "approved" {
		t.Errorf("status %q", got)
	}
}

func TestSlowWeather(t *testing.T) {
	r := newRig(t)
	r.api("PUT", "/api/weather", `{"api":"slow:80ms"}`).want(200)
	began := time.Now()
	r.start("sms").want(201)
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// handled reports when a handler has returned.
func handled(h http.Handler) (http.Handler, <-chan struct{}) {
	done := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { done <- struct{}{} }()
		h.ServeHTTP(w, r)
	}), done
}

func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal(what + " did not end")
	}
}

func TestSlowCallEndsWithItsClient(t *testing.T) {
	r := newRig(t)
	h, done := handled(r.vendor.Config.Handler)
	r.vendor.Config.Handler = h
	r.api("PUT", "/api/weather", `{"api":"slow:60s"}`).want(200)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req := r.request("POST", r.vendor.URL+verifications, "application/x-www-form-urlencoded", "To=%2B14155552671&Channel=sms")
	req.SetBasicAuth(account, secret)
	_, err := http.DefaultClient.Do(req.WithContext(ctx))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("client got %v", err)
	}
	within(t, "a call whose client left", done)
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":0,"callbacks":0}`)
}

func TestCloseEndsSlowCalls(t *testing.T) {
	r := newRig(t)
	r.api("PUT", "/api/weather", `{"api":"slow:60s"}`).want(200)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if a := r.check("123456"); a.status != http.StatusServiceUnavailable {
			t.Errorf("status %d", a.status)
		}
	}()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(r.api("GET", "/api/stats", "").body, `"checks":1`); {
		if time.Now().After(end) {
			t.Fatal("the call never arrived")
		}
	}
	err := r.sim.Close()
	if err != nil {
		t.Fatal(err)
	}
	within(t, "a slow call", answered)
}

func TestStateOutlivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	var id, token string
	t.Run("first", func(t *testing.T) {
		r := newRigWith(t, file)
		id = r.enrol()
		r.authy("GET", "sms/"+id, "").want(200)
		r.authy("GET", "verify/"+r.code(phone)+"/"+id+"?force=true", "").want(200)
		r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":true}`).want(200)
		token = r.api("GET", "/api/phones/"+phone+"/token", "").text("token")
	})
	t.Run("second", func(t *testing.T) {
		r := newRigWith(t, file)
		if got := r.enrol(); got != id {
			t.Errorf("id %s, want %s", got, id)
		}
		r.authy("GET", "verify/7654321/"+id, "").want(401) // still confirmed
		r.authy("GET", "verify/"+token+"/"+id+"?force=true", "").want(200)
		r.api("DELETE", "/api", "").want(204)
	})
	t.Run("third", func(t *testing.T) {
		r := newRigWith(t, file)
		r.authy("GET", "users/"+id+"/status", "").want(404)
	})
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestStateFileThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"cut short": `{"authy_users":[`,
		"no phone":  `{"authy_users":[{"id":5,"emails":["a@b.co"]}]}`,
		"null":      `{"authy_users":[null]}`,
		"no email":  `{"authy_users":[{"id":5,"country_code":"1","cellphone":"4155552671"}]}`,
		"bad app":   `{"apps":{"x":"AAAA"}}`,
	} {
		file := filepath.Join(dir, name)
		err := os.WriteFile(file, []byte(text), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = simulator.New(simulator.Options{StateFile: file})
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	_, err := simulator.New(simulator.Options{StateFile: dir})
	if err == nil {
		t.Error("a folder was accepted")
	}
	r := newRigWith(t, filepath.Join(dir, "missing", "state.json"))
	r.authy("POST", "users/new", newUser).want(503).like(authyFault("60000", "*"))
}

func TestZeroOptionsRefuseAll(t *testing.T) {
	r := newRig(t)
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.vendor.Config.Handler = sim.Vendors()
	req := r.request("POST", r.vendor.URL+verifications, "", "")
	req.SetBasicAuth("", "")
	r.do(req).want(401)
	r.do(r.request("GET", r.vendor.URL+"/protected/json/sms/1", "", "")).want(401)
}
