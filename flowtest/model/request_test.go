package model

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"latchkey/flowtest/rig"
)

// request is one of a browser's, and what the model makes of it.
type request struct {
	by     *browser
	method string // POST if empty
	path   string
	fields map[string]string
	raw    string // instead of fields
	spec   func() (want, gift)

	// What may come of it when it meets trouble, or runs beside others.
	email string // whose items it may change
	flow  string // of the codes that it may send
	form  *form
	typed string            // a code
	again func() rig.Answer // the same once more; nil: nobody would
	mayBe bounds
}

// bounds is what a request may do at most. It rests on evidence: what is not
// named here must not happen, whatever goes wrong.
type bounds struct {
	confirm  *session // by the right code, or by its approval
	account  bool     // and its account may be made
	end      []string // ids of sessions that it may end
	begin    bool     // a session may be begun: the password is right
	epoch    bool     // every session may be ended
	factors  bool     // the list of factors may be changed
	password string   // that the account may have
	moved    bool     // the account may have the session's phone
}

// ask makes a request.
func (w *world) ask(q *request, trouble *rig.Trouble) rig.Answer {
	q.by.v.Meeting(trouble)
	defer q.by.v.Meeting(nil)
	var a rig.Answer
	switch {
	case q.raw != "":
		a = q.by.v.Do(http.MethodPost, q.path, "application/json", q.raw)
	case q.method != "":
		a = q.by.v.Do(q.method, q.path, "", "")
	default:
		a = q.by.v.Post(q.path, q.fields)
	}
	return a
}

// do makes a request and holds the answer against the model's. When the request
// met trouble, what is so is looked up, within bounds.
func (w *world) do(q *request, trouble *rig.Trouble) rig.Answer {
	w.r.Wire.Reset()
	var before map[string]items
	if trouble != nil {
		before = w.load(q)
	}
	old := q.by.jar("session")
	q.by.freeze()
	defer q.by.thaw()
	a := w.ask(q, trouble)
	w.overhear(a)
	if trouble != nil && a.Met() {
		w.tally.troubles++
		w.tell("  %s: %d %s after trouble at %d, fault %d", q.path, a.Status, word(q, a), trouble.At, trouble.Fault)
		w.absorb(before, []*request{q}, []rig.Answer{a})
		w.repair(q, a)
		return a
	}
	was := len(w.m.asked)
	should, g := q.spec()
	q.by.thaw()
	got := want{a.Status, word(q, a)}
	w.tell("  %s: %v", q.path, got)
	if got != should {
		w.t.Fatalf("%s %s by %s: %v, the model says %v\n%s\n%s", q.method, q.path, q.by.name, got, should, a.Body, w.situation(q))
	}
	w.hand(q.by, old, g)
	w.collect("", false)
	if q.path == "/login" || len(w.m.asked) != was {
		w.pushes()
	}
	if should == badLogin || should == wait && q.path == "/login" && g.session == nil {
		w.silent() // I-06
	}
	if should == badLogin && q.path == "/login" {
		w.alike(a)
	}
	return a
}

// situation is what happened lately, and what the table holds of the request's
// account and sessions: what fails once in ten thousand histories does not fail again
// when it is repeated.
func (w *world) situation(q *request) string {
	lately := w.story[max(0, len(w.story)-60):]
	return fmt.Sprintf("%s\nat %v the table has %v", strings.Join(lately, "\n"), w.now(), w.load(q))
}

// word is where an answer leads, or what it says.
func word(q *request, a rig.Answer) string {
	if a.Code() != "" {
		return a.Code()
	}
	if q.method == http.MethodGet && q.path == "/status" {
		s, _ := a.Doc["status"].(string)
		return s
	}
	return a.Next
}

// alike checks that a wrong password and an unknown address are answered in the
// same words (I-2A, R-007).
func (w *world) alike(a rig.Answer) {
	body := instances.ReplaceAllString(a.Body, "")
	if w.refusal == "" {
		w.refusal = body
	}
	if body != w.refusal {
		w.t.Fatalf("one who may not log in is told %s and another %s (I-2A)", body, w.refusal)
	}
}

// instances are the names of requests in problem documents.
var instances = regexp.MustCompile(`"instance":"[^"]*",`)

// silent checks that no vendor has heard of the request.
func (w *world) silent() {
	if asked := w.r.Wire.Vendors(); len(asked) > 0 {
		w.t.Fatalf("vendors were asked: %v (I-06, I-20d)", asked)
	}
}

