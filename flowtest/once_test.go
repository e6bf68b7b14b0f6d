package flowtest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/rig"
)

// Tests that make many requests at once do not run beside others: one engine
// serves them all, and a request that waits too long for it is a 503.

// together runs n requests released at the same moment.
func together(n int, request func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; request(i) })
	}
	close(start)
	wg.Wait()
}

// clone is another window of the same browser at this moment.
func clone(t *testing.T, r *rig.Rig, v *rig.Visitor) *rig.Visitor {
	t.Helper()
	c := r.Visitor(v.JSON)
	c.Header = v.Header.Clone()
	if v.Cookie() != "" {
		c.SetCookie(v.Cookie())
	}
	return c
}

// Twenty equal submissions are one text and one session (R-092, T-05).
func TestSubmittingOftenIsOnce(t *testing.T) {
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		form := rig.Form(ada, adaPhone)
		if v.JSON {
			v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		} else {
			form["form"] = v.Seed()
		}
		cookies := make([]string, 20)
		together(20, func(i int) {
			c := clone(t, r, v)
			a := c.Post("/signup", form)
			if a.Next != "/verify" {
				t.Errorf("submission %d: %d %s", i, a.Status, a.Body)
			}
			cookies[i] = c.Cookie()
		})
		for _, c := range cookies {
			if c != cookies[0] || c == "" {
				t.Errorf("cookies differ: %q and %q", cookies[0], c)
			}
		}
		if n := len(r.Handset().Messages(adaPhone)); n != 1 {
			t.Fatalf("%d texts, want 1", n)
		}
		// A replay much later, and the way on from it.
		r.Clock.Advance(2 * 60e9)
		expect(t, v.Post("/signup", form), moved(v), "/verify")
		if n := len(r.Handset().Messages(adaPhone)); n != 1 {
			t.Fatalf("%d texts after a replay, want 1", n)
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		expect(t, v.Post("/signup", form), moved(v), "/account")
		if a := v.Get("/account"); a.Status != 200 {
			t.Errorf("a replay signed the visitor out: %d", a.Status)
		}
		stranger := r.Visitor(v.JSON)
		stranger.Header = v.Header
		expect(t, stranger.Post("/signup", form), moved(v), "/verify") // one answer, and no cookie
		if stranger.Cookie() != "" {
			t.Error("a replay without the session is given one")
		}
	})
}

// One key, another body (contract: 409 idempotency).
func TestIdempotencyKeyBelongsToItsBody(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
	for _, change := range []map[string]string{
		{"email": "bob@example.com"}, {"phone": "+14155552672"}, {"password": "another password"}, {"fullName": "Bob"},
	} {
		form := rig.Form(ada, adaPhone)
		maps.Copy(form, change)
		w := r.Visitor(true)
		w.Header = v.Header
		expect(t, w.Post("/signup", form), 409, "idempotency")
	}
	if s := r.Handset().Stats(); s.SMS != 1 {
		t.Errorf("%d texts, want 1", s.SMS)
	}
	v.Header.Set("Idempotency-Key", strings.Repeat("k", 31))
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 400, "malformed")
}

// Two tabs with a form each: one text, one session; the other tab is told to
// wait.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		one, two := rig.Form(ada, adaPhone), rig.Form(ada, adaPhone)
		if !v.JSON {
			one["form"], two["form"] = v.Seed(), v.Seed()
		}
		statuses := make([]int, 2)
		together(2, func(i int) { statuses[i] = clone(t, r, v).Post("/signup", []map[string]string{one, two}[i]).Status })
		if n := len(r.Handset().Messages(adaPhone)); n != 1 {
			t.Errorf("%d texts, want 1 (answers %v)", n, statuses)
		}
		if statuses[0] != 429 && statuses[1] != 429 {
			t.Errorf("answers %v, want one 429", statuses)
		}
	})
}

// Fifty equal right codes make one user and one session, and all fifty end
// signed in (I-11).
// (parity 33)
func TestRightCodeInParallel(t *testing.T) {
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Post("/signup", rig.Form(ada, adaPhone))
		stolen := v.Cookie()
		code := map[string]string{"code": r.Handset().Code(adaPhone)}
		cookies := make([]string, 50)
		together(50, func(i int) {
			c := clone(t, r, v)
			a := c.Post("/verify", code)
			if a.Next != "/account" {
				t.Errorf("request %d: %d %q %s", i, a.Status, a.Next, a.Code())
			}
			if a := c.Get("/account"); a.Status != 200 {
				t.Errorf("request %d is not signed in: %d", i, a.Status)
			}
			cookies[i] = c.Cookie()
		})
		for _, c := range cookies {
			if c != cookies[0] || c == v.Cookie() {
				t.Errorf("not one rotated session: %q", c)
			}
		}
		texts := r.Handset().Messages(adaPhone)
		if len(texts) != 2 {
			t.Errorf("%d texts, want the code and one confirmation", len(texts))
		}
		if n := r.Handset().Stats().Checks; n > 5 {
			t.Errorf("%d checks, want at most 5", n)
		}
		// The cookie from before is dead for everything but the very same request.
		expect(t, v.Post("/verify", code), moved(v), "/account")
		old := clone(t, r, r.Visitor(v.JSON))
		old.SetCookie(stolen)
		expect(t, old.Post("/verify", map[string]string{"code": wrong(code["code"])}), deadStatus(v), deadNext(v))
		expect(t, old.Post("/verify", code), deadStatus(v), deadNext(v)) // one wrong guess ended it
	})
}

