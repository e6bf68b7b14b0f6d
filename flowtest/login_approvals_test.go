package flowtest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// A request that nobody answered is over by our own clock, whatever the vendor
// says afterwards: the page says so and offers both ways on, and each of them
// works (parity 85, 86, 129, 133; R-046, F-22, I-04).
func TestExpiredApproval(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		asked := newest(t, r, adaPhone)
		r.Clock.Advance(5*time.Minute - time.Millisecond)
		if state, _ := status(v); state != "pending" {
			t.Fatalf("just before its end: %q", state)
		}
		r.Clock.Advance(time.Millisecond)
		r.Wire.Reset()
		if state, _ := status(v); state != "expired" {
			t.Fatalf("at its end: %q", state)
		}
		expired(t, v)
		saying(asked, "approved").deliver(t, r)
		expired(t, v)
		outside(t, "a late approval", v)
		if n := asksOf(r); n != 0 {
			t.Errorf("the vendor was asked %d times about what is over", n)
		}
		code := r.Visitor(v.JSON)
		code.SetCookie(v.Cookie())
		expect(t, code.Post("/resend", nil), moved(v), "/verify")
		expect(t, code.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		again := waiting(t, r, v)
		r.Handset().Decide(adaPhone, "approved")
		r.Clock.Advance(3 * time.Second)
		awaitStatus(t, r, again, "approved")
		expect(t, again.Post("/status", nil), moved(v), "/account")
	})
}

