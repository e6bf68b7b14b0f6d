package flowtest

import (
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/flowtest/rig"
)

// eachOnce is each for long stories: every vendor and every way to speak, once.
func eachOnce(t *testing.T, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	eachOnceWith(t, nil, test)
}

// eachOnceWith is eachOnce, of stacks that are set up differently.
func eachOnceWith(t *testing.T, env map[string]string, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	for name, speaksJSON := range map[string]bool{"verify/form": false, "authy/json": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: vendorOf(t), Env: maps.Clone(env)})
			test(t, r, r.Visitor(speaksJSON))
		})
	}
}

// failing is a wrong password for an address.
func failing(email string) map[string]string {
	return map[string]string{"email": email, "password": "wrong horse battery"}
}

// told429 is how long a limited login is told to wait, 0 when it is not limited.
func told429(t *testing.T, a rig.Answer) time.Duration {
	t.Helper()
	if a.Status != 429 {
		return 0
	}
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		t.Fatalf("a limited login is not told for how long: %v", a.Header)
	}
	return time.Duration(seconds) * time.Second
}

// Five failures are free; then each doubles the wait, from one second to fifteen
// minutes and no further. An address that is nobody's is treated alike, word for
// word, and so is the right password (R-104, R-105, R-111, I-2A; parity 72, 81).
func TestFailuresGrow(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		began := r.Clock.Now()
		var stories []string
		for from, c := range map[string]map[string]string{"203.0.113.7": failing(ada), "203.0.113.8": failing("nobody@example.com")} {
			r.Clock.Set(began)
			var waits []string
			for range 18 {
				w := r.Visitor(v.JSON).From(from)
				a := w.Post("/login", c)
				wait := told429(t, a)
				if wait > 0 {
					waits = append(waits, wait.String())
					r.Clock.Advance(wait - time.Millisecond)
					if early := w.Post("/login", c); early.Status != 429 {
						t.Errorf("%s, a moment too early: %d", c["email"], early.Status)
					}
					if right := w.Post("/login", credentialsOf(c["email"])); right.Status != 429 || w.Cookie() != "" {
						t.Errorf("%s, the right password too early: %d", c["email"], right.Status)
					}
					r.Clock.Advance(time.Millisecond)
					a = w.Post("/login", c)
				} else {
					waits = append(waits, "-")
				}
				if a.Status != 401 || v.JSON && a.Code() != "bad_credentials" {
					t.Fatalf("%s: %d after %v", c["email"], a.Status, waits)
				}
			}
			stories = append(stories, strings.Join(waits, " "))
		}
		const want = "- - - - - 1s 2s 4s 8s 16s 32s 1m4s 2m8s 4m16s 8m32s 15m0s 15m0s 15m0s"
		for _, story := range stories {
			if story != want {
				t.Errorf("waits  %s\nwant   %s", story, want)
			}
		}
	})
}

// An hour's attack on one account, from as many addresses and with as many
// forged marks of a known browser as one likes, is worth some hundred and twenty
// guesses: seventeen in the lane of all strangers, a hundred aside. (Those aside
// are counted by halves of the day, of which this hour sees one.) Meanwhile a browser that its owner has used before is let in at any time, and
// afterwards the owner waits fifteen minutes at most anywhere else (R-104, I-30,
// T-22, T-23, T-57).
func TestAttackForAnHour(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Minute)
		device := deviceOf(t, r, v)
		guesses, step := 0, 20*time.Second
		for n := range int(time.Hour / step) {
			bot := r.Visitor(v.JSON).From(fmt.Sprintf("198.51.%d.%d", n/200, n%200))
			bot.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", n%250))
			bot.Header.Set("Cookie", "latchkey-device="+forgedDevice(device, n))
			if a := bot.Post("/login", failing(ada)); a.Status == 401 {
				guesses++
			}
			r.Clock.Advance(step)
			if n%45 != 22 {
				continue
			}
			v.Post("/logout", nil)
			expect(t, v.Post("/login", credentialsOf(ada)), moved(v), "/status")
			r.Handset().Decide(adaPhone, "approved")
			awaitStatus(t, r, v, "approved")
			expect(t, v.Post("/status", nil), moved(v), "/account")
		}
		if guesses > 120 {
			t.Errorf("%d guesses in an hour", guesses)
		}
		owner := r.Visitor(v.JSON).From("203.0.113.7")
		a := owner.Post("/login", credentialsOf(ada))
		wait := told429(t, a)
		if wait == 0 || wait > 15*time.Minute {
			t.Fatalf("the owner waits %s: %d %s", wait, a.Status, a.Body)
		}
		r.Clock.Advance(wait)
		expect(t, owner.Post("/login", credentialsOf(ada)), moved(v), "/status")
	})
}

