// Package flowtest walks whole flows through the real handlers, the real
// engine and the simulator, and holds the rules of the house. It may import
// everything; nothing imports it.
package flowtest

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// TestMain runs eight tests at once for each core, unless told how many: they wait
// most of the time, for engines and for what hangs.
func TestMain(m *testing.M) {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if !told {
		err := flag.Set("test.parallel", strconv.Itoa(8*runtime.GOMAXPROCS(0)))
		if err != nil {
			log.Fatal(err)
		}
	}
	os.Exit(rig.Main(m))
}

const (
	ada      = "ada@example.com"
	adaPhone = "+14155552671"
)

// each runs a test for both vendors, by form and as JSON, side by side; where time
// is short, each vendor and each way to speak once. In a test that is not parallel
// itself, as those of many requests at once and of their counts, nothing else runs
// beside them.
func each(t *testing.T, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	for _, provider := range []string{"verify", "authy"} {
		for kind, speaksJSON := range map[string]bool{"form": false, "json": true} {
			if testing.Short() && (provider == "authy") != speaksJSON {
				continue
			}
			t.Run(provider+"/"+kind, func(t *testing.T) {
				t.Parallel()
				r := rig.Start(t, rig.Options{Provider: provider})
				test(t, r, r.Visitor(speaksJSON))
			})
		}
	}
}

func expect(t *testing.T, a rig.Answer, status int, want string) {
	t.Helper()
	got := a.Next
	if got == "" {
		got = a.Code()
	}
	if a.Status != status || got != want {
		t.Fatalf("answer %d %q, want %d %q\n%s", a.Status, got, status, want, a.Body)
	}
}

// moved is the status of a step that went well.
func moved(v *rig.Visitor) int {
	if v.JSON {
		return http.StatusOK
	}
	return http.StatusSeeOther
}

// wrong is a code that is not this one.
func wrong(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

// The whole of sign-up (parity 1, 4, 5, 6, 22, 24, 42, 44, 50, 51, 52, 54, 57, 61, 64, 65, 66).
func TestSignUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		phone := r.Handset()
		if a := v.Get("/"); a.Status != 200 {
			t.Fatalf("front page: %d", a.Status)
		}
		expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), moved(v), "/verify")
		code := phone.Code(adaPhone)
		if code == "" {
			t.Fatal("no code on the phone")
		}
		a := v.Post("/verify", map[string]string{"code": wrong(code)})
		if a.Status != 401 || v.JSON && (a.Code() != "wrong_code" || a.Doc["tries_left"] != 4.0) || !v.JSON && !strings.Contains(a.Body, "4 tries left") {
			t.Fatalf("wrong code: %d %s", a.Status, a.Body)
		}
		a = v.Post("/resend", map[string]string{"channel": "sms"})
		if v.JSON {
			expect(t, a, 429, "wait")
			if a.Doc["retry_after"] != 30.0 || a.Header.Get("Retry-After") != "30" {
				t.Fatalf("retry after %v, header %s", a.Doc["retry_after"], a.Header.Get("Retry-After"))
			}
		}
		r.Clock.Advance(30 * time.Second)
		expect(t, v.Post("/resend", map[string]string{"channel": "sms"}), moved(v), "/verify")
		if n := len(phone.Messages(adaPhone)); n != 2 {
			t.Fatalf("%d messages after a resend, want 2", n)
		}
		if !v.JSON && !strings.Contains(v.Get("/verify").Body, "on its way") {
			t.Error("the page does not say that the code was sent again")
		}
		expect(t, v.Post("/verify", map[string]string{"code": " " + phone.Code(adaPhone) + " "}), moved(v), "/account")
		checkWelcome(t, v)
		messages := phone.Messages(adaPhone)
		if len(messages) != 3 || strings.ContainsAny(messages[2].Body, "0123456789") {
			t.Errorf("messages %q, want a third, without a code", messages)
		}
	})
}

// checkWelcome is checkAccount for who has just signed up.
func checkWelcome(t *testing.T, v *rig.Visitor) {
	t.Helper()
	const text = "We sent you a text"
	if page := checkAccount(t, v); !v.JSON && !strings.Contains(page, text) {
		t.Errorf("the account page lacks %q", text)
	}
	if strings.Contains(checkAccount(t, v), text) {
		t.Error("the notice is shown twice")
	}
}

func checkAccount(t *testing.T, v *rig.Visitor) string {
	t.Helper()
	a := v.Get("/account")
	if v.JSON {
		want := map[string]any{"fullName": "Ada Lovelace", "email": ada, "phone": "+•• ••• •••71", "verified": true, "role": "user"}
		if fmt.Sprint(a.Doc) != fmt.Sprint(want) {
			t.Errorf("account %v, want %v", a.Doc, want)
		}
		return ""
	}
	for _, want := range []string{"Hello, Ada Lovelace", "Phone verified", ada} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the account page lacks %q", want)
		}
	}
	if strings.Contains(a.Body, adaPhone) {
		t.Error("the account page shows the whole phone")
	}
	return a.Body
}

