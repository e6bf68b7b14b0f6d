package model

import (
	"slices"
	"strconv"
	"time"
)

// The steps, as the design has them: each says what its request is answered and
// what is so afterwards. gift is the cookie that goes with the answer.

// gift is what a browser's session cookie becomes.
type gift struct {
	session *session // whose; nil: none is given
	whole   bool     // the one of a confirmed session
	cleared bool
	step    bool     // the cookie beside the session's
	known   *session // as whose the browser is known from now on
}

// signUp takes a sign-up's form. It reads nothing about accounts (I-12, R-118).
func (m *spec) signUp(f *form, b *browser) (want, gift) {
	if m.signedIn(b.cookie()) != nil {
		return ok("/account"), gift{}
	}
	fresh, refused := m.use(signup, f.phone, f.id())
	s := f.session
	switch {
	case s == nil && refused:
		return wait, gift{}
	case s == nil:
		s = m.begin(f, signup, f.email, f.phone)
		s.password, s.hashed = f.password, true
		m.sendTo(s)
		return ok("/verify"), gift{session: s}
	case fresh && s.isHalf() && m.now().Before(s.until) && (s.outcome == "unsent" || s.outcome == "limited") && !m.now().Before(s.resendAt):
		m.sendTo(s) // the try again that we asked for
		return ok("/verify"), gift{session: s}
	case fresh:
		m.unuse(signup, f.phone) // the first time has had its code (I-25)
	}
	switch {
	case !s.isHalf():
		return ok("/verify"), gift{}
	case !m.now().Before(s.until):
		return over, gift{}
	}
	return m.resume(s)
}

// sendTo sends a session's phone a code, for which its turn was taken: now, or by
// a function that died before it sent one, at most a wait ago.
func (m *spec) sendTo(s *session) {
	h := m.sends(s.flow, s.phone)
	s.code, s.sent, s.outcome, s.version = m.send(s.flow, s.phone), true, "sent", h.version
	m.texts[len(m.texts)-1].at = h.times[len(h.times)-1]
	s.resendAt = h.next(s.flow, m.now())
}

// resume answers a form that was sent before as it was then.
func (m *spec) resume(s *session) (want, gift) {
	switch {
	case s.outcome == "asked":
		return ok("/status"), gift{session: s}
	case s.outcome == "limited" && (service(s.flow) == signup || m.now().Before(s.resendAt)):
		return wait, gift{session: s}
	case s.outcome == "unsent" && service(s.flow) == signup:
		return outOfOrder, gift{session: s}
	}
	return ok("/verify"), gift{session: s}
}

// begin is a half session.
func (m *spec) begin(f *form, flow, email, phone string) *session {
	s := &session{
		flow: flow, email: email, phone: phone, form: f, created: m.now(), until: m.now().Add(halfLife), secret: unknown,
	}
	f.session = s
	return s
}

// verify takes a code. One of five tries is spent on it before the vendor hears
// of it (I-20a); the vendor's word alone confirms (I-05), the session that the
// code was sent for and no other (I-03).
func (m *spec) verify(b *browser, typed string) (want, gift) {
	c := b.token()
	s, why := m.halfOf(c)
	switch {
	case why == none:
		w := m.repeat(c, typed)
		if w != noSession {
			return w, gift{session: m.sessions[c.id], whole: true, known: m.sessions[c.id]}
		}
		return w, gift{}
	case why != "":
		return refuse(why), gift{}
	case s.taken: // whoever proved the phone is told again, whatever the code
		return taken, gift{}
	case s.checks < maxChecks && !s.sent && s.token == nil:
		return over, gift{}
	case s.checks >= maxChecks:
		return usedUp, gift{}
	}
	s.checks, s.checkAt = s.checks+1, m.now()
	switch {
	case s.flow == signup && !s.hashed:
		return over, gift{}
	case s.flow != signup && !m.alive(s):
		return noSession, gift{}
	}
	v, evidence := m.check(s, typed), "code"
	if f := m.tokenOf(s); f != nil && v != right {
		byApp := f.app.judge(typed, m.now(), wrong)
		if byApp == right || v != limited {
			v, evidence = byApp, "token"
		}
	}
	return m.judged(s, v, typed, evidence)
}