// No noon forgets a failure. An hour across it is worth what any hour is from one
// place, seventeen guesses; from as many as one likes, those of one half of the
// day and the other half's hundred aside.
func TestAttackAcrossNoon(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Set(bench.Start.Add(24*time.Hour - 30*time.Minute)) // benches begin at noon
		everywhere, here, step := 0, 0, 15*time.Second
		for n := range int(time.Hour / step) {
			bot := r.Visitor(v.JSON).From(fmt.Sprintf("198.51.%d.%d", n/200, n%200))
			if a := bot.Post("/login", failing(ada)); a.Status == 401 {
				everywhere++
			}
			if n%4 == 0 {
				a := r.Visitor(v.JSON).From("203.0.113.1").Post("/login", failing("nobody@example.com"))
				if a.Status == 401 {
					here++
				}
			}
			r.Clock.Advance(step)
		}
		if here < 5 || here > 17 || everywhere < 17 || everywhere > 220 {
			t.Errorf("%d guesses from one place, %d from many", here, everywhere)
		}
	})
}

// One who fails on purpose from one place keeps nobody out who is elsewhere, in
// a new browser; and guesses no more often for it (R-104, I-30).
func TestAttackFromOnePlace(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Minute)
		guesses := 0
		for range 60 {
			a := r.Visitor(v.JSON).From("198.51.100.1").Post("/login", failing(ada))
			if a.Status == 401 {
				guesses++
			}
			r.Clock.Advance(time.Minute)
		}
		if guesses > 17 {
			t.Errorf("%d guesses in an hour", guesses)
		}
		owner := r.Visitor(v.JSON).From("203.0.113.7")
		if a := owner.Post("/login", failing(ada)); a.Status != 401 {
			t.Errorf("the owner's slip: %d", a.Status)
		}
		expect(t, owner.Post("/login", credentialsOf(ada)), moved(v), "/status")
		r.Handset().Decide(adaPhone, "approved")
		awaitStatus(t, r, owner, "approved")
		expect(t, owner.Post("/status", nil), moved(v), "/account")
		if a := r.Visitor(v.JSON).From("198.51.100.1").Post("/login", failing(ada)); a.Status != 429 {
			t.Errorf("the owner's login forgot the attacker's failures: %d", a.Status)
		}
	})
}

// deviceOf is the mark by which a browser is known.
func deviceOf(t *testing.T, r *rig.Rig, v *rig.Visitor) string {
	t.Helper()
	u, err := url.Parse(r.App)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Client.Jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "latchkey-device") {
			return c.Value
		}
	}
	t.Fatal("the browser is not known")
	return ""
}

// forgedDevice is a mark of a known browser that is not genuine. Nobody but its
// owner knows the id of a genuine one.
func forgedDevice(genuine string, n int) string {
	part := strings.Split(genuine, ".")
	id := fmt.Sprintf("%032x", n)
	switch n % 3 {
	case 0: // the owner's, of another browser
		return part[0] + "." + id + "." + part[2]
	case 1: // another person's
		return key("bob@example.com") + "." + part[1] + "." + part[2]
	}
	return part[0] + "." + id + "." + strings.Repeat("A", 43)
}

// A known browser has failures of its own: a thief of the mark guesses no more
// often than anybody else, and signing out everywhere makes it a stranger
//
func TestKnownBrowserFails(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Minute)
		for n := range 6 {
			a := v.Post("/login", failing(ada))
			if n < 5 && a.Status != 401 || n == 5 && a.Status != 429 {
				t.Errorf("failure %d on a known browser: %d", n+1, a.Status)
			}
		}
		stranger := r.Visitor(v.JSON)
		for n := range 6 {
			a := stranger.Post("/login", failing(ada))
			if n < 5 && a.Status != 401 || n == 5 && a.Status != 429 {
				t.Errorf("failure %d of a stranger: %d", n+1, a.Status)
			}
		}
		r.Clock.Advance(time.Second)
		logIn(t, r, v, ada, adaPhone)
		if a := r.Visitor(v.JSON).Post("/login", failing(ada)); a.Status != 401 {
			t.Errorf("a stranger, a second later: %d", a.Status)
		}
		if a := r.Visitor(v.JSON).Post("/login", failing(ada)); told429(t, a) != 2*time.Second {
			t.Errorf("a login on a known browser forgot strangers' failures: %d %s", a.Status, told429(t, a))
		}
		if v.JSON {
			expect(t, v.Do("POST", "/logout", "application/json", `{"everywhere":true}`), 200, "/")
		} else {
			expect(t, v.Post("/logout", map[string]string{"everywhere": "true"}), 303, "/")
		}
		if a := v.Post("/login", failing(ada)); a.Status != 429 {
			t.Errorf("after signing out everywhere the browser is still known: %d", a.Status)
		}
	})
}

