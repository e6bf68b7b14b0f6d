package flowtest

import (
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// sessionsIn counts the table's sessions, and those of them that are confirmed.
func sessionsIn(r *rig.Rig) (all, confirmed int) {
	for _, it := range r.Items() {
		sk, _ := it["sk"].(map[string]any)
		id, _ := sk["S"].(string)
		if !strings.HasPrefix(id, "S#") {
			continue
		}
		all++
		if it["confirmed_at"] != nil {
			confirmed++
		}
	}
	return all, confirmed
}

// alike checks that requests made at once were answered as one.
func alike(t *testing.T, answers []rig.Answer, cookies []string) {
	t.Helper()
	for i := range answers {
		one, other := answers[0], answers[i]
		if one.Status != other.Status || one.Next != other.Next || one.Code() != other.Code() {
			t.Errorf("answers 0 and %d: %d %q %s and %d %q %s", i, one.Status, one.Next, one.Code(), other.Status, other.Next, other.Code())
		}
		if cookies[i] != cookies[0] || cookies[i] == "" {
			t.Errorf("cookies 0 and %d: %q and %q", i, cookies[0], cookies[i])
		}
	}
}

// Fifty equal confirmations of one approved login make one signed-in session
// with one cookie, ask no vendor, and are answered alike (parity 99, 131; I-02,
// I-11, R-078).
func TestConfirmingAtOnce(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		v = waiting(t, r, v)
		r.Handset().Decide(adaPhone, "approved")
		awaitStatus(t, r, v, "approved")
		half := v.Cookie()
		all, confirmed := sessionsIn(r)
		r.Wire.Reset()
		answers, cookies := make([]rig.Answer, 50), make([]string, 50)
		together(50, func(i int) {
			c := clone(t, r, v)
			answers[i] = c.Post("/status", nil)
			cookies[i] = c.Cookie()
		})
		expect(t, answers[0], moved(v), "/account")
		alike(t, answers, cookies)
		if cookies[0] == half {
			t.Error("the secret was not rotated")
		}
		if got := r.Wire.Vendors(); len(got) != 0 {
			t.Errorf("vendors asked: %v", got)
		}
		if a, c := sessionsIn(r); a != all || c != confirmed+1 {
			t.Errorf("%d sessions, %d confirmed; before %d and %d", a, c, all, confirmed)
		}
		v.SetCookie(cookies[49])
		checkAccount(t, v)
		leaves(t, r, map[string]int{"push_asked": 1, "approved": 1, "confirmed": 2}) // the sign-up is one
	})
}

// once gives a visitor's login what makes it the same login when it is sent
// again: a program's key or a form's seed.
func once(v *rig.Visitor, email, seed string) map[string]string {
	form := credentialsOf(email)
	seed = strings.Repeat(seed, 40)
	if v.JSON {
		v.Header.Set("Idempotency-Key", seed)
	} else {
		form["form"] = seed
	}
	return form
}

// Twenty equal login forms are one session and one push, or one text, and are
// answered alike (R-092, F-31, I-25; parity 145).
func TestLoggingInOftenIsOnce(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		const bob = "bob@example.com"
		signUp(t, r, v, ada, adaPhone)
		member(t, r, r.Visitor(v.JSON), bob, "+14155552672")
		for email, next := range map[string]string{ada: "/verify", bob: "/status"} {
			r.Clock.Advance(time.Minute)
			browser := r.Visitor(v.JSON)
			form := once(browser, email, email[:1])
			all, _ := sessionsIn(r)
			before := r.Handset().Stats()
			answers, cookies := make([]rig.Answer, 20), make([]string, 20)
			together(20, func(i int) {
				c := clone(t, r, browser)
				answers[i] = c.Post("/login", form)
				cookies[i] = c.Cookie()
			})
			expect(t, answers[0], moved(v), next)
			alike(t, answers, cookies)
			after := r.Handset().Stats()
			pushes, texts := after.Approvals-before.Approvals, after.SMS-before.SMS
			if next == "/status" && (pushes != 1 || texts != 0) || next == "/verify" && (pushes != 0 || texts != 1) {
				t.Errorf("%s: %d pushes and %d texts", next, pushes, texts)
			}
			if now, _ := sessionsIn(r); now != all+1 {
				t.Errorf("%s: %d sessions more, want one", next, now-all)
			}
			r.Clock.Advance(2 * time.Minute)
			expect(t, clone(t, r, browser).Post("/login", form), moved(v), next) // a repeat much later
			if late := r.Handset().Stats(); late.SMS != after.SMS || late.Approvals != after.Approvals {
				t.Errorf("%s: a repeat sent something", next)
			}
		}
	})
}