// judged is what the vendor's verdict leads to.
func (m *spec) judged(s *session, v verdict, typed, evidence string) (want, gift) {
	switch {
	case v == limited:
		return wait, gift{}
	case v == gone && s.taken:
		return taken, gift{}
	case v == gone && s.account != nil && s.account.maker == s && s.proof == typed:
		m.notice(s.phone)
		return m.confirm(s, typed, evidence), gift{session: s, whole: true, known: s}
	case v == gone && s.account != nil && s.account.movedBy == s && s.proof == typed:
		m.notice(s.account.movedFrom)
		s.epoch = s.account.epoch
		return m.entered(s, typed, evidence)
	case v == gone:
		return over, gift{}
	case v == wrong:
		return wrongCode, gift{}
	case s.flow == signup:
		return m.complete(s, typed)
	case s.flow == move:
		return m.movePhone(s, typed)
	}
	return m.entered(s, typed, evidence)
}

// entered is a confirmed session's answer, or that there is nothing left to be
// confirmed.
func (m *spec) entered(s *session, proof, evidence string) (want, gift) {
	w := m.confirm(s, proof, evidence)
	if w == noSession {
		return w, gift{}
	}
	return w, gift{session: s, whole: true, known: s}
}

// complete makes the account, unless its email has one, which is told now and
// not before (I-10, I-11, R-118).
func (m *spec) complete(s *session, typed string) (want, gift) {
	if m.accounts[s.email] != nil {
		s.taken = true
		return taken, gift{}
	}
	s.account = &account{email: s.email, password: s.password, phone: s.phone, maker: s}
	m.accounts[s.email] = s.account
	m.notice(s.phone)
	return m.confirm(s, typed, "code"), gift{session: s, whole: true, known: s}
}

// alive reports whether a login's account is as it was when it began.
func (m *spec) alive(s *session) bool {
	own := s.account != nil && s.flow == move && s.account.movedBy == s && s.account.movedTo == s.account.epoch
	return s.account != nil && m.accounts[s.email] == s.account && (s.epoch == s.account.epoch || own)
}

// resend sends the code again, when it is time (I-20b).
func (m *spec) resend(b *browser) want {
	s, why := m.halfOf(b.token())
	switch {
	case why != "":
		return refuse(why)
	case s.flow != signup && !m.alive(s):
		return noSession
	case s.taken:
		return taken
	case s.checks >= maxChecks:
		return usedUp
	case s.flow == signup && !s.hashed:
		return over
	case m.now().Before(s.resendAt):
		return wait
	}
	fresh, refused := m.use(s.flow, s.phone, s.id+"/"+strconv.Itoa(s.version))
	switch {
	case refused:
		return wait
	case !fresh:
		return ok("/verify")
	}
	m.sendTo(s)
	return ok("/verify")
}

// login takes the password. Only who knows it makes anybody ask or text (I-06,
// I-20d).
func (m *spec) login(f *form, b *browser, ref func() string) (want, gift) {
	lanes, open := m.admit(f, b)
	if !open {
		return wait, gift{}
	}
	a := m.accounts[f.email]
	if a == nil || a.password != f.password {
		return badLogin, gift{}
	}
	p := m.planFor(a, f)
	mine, _ := m.halfOf(b.token())
	if p.rival != nil && mine != nil && p.rival.session == mine {
		_, why := m.halfOf(b.token())
		switch alive := why == "" && m.alive(mine) && mine.checks < maxChecks; {
		case alive && mine.push != nil:
			return ok("/status"), gift{}
		case alive:
			return ok("/verify"), gift{}
		}
		p.rival = nil
	}
	if f.session != nil {
		return m.loginAgain(f.session)
	}
	s := m.begin(f, login, f.email, a.phone)
	s.account, s.epoch, s.lanes, s.token = a, a.epoch, lanes, a.newest("totp")
	s.sent = m.authy // Authy knows the person
	m.summon(s, a, p, ref)
	m.end(b.cookie())
	m.end(b.token())
	if s.outcome == "asked" {
		return ok("/status"), gift{session: s}
	}
	if s.outcome == "limited" {
		return wait, gift{session: s}
	}
	return ok("/verify"), gift{session: s}
}