// hand checks the cookie that came with an answer: a half session's, the other
// one of a session that was confirmed (I-26), none, or that of before.
func (w *world) hand(b *browser, old string, g gift) {
	value := b.jar("session")
	if g.step && g.session != nil {
		if value != old {
			w.t.Fatalf("%s: the session's cookie was replaced before the proof", b.name)
		}
		value = b.jar("step")
	}
	c, s := parse(value), g.session
	if g.known != nil {
		w.known(b, g.known)
	}
	switch {
	case g.whole && b.jar("step") != "":
		w.t.Fatalf("%s still has the cookie of the proof", b.name)
	case g.cleared && value != "":
		w.t.Fatalf("%s still has a cookie", b.name)
	case g.cleared:
	case s == nil && value != old:
		w.t.Fatalf("%s was given a cookie", b.name)
	case s == nil:
	case g.whole && s.whole == "":
		if c.id != s.id || value == s.half || c.hash == s.before {
			w.t.Fatalf("%s: the cookie was not replaced (I-26)", b.name)
		}
		if s.secret != unknown && s.secret != "" && c.hash != s.secret {
			w.t.Fatalf("%s: not the session's cookie", b.name)
		}
		s.whole = value
		if s.secret == unknown {
			s.secret = c.hash
		}
	case g.whole && value != s.whole:
		w.t.Fatalf("%s: a repeat is given another cookie (I-11, R-078)", b.name)
	case g.whole:
	case s.half == "":
		w.learn(s, value)
	case value != s.half:
		w.t.Fatalf("%s: the same form is given another session (I-25)", b.name)
	}
	w.keep(c.secret, parse(b.jar("device")).secret)
}

// learn notes the cookie of a new session.
func (w *world) learn(s *session, value string) {
	c := parse(value)
	if c.id == "" || s.id != "" && s.id != c.id || w.m.sessions[c.id] != nil && w.m.sessions[c.id] != s {
		w.t.Fatalf("not a new session's cookie: %q", value)
	}
	s.id, s.half = c.id, value
	if s.secret == unknown {
		s.secret = c.hash
	}
	w.m.sessions[s.id] = s
}

// known notes that a browser is known now to the account that it is signed in
// to.
func (w *world) known(b *browser, s *session) {
	d := b.device(s.email)
	if d == "" {
		w.t.Fatalf("%s is not known after it signed in (R-104)", b.name)
	}
	w.m.devices[d] = &device{s.account, s.epoch}
}

// clocks are the times of log lines, whose digits may be anything.
var clocks = regexp.MustCompile(`"time":"[^"]*"`)

// overhear looks for secrets in the log and in what a browser is told (I-29).
func (w *world) overhear(answers ...rig.Answer) {
	w.log = clocks.ReplaceAllString(w.r.Log.Take(), "")
	for _, s := range w.hidden {
		if strings.Contains(w.log, s) {
			w.t.Fatalf("the log holds a secret that was shown once (I-29)")
		}
	}
	for s := range w.secrets {
		if holds(w.log, s) {
			w.t.Fatalf("the log holds %q (I-29)\n%s", s, w.log)
		}
		for _, a := range answers {
			if holds(a.Body, s) && !strings.Contains(s, "@") {
				w.t.Fatalf("an answer holds %q (I-29)\n%s", s, a.Body)
			}
		}
	}
	for _, a := range answers {
		if !slices.Contains(answered, a.Status) { // I-31, and nothing that nobody thought of
			w.t.Fatalf("an answer is %d %s", a.Status, a.Body)
		}
	}
}

// holds reports whether a text holds a secret, as a word.
func holds(text, secret string) bool {
	for {
		before, rest, found := strings.Cut(text, secret)
		switch {
		case !found:
			return false
		case !alphanumeric(before[max(0, len(before)-1):]) && !alphanumeric(rest[:min(1, len(rest))]):
			return true
		}
		text = rest
	}
}

func alphanumeric(s string) bool {
	return s != "" && (s[0] >= '0' && s[0] <= '9' || s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}

// answered are the statuses that requests of honest and other clients get; 502
// is of a function that died.
var answered = []int{200, 400, 401, 403, 404, 409, 410, 422, 429, 502, 503}

// inside compares who is signed in with who has shown that it is they: a right
// password and a second factor in this very session, or a sign-up's code (I-01).
func (w *world) inside(b *browser) {
	s := w.m.signedIn(b.cookie())
	a := b.v.Get("/account")
	w.overhear(a)
	switch {
	case (s != nil) != (a.Status == 200):
		w.t.Fatalf("%s: the account is answered %d, and by the model is open: %v (I-01, I-27)", b.name, a.Status, s != nil)
	case s != nil && s.evidence == "":
		w.t.Fatalf("%s is signed in without evidence (I-01)", b.name)
	case s != nil && a.Doc["email"] != s.email:
		w.t.Fatalf("%s is signed in as somebody else (I-03)", b.name)
	case a.Status == 200 && a.Doc["verified"] != true:
		w.t.Fatalf("%s: an account whose phone is not proved (I-10)", b.name)
	}
}
