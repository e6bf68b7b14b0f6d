package model

import (
	"fmt"
	"slices"
	"time"
)

// The flows.
const (
	signup = "signup"
	login  = "login"
	proof  = "proof" // the second factor once more, beside a session
	move   = "move"  // another phone
)

// How long things live (design section 7).
const (
	halfLife   = 30 * time.Minute
	idleLife   = 12 * time.Hour
	totalLife  = 7 * 24 * time.Hour
	touchAfter = 15 * time.Minute
	repeatable = 30 * time.Second
	maxChecks  = 5
	fresh      = 15 * time.Minute
)

// account is a person's: it is there once the phone was proved.
type account struct {
	email, password, phone string
	maker                  *session // the sign-up that made it
	epoch                  int      // sessions of another are dead
	factors                []*factor
	pushes                 []*push // that count for something, oldest first
	count                  int     // pushes since the last completed login …
	since                  time.Time
	passwordBy             string   // the form that changed the password last
	movedBy                *session // that changed the phone last …
	movedAt                time.Time
	movedFrom              string
	movedTo                int    // the epoch that it gave the account
	epochText              string // as the table has it, once it was looked up
}

// factor is a device or an authenticator, enrolled at Verify.
type factor struct {
	id, kind string
	active   bool // it is used
	there    bool // the device has registered
	tries    int
	made     time.Time
	phone    string // where it lives
	app      *app   // of an authenticator
	sid      string // the vendor's id, once it was looked up
	scanned  int    // when its phone was set up with it, in order; 0: never
}

// newest is the account's factor of a kind that is in use.
func (a *account) newest(kind string) *factor {
	for _, f := range slices.Backward(a.factors) {
		if f.kind == kind && f.active {
			return f
		}
	}
	return nil
}

// session is one sign-up or one login, from its form to its end.
type session struct {
	id, flow, email string
	phone, password string
	form            *form
	account         *account // of a login; of a sign-up, once it made one
	epoch           int
	created, until  time.Time
	ends            time.Time
	confirmed       time.Time // zero: half
	touched         time.Time
	secret          string // hash of the cookie's; "" once it ended
	before          string // hash of the one from before the confirmation …
	beforeTo        time.Time
	proof           string // and what a repeat of that brings
	repeats         int
	lanes           []string

	outcome  string
	code     *code // that it may be confirmed by; nil if none was sent
	sent     bool  // it can take a code at all
	resendAt time.Time
	version  int // of what it knows of its phone's history
	hashed   bool
	checks   int
	checkAt  time.Time
	taken    bool // its phone is proved, and its email somebody else's
	token    *factor
	push     *push
	half     string   // the cookie that its form was answered with
	whole    string   // the cookie that it has once confirmed
	evidence string   // what confirmed it
	parent   *session // that it was begun beside, and replaces …
	endedBy  *session // … and that has replaced it
}

func (s *session) isHalf() bool { return s.confirmed.IsZero() }

// device is the mark of a browser that its account's person signed in from.
type device struct {
	account *account
	epoch   int
}

func (d *device) genuine(a *account) bool { return a != nil && a == d.account && a.epoch == d.epoch }

// form is what was typed and the seed that came with it: the same form is the
// same session.
type form struct {
	kind, seed      string
	email, password string
	phone           string
	session         *session // that it made
}

func (f *form) id() string { return f.kind + f.seed + f.email + f.password + f.phone }

// spec is what the design allows, and what is so.
type spec struct {
	now   func() time.Time
	authy bool

	accounts  map[string]*account // by email
	sessions  map[string]*session // by id
	forms     map[string]*form
	devices   map[string]*device // by the cookie's id
	lanes     map[string]*lane
	histories map[string]*history
	codes     []*code
	texts     []text
	apps      map[string]*app    // Authy's, by phone
	arriving  map[string][]*code // messages that a phone is about to get; nil is a notice
	asked     []*push            // all pushes, oldest first
}

func newSpec(now func() time.Time, authy bool) *spec {
	return &spec{
		now: now, authy: authy, accounts: map[string]*account{}, sessions: map[string]*session{}, forms: map[string]*form{},
		devices: map[string]*device{}, lanes: map[string]*lane{}, histories: map[string]*history{}, apps: map[string]*app{}, arriving: map[string][]*code{},
	}
}

