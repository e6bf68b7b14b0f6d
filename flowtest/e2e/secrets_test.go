//go:build linux

package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/rig"
)

// person is somebody who signs up, known to nobody else in the test.
type person struct {
	name, email, password string
	phone                 string // E.164
	typed                 string // the phone as a person types it
}

func random() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// person makes one up, whose secrets the log must not hold.
func (s *stack) person() person {
	n := 2000 + s.people.Add(1)
	exchange, line := 555+n/10000, n%10000
	p := person{
		name: "Ada Lovelace", email: "ada-" + random() + "@example.com", password: "horse " + random(),
		phone: fmt.Sprintf("+1415%03d%04d", exchange, line), typed: fmt.Sprintf("(415) %03d-%04d", exchange, line),
	}
	s.hidden.add("password", p.password)
	s.hidden.add("email address", p.email)
	s.hidden.add("phone number", p.phone[2:])
	return p
}

// form is the person's sign-up as a program sends it.
func (p person) form() map[string]string {
	f := rig.Form(p.email, p.phone)
	f["fullName"], f["password"] = p.name, p.password
	return f
}

// code is the newest on the person's phone, "" if there is none.
func (s *stack) code(t *testing.T, p person) string {
	t.Helper()
	code := s.handset(t).Code(p.phone)
	s.hidden.add("code", code)
	return code
}

// awaitCode waits for the n-th message and returns the newest code.
func (s *stack) awaitCode(t *testing.T, p person, n int) string {
	t.Helper()
	until(t, fmt.Sprintf("message %d", n), patience, func() bool { return len(s.handset(t).Messages(p.phone)) >= n })
	return s.code(t, p)
}

// wrong is a code that is not this one.
func wrong(code string) string {
	if code == "" {
		return "000000"
	}
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

// hideCookie remembers the value of a session's or a known browser's cookie, and
// its secret part alone.
func (s *stack) hideCookie(name, value string) {
	part := strings.Split(value, ".")
	if len(part) < 3 { // a notice, which is no secret
		return
	}
	kind := strings.TrimPrefix(name, "latchkey-") + " cookie"
	s.hidden.add(kind, value)
	s.hidden.add(kind+"'s secret", part[2])
}

// hideKeys remembers the credentials that the functions have.
func (s *stack) hideKeys() {
	for id := range s.processes("/bootstrap") {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", id))
		for variable := range strings.SplitSeq(string(text), "\x00") {
			name, value, _ := strings.Cut(variable, "=")
			if name == "AUTHY_API_KEY" || name == "TWILIO_AUTH_TOKEN" {
				s.hidden.add("vendor key", value)
			}
		}
	}
}

// secrets are what a test run used and no log may tell.
type secrets struct {
	mu    sync.Mutex
	kinds map[string]string // by value
}

func (h *secrets) add(kind, value string) {
	if value == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kinds == nil {
		h.kinds = map[string]string{}
	}
	h.kinds[value] = kind
}

// count is how many of a kind there are.
func (h *secrets) count(kind string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, k := range h.kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// told returns the lines of a log that hold a secret. A code or a token counts as
// a number of its own only, for its digits may stand in a longer one by chance.
func (h *secrets) told(log string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	numbers := map[string]bool{}
	for _, n := range regexp.MustCompile(`\d+`).FindAllString(log, -1) {
		numbers[n] = true
	}
	var lines []string
	for value, kind := range h.kinds {
		if (kind == "code" || kind == "token") && !numbers[value] || !strings.Contains(log, value) {
			continue
		}
		for line := range strings.Lines(log) {
			if strings.Contains(line, value) {
				lines = append(lines, fmt.Sprintf("%s %s: %s", kind, value, line))
			}
		}
	}
	return lines
}

// The search finds what it looks for.
func TestSecretsAreFound(t *testing.T) {
	var h secrets
	h.add("code", "123456")
	h.add("password", "horse")
	h.add("token", "7654321")
	for log, want := range map[string]int{
		"": 0, "nothing\n": 0, "code 123456\n": 1, "took 1234567 ns\n": 0, `{"a":"my horse"}`: 1, "horse\nhorse 123456\n": 3,
		`"token":"7654321"`: 1, "took 17654321 ns\n": 0,
	} {
		if got := h.told(log); len(got) != want {
			t.Errorf("%q: %q, want %d", log, got, want)
		}
	}
}

// compared finds the number that a push and the page show: two digits are a
// secret by their name only.
var compared = regexp.MustCompile(`(?i)\bnumber\W{1,4}\d\d\b`)

// checkLog looks through all that the stack wrote (R-130, R-131; parity 70).
func checkLog(t *testing.T, s *stack) {
	log := s.out.String()
	for _, line := range s.hidden.told(log) {
		t.Errorf("the log tells a secret: %s", line)
	}
	for _, number := range compared.FindAllString(log, -1) {
		t.Errorf("the log tells a number to compare: %s", number)
	}
	kinds := []string{
		"code", "token", "password", "session cookie", "session cookie's secret", "device cookie's secret",
		"idempotency key", "phone number", "email address", "vendor key",
	}
	if s.provider == "verify" {
		kinds = append(kinds, "enrolment", "authenticator's secret")
	}
	for _, kind := range kinds {
		if s.hidden.count(kind) == 0 {
			t.Errorf("no %s was looked for", kind)
		}
	}
	t.Logf("%d bytes of log, %d codes, %d tokens, %d people", len(log), s.hidden.count("code"), s.hidden.count("token"), s.people.Load())
}
