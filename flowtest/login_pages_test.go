package flowtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// lacking complains about what a page does not say.
func lacking(t *testing.T, name, page string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(page, s) {
			t.Errorf("%s lacks %s", name, s)
		}
	}
}

// The form to log in: what password managers look for, each missing field with
// a sentence beside it, the address kept and the password not (parity 71, 80).
func TestLoginPage(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(false)
	lacking(t, "the form", v.Get("/login").Body,
		"<title>Log in", `method="post" action="/login"`, `type="email" autocomplete="username"`,
		`type="password" autocomplete="current-password"`, `name="form" value="`, `href="/signup"`)
	a := v.Post("/login", map[string]string{"email": "", "password": ""})
	if a.Status != 422 {
		t.Errorf("nothing typed: %d", a.Status)
	}
	lacking(t, "the form with nothing typed", a.Body, `id="email-wrong"`, `id="password-wrong"`)
	a = v.Post("/login", failing(ada))
	if a.Status != 401 || strings.Contains(a.Body, "wrong horse") {
		t.Errorf("a wrong password: %d, or it is shown again", a.Status)
	}
	lacking(t, "the form refused", a.Body, `value="`+ada+`"`, `action="/login"`, `role="alert"`)
}

// The page that waits says so to screen readers, how long there is, the number
// to compare and the way round it. Without scripts it looks again by itself,
// less and less often, and a button goes on once it is approved. After a denial
// it leads on at once, to where a code is asked for
// (parity 86, 104-106, 108, 110; R-045).
func TestWaitingPage(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(false)
			silent(t, r, v)
			v = waiting(t, r, v)
			_, number := status(v)
			for after, again := range map[time.Duration]string{0: "1", 3 * time.Second: "2", 10 * time.Second: "5"} {
				r.Clock.Set(newest(t, r, adaPhone).CreatedAt.Add(after))
				page := v.Get("/status").Body
				lacking(t, "the page", page, `role="status" aria-live="polite"`, "<span>"+number+"</span>", `href="/verify?instead"`,
					`<noscript><meta http-equiv="refresh" content="`+again+`"></noscript>`)
				left := regexp.MustCompile(`data-left="(\d+)"`).FindStringSubmatch(page)
				if want := int((5*time.Minute - after).Seconds()); left == nil || left[1] != strconv.Itoa(want) {
					t.Errorf("after %s: the page has %v, want %d seconds left", after, left, want)
				}
			}
			lacking(t, "the code page", v.Get("/verify").Body, "<title>Confirm that it is you", `autocomplete="one-time-code"`, `action="/resend"`)
			saying(newest(t, r, adaPhone), "approved").deliver(t, r)
			page := v.Get("/status").Body
			lacking(t, "the page once it is approved", page, "<h1>Approved</h1>", `<form method="post" action="/status">`)
			if strings.Contains(page, "http-equiv") {
				t.Error("the page goes on asking once it is approved")
			}
			expect(t, v.Post("/status", nil), 303, "/account")
			v = waiting(t, r, v)
			saying(newest(t, r, adaPhone), "denied").deliver(t, r)
			expect(t, v.Get("/status"), 303, "/verify")
			lacking(t, "the code page after a denial", v.Get("/verify").Body, "denied on your phone", `role="alert"`)
		})
	}
}

// What the phone shows of a login: the text of the deployment, the page's number,
// the time, the browser's family and the address, and nothing that a visitor
// worded; the session stays hidden (parity 83-85; ).
func TestWhatAPushShows(t *testing.T) {
	t.Parallel()
	eachOnceWith(t, map[string]string{"PUSH_MESSAGE": "Is that you at the door?"}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		w := r.Visitor(v.JSON).From("203.0.113.7")
		w.Header.Set("User-Agent", "Firefox/1 Windows: approve this, says your bank")
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/status")
		_, number := status(w)
		got := r.Handset().Approvals(adaPhone)[0]
		want := map[string]string{
			"number": number, "time": r.Clock.Now().Format("2 January 2006, 15:04 MST"), "browser": "Firefox on Windows", "address": "203.0.113.7",
		}
		if got.Message != "Is that you at the door?" || len(got.Details) != len(want) {
			t.Errorf("the phone shows %+v", got)
		}
		for label, value := range want {
			if got.Details[label] != value {
				t.Errorf("%s is %q, want %q", label, got.Details[label], value)
			}
		}
	})
}

