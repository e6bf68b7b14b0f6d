package flowtest

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/env"
)

// Two numbers for tests, the second of which ends on the day at which every rig
// begins, and one beside them like any other.
const (
	reviewer, reviewersCode = "+14155550100", "424242"
	prober, probersCode     = "+14155550101", "135790"
	neighbour               = "+14155550102"

	testNumbers = reviewer + "=" + reviewersCode + " until 2027-01-31, " + prober + "=" + probersCode + " until 2026-11-20"
)

// eachReviewed is each, of stacks that have numbers for tests.
func eachReviewed(t *testing.T, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	eachReviewedAlone(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		t.Parallel()
		test(t, r, v)
	})
}

// eachReviewedAlone is eachReviewed, one after the other.
func eachReviewedAlone(t *testing.T, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	for _, provider := range []string{"verify", "authy"} {
		for kind, speaksJSON := range map[string]bool{"form": false, "json": true} {
			if testing.Short() && (provider == "authy") != speaksJSON {
				continue
			}
			t.Run(provider+"/"+kind, func(t *testing.T) {
				r := rig.Start(t, rig.Options{Provider: provider, Env: map[string]string{"TEST_NUMBERS": testNumbers, "PHONE_CHECKS": "on"}})
				test(t, r, r.Visitor(speaksJSON))
			})
		}
	}
}

// unsent holds the product to having asked no vendor, to having taken nothing
// that others share, and to never showing a fixed code or its number.
func unsent(t *testing.T, r *rig.Rig, rules ...string) {
	t.Helper()
	if calls := r.Wire.Vendors(); len(calls) > 0 {
		t.Errorf("vendors were asked: %v", calls)
	}
	got := map[string]bool{}
	for _, it := range r.Items() {
		if ref, there := it["provider_ref"]; there {
			t.Errorf("registered at the vendor as %v", ref)
		}
		parts := strings.Split(fmt.Sprint(it["pk"]), "#")
		for _, rule := range []string{"address", "sends", "prefix", "country", "stack"} {
			if len(parts) > 1 && strings.HasPrefix(parts[1], rule+"-") {
				got[parts[1]] = true
			}
		}
	}
	for _, rule := range rules {
		if !got[rule] {
			t.Errorf("nothing was counted under %s", rule)
		}
		delete(got, rule)
	}
	if len(got) > 0 {
		t.Errorf("counted besides: %v", got)
	}
	for _, code := range []string{reviewersCode, probersCode} {
		if strings.Contains(r.Dump(), code) || strings.Contains(r.Log.String(), code) {
			t.Error("the code stands in the table or the log")
		}
	}
	if strings.Contains(r.Log.String(), reviewer[1:]) {
		t.Error("the number stands in the log")
	}
}

// hiding is an answer that must not show a fixed code.
func hiding(t *testing.T, a rig.Answer) rig.Answer {
	t.Helper()
	if strings.Contains(a.Body, reviewersCode) || strings.Contains(fmt.Sprint(a.Header), reviewersCode) {
		t.Errorf("the code is shown: %v %s", a.Header, a.Body)
	}
	return a
}

