package flowtest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// A function whose answer is out may be frozen the next moment: nothing of what
// it began goes on then, not even where one of several calls made side by side
// has refused already.
func TestNoWorkAfterTheAnswer(t *testing.T) {
	const slow = 60 * time.Millisecond
	r := rig.Start(t, rig.Options{Env: map[string]string{"LOGINS_PER_ADDRESS": "1"}})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	r.Visitor(true).Post("/login", failing(ada))
	for path, fields := range map[string]map[string]string{
		"/signup": rig.Form("bob@example.com", adaPhone), "/login": failing(ada), "/login/again": nil,
	} {
		for _, late := range []string{"U#", "L#"} {
			r.Wire.Reset()
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if c.Table && strings.HasPrefix(c.Keys[0], late) {
					time.Sleep(slow)
				}
				return rig.None
			})
			w := r.Visitor(true)
			if path == "/login/again" {
				w = clone(t, r, v)
			}
			a := w.Post(path, fields)
			answered := time.Now()
			if a.Status != 429 {
				t.Errorf("POST %s, %s late: %d %s", path, late, a.Status, a.Code())
			}
			time.Sleep(slow + slow/2) // what was left behind would end in this time
			for _, c := range r.Wire.Calls() {
				if c.Ended.After(answered) {
					t.Errorf("POST %s, %s late: %s of %v ends %s after the answer", path, late, c.Name, c.Keys, c.Ended.Sub(answered))
				}
			}
			if len(r.Wire.Calls()) < 2 {
				t.Errorf("POST %s: the test is blind", path)
			}
		}
	}
}

// Logging out without the table is no success: the browser keeps the cookie, and
// the session is there to be ended. When it worked, the browser forgets what it
// kept of the pages, and not that its owner is known here.
func TestLogoutWithoutTheTable(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		known := deviceOf(t, r, v)
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Table {
				return rig.Lost
			}
			return rig.None
		})
		cookie := v.Cookie()
		a := v.Post("/logout", nil)
		if a.Status != 503 || v.Cookie() != cookie || a.Header.Get("Clear-Site-Data") != "" {
			t.Errorf("without the table: %d, cookie %q, %v", a.Status, v.Cookie(), a.Header)
		}
		r.Wire.Break(nil)
		if a := v.Get("/account"); a.Status != 200 {
			t.Errorf("the session is gone: %d", a.Status)
		}
		a = v.Post("/logout", nil)
		expect(t, a, moved(v), "/")
		if got := a.Header.Get("Clear-Site-Data"); got != `"cache", "storage"` || v.Cookie() != "" || deviceOf(t, r, v) != known {
			t.Errorf("Clear-Site-Data %q, cookie %q", got, v.Cookie())
		}
		if a := v.Get("/logout"); a.Status != 405 {
			t.Errorf("GET /logout: %d", a.Status)
		}
	})
}

// Whichever limit refuses a sign-up, the answer is the same but for how long to
// wait, and that is told in half minutes, after which one may come again.
func TestLimitsLookAlike(t *testing.T) {
	t.Parallel()
	var first string
	for limit, second := range map[string]string{
		"SENDS_PER_ADDRESS": "+442071838750", "SENDS_PER_PREFIX": "+14155552672", "SENDS_PER_COUNTRY": "+12125552671", "SENDS_PER_DAY": "+447400123456", "": adaPhone,
	} {
		if limit == "SENDS_PER_ADDRESS" {
			second = "+447400123456"
		}
		r := rig.Start(t, rig.Options{Env: map[string]string{limit: "1"}})
		expect(t, r.Visitor(true).Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
		w := r.Visitor(true)
		if limit != "SENDS_PER_ADDRESS" {
			w.From("203.0.113.7")
		}
		r.Clock.Advance(29*time.Second + 500*time.Millisecond) // so that no wait is of whole seconds
		a := w.Post("/signup", rig.Form("bob@example.com", second))
		expect(t, a, 429, "wait")
		seconds, _ := a.Doc["retry_after"].(float64)
		if seconds == 0 || int(seconds)%30 != 0 {
			t.Errorf("%s: wait for %v", limit, a.Doc["retry_after"])
		}
		got := regexp.MustCompile(`Try again in [^.]*\.|"retry_after":\d+|urn:latchkey:request:[^"]*`).ReplaceAllString(a.Body, "")
		if first == "" {
			first = got
		}
		if got != first || w.Cookie() != "" {
			t.Errorf("%s: %s\nanother: %s", limit, got, first)
		}
		r.Clock.Advance(time.Duration(seconds) * time.Second)
		expect(t, w.Post("/signup", rig.Form("bob@example.com", second)), 200, "/verify")
	}
}

// What a visitor words reaches no phone: not the stranger's whose number they
// typed, nor their own.
func TestNoWordsOfVisitorsOnPhones(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		form := rig.Form("visit-evil@example.com", adaPhone)
		form["fullName"] = "Visit evil.test now"
		expect(t, v.Post("/signup", form), moved(v), "/verify")
		r.Clock.Advance(time.Minute)
		expect(t, v.Post("/resend", map[string]string{"channel": "call"}), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		expect(t, v.Post("/password", map[string]string{"current": password, "password": "visit evil.test and stay there"}), moved(v), "/account")
		messages := r.Handset().Messages(adaPhone)
		if len(messages) != 4 {
			t.Fatalf("%d messages, want two codes, a welcome and a warning", len(messages))
		}
		for _, m := range messages {
			if strings.Contains(strings.ToLower(m.Body), "evil") || strings.Contains(strings.ToLower(m.Body), "visit") {
				t.Errorf("the phone is told %q", m.Body)
			}
		}
	})
}
