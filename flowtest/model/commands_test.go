package model

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/flowtest/rig"
)

// command is one of a history: its kind, and numbers from which it takes what it
// needs, so that a shrunk history can be written down as it is.
type command struct {
	Kind       string
	A, B, C, D int
}

// kinds are the commands and how often they come.
var kinds = []struct {
	name   string
	weight int
}{
	{"rest", 1}, {"signup", 8}, {"form again", 4}, {"code", 14}, {"wrong code", 5}, {"old code", 3}, {"resend", 6},
	{"login", 16}, {"wrong password", 3}, {"unknown email", 2}, {"early", 4},
	{"approve", 14}, {"deny", 6}, {"deliver", 10}, {"deliver twice", 3}, {"deliver late", 5}, {"forge", 3}, {"mutate", 3},
	{"look", 8}, {"finish", 14}, {"token", 8}, {"old token", 3}, {"logout", 3}, {"everywhere", 2},
	{"enrol push", 5}, {"enrol totp", 5}, {"remove", 2}, {"app", 4}, {"again", 5}, {"password", 4}, {"phone", 5},
	{"advance", 16}, {"new browser", 3}, {"clone", 3}, {"point", 4}, {"parallel", 8},
}

// steps of time: across what a code, an approval, a wait or a session lasts.
var times = []time.Duration{
	time.Second, 3 * time.Second, 4 * time.Second, 10 * time.Second, 31 * time.Second, 45 * time.Second, 61 * time.Second, 2 * time.Minute,
	5 * time.Minute, 6 * time.Minute, 601 * time.Second, 16 * time.Minute, 31 * time.Minute, 65 * time.Minute, 12 * time.Hour, 25 * time.Hour,
}

// run does one command; false means that there was nothing to do it with.
func (w *world) run(c command) bool {
	w.tell("%#v", c)
	b, p := w.actor(c), w.people[c.B%len(w.people)]
	done := true
	switch c.Kind {
	case "rest":
	case "advance":
		n := len(times)
		if c.B%4 != 3 {
			n /= 2 // mostly what a login survives
		}
		w.r.Clock.Advance(times[c.A%n])
	case "new browser":
		if len(w.browsers) < 8 {
			w.newBrowser()
		}
	case "clone":
		done = w.clone(b)
	case "point":
		done = w.point(b, c)
	case "signup":
		w.signUp(b, w.newForm(signup, p, c.C), c)
	case "form again":
		done = w.formAgain(b, c)
	case "code", "wrong code", "old code", "token", "old token":
		done = w.code(b, c)
	case "resend":
		a := w.do(w.resend(b), w.trouble(c))
		for n := 0; c.B == 7 && n < 12 && (a.Status == 200 || a.Status == 429); n++ { // one who asks as often as may be
			if a.Status == 429 {
				w.await(a)
			}
			a = w.do(w.resend(b), nil)
		}
	case "login", "wrong password", "unknown email":
		w.login(b, w.loginForm(p, c), c)
	case "early":
		done = w.early(b, p, c)
	case "approve", "deny":
		done = w.decide(c)
	case "deliver", "deliver twice", "deliver late", "forge", "mutate":
		done = w.deliver(c)
	case "look":
		w.do(w.look(b), w.trouble(c))
	case "finish":
		w.pause(b)
		w.do(w.finish(b), w.trouble(c))
	case "logout", "everywhere":
		w.do(w.logOut(b, c.Kind == "everywhere"), w.trouble(c))
	default:
		done = w.more(b, c)
	}
	w.glance(c, b)
	return done
}

// glance looks who is signed in after a command: of all browsers after one that
// ends sessions, else of the one that acted, now and then where nothing should have
// changed.
func (w *world) glance(c command, b *browser) {
	switch c.Kind {
	case "rest", "advance", "new browser", "app", "approve", "deny", "forge", "mutate", "look":
	case "logout", "everywhere", "parallel", "password":
		for _, b := range w.browsers {
			w.inside(b)
		}
	case "signup", "form again", "resend", "wrong password", "unknown email", "enrol push", "enrol totp", "remove", "deliver", "deliver twice", "deliver late":
		if c.A%4 == 0 {
			w.inside(b)
		}
	default:
		w.inside(b)
	}
}

