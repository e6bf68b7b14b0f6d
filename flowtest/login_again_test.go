package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// The form of a login that was logged out, half way or signed in, is sent again,
// as by a window that was restored: it gets no second session, asks nobody, and
// leads to a new form, which works (R-074, R-092; parity 119).
func TestFormOfAnEndedLogin(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		for _, confirmed := range []bool{false, true} {
			browser := r.Visitor(v.JSON)
			form := once(browser, ada, map[bool]string{false: "h", true: "c"}[confirmed])
			expect(t, browser.Post("/login", form), moved(v), "/status")
			saying(newest(t, r, adaPhone), "approved").deliver(t, r)
			if confirmed {
				expect(t, browser.Post("/status", nil), moved(v), "/account")
			}
			expect(t, browser.Post("/logout", nil), moved(v), "/")
			all, signedIn := sessionsIn(r)
			for _, later := range []time.Duration{0, time.Hour} {
				r.Clock.Advance(later)
				before := r.Handset().Stats()
				again := clone(t, r, browser)
				a := again.Post("/login", form)
				switch {
				case confirmed:
					expect(t, a, moved(v), "/status")
				case v.JSON:
					expect(t, a, 410, "expired")
				default:
					expect(t, a, 303, "/login")
				}
				if again.Cookie() != "" {
					t.Errorf("confirmed %v: it is given a cookie", confirmed)
				}
				dead(t, "the form again", again)
				if after := r.Handset().Stats(); after != before {
					t.Errorf("confirmed %v: a vendor was asked: %+v, before %+v", confirmed, after, before)
				}
			}
			if now, in := sessionsIn(r); now != all || in != signedIn {
				t.Errorf("confirmed %v: %d sessions, %d confirmed; before %d and %d", confirmed, now, in, all, signedIn)
			}
			next := waiting(t, r, v)
			saying(newest(t, r, adaPhone), "approved").deliver(t, r)
			expect(t, next.Post("/status", nil), moved(v), "/account")
		}
	})
}

// An old form that is sent again asks for no push, and so leaves the next login
// its own.
func TestOldFormTakesNoPush(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		browser := r.Visitor(v.JSON)
		form := once(browser, ada, "o")
		expect(t, browser.Post("/login", form), moved(v), "/status")
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, browser.Post("/status", nil), moved(v), "/account")
		expect(t, browser.Post("/logout", nil), moved(v), "/")
		in := waiting(t, r, v)
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, in.Post("/status", nil), moved(v), "/account")
		r.Clock.Advance(time.Minute)
		expect(t, clone(t, r, browser).Post("/login", form), moved(v), "/status")
		waiting(t, r, v)
	})
}

// Nor does it use up a text: a program that goes on sending its form under one
// key leaves the phone the codes of its day.
func TestOldFormTakesNoText(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		texts := r.Handset().Stats().SMS
		browser := r.Visitor(v.JSON)
		form := once(browser, ada, "t")
		for n := range 6 {
			w, fields := browser, form
			if n > 0 {
				w, fields = r.Visitor(v.JSON), credentialsOf(ada)
			}
			expect(t, w.Post("/login", fields), moved(v), "/verify")
			expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
			if got := r.Handset().Stats().SMS - texts; got != n+1 {
				t.Fatalf("%d texts after %d logins", got, n+1)
			}
			r.Clock.Advance(20 * time.Minute)
			expect(t, clone(t, r, browser).Post("/login", form), moved(v), "/verify")
			r.Clock.Advance(20 * time.Minute)
		}
	})
}