// Everything that takes a code works with a number for tests, and no vendor hears
// of it: sign-up, another code, login, the proof anew, another phone.
func TestReviewer(t *testing.T) {
	t.Parallel()
	eachReviewed(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		code := map[string]string{"code": reviewersCode}
		expect(t, hiding(t, v.Post("/signup", rig.Form(ada, reviewer))), moved(v), "/verify")
		if a := hiding(t, v.Get("/verify")); a.Status != 200 {
			t.Fatalf("code page: %d", a.Status)
		}
		if a := v.Post("/verify", map[string]string{"code": probersCode}); a.Status != 401 {
			t.Fatalf("another number's code: %d %s", a.Status, a.Body)
		}
		if a := v.Post("/resend", nil); v.JSON && a.Status != 429 || a.Header.Get("Location") != "" && a.Next != "/verify" {
			t.Errorf("another code at once: %d %q", a.Status, a.Next)
		}
		r.Clock.Advance(30 * time.Second)
		expect(t, hiding(t, v.Post("/resend", map[string]string{"channel": "call"})), moved(v), "/verify")
		expect(t, hiding(t, v.Post("/verify", code)), moved(v), "/account")
		if a := v.Get("/account"); a.Status != 200 || !strings.Contains(a.Body, "Ada Lovelace") {
			t.Fatalf("account: %d %s", a.Status, a.Body)
		}

		w := r.Visitor(v.JSON)
		expect(t, hiding(t, w.Post("/login", credentialsOf(ada))), moved(v), "/verify")
		if a := w.Post("/verify", map[string]string{"code": wrong(reviewersCode)}); a.Status != 401 || v.JSON && a.Doc["tries_left"] != 4.0 {
			t.Fatalf("wrong code at login: %d %s", a.Status, a.Body)
		}
		expect(t, w.Post("/verify", code), moved(v), "/account")

		r.Clock.Advance(20 * time.Minute)
		expect(t, w.Post("/login/again", nil), moved(v), "/verify")
		expect(t, hiding(t, w.Post("/verify", code)), moved(v), "/account")

		expect(t, w.Post("/phone", moveTo(prober)), moved(v), "/verify")
		if a := w.Post("/verify", code); a.Status != 401 {
			t.Fatalf("the old phone's code: %d %s", a.Status, a.Body)
		}
		expect(t, w.Post("/verify", map[string]string{"code": probersCode}), moved(v), "/account")
		if phoneOf(t, r) != prober {
			t.Errorf("the account has %s", phoneOf(t, r))
		}
		unsent(t, r, "address-signup", "sends-signup", "address-login", "sends-login")
	})
}

// A phone that Authy knows is moved to a number for tests: the account forgets
// what Authy called it, and is not asked by push any more.
func TestReviewerAfterAPhone(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Provider: "authy", Env: map[string]string{"TEST_NUMBERS": testNumbers}})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	r.Handset().App(adaPhone, map[string]any{"installed": true})
	expect(t, v.Post("/phone", moveTo(reviewer)), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": reviewersCode}), 200, "/account")
	r.Wire.Reset()
	r.Clock.Advance(time.Minute)
	w := r.Visitor(true)
	expect(t, w.Post("/login", credentialsOf(ada)), 200, "/verify")
	expect(t, w.Post("/verify", map[string]string{"code": reviewersCode}), 200, "/account")
	unsent(t, r, "address-signup", "sends-signup", "prefix-signup", "country-signup", "stack-signup", "address-login", "sends-login")
}

// Five tries, as for anybody; and as many codes a day.
func TestReviewersTries(t *testing.T) {
	t.Parallel()
	eachReviewed(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		expect(t, v.Post("/signup", rig.Form(ada, reviewer)), moved(v), "/verify")
		for left := 4; left >= 0; left-- {
			a := v.Post("/verify", map[string]string{"code": fmt.Sprintf("%06d", left)})
			if a.Status != 401 || v.JSON && (a.Code() != "wrong_code" || a.Doc["tries_left"] != float64(left)) {
				t.Fatalf("%d left: %d %s", left, a.Status, a.Body)
			}
		}
		r.Clock.Advance(10 * time.Second)
		for _, a := range []rig.Answer{v.Post("/verify", map[string]string{"code": reviewersCode}), v.Post("/resend", nil)} {
			if v.JSON {
				expect(t, a, 410, "used_up")
			} else {
				expect(t, a, 303, "/signup")
			}
		}
		for n := 2; n <= 5; n++ {
			r.Clock.Advance(11 * time.Minute)
			a := r.Visitor(v.JSON).Post("/signup", rig.Form(fmt.Sprintf("n%d@example.com", n), reviewer))
			if (a.Status == 429) != (n == 5) {
				t.Errorf("sign-up %d of the day: %d %s", n, a.Status, a.Body)
			}
		}
		unsent(t, r, "address-signup", "sends-signup")
	})
}

