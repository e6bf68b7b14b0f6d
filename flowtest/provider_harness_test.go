package flowtest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/local/simulator"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/phone"
	"latchkey/shared/verify"
)

// doors are the two views that each vendor's client has.
type doors interface {
	Signup() otp.Codes
	Login() otp.Codes
}

var providers = map[string]func(env.Config, *env.Vars) doors{
	authy.Name:  func(cfg env.Config, vars *env.Vars) doors { return authy.New(cfg, vars, true) },
	verify.Name: func(cfg env.Config, vars *env.Vars) doors { return verify.New(cfg, vars, true) },
}

// provided is one vendor, simulated, and its door.
type provided struct {
	t       *testing.T
	open    func(env.Config, *env.Vars) doors
	set     map[string]string // the door's variables
	phone   string            // address of the simulated phone
	minutes atomic.Int64      // that the simulated clock is ahead
	doors
}

func provide(t *testing.T, open func(env.Config, *env.Vars) doors) *provided {
	t.Helper()
	p := &provided{t: t, open: open}
	account, login, signup := vendorSID("AC", "a"), vendorSID("VA", "b"), vendorSID("VA", "c")
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sim, err := simulator.New(simulator.Options{
		Now:        func() time.Time { return start.Add(time.Duration(p.minutes.Load()) * time.Minute) },
		AccountSID: account,
		AuthToken:  "simulatedtoken",
		AuthyKey:   "simulatedkey",
		Services:   []string{login, signup},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	vendors, handset := httptest.NewServer(sim.Vendors()), httptest.NewServer(sim.Phone())
	t.Cleanup(vendors.Close)
	t.Cleanup(handset.Close)
	p.phone = handset.URL
	p.set = map[string]string{
		"TWILIO_ACCOUNT_SID": account, "TWILIO_AUTH_TOKEN": "simulatedtoken", "TWILIO_VERIFY_URL": vendors.URL,
		"VERIFY_SERVICE_SID": login, "VERIFY_SIGNUP_SERVICE_SID": signup,
		"AUTHY_API_KEY": "simulatedkey", "AUTHY_API_URL": vendors.URL,
	}
	p.doors = p.reopen(nil)
	return p
}

func vendorSID(prefix, digit string) string { return prefix + strings.Repeat(digit, 32) }

// reopen returns a door of the same vendor with other settings.
func (p *provided) reopen(change map[string]string) doors {
	p.t.Helper()
	cfg := env.Config{HTTP: outbound.Client(outbound.NewTransport(time.Now)), Getenv: func(name string) string {
		v, ok := change[name]
		if ok {
			return v
		}
		return p.set[name]
	}}
	vars := env.Read(cfg)
	d := p.open(cfg, vars)
	if vars.Err() != nil {
		p.t.Fatal(vars.Err())
	}
	return d
}

// at returns a door to another server.
func (p *provided) at(url string) doors {
	return p.reopen(map[string]string{"AUTHY_API_URL": url, "TWILIO_VERIFY_URL": url})
}

func (p *provided) ask(method, path, body string, into any) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.phone+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
	err = json.NewDecoder(resp.Body).Decode(into)
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *provided) weather(body string) {
	p.t.Helper()
	p.ask("PUT", "/api/weather", body, &struct{}{})
}

var codeDigits = regexp.MustCompile(`[0-9]{6,10}`)

// code returns the number of messages to a phone, and the kind and the code of
// the last.
func (p *provided) code(to phone.Number) (int, string, string) {
	p.t.Helper()
	var messages []struct{ Kind, Body string }
	p.ask("GET", "/api/phones/"+string(to)+"/messages", "", &messages)
	if len(messages) == 0 {
		return 0, "", ""
	}
	last := messages[len(messages)-1]
	return len(messages), last.Kind, codeDigits.FindString(last.Body)
}

// sent sends a code to a person and returns it, with what the vendor wants back.
func (p *provided) sent(c otp.Codes, to otp.Target) (otp.Target, string, string) {
	p.t.Helper()
	s, err := c.Send(p.t.Context(), to, otp.SMS)
	if err != nil {
		p.t.Fatal(err)
	}
	to.User = s.User
	n, _, code := p.code(to.Phone)
	if n == 0 || code == "" {
		p.t.Fatal("no code arrived")
	}
	return to, s.Ref, code
}

var (
	ana = otp.Target{Phone: "+14155552671", CountryCode: "1", Email: "ana@example.com"}
	ben = otp.Target{Phone: "+14155552672", CountryCode: "1", Email: "ben@example.com"}
	// landline is a number of the simulator's that can be called but not texted.
	landline = otp.Target{Phone: "+15005550009", CountryCode: "1", Email: "cy@example.com"}
)

// wrongCode returns a code that differs from the right one in its last digit.
func wrongCode(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func (p *provided) want(err, want error) {
	p.t.Helper()
	if !errors.Is(err, want) {
		p.t.Errorf("got %v, want %v", err, want)
	}
	if err != nil {
		p.discreet(err)
	}
}

// discreet: no number, address or credential in an error's text.
func (p *provided) discreet(err error) {
	p.t.Helper()
	for _, s := range []string{"415555", "500555", "example.com", "simulated", "force=", "/v2/", "/protected"} {
		if strings.Contains(err.Error(), s) {
			p.t.Errorf("error text holds %q: %v", s, err)
		}
	}
}