// Under a program's key the answer stays the same, long after the login was
// confirmed and whoever asks, and nobody is asked for it (I-25, R-092).
func TestLoginKeyMuchLater(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		for _, next := range []string{"/status", "/verify"} {
			t.Run(provider+next, func(t *testing.T) {
				t.Parallel()
				r := rig.Start(t, rig.Options{Provider: provider})
				v := r.Visitor(true)
				if next == "/status" {
					silent(t, r, v)
				} else {
					signUp(t, r, v, ada, adaPhone)
					r.Clock.Advance(time.Minute)
				}
				v = r.Visitor(true)
				form := once(v, ada, "k")
				expect(t, v.Post("/login", form), 200, next)
				if next == "/status" {
					saying(newest(t, r, adaPhone), "approved").deliver(t, r)
					expect(t, v.Post("/status", nil), 200, "/account")
				} else {
					expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
				}
				sent, all := r.Handset().Stats(), 0
				all, _ = sessionsIn(r)
				for range 2 {
					r.Clock.Advance(11 * time.Hour)
					checkAccount(t, v)
					r.Wire.Reset()
					stranger := r.Visitor(true)
					stranger.Header = v.Header
					for who, w := range map[string]*rig.Visitor{"the browser": clone(t, r, v), "a stranger": stranger} {
						cookie := w.Cookie()
						expect(t, w.Post("/login", form), 200, next)
						if w.Cookie() != cookie {
							t.Errorf("%s is given a cookie", who)
						}
					}
					if got := r.Wire.Vendors(); len(got) > 0 || r.Handset().Stats() != sent {
						t.Errorf("a repeat asked %v", got)
					}
				}
				if now, _ := sessionsIn(r); now != all {
					t.Errorf("%d sessions more", now-all)
				}
				checkAccount(t, v)
			})
		}
	}
}

// The browser that logs in again while its own push is open waits for that push:
// it is neither asked for twice nor warned of itself. When its half session has
// no tries left, it gets another one, for codes.
func TestLoggingInWhileWaiting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		w := waiting(t, r, v)
		_, number := status(w)
		half := w.Cookie()
		all, _ := sessionsIn(r)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/status")
		state, same := status(w)
		if now, _ := sessionsIn(r); now != all || w.Cookie() != half || state != "pending" || same != number {
			t.Errorf("another login was begun: %d sessions more, %s %s, before %s", now-all, state, same, number)
		}
		if n := len(r.Handset().Approvals(adaPhone)); n != 1 {
			t.Errorf("%d pushes, want one", n)
		}
		expect(t, w.Post("/resend", nil), moved(v), "/verify")
		for range 5 {
			w.Post("/verify", map[string]string{"code": wrong(r.Handset().Code(adaPhone))})
		}
		if a := w.Get("/verify"); a.Status != 410 || v.JSON && a.Code() != "used_up" {
			t.Fatalf("five tries: %d %q %s", a.Status, a.Next, a.Code())
		}
		before := r.Handset().Stats()
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		a := w.Get("/verify")
		if w.Cookie() == half || a.Status != 200 || v.JSON && a.Doc["tries_left"] != 5.0 {
			t.Errorf("no session of its own: %d %s", a.Status, a.Body)
		}
		if strings.Contains(a.Body, "Another login") {
			t.Error("the browser is warned of itself")
		}
		if after := r.Handset().Stats(); after != before {
			t.Errorf("something was sent: %+v, before %+v", after, before)
		}
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		outside(t, "the push of the login before", w)
	})
}

// Who logs in, signed in already or half way, has one session afterwards: the
// cookie of before is dead. Other browsers keep theirs (R-072, R-075; parity 33,
// 88).
func TestLoginEndsTheSessionBefore(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		other := waiting(t, r, v)
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, other.Post("/status", nil), moved(v), "/account")
		before := func() *rig.Visitor { return clone(t, r, v) }
		signedIn := before()
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/status")
		dead(t, "signed in before", signedIn)
		asked := newest(t, r, adaPhone)
		r.Clock.Advance(5 * time.Minute)
		waited := before()
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/status")
		dead(t, "waiting before", waited)
		saying(asked, "approved").deliver(t, r)
		dead(t, "waiting before, and approved then", waited)
		saying(newest(t, r, adaPhone), "denied").deliver(t, r)
		denied := before()
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		dead(t, "denied before", denied)
		coded := before()
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		dead(t, "half way by code before", coded)
		askForACode(t, r, v)
		checkAccount(t, other)
	})
}