// The right code many times at once makes one account and one session: it is not
// used up at a vendor, so that more than one request may find it right (I-02,
// I-11).
func TestReviewerAtOnce(t *testing.T) {
	eachReviewedAlone(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		expect(t, v.Post("/signup", rig.Form(ada, reviewer)), moved(v), "/verify")
		confirm := func(code string) {
			t.Helper()
			answers, windows := make([]rig.Answer, 8), make([]*rig.Visitor, 8) // five have a try each
			for i := range windows {
				windows[i] = window(t, r, v)
			}
			together(len(windows), func(i int) { answers[i] = windows[i].Post("/verify", map[string]string{"code": code}) })
			same(t, r, v, answers, windows, "/account")
			v = windows[0]
		}
		confirm(reviewersCode)
		r.Clock.Advance(time.Minute)
		expect(t, v.Post("/phone", moveTo(prober)), moved(v), "/verify")
		confirm(probersCode)
		if phoneOf(t, r) != prober {
			t.Errorf("the account has %s", phoneOf(t, r))
		}
		unsent(t, r, "address-signup", "sends-signup")
	})
}

// The audit trail tells what was proved with a fixed code from what was proved
// with a phone, and two equal requests, both of which find the code right, make
// one account in it.
func TestReviewersTrail(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"TEST_NUMBERS": testNumbers, "PHONE_CHECKS": "on"}})
	v, code := r.Visitor(true), map[string]string{"code": reviewersCode}
	expect(t, v.Post("/signup", rig.Form(ada, reviewer)), 200, "/verify")
	equal := window(t, r, v)
	var seen atomic.Int64
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Step == "verify" && c.Name == "PutItem" && seen.Add(1) == 1 {
			equal.Post("/verify", code)
		}
		return rig.None
	})
	expect(t, v.Post("/verify", code), 200, "/account")
	r.Wire.Break(nil)
	w := r.Visitor(true)
	expect(t, w.Post("/login", credentialsOf(ada)), 200, "/verify")
	expect(t, w.Post("/verify", code), 200, "/account")
	shop := r.Visitor(true).Signed(shop)
	id := begun(t, shop.Post("/phone-checks", aCheck(prober)))
	proved(t, tryCode(shop, id, probersCode), prober)
	want := []string{
		"code_sent s1 signup fixed", "signed_up s1 signup", "confirmed s1 signup fixed",
		"code_sent s2 login fixed", "confirmed s2 login fixed", "code_sent s3 check fixed", "phone_checked s3 check fixed",
	}
	if got := rows(trail(t, r)); !slices.Equal(got, want) {
		t.Errorf("the trail is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// When a number's day is over, in UTC, it is one like any other: a session begun
// before does not pass, but may ask for a code, which the vendor sends; so do
// logins of accounts made before.
func TestReviewersDayEnds(t *testing.T) {
	t.Parallel()
	eachReviewed(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		code := map[string]string{"code": probersCode}
		signed := r.Visitor(v.JSON)
		expect(t, signed.Post("/signup", rig.Form("before@example.com", prober)), moved(v), "/verify")
		expect(t, signed.Post("/verify", code), moved(v), "/account")
		midnight := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
		r.Clock.Advance(midnight.Sub(r.Clock.Now()) - time.Second)
		expect(t, v.Post("/signup", rig.Form(ada, prober)), moved(v), "/verify")
		unsent(t, r, "address-signup", "sends-signup")

		r.Clock.Advance(time.Second)
		a := v.Post("/verify", code)
		if a.Status != 410 || v.JSON && a.Code() != "expired" {
			t.Fatalf("the code after its day: %d %s", a.Status, a.Body)
		}
		if calls := r.Wire.Vendors(); len(calls) > 0 {
			t.Errorf("the vendor was asked: %v", calls)
		}
		r.Clock.Advance(time.Minute)
		expect(t, v.Post("/resend", nil), moved(v), "/verify")
		if n := len(r.Handset().Messages(prober)); n != 1 {
			t.Fatalf("%d texts after the day, want one", n)
		}
		if a := v.Post("/verify", code); a.Status != 401 {
			t.Errorf("the fixed code for the vendor's: %d %s", a.Status, a.Body)
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(prober)}), moved(v), "/account")

		r.Clock.Advance(time.Minute)
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf("before@example.com")), moved(v), "/verify")
		if a := w.Post("/verify", code); a.Status != 401 {
			t.Errorf("the fixed code at a login: %d %s", a.Status, a.Body)
		}
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(prober)}), moved(v), "/account")
	})
}