// Of two equal forms the one that claims the push need not be the one that
// writes the session: whoever goes on, the phone is asked, once (R-092, F-31).
func TestEqualFormsOvertake(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider+"/form", func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(false)
			member(t, r, v, ada, adaPhone)
			u, err := r.Table.User(t.Context(), key(ada))
			if err != nil {
				t.Fatal(err)
			}
			form := once(v, ada, "s")
			release := make(chan struct{})
			var writes atomic.Int64
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if c.Step == "login" && c.Name == "PutItem" && writes.Add(1) == 1 {
					<-release // the first form's session is slow
				}
				return rig.None
			})
			done := make(chan rig.Answer)
			go func() { done <- r.Visitor(false).Post("/login", form) }()
			for range 400 {
				now, err := r.Table.User(t.Context(), key(ada))
				if err != nil || now.PushesVersion > u.PushesVersion {
					break
				}
				time.Sleep(5 * time.Millisecond) // the first form's claim is on its way
			}
			second := r.Visitor(false).Post("/login", form)
			close(release)
			first := <-done
			if first.Next != "/status" || second.Next != "/status" {
				t.Errorf("answers %d %q and %d %q, want /status twice", first.Status, first.Next, second.Status, second.Next)
			}
			if n := r.Handset().Stats().Approvals; n != 1 {
				t.Errorf("%d pushes, want one", n)
			}
		})
	}
}

// Of several browsers that log in as one user at the same moment one is asked
// for by push; the others get the code page, and what is approved is not theirs
// (parity 128; R-063, I-03, I-20c).
func TestBrowsersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		for round := range 4 {
			browsers := make([]*rig.Visitor, 2+round%3)
			for i := range browsers {
				browsers[i] = r.Visitor(v.JSON)
			}
			before := r.Handset().Stats()
			answers := make([]rig.Answer, len(browsers))
			together(len(browsers), func(i int) { answers[i] = browsers[i].Post("/login", credentialsOf(ada)) })
			if n := r.Handset().Stats().Approvals - before.Approvals; n != 1 {
				t.Fatalf("round %d: %d pushes, want one", round, n)
			}
			r.Handset().Decide(adaPhone, "approved")
			in := 0
			for i, b := range browsers {
				if answers[i].Status != moved(v) {
					t.Errorf("round %d: %d %s", round, answers[i].Status, answers[i].Body)
				}
				if answers[i].Next == "/status" {
					awaitStatus(t, r, b, "approved")
				}
				if b.Post("/status", nil).Next == "/account" && b.Get("/account").Status == 200 {
					in++
				}
			}
			if in != 1 {
				t.Errorf("round %d: %d browsers are in, want one", round, in)
			}
			r.Clock.Advance(15 * time.Minute)
		}
	})
}

