package model

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/flowtest/rig"
)

// What somebody who is signed in may change, and what that takes: the second
// factor once more, beside the session; another password; another phone. The
// latter two end every other session (I-27).

// coolDown is for how long after a change of phone nothing else of weight can be
// changed (R-11A).
const coolDown = 24 * time.Hour

// cooling is the answer of that time.
var cooling = want{403, "cooling"}

// mayChange is who may change the account: signed in, with a second factor that
// was given a moment ago, and no change of phone since yesterday.
func (m *spec) mayChange(b *browser) (*session, want) {
	s := m.signedIn(b.cookie())
	switch {
	case s == nil:
		return nil, noSession
	case m.now().Sub(s.confirmed) > fresh:
		return nil, reauth
	case m.now().Sub(s.account.movedAt) < coolDown:
		return nil, cooling
	}
	return s, want{}
}

// knows counts a try at the current password, in one row for all that asks for
// it, and compares.
func (m *spec) knows(a *account, current, id string) want {
	switch {
	case !m.try(a.guesses(), id):
		return wait
	case a.password != current:
		return badLogin
	}
	return want{}
}

// guesses names the row of wrong current passwords.
func (a *account) guesses() string { return fmt.Sprintf("password %s %d", a.email, a.epoch) }

// changePassword is POST /password.
func (m *spec) changePassword(b *browser, current, next string) want {
	s, refused := m.mayChange(b)
	if s == nil {
		return refused
	}
	a, id := s.account, "password "+b.cookie().hash+current+next
	if a.passwordBy == id {
		m.try(a.guesses(), id)
		return ok("/account") // sent twice
	}
	w := m.knows(a, current, id)
	if w.status != 0 {
		return w
	}
	a.password, a.passwordBy, a.epoch = next, id, a.epoch+1
	s.epoch = a.epoch
	m.notice(a.phone)
	return ok("/account")
}

// again is POST /login/again: the second factor once more, over a channel or in
// whatever way the account has. The password is not asked for, and the session
// stays as it is until the proof is there.
func (m *spec) again(f *form, b *browser, channel string, ref func() string) (want, gift) {
	c := b.cookie()
	open := c.id == "" || m.try(again(c, f.email), f.id())
	whole := m.signedIn(c)
	switch {
	case whole == nil:
		return noSession, gift{}
	case !open:
		return wait, gift{}
	}
	a := whole.account
	p := m.planFor(a, f)
	if channel != "" {
		p.push, p.text = false, true
	}
	mine, why := m.halfOf(b.token())
	if p.rival != nil && mine != nil && p.rival.session == mine {
		switch alive := why == "" && m.alive(mine) && mine.checks < maxChecks; {
		case alive && mine.push != nil:
			return ok("/status"), gift{}
		case alive:
			return ok("/verify"), gift{}
		}
	}
	if f.session != nil {
		w, g := m.loginAgain(f.session)
		g.step = true
		return w, g
	}
	s := m.begin(f, proof, a.email, a.phone)
	s.account, s.epoch, s.lanes, s.token = a, a.epoch, []string{again(c, f.email)}, a.newest("totp")
	s.parent, s.ends, s.sent = whole, whole.ends, m.authy
	m.summon(s, a, p, ref)
	switch s.outcome {
	case "asked":
		return ok("/status"), gift{session: s, step: true}
	case "limited":
		return wait, gift{session: s, step: true}
	}
	return ok("/verify"), gift{session: s, step: true}
}

// again names the row of tries of one session's proofs.
func again(c cookie, email string) string {
	sum, err := base64.StdEncoding.DecodeString(c.hash)
	if err != nil || len(sum) < 16 {
		return ""
	}
	return hashed(email) + "/again/" + hex.EncodeToString(sum[:16])
}

// newPhone is POST /phone: the new number is sent a code, and only that changes
// anything.
func (m *spec) newPhone(f *form, b *browser) (want, gift) {
	whole, refused := m.mayChange(b)
	if whole == nil {
		return refused, gift{}
	}
	a := whole.account
	w := m.knows(a, f.password, f.id()+b.cookie().hash)
	switch {
	case w.status != 0:
		return w, gift{}
	case f.phone == a.phone:
		return want{422, "invalid"}, gift{}
	}
	delete(m.lanes, a.guesses())
	taken, late := m.use(move, f.phone, f.id())
	s := f.session
	switch {
	case s != nil:
		if taken && (s.outcome != "" || m.now().Sub(s.created) >= runs) { // else the first may go on with it
			m.unuse(move, f.phone)
		}
		w, g := m.resume(s)
		g.step = true
		return w, g
	case late:
		return wait, gift{}
	}
	s = m.begin(f, move, a.email, f.phone)
	s.account, s.epoch, s.parent, s.ends = a, a.epoch, whole, whole.ends
	m.sendTo(s)
	return ok("/verify"), gift{session: s, step: true}
}