// A confirmed visitor has no business with the steps before (parity 2, 19, 147).
func TestSignedInIsSentOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		for _, path := range []string{"/signup", "/verify"} {
			expect(t, v.Get(path), moved(v), "/account")
		}
		expect(t, v.Post("/verify", map[string]string{"code": "123456"}), moved(v), "/account")
		expect(t, v.Post("/resend", nil), moved(v), "/account")
		if a := v.Get("/"); v.JSON && a.Doc["signed_in"] != true || !v.JSON && !strings.Contains(a.Body, "Welcome back, Ada Lovelace") {
			t.Error("the front page does not know the visitor")
		}
	})
}

func signUp(t *testing.T, r *rig.Rig, v *rig.Visitor, email, phone string) {
	t.Helper()
	expect(t, v.Post("/signup", rig.Form(email, phone)), moved(v), "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(phone)}), moved(v), "/account")
}

// The other channels, and numbers they cannot reach.
func TestChannels(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Post("/signup", rig.Form(ada, adaPhone))
		r.Clock.Advance(time.Minute)
		expect(t, v.Post("/resend", map[string]string{"channel": "call"}), moved(v), "/verify")
		messages := r.Handset().Messages(adaPhone)
		if len(messages) != 2 || messages[1].Kind != "call" {
			t.Fatalf("messages %+v, want a call", messages)
		}
		a := v.Post("/resend", map[string]string{"channel": "pigeon"})
		if v.JSON && a.Status != 422 || !v.JSON && a.Next != "/verify" {
			t.Errorf("unknown channel: %d", a.Status)
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	})
}

// Five tries, whatever happens in between (R-042, R-043; parity 47, 138).
func TestTriesAreUsedUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), moved(v), "/verify")
		code := r.Handset().Code(adaPhone)
		for left := 4; left >= 0; left-- {
			if left == 2 {
				r.Clock.Advance(time.Minute)
				expect(t, v.Post("/resend", nil), moved(v), "/verify")
			}
			if a := v.Post("/verify", map[string]string{"code": wrong(code)}); a.Status != 401 {
				t.Fatalf("%d left: %d %s", left, a.Status, a.Body)
			}
		}
		r.Clock.Advance(10 * time.Second)
		for _, a := range []rig.Answer{v.Post("/verify", map[string]string{"code": code}), v.Post("/resend", nil)} {
			if v.JSON {
				expect(t, a, 410, "used_up")
			} else {
				expect(t, a, 303, "/signup")
			}
		}
		if n := r.Handset().Stats().Checks; n != 5 {
			t.Errorf("%d checks reached the vendor, want 5", n)
		}
	})
}

// A code and a half session end by our own clock (parity 60, 141).
func TestExpiry(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		v.Post("/signup", rig.Form(ada, adaPhone))
		code := r.Handset().Code(adaPhone)
		r.Clock.Advance(10*time.Minute + time.Second)
		a := v.Post("/verify", map[string]string{"code": code})
		if a.Status != 410 && a.Status != 401 {
			t.Fatalf("old code: %d %s", a.Status, a.Body)
		}
		expect(t, v.Post("/resend", nil), moved(v), "/verify")
		r.Clock.Advance(20 * time.Minute)
		a = v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
		if v.JSON {
			expect(t, a, 410, "expired")
		} else {
			expect(t, a, 303, "/signup")
		}
	})
}

// Without a session every step leads back to the form, and somebody else's
// session is none (parity 24, 53, 63, 77, 137, 152).
func TestNoSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		owner := r.Visitor(true)
		owner.Post("/signup", rig.Form(ada, adaPhone))
		good := owner.Cookie()
		r.Handset().Messages(adaPhone)
		for name, cookie := range map[string]string{
			"none": "", "cut": good[:len(good)-1], "forged": good[:len(good)-1] + wrongLetter(good), "unknown": strings.Repeat("A", 43) + good[43:],
			"garbage": "a.b.c",
		} {
			v.SetCookie(cookie)
			for _, path := range []string{"/verify", "/account"} {
				refused(t, name, v, v.Get(path))
			}
			refused(t, name, v, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}))
			refused(t, name, v, v.Post("/resend", nil))
		}
		if s := r.Handset().Stats(); s.SMS != 1 || s.Checks != 0 {
			t.Errorf("strangers' requests reached the vendor: %+v", s)
		}
		expect(t, owner.Get("/account"), 401, "no_session")
	})
}

func refused(t *testing.T, name string, v *rig.Visitor, a rig.Answer) {
	t.Helper()
	if v.JSON && a.Code() == "no_session" || !v.JSON && a.Status == 303 && a.Next == "/login" {
		return
	}
	t.Errorf("%s cookie: %d %q %s", name, a.Status, a.Next, a.Code())
}

func wrongLetter(s string) string {
	if strings.HasSuffix(s, "A") {
		return "E"
	}
	return "A"
}

// key is where an address is kept.
func key(email string) string { return store.Hash(email) }