// actor is the browser of a command: most often one that has a use for it.
func (w *world) actor(c command) *browser {
	var able []*browser
	for _, b := range w.browsers {
		s, why := w.m.halfOf(b.token())
		half := s != nil && why == ""
		use := false
		switch c.Kind {
		case "code", "wrong code", "old code", "resend":
			use = half
		case "token", "old token":
			use = half && (s.token != nil || w.m.apps[s.phone] != nil)
		case "finish", "look", "point":
			use = half && s.push != nil
		case "enrol push", "enrol totp", "remove", "everywhere", "again", "password", "phone":
			whole := w.m.sessions[b.cookie().id]
			use = whole != nil && !whole.isHalf() && whole.secret == b.cookie().hash
		}
		if use {
			able = append(able, b)
		}
	}
	if len(able) == 0 || c.A%4 == 3 {
		able = w.browsers
	}
	return able[c.A/4%len(able)]
}

// trouble is what a command's function meets, mostly nothing: it dies at one of
// its calls, or a vendor fails, or, rarely since the SDK waits in real time, the
// table loses an answer.
func (w *world) trouble(c command) *rig.Trouble {
	at := c.D/16%12 + 1
	switch n := c.D % 16; {
	case n < 12:
		return nil
	case n < 14:
		return &rig.Trouble{At: at, Fault: []rig.Fault{rig.Lost, rig.Unheard}[n-12], Dies: true}
	case n == 14:
		return &rig.Trouble{At: at%2 + 1, Of: "vendor", Fault: []rig.Fault{rig.Lost, rig.Unheard, rig.Broken, rig.Busy}[c.D/64%4]}
	case c.D/16%8 == 0:
		return &rig.Trouble{At: c.D/128%6 + 1, Of: "table", Fault: []rig.Fault{rig.Unheard, rig.Lost, rig.Broken, rig.Busy}[c.D/32%4]}
	}
	return nil
}

// emailOf is whom a browser's cookie is about.
func (w *world) emailOf(b *browser) string {
	if s := w.m.sessions[b.token().id]; s != nil {
		return s.email
	}
	return w.people[0].email
}

// pause lets a person take as long as a person takes: a request within moments
// of an equal one would wait for it in real time.
func (w *world) pause(b *browser) {
	if s := w.m.sessions[b.token().id]; s != nil {
		w.r.Clock.Advance(w.m.idle(s))
	}
}

// clone is a thief's copy of all that a browser has, elsewhere.
func (w *world) clone(b *browser) bool {
	if b.jar("session") == "" || len(w.browsers) >= 8 {
		return false
	}
	thief := w.newBrowser()
	thief.v.Client.Jar.SetCookies(b.app, b.v.Client.Jar.Cookies(b.app))
	return true
}

// point makes a browser's cookie name another login's push, an approved one if
// there is any, and asks to be signed in for it. It is a hint and no more (I-03,
//
func (w *world) point(b *browser, c command) bool {
	value := b.jar("session")
	if len(w.m.asked) == 0 || value == "" {
		return false
	}
	p := w.m.asked[len(w.m.asked)-1-c.C%len(w.m.asked)]
	for _, other := range w.m.asked {
		if other.known() == approved && other.session != nil && other.session.id != b.token().id {
			p = other
		}
	}
	part := strings.SplitN(value, ".", 4)
	b.v.SetCookie(strings.Join(part[:3], ".") + "." + w.vendor + ":" + p.ref)
	w.do(w.finish(b), nil)
	return true
}

// newForm is one that was just opened.
func (w *world) newForm(kind string, p *person, n int) *form {
	f := &form{
		kind: kind, seed: fmt.Sprintf("%04d%04d%s", w.n, len(w.forms), strings.Repeat("s", 35)), email: p.email, password: p.password,
	}
	if a := w.m.accounts[p.email]; kind == login && a != nil {
		f.password = a.password
	}
	if kind == signup {
		f.phone = p.phone
		if n%8 == 7 { // with the other phone
			f.phone = w.phones[1-slices.Index(w.phones, p.phone)]
		}
	}
	w.forms = append(w.forms, f)
	return f
}

