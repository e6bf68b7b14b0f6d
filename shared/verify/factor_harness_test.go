package verify_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/push"
	"latchkey/shared/verify"
)

const (
	identity  = "ff483d1ff591898a9942916050d2ca3f"
	enrolment = "0123456789abcdef"
	jwe       = "canary.jwe.token"
	secret    = "GEZDGNBVGY3TQOJQ"
	uri       = "otpauth://totp/example:0123456789abcdef?secret=" + secret + "&issuer=example"
)

var (
	device    = "YF" + strings.Repeat("0e", 16)
	other     = "YF" + strings.Repeat("0f", 16)
	challenge = "YC" + strings.Repeat("1a", 16)
	person    = push.Target{User: identity, Device: device}
	asked     = push.Request{
		Session: "canarysession",
		Message: "Log in to Example?",
		Details: []push.Detail{
			{Label: "time", Value: "14:05 UTC"}, {Label: "address", Value: "203.0.113.7 & co"},
			{Label: "browser", Value: "Firefox"}, {Label: "number", Value: "42"},
		},
		At:   time.Date(2026, 11, 20, 15, 4, 5, 999, time.FixedZone("", 3600)),
		Life: 5 * time.Minute,
	}
)

var (
	entities   = "/v2/Services/" + login + "/Entities"
	factors    = entities + "/" + identity + "/Factors"
	challenges = entities + "/" + identity + "/Challenges"
	newEntity  = "POST " + entities + " Identity=" + identity
)

const entityTaken = `{"code":60301,"message":"Entity already exists","more_info":"https://www.twilio.com/docs/errors/60301","status":409}`

// answer is what the server says to one request.
type answer struct {
	status int
	body   string
}

// script is a server that answers in this order, the last answer for ever, and
// notes what was asked.
type script struct {
	mu      sync.Mutex
	answers []answer
	asked   []string // "METHOD path form" or "METHOD path?query"
	as      []string // user and password
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.ParseForm()
	line := r.Method + " " + r.URL.RequestURI()
	if len(r.PostForm) > 0 {
		line += " " + r.PostForm.Encode()
	}
	user, password, _ := r.BasicAuth()
	s.asked, s.as = append(s.asked, line), append(s.as, user+":"+password)
	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body)
}

// wants fails the test unless these requests were made, and no others.
func (s *script) wants(t *testing.T, lines ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.asked, lines) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(s.asked, "\n"), strings.Join(lines, "\n"))
	}
	for _, as := range s.as {
		if as != account+":"+token {
			t.Errorf("asked as %q", as)
		}
	}
}

// scripted returns a client of a server with these answers.
func scripted(t *testing.T, answers ...answer) (*verify.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	return door(t, s.ServeHTTP), s
}

// operations are all that can be asked about factors, with one answer that
// would be a success for each but Enrol and NewToken, which want two.
var operations = []struct {
	name    string
	do      func(context.Context, *verify.Client) error
	status  int
	success string
}{
	{"Ask", func(ctx context.Context, c *verify.Client) error {
		ref, err := c.Pushes().Ask(ctx, person, asked)
		return empty(err, ref)
	}, 201, `{"sid":"` + challenge + `"}`},
	{"Decision", func(ctx context.Context, c *verify.Client) error {
		d, err := c.Pushes().Decision(ctx, person, challenge)
		return empty(err, string(d))
	}, 200, `{"sid":"` + challenge + `","factor_sid":"` + device + `","identity":"` + identity + `","status":"approved"}`},
	{"Enrol", func(ctx context.Context, c *verify.Client) error {
		text, err := c.Factors().Enrol(ctx, identity, enrolment)
		return empty(err, text)
	}, 201, `{"token":"` + jwe + `"}`},
	{"Registered", func(ctx context.Context, c *verify.Client) error {
		sid, err := c.Factors().Registered(ctx, identity, enrolment)
		return empty(err, sid)
	}, 200, `{"factors":[{"sid":"` + device + `","factor_type":"push","friendly_name":"` + enrolment + `","status":"verified"}],"meta":{}}`},
	{"NewToken", func(ctx context.Context, c *verify.Client) error {
		sid, s, u, err := c.Factors().NewToken(ctx, identity, enrolment)
		return empty(err, sid+s+u)
	}, 201, `{"sid":"` + device + `","binding":{"secret":"` + secret + `","uri":"` + uri + `"}}`},
	{"ConfirmToken", func(ctx context.Context, c *verify.Client) error {
		return c.Factors().ConfirmToken(ctx, identity, device, typed)
	}, 200, `{"sid":"` + device + `","status":"verified"}`},
	{"CheckToken", func(ctx context.Context, c *verify.Client) error {
		return c.Factors().CheckToken(ctx, identity, device, typed)
	}, 201, `{"factor_sid":"` + device + `","status":"approved"}`},
	{"Remove", func(ctx context.Context, c *verify.Client) error {
		return c.Factors().Remove(ctx, identity, device)
	}, 204, ``},
}

// empty makes a result beside an error a failure of its own.
func empty(err error, result string) error {
	if err != nil && result != "" {
		return errors.New("a result beside an error")
	}
	return err
}

// outcome is doortest's, with the words of pushes and factors.
func outcome(err error) string {
	switch {
	case errors.Is(err, push.ErrNoDevice):
		return "no device"
	case errors.Is(err, push.ErrStranger):
		return "stranger"
	case errors.Is(err, verify.ErrNotRegistered):
		return "not registered"
	default:
		return doortest.Outcome(err)
	}
}

// quiet is discreet about what factors have besides.
func quiet(t *testing.T, err error) {
	t.Helper()
	discreet(t, err)
	doortest.Discreet(t, err, jwe, secret, "otpauth", asked.Session, asked.Message, "203.0.113.7", identity, device, challenge)
}