func deadStatus(v *rig.Visitor) int {
	if v.JSON {
		return 401
	}
	return 303
}

func deadNext(v *rig.Visitor) string {
	if v.JSON {
		return "no_session"
	}
	return "/login"
}

// A hundred parallel wrong codes reach the vendor five times at most.
func TestWrongCodeInParallel(t *testing.T) {
	rigs := []*rig.Rig{rig.Start(t, rig.Options{Provider: "verify"}), rig.Start(t, rig.Options{Provider: "authy"})}
	together(len(rigs), func(i int) {
		r := rigs[i]
		v := r.Visitor(true)
		v.Post("/signup", rig.Form(ada, adaPhone))
		bad := wrong(r.Handset().Code(adaPhone))
		together(100, func(int) {
			a := clone(t, r, v).Post("/verify", map[string]string{"code": bad})
			if a.Status == 200 || a.Status >= 500 {
				t.Errorf("wrong code: %d %s", a.Status, a.Next)
			}
		})
		if n := r.Handset().Stats().Checks; n != 5 {
			t.Errorf("%d checks, want 5", n)
		}
	})
}

// Two sign-ups for one email: who proves a phone first is the user; before
// that nothing tells the two apart, and nothing opens a session on somebody
// else's address (R-115, R-118; parity 17).
func TestOneEmailTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		const bobPhone = "+14155552672"
		bob := clone(t, r, v)
		answers := make([]string, 2)
		for i, visitor := range []*rig.Visitor{v, bob} {
			r.Wire.Reset()
			a := visitor.Post("/signup", rig.Form(ada, []string{adaPhone, bobPhone}[i]))
			answers[i] = seen(r, a)
		}
		if answers[0] != answers[1] {
			t.Errorf("a second sign-up is told apart:\n%s\n%s", answers[0], answers[1])
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")

		// A third one, after the user exists, looks the same again.
		r.Wire.Reset()
		a := clone(t, r, r.Visitor(v.JSON)).Post("/signup", rig.Form(ada, "+14155552673"))
		third := seen(r, a)
		if third != answers[0] {
			t.Errorf("an existing user shows:\n%s\n%s", answers[0], third)
		}

		code := r.Handset().Code(bobPhone)
		a = bob.Post("/verify", map[string]string{"code": wrong(code)})
		if a.Status != 401 {
			t.Errorf("before the phone is proved: %d", a.Status)
		}
		for range 2 { // told again when asked again, and no code is judged any more
			r.Wire.Reset()
			a = bob.Post("/verify", map[string]string{"code": code})
			if a.Status != 409 || v.JSON && a.Code() != "cannot_complete" {
				t.Fatalf("taken address: %d %s", a.Status, a.Body)
			}
		}
		if calls := r.Wire.Vendors(); len(calls) > 0 {
			t.Errorf("a vendor is asked once more: %v", calls)
		}
		if a := bob.Get("/account"); a.Status == 200 {
			t.Error("a session was opened on somebody else's address")
		}
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil || string(u.Phone) != adaPhone {
			t.Errorf("the user changed: %v %v", u.Phone, err)
		}
	})
}

// seen is all that an observer can tell of an answer, but for the vendor's ids.
func seen(r *rig.Rig, a rig.Answer) string {
	vendors := regexp.MustCompile(`[0-9]{4,}`).ReplaceAllString(fmt.Sprint(r.Wire.Vendors()), "N")
	var operations []string
	for _, c := range r.Wire.Calls() {
		if c.Table {
			operations = append(operations, c.Name)
		}
	}
	slices.Sort(operations)
	return fmt.Sprint(a.Status, a.Next, a.Body, vendors, operations)
}

// Who has an old sign-up form, password and all, and sends it again after its
// session was deleted, gets in no more than anybody else: a code that is gone
// does not pass for a proved phone (I-01).
func TestOldFormOpensNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		form := rig.Form(ada, adaPhone)
		if v.JSON {
			v.Header.Set("Idempotency-Key", strings.Repeat("k", 32))
		} else {
			form["form"] = v.Seed()
		}
		v.Post("/signup", form)
		v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		r.Clock.Advance(9 * 24 * 3600e9)
		r.Expire(u.Key, u.UID)
		thief := clone(t, r, r.Visitor(v.JSON))
		thief.Header = v.Header
		expect(t, thief.Post("/signup", form), moved(v), "/verify")
		r.Clock.Advance(11 * 60e9)
		for range 4 {
			a := thief.Post("/verify", map[string]string{"code": "918273"})
			if a.Next == "/account" || thief.Get("/account").Status == 200 {
				t.Fatal("an old form opens the account without a code")
			}
		}
	})
}

// An attacker's code that is merely gone does not tell whether the address is
// taken: only a proved phone does.
func TestTakenIsToldOnlyAfterProof(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, clone(t, r, v), ada, adaPhone)
		v.Post("/signup", rig.Form(ada, "+14155552672"))
		r.Clock.Advance(11 * 60e9)
		a := v.Post("/verify", map[string]string{"code": r.Handset().Code("+14155552672")})
		if a.Status == 409 {
			t.Error("an expired code told that the address is taken")
		}
	})
}