// A program's key: repeats get the first answer whatever became of the login
// meanwhile, another body is a conflict, and a short key no key (contract;
// I-25).
func TestLoginKey(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider+"/json", func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(true)
			member(t, r, v, ada, adaPhone)
			v = r.Visitor(true)
			form := once(v, ada, "k")
			expect(t, v.Post("/login", form), 200, "/status")
			for _, change := range []map[string]string{{"email": "bob@example.com"}, {"password": "another password"}} {
				other := maps.Clone(form)
				maps.Copy(other, change)
				w := r.Visitor(true)
				w.Header = v.Header
				expect(t, w.Post("/login", other), 409, "idempotency")
			}
			short := r.Visitor(true)
			short.Header.Set("Idempotency-Key", strings.Repeat("k", 31))
			expect(t, short.Post("/login", form), 400, "malformed")
			again := r.Visitor(true)
			again.Header = v.Header
			expect(t, again.Post("/login", form), 200, "/status")
			if again.Cookie() != v.Cookie() {
				t.Error("a repeat gets another cookie")
			}
			if n := r.Handset().Stats().Approvals; n != 1 {
				t.Errorf("%d pushes, want one", n)
			}
			r.Handset().Decide(adaPhone, "approved")
			awaitStatus(t, r, v, "approved")
			expect(t, v.Post("/status", nil), 200, "/account")
			stranger := r.Visitor(true)
			stranger.Header = v.Header
			if a := stranger.Post("/login", form); a.Status != 200 || a.Next != "/status" {
				t.Errorf("a repeat after the confirmation: %d %q, first it was 200 /status", a.Status, a.Next)
			}
			if stranger.Cookie() != "" {
				t.Error("a repeat without the session is given one")
			}
			if a := v.Get("/account"); a.Status != 200 {
				t.Errorf("a repeat ended the session: %d", a.Status)
			}
		})
	}
}

// A refused login repeated under its key is refused alike, and the key stays
// tied to that body.
func TestLoginKeyOfARefusal(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	v = r.Visitor(true)
	form := once(v, ada, "w")
	form["password"] = "wrong horse battery"
	for range 8 { // one try, however often it is sent
		expect(t, v.Post("/login", form), 401, "bad_credentials")
	}
	form["password"] = password
	expect(t, v.Post("/login", form), 409, "idempotency")
}

// rightAtOnce sends one right code of a login fifty times at once.
func rightAtOnce(t *testing.T, r *rig.Rig, v *rig.Visitor, code string) {
	t.Helper()
	half := v.Cookie()
	_, confirmed := sessionsIn(r)
	answers, cookies := make([]rig.Answer, 50), make([]string, 50)
	together(50, func(i int) {
		c := clone(t, r, v)
		answers[i] = c.Post("/verify", map[string]string{"code": code})
		cookies[i] = c.Cookie()
	})
	expect(t, answers[0], moved(v), "/account")
	alike(t, answers, cookies)
	if cookies[0] == half {
		t.Error("the secret was not rotated")
	}
	if _, now := sessionsIn(r); now != confirmed+1 {
		t.Errorf("%d confirmations, want one", now-confirmed)
	}
	v.SetCookie(cookies[0])
	checkAccount(t, v)
	leaves(t, r, map[string]int{"confirmed": 2, "code_refused": 0, "delayed": 0}) // the sign-up is one
}

// Fifty equal right codes at login, texted ones, confirm once and are answered
// alike (parity 112; I-02, I-11).
func TestTextedCodeAtOnce(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Minute)
		v = r.Visitor(v.JSON)
		expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		checks := r.Handset().Stats().Checks
		rightAtOnce(t, r, v, r.Handset().Code(adaPhone))
		if n := r.Handset().Stats().Checks - checks; n > 5 {
			t.Errorf("%d checks, want at most 5", n)
		}
	})
}

// The same for the token of an app (parity 113).
func TestTokenAtOnce(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Handset().App(adaPhone, map[string]any{"installed": true})
		if vendorOf(t) == "verify" {
			r.Handset().App(adaPhone, map[string]any{"installed": false})
			enrolToken(t, r, v, adaPhone)
		}
		r.Clock.Advance(2 * time.Minute)
		v = r.Visitor(v.JSON)
		a := v.Post("/login", credentialsOf(ada))
		if a.Status != moved(v) {
			t.Fatalf("login: %d %s", a.Status, a.Body)
		}
		rightAtOnce(t, r, v, r.Handset().Token(adaPhone))
	})
}