// loginAgain answers a form that was sent before.
func (m *spec) loginAgain(s *session) (want, gift) {
	switch {
	case !s.isHalf() && s.outcome == "asked":
		return ok("/status"), gift{}
	case !s.isHalf():
		return ok("/verify"), gift{}
	case !m.now().Before(s.until):
		return over, gift{}
	}
	return m.resume(s)
}

// summon asks by push, or by text who has nothing else.
func (m *spec) summon(s *session, a *account, p plan, ref func() string) {
	s.outcome = "quiet"
	if p.push && m.authy && m.apps[a.phone] == nil {
		p.push, p.text = false, true // Authy says that there is no app
		a.pushes, a.count, a.since = p.list, p.count, p.since
	}
	switch {
	case p.push:
		s.push = &push{session: s, account: a, device: a.newest("push"), where: a.phone, form: s.form, listed: m.now(), at: m.now(), ref: ref()}
		m.list(a, p, s.push)
		m.asked = append(m.asked, s.push)
		s.outcome = "asked"
	case p.text:
		_, refused := m.use(login, a.phone, s.form.id())
		if refused {
			s.resendAt, s.outcome = m.sends(login, a.phone).next(login, m.now()), "limited"
			return
		}
		m.sendTo(s)
	}
}

// list puts a push onto its account's list, unless a function that died had
// reserved it already.
func (m *spec) list(a *account, p plan, sent *push) {
	i := slices.IndexFunc(p.list, func(e *push) bool { return e.form == sent.form && m.now().Sub(e.listed) < pushLife })
	a.pushes = slices.Clone(p.list)
	if i >= 0 {
		sent.listed = p.list[i].listed
		a.pushes[i] = sent
		return
	}
	a.pushes = append(slices.DeleteFunc(a.pushes, func(e *push) bool { return e.form == sent.form }), sent)
	a.pushes = a.pushes[max(0, len(a.pushes)-kept):]
	a.count, a.since = p.count+1, p.since
}

// waiting is the login that a waiting page is about, or what it is told instead.
func (m *spec) waiting(c cookie) (*session, string) {
	s, why := m.halfOf(c)
	switch {
	case why != "":
		return nil, why
	case s.push == nil || !m.alive(s) || s.push.orphan || !s.push.asks():
		return nil, "code"
	}
	return s, ""
}

// look is GET /status: it changes nothing that anybody could see.
func (m *spec) look(b *browser) want {
	s, why := m.waiting(b.token())
	switch why {
	case "":
		return ok(m.poll(s.push))
	case full:
		return ok(approved)
	case tired:
		return over
	}
	return noSession
}

// finish is POST /status: the login whose own push was approved in time is
// confirmed, for its own browser (I-01 to I-04).
func (m *spec) finish(b *browser) (want, gift) {
	c := b.token()
	s, why := m.waiting(c)
	switch why {
	case "":
	case none:
		w := m.repeat(c, c.id+b.network)
		if w != noSession {
			return w, gift{session: m.sessions[c.id], whole: true, known: m.sessions[c.id]}
		}
		return w, gift{}
	case "code":
		return noSession, gift{}
	default:
		return refuse(why), gift{}
	}
	switch m.poll(s.push) {
	case denied:
		return wasDenied, gift{}
	case expired:
		return over, gift{}
	case pending:
		return isPending, gift{}
	}
	return m.entered(s, c.id+b.network, "push")
}

// logOut ends a browser's session, or with everywhere all of its account's
// (I-27).
func (m *spec) logOut(b *browser, everywhere bool) (want, gift) {
	if !everywhere {
		m.end(b.cookie())
		m.end(b.token())
		return ok("/"), gift{cleared: true}
	}
	s := m.signedIn(b.cookie())
	if s == nil {
		return noSession, gift{}
	}
	s.account.epoch++
	return ok("/"), gift{cleared: true}
}

// idle is how long until a request about a session is no twin of the last one:
// twins wait for each other in real time.
func (m *spec) idle(s *session) time.Duration {
	if s == nil {
		return 0
	}
	return max(0, 6*time.Second-m.now().Sub(s.checkAt))
}