func (w *world) loginForm(p *person, c command) *form {
	f := w.newForm(login, p, 0)
	switch c.Kind {
	case "wrong password":
		f.password = w.people[(c.B+1)%len(w.people)].password
		if c.C%2 == 1 { // the one from before
			f.password = w.people[c.B%len(w.people)].password
		}
	case "unknown email":
		f.email = fmt.Sprintf("nobody%d@example.com", w.n)
	}
	return f
}

// formAgain sends a form once more.
func (w *world) formAgain(b *browser, c command) bool {
	if len(w.forms) == 0 {
		return false
	}
	f := w.forms[len(w.forms)-1-c.C%min(4, len(w.forms))]
	if f.session != nil && f.session.outcome == "" && f.session.isHalf() {
		w.again(b, f)
		return true
	}
	w.do(w.formRequest(b, f), w.trouble(c))
	return true
}

// formRequest sends a form.
func (w *world) formRequest(b *browser, f *form) *request {
	q := w.signUpRequest(b, f)
	if f.kind == login {
		q = w.loginRequest(b, f)
	}
	q.again = func() rig.Answer { return w.again(b, f) }
	return q
}

func (w *world) signUp(b *browser, f *form, c command) { w.do(w.formRequest(b, f), w.trouble(c)) }

func (w *world) signUpRequest(b *browser, f *form) *request {
	return &request{
		by: b, path: "/signup", email: f.email, flow: signup, form: f,
		fields: map[string]string{"fullName": "Ada Lovelace", "email": f.email, "password": f.password, "countryCode": "US", "phone": f.phone, "form": f.seed},
		spec:   func() (want, gift) { return w.m.signUp(f, b) },
	}
}

func (w *world) login(b *browser, f *form, c command) { w.do(w.formRequest(b, f), w.trouble(c)) }

func (w *world) loginRequest(b *browser, f *form) *request {
	a := w.m.accounts[f.email]
	q := &request{
		by: b, path: "/login", email: f.email, flow: login, form: f,
		fields: map[string]string{"email": f.email, "password": f.password, "form": f.seed},
		mayBe:  bounds{begin: a != nil && a.password == f.password, end: []string{b.cookie().id, b.token().id}},
	}
	q.spec = func() (want, gift) {
		return w.m.login(f, b, func() string { return w.newest(a) })
	}
	return q
}

// newest is the vendor's id of the request that an account's phone was sent
// last.
func (w *world) newest(a *account) string {
	phone := a.phone
	if f := a.newest("push"); f != nil {
		phone = f.phone
	}
	list := w.h.Approvals(phone)
	if len(list) == 0 {
		w.t.Fatalf("no push arrived")
	}
	return list[0].ID
}

func (w *world) resend(b *browser) *request {
	s := w.m.sessions[b.token().id]
	q := &request{by: b, path: "/resend", email: w.emailOf(b), spec: func() (want, gift) { return w.m.resend(b), gift{} }}
	if s != nil {
		q.flow = s.flow
	}
	q.again = func() rig.Answer { return w.do(w.resend(b), nil) }
	return q
}

func (w *world) look(b *browser) *request {
	return &request{by: b, method: "GET", path: "/status", email: w.emailOf(b), spec: func() (want, gift) { return w.m.look(b), gift{} }}
}

func (w *world) finish(b *browser) *request {
	q := &request{by: b, path: "/status", email: w.emailOf(b), spec: func() (want, gift) { return w.m.finish(b) }}
	s, why := w.m.waiting(b.token())
	if why == "" && s.push.answer == approved && (s.push.known() == approved || w.now().Before(s.push.until())) {
		q.mayBe.confirm = s
		if s.parent != nil {
			q.mayBe.end = []string{s.parent.id}
		}
	}
	q.again = func() rig.Answer { return w.do(w.finish(b), nil) }
	return q
}

func (w *world) logOut(b *browser, everywhere bool) *request {
	q := &request{by: b, path: "/logout", email: w.emailOf(b), spec: func() (want, gift) { return w.m.logOut(b, everywhere) }}
	q.mayBe = bounds{end: []string{b.cookie().id, b.token().id}, epoch: everywhere && w.m.signedIn(b.cookie()) != nil}
	if everywhere {
		q.raw = `{"everywhere":true}`
	}
	q.again = func() rig.Answer { return w.do(w.logOut(b, everywhere), nil) }
	return q
}