// A number beside them is texted as ever, and no fixed code passes for it.
func TestReviewersNeighbour(t *testing.T) {
	t.Parallel()
	eachReviewed(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		expect(t, v.Post("/signup", rig.Form(ada, neighbour)), moved(v), "/verify")
		for _, code := range []string{reviewersCode, probersCode} {
			if a := v.Post("/verify", map[string]string{"code": code}); a.Status != 401 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(neighbour)}), moved(v), "/account")
	})
}

// The owner's back end checks such a phone like any other.
func TestReviewersPhoneCheck(t *testing.T) {
	t.Parallel()
	eachReviewed(t, func(t *testing.T, r *rig.Rig, _ *rig.Visitor) {
		v := r.Visitor(true).Signed(shop)
		id := begun(t, hiding(t, v.Post("/phone-checks", aCheck(reviewer))))
		expect(t, tryCode(v, id, other(reviewersCode)), 401, "wrong_code")
		for range 2 {
			proved(t, tryCode(v, id, reviewersCode), reviewer)
		}
		expect(t, tryCode(v, id, other(reviewersCode)), 410, "expired")
		r.Clock.Advance(30 * time.Second)
		expect(t, tryCode(v, id, reviewersCode), 410, "expired")
		unsent(t, r, "address-signup", "sends-signup")
	})
}

// A deployed stack refuses such numbers in every function that knows of them,
// with one sentence each, unless it was told that they are meant.
func TestTestNumbersDeployed(t *testing.T) {
	t.Parallel()
	var heard []string
	for _, f := range rig.Template(t).Functions {
		_, knows := f.Environment["TEST_NUMBERS"]
		start := func(change map[string]string) (string, error) {
			var log bytes.Buffer
			values := map[string]string{
				"TABLE_NAME": "t", "TWILIO_ACCOUNT_SID": "AC" + strings.Repeat("0", 32), "TWILIO_AUTH_TOKEN": "x", "TWILIO_NUMBER": "+15005550006",
				"VERIFY_SERVICE_SID": "VA" + strings.Repeat("0", 32), "AUTHY_API_KEY": "x", "PUBLIC_URL": "https://id.example.com", "TEST_NUMBERS": testNumbers,
			}
			for name, value := range change {
				values[name] = value
			}
			_, err := rig.Steps()[f.Name()](t.Context(), env.Config{
				Getenv: func(name string) string { return values[name] },
				Now:    func() time.Time { return time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC) },
				HTTP:   http.DefaultClient, Log: slog.New(slog.NewTextHandler(&log, nil)),
			})
			return log.String(), err
		}
		_, err := start(nil)
		if knows && (err == nil || !strings.HasPrefix(err.Error(), "TEST_NUMBERS makes phones") || strings.Contains(err.Error(), "\n")) || !knows && err != nil {
			t.Errorf("%s, deployed: %v", f.ID, err)
		}
		log, err := start(map[string]string{"TEST_NUMBERS_DEPLOYED": "yes"})
		if err != nil || strings.Count(log, "\n") > 1 || strings.Contains(log, reviewersCode) || strings.Contains(log, reviewer) {
			t.Errorf("%s, deployed and meant: %v, log %q", f.ID, err, log)
		}
		if strings.Contains(log, "numbers for tests are on") {
			heard = append(heard, f.Name())
		}
		_, err = start(map[string]string{"TEST_NUMBERS_DEPLOYED": "yes", "TEST_NUMBERS": reviewer + "=42 until never"})
		if knows && (err == nil || strings.Count(err.Error(), "\n") != 1) {
			t.Errorf("%s: want two faults: %v", f.ID, err)
		}
	}
	for _, step := range []string{"signup", "login", "verify", "resend", "phone", "phone-checks"} {
		if !slices.Contains(heard, step) {
			t.Errorf("%s takes fixed codes and says nothing of it", step)
		}
	}
}