// want is an answer: a status, and the next path or the problem's code.
type want struct {
	status int
	word   string
}

// String is how a failure shows it.
func (w want) String() string { return fmt.Sprintf("%d %s", w.status, w.word) }

// The answers.
var (
	noSession  = want{401, "no_session"}
	wrongCode  = want{401, "wrong_code"}
	badLogin   = want{401, "bad_credentials"}
	reauth     = want{403, "reauth"}
	taken      = want{409, "cannot_complete"}
	notOffered = want{409, "not_offered"}
	isPending  = want{409, "pending"}
	wasDenied  = want{409, "denied"}
	over       = want{410, "expired"}
	usedUp     = want{410, "used_up"}
	wait       = want{429, "wait"}
	outOfOrder = want{503, "unavailable"}
)

// ok is a success that leads to a path.
func ok(next string) want { return want{200, next} }

// Why a cookie is not a half session's.
const (
	none  = "none"
	tired = "over"
	full  = "confirmed"
)

// halfOf is the half session of a cookie, or why there is none.
func (m *spec) halfOf(c cookie) (*session, string) {
	s := m.sessions[c.id]
	switch {
	case s == nil || s.secret == "" || s.secret != c.hash:
		return nil, none
	case !s.isHalf() && m.now().Before(s.until):
		return s, full
	case !s.isHalf():
		return nil, none
	case !m.now().Before(s.until):
		return s, tired
	}
	return s, ""
}

// refuse answers who has no half session.
func refuse(why string) want {
	switch why {
	case tired:
		return over
	case full:
		return ok("/account")
	}
	return noSession
}

// signedIn is the confirmed session of a cookie, nil if there is none: its own
// secret, in time, of its account's epoch (I-27, I-28). Being used, it lives on.
func (m *spec) signedIn(c cookie) *session {
	s, now := m.sessions[c.id], m.now()
	if s == nil || s.secret == "" || s.secret != c.hash || s.isHalf() || !now.Before(s.until) || !now.Before(s.ends) {
		return nil
	}
	if s.account == nil || m.accounts[s.email] != s.account || s.epoch != s.account.epoch {
		return nil
	}
	if now.Sub(s.touched) >= touchAfter {
		s.touched, s.until = now, earliest(now.Add(idleLife), s.ends)
	}
	return s
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// confirm makes a half session a signed-in one, for which there is evidence.
func (m *spec) confirm(s *session, proof, evidence string) want {
	now := m.now()
	if !m.replace(s) {
		return noSession
	}
	s.confirmed, s.touched, s.proof, s.evidence = now, now, proof, evidence
	s.before, s.beforeTo, s.secret = s.secret, now.Add(repeatable), unknown
	ends := now.Add(totalLife)
	if s.ends.IsZero() || ends.Before(s.ends) {
		s.ends = ends
	}
	s.until = earliest(now.Add(idleLife), s.ends)
	if s.flow == login || s.flow == proof {
		m.forget(s)
		s.account.count, s.account.since = 0, time.Time{}
	}
	s.code = nil
	return ok("/account")
}

// unknown is the hash of a cookie that was not seen yet.
const unknown = "?"

// repeat answers the request that confirmed a session, again, with the same
// cookie: for thirty seconds, and with the same proof; another ends it.
func (m *spec) repeat(c cookie, proof string) want {
	s := m.sessions[c.id]
	if s == nil || s.before == "" || s.before != c.hash || !m.now().Before(s.beforeTo) || s.repeats >= 60 {
		return noSession
	}
	s.repeats++
	if s.proof != proof {
		s.before = ""
		return noSession
	}
	return ok("/account")
}

// end is a session's end at the wish of who holds its cookie, or for thirty
// seconds the one from before.
func (m *spec) end(c cookie) {
	if m.holds(c) {
		s := m.sessions[c.id]
		s.secret, s.before, s.until, s.push, s.code = "", "", m.now(), nil, nil
	}
}

// holds is whether a cookie is a session's, or was until a moment ago.
func (m *spec) holds(c cookie) bool {
	s := m.sessions[c.id]
	return s != nil && c.hash != "" && (s.secret == c.hash || s.before == c.hash && m.now().Before(s.beforeTo))
}
