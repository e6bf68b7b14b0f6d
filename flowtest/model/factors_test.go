package model

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// owner is who may change the factors: signed in, with a second factor given a
// moment ago, at Verify.
func (m *spec) owner(b *browser) (*account, want) {
	s := m.signedIn(b.cookie())
	switch {
	case s == nil:
		return nil, noSession
	case m.authy:
		return nil, notOffered
	case m.now().Sub(s.confirmed) > fresh:
		return nil, reauth
	}
	return s.account, want{}
}

// current leaves out what was never confirmed.
func (m *spec) current(a *account) []*factor {
	return slices.DeleteFunc(slices.Clone(a.factors), func(f *factor) bool { return !f.active && m.now().Sub(f.made) >= 10*time.Minute })
}

// more are the commands about devices and apps.
func (w *world) more(b *browser, c command) bool {
	switch c.Kind {
	case "enrol push":
		return w.enrol(b, c, "push")
	case "enrol totp":
		return w.enrol(b, c, "totp")
	case "remove":
		return w.remove(b, c)
	case "app":
		return w.app(c)
	case "parallel":
		return w.parallel(b, c)
	case "again", "password", "phone":
		return w.care(b, c)
	}
	w.t.Fatalf("no command %q", c.Kind)
	return false
}

// enrol adds a device or an authenticator, sets the account's phone up with it,
// and confirms it, unless the person forgets one of the two.
func (w *world) enrol(b *browser, c command, kind string) bool {
	m := w.m
	a, refused := m.owner(b)
	var f *factor
	answer := w.do(&request{by: b, path: "/factors", fields: map[string]string{"type": kind}, email: w.emailOf(b), mayBe: bounds{factors: a != nil},
		spec: func() (want, gift) {
			switch {
			case a == nil:
				return refused, gift{}
			case len(m.current(a)) >= 5:
				return want{422, "invalid"}, gift{}
			}
			f = &factor{kind: kind, made: m.now(), phone: a.phone, app: newApp()}
			a.factors = append(m.current(a), f)
			return ok(""), gift{}
		}}, w.trouble(c))
	if f == nil {
		return true
	}
	f.id, _ = answer.Doc["id"].(string)
	text, _ := answer.Doc["enrolment"].(string)
	if kind == "totp" {
		text, _ = answer.Doc["uri"].(string)
		_, secret, _ := strings.Cut(text, "secret=")
		secret, _, _ = strings.Cut(secret, "&")
		w.keepHidden(secret)
	}
	if c.C%8 != 7 {
		w.setUp(f, text)
	}
	return w.confirmFactor(b, f, c)
}

// setUp puts the factor onto its phone.
func (w *world) setUp(f *factor, text string) {
	w.scans++
	f.scanned = w.scans
	if f.kind == "push" {
		w.h.App(f.phone, map[string]any{"enrolment": text})
		f.there = true
		return
	}
	w.lastScan[f.phone] = w.scans
	w.h.App(f.phone, map[string]any{"uri": text})
}

// confirmFactor is the second half.
func (w *world) confirmFactor(b *browser, f *factor, c command) bool {
	m, typed := w.m, w.wrong(c.C)
	if f.kind == "totp" && f.scanned > 0 && c.C%4 != 3 {
		typed = w.h.Token(f.phone)
		f.app.shown[typed] = stepAt(w.now())
		w.keep(typed)
	}
	later := c
	later.D = c.D / 16
	a, refused := m.owner(b)
	w.do(&request{by: b, path: "/factors/confirm", fields: map[string]string{"id": f.id, "code": typed}, email: w.emailOf(b), mayBe: bounds{factors: a != nil},
		spec: func() (want, gift) {
			if a == nil {
				return refused, gift{}
			}
			return m.activate(a, f, typed), gift{}
		}}, w.trouble(later))
	return true
}

// activate makes a factor the one of its kind, when its phone has it.
func (m *spec) activate(a *account, f *factor, typed string) want {
	switch {
	case f.active:
		return ok("/factors")
	case f.kind == "push" && !f.there:
		return isPending
	case f.kind == "totp" && f.tries >= maxChecks:
		return usedUp
	case f.kind == "totp":
		f.tries++
		if f.app.judge(typed, m.now(), wrong) != right {
			return wrongCode
		}
	}
	f.active = true
	a.factors = slices.DeleteFunc(a.factors, func(e *factor) bool { return e != f && e.kind == f.kind && e.active })
	m.notice(a.phone)
	return ok("/factors")
}

// remove takes a factor away.
func (w *world) remove(b *browser, c command) bool {
	m := w.m
	a, refused := m.owner(b)
	id, f := strings.Repeat("0", 32), (*factor)(nil)
	if a != nil && len(a.factors) > 0 {
		f = a.factors[c.C%len(a.factors)]
		id = f.id
	}
	w.do(&request{by: b, path: "/factors/remove", fields: map[string]string{"id": id}, email: w.emailOf(b), mayBe: bounds{factors: a != nil},
		spec: func() (want, gift) {
			switch {
			case a == nil:
				return refused, gift{}
			case f != nil:
				a.factors = slices.DeleteFunc(slices.Clone(a.factors), func(e *factor) bool { return e == f })
				if f.active {
					m.notice(a.phone)
				}
			}
			return ok("/factors"), gift{}
		}}, w.trouble(c))
	return true
}

// app installs Authy's app on a phone, or takes it off.
func (w *world) app(c command) bool {
	if w.vendor != "authy" {
		return false
	}
	phone := w.phones[c.B%len(w.phones)]
	install := w.m.apps[phone] == nil || c.C%4 != 0
	w.h.App(phone, map[string]any{"installed": install})
	switch {
	case !install:
		delete(w.m.apps, phone)
	case w.m.apps[phone] == nil:
		w.m.apps[phone] = cmp.Or(w.apps[phone], newApp())
		w.apps[phone] = w.m.apps[phone] // the vendor remembers what was used
	}
	return true
}