// A code at a login that sent none, of a person who has no app: there is nothing
// to compare it with. The visitor is told to ask for one, and loses no try
// (parity 112; R-042).
func TestCodeThatWasNotSent(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		enrol(t, r, v, adaPhone)
		r.Handset().Weather(`{"callbacks":"drop"}`)
		w := waiting(t, r, v)
		before := r.Handset().Stats()
		for range 7 {
			a := w.Post("/verify", map[string]string{"code": "123456"})
			if a.Status != 410 || v.JSON && a.Code() != "expired" || !strings.Contains(a.Body, "Ask for one below") {
				t.Fatalf("a code that nobody sent: %d %s", a.Status, a.Body)
			}
		}
		if after := r.Handset().Stats(); after != before {
			t.Errorf("the vendor was asked: %+v, before %+v", after, before)
		}
		program := clone(t, r, w)
		program.JSON = true
		if a := program.Get("/verify"); a.Doc["tries_left"] != 5.0 {
			t.Errorf("tries left: %v, want 5", a.Doc["tries_left"])
		}
		askForACode(t, r, w)
	})
}

// A waiting page that looks once more, after another window has confirmed, is
// told to go on (parity 99, 106).
func TestStatusOnceConfirmed(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = waiting(t, r, v)
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, v.Post("/status", nil), moved(v), "/account")
		cookie := v.Cookie()
		for _, later := range []time.Duration{0, time.Minute, time.Hour} {
			r.Clock.Advance(later)
			a := v.Get("/status")
			if v.JSON && (a.Status != 200 || a.Doc["status"] != "approved" || a.Doc["retry_after"] != 0.0 || len(a.Doc) != 4) {
				t.Errorf("%s later: %d %s", later, a.Status, a.Body)
			}
			if !v.JSON {
				expect(t, a, 303, "/account")
			}
		}
		if v.Cookie() != cookie {
			t.Error("looking changed the cookie")
		}
	})
}

// A deployment prints the address that the vendors' consoles are told: where the
// step that takes callbacks is (parity 90).
func TestCallbackAddressIsPrinted(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(rig.Root(), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, outputs, _ := strings.Cut(string(page), "\nOutputs:\n")
	_, output, _ := strings.Cut(outputs, "  CallbackUrl:\n")
	m := regexp.MustCompile(`\$\{PublicUrl\}(/[a-z/]+)"`).FindStringSubmatch(output)
	if m == nil {
		t.Fatal("the deployment does not print it")
	}
	r := rig.Start(t, rig.Options{})
	a := r.Visitor(true).Get(m[1])
	if a.Status != 200 || a.Doc["connected"] != true {
		t.Errorf("at %s there is nothing: %d", m[1], a.Status)
	}
}

// The code page leads back to a request that is still open, and says so when the
// device is not asked, and why (parity 110).
func TestCodePageSaysWhy(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(false)
			silent(t, r, v)
			const back, paused = `<a href="/status">`, "not asking your device"
			shows := func(what string, v *rig.Visitor, link, why bool) {
				t.Helper()
				body := v.Get("/verify?instead").Body
				if strings.Contains(body, back) != link || strings.Contains(body, paused) != why {
					t.Errorf("%s: way back %v, reason %v", what, !link, !why)
				}
			}
			w := waiting(t, r, v)
			shows("asked", w, true, false)
			r.Clock.Advance(5 * time.Minute)
			if strings.Contains(w.Get("/verify").Body, back) {
				t.Error("a way back for who comes from elsewhere, as after a denial")
			}
			shows("over", w, false, false)
			saying(newest(t, r, adaPhone), "denied").deliver(t, r)
			shows("after a denial", unasked(t, r, v), false, true)
		})
	}
}

// A code that does not fit is explained beside its own field, of several.
func TestCodeOfTheRightApp(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(false)
	signUp(t, r, v, ada, adaPhone)
	one, _ := add(t, v, "totp")
	two, _ := add(t, v, "totp")
	a := v.Post("/factors/confirm", map[string]string{"id": two, "code": "12"})
	if a.Status != 422 || !strings.Contains(a.Body, `href="#code"`) || !strings.Contains(a.Body, `id="code-`+one+`"`) ||
		strings.Contains(a.Body, `id="code-`+two+`"`) || strings.Count(a.Body, `id="code-wrong"`) != 1 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