// expired checks what a login is told whose approval is over.
func expired(t *testing.T, v *rig.Visitor) {
	t.Helper()
	a := v.Post("/status", nil)
	if v.JSON {
		expect(t, a, 410, "expired")
		return
	}
	expect(t, a, 303, "/verify")
	if !strings.Contains(v.Get("/verify").Body, "Nobody answered on your phone in time") {
		t.Error("the code page does not say why")
	}
	page := v.Get("/status").Body
	for _, want := range []string{"Nobody answered in time", `href="/verify"`, `href="/login"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "http-equiv") || strings.Contains(page, `data-waiting="pending"`) {
		t.Error("the page goes on asking")
	}
}

// An approval in time counts until the login itself is over (F-22).
func TestApprovedInTimeAndUsedLater(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		for _, later := range []time.Duration{20 * time.Minute, 26 * time.Minute} {
			v = waiting(t, r, v)
			r.Clock.Advance(5*time.Minute - time.Second)
			saying(newest(t, r, adaPhone), "approved").deliver(t, r)
			r.Clock.Advance(later)
			if later < 25*time.Minute {
				if state, _ := status(v); state != "approved" {
					t.Errorf("after %s: %q", later, state)
				}
				expect(t, v.Post("/status", nil), moved(v), "/account")
				continue
			}
			if a := v.Post("/status", nil); v.JSON && (a.Status != 410 || a.Code() != "expired") || !v.JSON && a.Next != "/login" {
				t.Errorf("a login of 30 minutes: %d %q %s", a.Status, a.Next, a.Code())
			}
			outside(t, "a login that is over", v)
		}
	})
}

// The first decision is the decision, in whatever order others come and however
// often (parity 130, 140, F-20, F-23, T-42, T-43).
func TestFirstDecisionStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		for _, order := range []string{"denied approved", "approved denied", "denied denied approved approved", "approved approved denied"} {
			v = waiting(t, r, v)
			asked := newest(t, r, adaPhone)
			words := strings.Fields(order)
			for _, word := range words {
				saying(asked, word).deliver(t, r)
				if state, _ := status(v); state != words[0] {
					t.Errorf("%s: status %q", order, state)
				}
			}
			a := v.Post("/status", nil)
			switch {
			case words[0] == "approved":
				expect(t, a, moved(v), "/account")
			case v.JSON:
				expect(t, a, 409, "denied")
			default:
				expect(t, a, 303, "/verify")
			}
			if words[0] == "denied" {
				outside(t, order, v)
				r.Handset().Decide(adaPhone, "approved") // the vendor itself has it otherwise now
				r.Clock.Advance(10 * time.Second)
				if state, _ := status(v); state != "denied" {
					t.Errorf("%s: the poll made it %q", order, state)
				}
				outside(t, order, v)
			}
			r.Clock.Advance(2 * time.Hour)
		}
	})
}

// An approval is used up by the login that it was for: neither it nor its
// callback, repeated, is worth anything to another (parity 88, 91, 129, 131;
// I-02, I-03).
func TestApprovalIsUsedUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		one := waiting(t, r, v)
		first := newest(t, r, adaPhone)
		ref := one.Cookie()[strings.LastIndex(one.Cookie(), ".")+1:]
		saying(first, "approved").deliver(t, r)
		expect(t, one.Post("/status", nil), moved(v), "/account")
		r.Clock.Advance(time.Minute)
		two := waiting(t, r, v)
		saying(first, "approved").deliver(t, r)
		if state, _ := status(two); state != "pending" {
			t.Errorf("another login's approval, repeated: %q", state)
		}
		own := two.Cookie()
		two.SetCookie(own[:strings.LastIndex(own, ".")+1] + ref) // a cookie that names the approval of before
		if state, _ := status(two); state != "pending" {
			t.Errorf("another login's approval, by the cookie: %q", state)
		}
		outside(t, "another login's approval", two)
		second := newest(t, r, adaPhone)
		forged := saying(second, "approved")
		forged.session = first.Session
		forged.deliver(t, r)
		outside(t, "an approval that names another login", two)
		saying(second, "approved").deliver(t, r)
		expect(t, two.Post("/status", nil), moved(v), "/account")
	})
}

// A login that a code has confirmed has no use for the approval that comes
// afterwards (I-02).
func TestApprovalAfterTheCode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		asked, half := newest(t, r, adaPhone), v.Cookie()
		r.Clock.Advance(time.Minute)
		expect(t, v.Post("/resend", nil), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		saying(asked, "approved").deliver(t, r)
		thief := r.Visitor(v.JSON)
		thief.SetCookie(half)
		outside(t, "the half session", thief)
		expect(t, v.Post("/status", nil), moved(v), "/account")
		if a := v.Get("/status"); v.JSON && a.Doc["status"] != "approved" && a.Next != "/account" || !v.JSON && a.Next != "/account" {
			t.Errorf("the waiting page of who is signed in: %d %q %s", a.Status, a.Next, a.Body)
		}
		if _, confirmed := sessionsIn(r); confirmed != 2 { // the sign-up's and this one
			t.Errorf("%d confirmed sessions, want 2", confirmed)
		}
	})
}

// What is authentic and not from whom we asked, or about another login, decides
// nothing; neither keeps the true answer out (parity 91; R-061, T-49).
func TestSomebodyElsesApproval(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		asked := newest(t, r, adaPhone)
		for name, forge := range strangers(t) {
			for _, word := range []string{"approved", "denied"} {
				c := saying(asked, word)
				forge(&c)
				c.deliver(t, r)
				if state, _ := status(v); state != "pending" {
					t.Errorf("%s, %s: %q", name, word, state)
				}
			}
			outside(t, name, v)
		}
		saying(asked, "approved").deliver(t, r)
		expect(t, v.Post("/status", nil), moved(v), "/account")
	})
}

// strangers make of a callback one that is about the same request and not from
// whom we asked, or not for whom it was.
func strangers(t *testing.T) map[string]func(*told) {
	t.Helper()
	other := "YF" + strings.Repeat("0", 31) + "9"
	if vendorOf(t) == "authy" {
		other = "987654321"
	}
	return map[string]func(*told){
		"another person or factor": func(c *told) { c.by = other },
		"another session":          func(c *told) { c.session = strings.Repeat("ab", 16) },
		"another of both":          func(c *told) { c.by, c.session = other, strings.Repeat("ab", 16) },
		"another without a session": func(c *told) {
			c.by, c.session = other, ""
		},
	}
}

// inFlight logs in and runs act when the phone was asked and its vendor's answer
// has not reached us.
func inFlight(t *testing.T, r *rig.Rig, v *rig.Visitor, act func(id string)) *rig.Visitor {
	t.Helper()
	r.Handset().Weather(`{"callbacks":"early"}`)
	before := len(r.Handset().Approvals(adaPhone))
	v = r.Visitor(v.JSON)
	done := make(chan rig.Answer)
	go func() { done <- v.Post("/login", credentialsOf(ada)) }()
	for range 400 {
		list := r.Handset().Approvals(adaPhone)
		if len(list) > before {
			act(list[0].ID)
			break
		}
		time.Sleep(5 * time.Millisecond) // the login is on its way
	}
	expect(t, <-done, moved(v), "/status")
	return v
}

// The person answers, and the callback comes, before our own request has its
// answer: nothing is lost, and nobody has to ask (F-24, R-158, I-21).
func TestAnswerBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		for _, decision := range []string{"approved", "denied"} {
			w := inFlight(t, r, v, func(id string) { r.Handset().DecideOn(adaPhone, id, decision) })
			r.Wire.Reset()
			if state, _ := status(w); state != decision {
				t.Errorf("status %q, want %q at once", state, decision)
			}
			if n := asksOf(r); n != 0 {
				t.Errorf("the vendor was asked %d times", n)
			}
			if decision == "approved" {
				expect(t, w.Post("/status", nil), moved(v), "/account")
				continue
			}
			outside(t, "denied before the answer", w)
		}
	})
}

// What somebody else says before our own request is written down does not keep
// the true answer out, whichever way it comes (F-24, F-25, I-21).
func TestStrangerIsFirst(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		by := u.ProviderRef
		if vendorOf(t) == "verify" {
			by = u.Factors[0].SID
		}
		for name, forge := range strangers(t) {
			for way, weather := range map[string]string{"callback": "deliver", "poll": "drop"} {
				before := len(r.Handset().Approvals(adaPhone))
				var first sync.Once
				r.Wire.Break(func(c rig.Call) rig.Fault {
					list := r.Handset().Approvals(adaPhone)
					if c.Step != "login" || !c.Table || len(list) == before {
						return rig.None
					}
					first.Do(func() {
						c := told{vendor: vendorOf(t), id: list[0].ID, by: by, status: "approved"}
						forge(&c)
						c.deliver(t, r)
					})
					return rig.None
				})
				w := waiting(t, r, v)
				r.Wire.Break(nil)
				outside(t, name, w)
				r.Handset().Weather(`{"callbacks":"` + weather + `"}`)
				r.Handset().Decide(adaPhone, "approved")
				r.Clock.Advance(4 * time.Second)
				if !comes(w, "approved") {
					t.Errorf("%s: the true answer by %s does not count", name, way)
					r.Clock.Advance(2 * time.Hour)
					continue
				}
				expect(t, w.Post("/status", nil), moved(v), "/account")
			}
		}
	})
}

// comes reports whether a login's status becomes this soon.
func comes(v *rig.Visitor, want string) bool {
	for range 100 {
		if state, _ := status(v); state == want {
			return true
		}
		time.Sleep(5 * time.Millisecond) // the callback is on its way
	}
	return false
}

// Two accounts on one phone, whom Authy does not tell apart: what is approved
// for the one is nothing to the other (T-49; parity 87, 128; I-03).
func TestTwoUsersOnOnePhone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		const bob = "bob@example.com"
		member(t, r, r.Visitor(v.JSON), ada, adaPhone)
		r.Clock.Advance(2 * time.Minute)
		member(t, r, r.Visitor(v.JSON), bob, adaPhone)
		one, two := waiting(t, r, v), r.Visitor(v.JSON)
		first := newest(t, r, adaPhone)
		expect(t, two.Post("/login", credentialsOf(bob)), moved(v), "/status")
		second := newest(t, r, adaPhone)
		if vendorOf(t) == "authy" && first.Subject != second.Subject {
			t.Fatalf("they are two people at Authy: %s and %s", first.Subject, second.Subject)
		}
		r.Handset().DecideOn(adaPhone, first.ID, "approved")
		awaitStatus(t, r, one, "approved")
		for _, c := range []store.Approval{first, second} {
			cookie := two.Cookie()
			two.SetCookie(cookie[:strings.LastIndex(cookie, ".")+1] + c.Ref.String())
			if state, _ := status(two); state != "pending" {
				t.Errorf("the other's login: %q", state)
			}
			outside(t, "the other's approval", two)
		}
		crossed := saying(second, "approved")
		crossed.session = first.Session
		crossed.deliver(t, r)
		outside(t, "an approval that names the other's login", two)
		expect(t, one.Post("/status", nil), moved(v), "/account")
		r.Handset().DecideOn(adaPhone, second.ID, "approved")
		awaitStatus(t, r, two, "approved")
		expect(t, two.Post("/status", nil), moved(v), "/account")
		if a := two.Get("/account"); !strings.Contains(a.Body, bob) {
			t.Errorf("signed in as somebody else: %s", a.Body)
		}
	})
}
