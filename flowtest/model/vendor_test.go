package model

import (
	"slices"
	"time"
)

// What the vendors know, as far as it decides anything: who was sent which code,
// and which app shows which token. A code's digits are read from the phone.

// codeLife is how long a vendor's code is good.
const codeLife = 10 * time.Minute

// code is one that a vendor sent. Verify has one at a time for a phone and a
// service, sends it again while it is good, and forgets it once it was right.
// Authy has several, for a person, whoever asked for them.
type code struct {
	phone   string
	service string // of Verify
	text    string
	at      time.Time
	checks  int  // at Verify, which takes five
	used    bool // it was right once
}

func (c *code) good(now time.Time) bool { return !c.used && now.Before(c.at.Add(codeLife)) }

// app is what shows tokens: Authy's, or an authenticator. Each step of thirty
// seconds is good once, and the step before and after now as well.
type app struct {
	shown map[string]int64 // the steps of the tokens that were looked at
	used  map[int64]bool
}

func newApp() *app { return &app{map[string]int64{}, map[int64]bool{}} }

func stepAt(now time.Time) int64 { return now.Unix() / 30 }

// verdict is what a vendor says of a code.
type verdict string

const (
	right   verdict = "right"
	wrong   verdict = "wrong"
	gone    verdict = "gone"
	limited verdict = "limited"
)

// judge is what the app's vendor says of a token, and uses it up. again is what
// it says of one that was used.
func (a *app) judge(text string, now time.Time, again verdict) verdict {
	step, shown := a.shown[text]
	switch {
	case !shown || step < stepAt(now)-1 || step > stepAt(now)+1:
		return wrong
	case a.used[step]:
		return again
	}
	a.used[step] = true
	return right
}

// peek is judge without consequences.
func (a *app) peek(text string, now time.Time) bool {
	step, shown := a.shown[text]
	return shown && !a.used[step] && step >= stepAt(now)-1 && step <= stepAt(now)+1
}

// service is where a flow's codes live at Verify: strangers' and users' apart.
func service(flow string) string {
	if flow == signup || flow == move {
		return signup
	}
	return login
}

// pending is the code that Verify would send again, nil if it would make one.
func (m *spec) pending(flow, phone string) *code {
	for _, c := range slices.Backward(m.codes) {
		if c.phone == phone && c.service == service(flow) {
			if c.good(m.now()) {
				return c
			}
			return nil
		}
	}
	return nil
}

// send is one message with a code. Its digits are known when the phone is read.
func (m *spec) send(flow, phone string) *code {
	m.texts = append(m.texts, text{phone, flow, m.now()})
	var c *code
	if !m.authy {
		c = m.pending(flow, phone)
	}
	if c == nil {
		c = &code{phone: phone, service: service(flow), at: m.now()}
		m.codes = append(m.codes, c)
	}
	m.arriving[phone] = append(m.arriving[phone], c)
	return c
}

// notice is one message without a code.
func (m *spec) notice(phone string) { m.arriving[phone] = append(m.arriving[phone], nil) }

// check is what the vendor says of a code that is typed in a session, and what
// it keeps of being asked.
func (m *spec) check(s *session, typed string) verdict {
	if m.authy {
		return m.checkAuthy(s, typed)
	}
	c := s.code
	switch {
	case c == nil || !c.good(m.now()):
		return gone
	case c.checks >= 5:
		return limited
	}
	c.checks++
	if typed != c.text {
		return wrong
	}
	c.used = true
	return right
}

// checkAuthy takes any code that was sent to the phone, and its app's tokens:
// Authy knows persons and not sessions.
func (m *spec) checkAuthy(s *session, typed string) verdict {
	found := wrong
	for _, c := range m.codes {
		if c.phone != s.phone || c.text != typed || !m.now().Before(c.at.Add(codeLife)) {
			continue
		}
		if !c.used {
			c.used = true
			return right
		}
		found = gone
	}
	if found != wrong || m.apps[s.phone] == nil {
		return found
	}
	return m.apps[s.phone].judge(typed, m.now(), gone)
}

// would is whether a code would be right in a session, in any of the ways that
// one form takes. It is the evidence that a sign-in by code rests on.
func (m *spec) would(s *session, typed string) bool {
	if m.authy {
		for _, c := range m.codes {
			if c.phone == s.phone && c.text == typed && c.good(m.now()) {
				return true
			}
		}
		return m.apps[s.phone] != nil && m.apps[s.phone].peek(typed, m.now())
	}
	if s.code != nil && s.code.text == typed && s.code.good(m.now()) && s.code.checks < 5 {
		return true
	}
	f := m.tokenOf(s)
	return f != nil && f.app.peek(typed, m.now())
}

// tokenOf is the authenticator that a login's code form takes, too: the one that
// was there when it began, if it is there still.
func (m *spec) tokenOf(s *session) *factor {
	a := m.accounts[s.email]
	if a == nil || s.token == nil || !s.token.active || !slices.Contains(a.factors, s.token) {
		return nil
	}
	return s.token
}