// What counts as a failure: also a right password that is followed by no second
// factor. New sessions, codes sent again and corrected forms forget nothing; a
// whole login forgets all (R-043, R-105, I-20a).
func TestWhatIsAFailure(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		half := r.Visitor(v.JSON)
		expect(t, half.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		r.Clock.Advance(time.Minute)
		expect(t, half.Post("/resend", nil), moved(v), "/verify")
		if a := half.Post("/verify", map[string]string{"code": wrong(r.Handset().Code(adaPhone))}); a.Status != 401 {
			t.Fatalf("wrong code: %d", a.Status)
		}
		for range 4 {
			if a := r.Visitor(v.JSON).Post("/login", failing(ada)); a.Status != 401 {
				t.Fatalf("a free failure: %d", a.Status)
			}
		}
		if a := r.Visitor(v.JSON).Post("/login", failing(ada)); told429(t, a) != time.Second {
			t.Fatalf("a login without its second factor was not counted: %d", a.Status)
		}
		r.Clock.Advance(time.Minute)
		expect(t, half.Post("/resend", nil), moved(v), "/verify")
		r.Clock.Advance(time.Minute)
		half = r.Visitor(v.JSON)
		a := half.Post("/login", credentialsOf(ada))
		if a.Status != moved(v) && a.Status != 429 || half.Cookie() == "" {
			t.Fatalf("a new session: %d %s", a.Status, a.Body)
		}
		if a := r.Visitor(v.JSON).Post("/login", failing(ada)); told429(t, a) != 2*time.Second {
			t.Errorf("a new session forgot the failures: %d %s", a.Status, told429(t, a))
		}
		r.Clock.Advance(2 * time.Minute)
		expect(t, half.Post("/resend", nil), moved(v), "/verify")
		expect(t, half.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		for n := range 6 {
			a := r.Visitor(v.JSON).Post("/login", failing(ada))
			if n < 5 && a.Status != 401 || n == 5 && told429(t, a) != time.Second {
				t.Errorf("failure %d after a success: %d", n+1, a.Status)
			}
		}
	})
}

// One network tries so often, whomever it names and whatever address it claims
// to have; its neighbours are not kept out (R-101, R-140, T-22, T-57).
func TestLoginsPerAddress(t *testing.T) {
	t.Parallel()
	eachOnceWith(t, map[string]string{"LOGINS_PER_ADDRESS": "10"}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		for _, network := range [][2]string{{"203.0.113.7", "203.0.113.7"}, {"[2001:db8:1:2::3]", "[2001:db8:1:2:4::5]"}} {
			for n := range 10 {
				w := r.Visitor(v.JSON).From(network[n%2])
				if a := w.Post("/login", failing(fmt.Sprintf("nobody%d@example.com", n))); a.Status != 401 {
					t.Fatalf("%s: %d", network, a.Status)
				}
			}
			w := r.Visitor(v.JSON).From(network[0])
			for name, value := range map[string]string{
				"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "X-Real-Ip": "192.0.2.1", "True-Client-Ip": "192.0.2.1",
			} {
				w.Header.Set(name, value)
				r.Wire.Reset()
				if a := w.Post("/login", credentialsOf(ada)); told429(t, a) == 0 || told429(t, a) > 5*time.Minute {
					t.Errorf("%s %s: %d", network[0], name, a.Status)
				}
				if got := r.Wire.Vendors(); len(got) > 0 {
					t.Errorf("a limited login reached %v", got)
				}
			}
		}
		for _, other := range []string{"203.0.113.8", "[2001:db8:1:3::3]"} {
			if a := r.Visitor(v.JSON).From(other).Post("/login", failing("nobody@example.com")); a.Status != 401 {
				t.Errorf("a neighbour: %d", a.Status)
			}
		}
		r.Clock.Advance(5 * time.Minute)
		expect(t, r.Visitor(v.JSON).From("203.0.113.7").Post("/login", credentialsOf(ada)), moved(v), "/verify")
	})
}