// replace ends the session that another was begun from, so that it takes its
// place. It is false when there is none to be replaced any more.
func (m *spec) replace(s *session) bool {
	p := s.parent
	if !m.replaceable(s) {
		return false
	}
	if p == nil || p.endedBy == s {
		return true
	}
	p.secret, p.before, p.until, p.push, p.code, p.endedBy = "", "", m.now(), nil, nil, s
	return true
}

func (m *spec) replaceable(s *session) bool {
	p := s.parent
	return p == nil || p.endedBy == s || p.secret != "" && !p.isHalf() && m.now().Before(p.until) && p.epoch == s.epoch && m.alive(s)
}

// movePhone gives the account the phone that a session has proved.
func (m *spec) movePhone(s *session, typed string) (want, gift) {
	a := s.account
	if !m.replace(s) {
		return noSession, gift{}
	}
	a.movedFrom, a.movedAt, a.movedBy = a.phone, m.now(), s
	a.phone, a.pushes = s.phone, nil
	a.epoch++
	a.movedTo, s.epoch, s.proof = a.epoch, a.epoch, typed
	m.notice(a.movedFrom)
	return m.confirm(s, typed, "code"), gift{session: s, whole: true, known: s}
}

// nextEpoch is the one that a session gives its account (design section 2).
func nextEpoch(s item) string {
	salt, err := base64.StdEncoding.DecodeString(s.bytes("salt"))
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte("epoch\x00" + s.text("epoch")))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// care are the commands about these.
func (w *world) care(b *browser, c command) bool {
	s := w.m.signedIn(b.cookie())
	email := w.emailOf(b)
	if s != nil {
		email = s.email
	}
	f := &form{kind: c.Kind, seed: fmt.Sprintf("%04d%04d%s", w.n, w.seeds, strings.Repeat("c", 35)), email: email}
	w.seeds++
	switch c.Kind {
	case "again":
		w.do(w.againRequest(b, f, []string{"", "", "", "sms"}[c.C%4]), w.trouble(c))
		if c.C%8 == 7 && s != nil { // logged out elsewhere meanwhile
			other := w.window(b)
			w.forgetCookies(other)
			other.v.SetCookie(b.jar("session"))
			w.do(w.logOut(other, false), nil)
			w.code(b, command{Kind: "code"})
		}
	case "password":
		w.do(w.passwordRequest(b, s, c), w.trouble(c))
	case "phone":
		f.phone, f.password = w.phones[c.B%len(w.phones)], "not the password"
		if s != nil && c.C%8 != 7 {
			f.password = s.account.password
			f.phone = w.phones[1-slices.Index(w.phones, s.account.phone)]
		}
		w.do(w.phoneRequest(b, f), w.trouble(c))
		if c.C%8 == 6 { // sent twice, perhaps much later
			w.r.Clock.Advance(times[c.A%6])
			w.do(w.phoneRequest(b, f), nil)
		}
	}
	return true
}

func (w *world) againRequest(b *browser, f *form, channel string) *request {
	q := &request{by: b, path: "/login/again", email: f.email, flow: proof, form: f, fields: map[string]string{"form": f.seed, "channel": channel}}
	f.password = b.cookie().id + channel
	a := w.m.accounts[f.email]
	s := w.m.signedIn(b.cookie())
	q.mayBe = bounds{begin: s != nil}
	q.spec = func() (want, gift) { return w.m.again(f, b, channel, func() string { return w.newest(a) }) }
	q.again = func() rig.Answer {
		if f.session == nil || f.session.outcome != "" {
			return w.do(w.againRequest(b, f, channel), nil)
		}
		return rig.Answer{}
	}
	return q
}

// passwordRequest changes it to one of the account's own row of passwords.
func (w *world) passwordRequest(b *browser, s *session, c command) *request {
	current, next := "not the password", fmt.Sprintf("another horse battery %d-%d", w.n, w.seeds)
	if s != nil && c.C%4 != 3 {
		current = s.account.password
	}
	w.keep(next)
	q := &request{by: b, path: "/password", email: w.emailOf(b), fields: map[string]string{"current": current, "password": next}}
	if s != nil {
		q.email = s.email
	}
	q.mayBe = bounds{epoch: s != nil && current == s.account.password, password: next}
	q.spec = func() (want, gift) {
		should := w.m.changePassword(b, current, next)
		if should.status != 200 {
			return should, gift{}
		}
		return should, gift{known: s}
	}
	q.again = func() rig.Answer {
		p := *q
		return w.do(&p, nil)
	}
	return q
}

func (w *world) phoneRequest(b *browser, f *form) *request {
	q := &request{by: b, path: "/phone", email: f.email, flow: move, form: f}
	q.fields = map[string]string{"form": f.seed, "countryCode": "US", "phone": f.phone, "current": f.password}
	s := w.m.signedIn(b.cookie())
	q.mayBe = bounds{begin: s != nil && s.account.password == f.password}
	q.spec = func() (want, gift) { return w.m.newPhone(f, b) }
	return q
}
