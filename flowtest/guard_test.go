package flowtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// guarding is a rig whose guard is on, of prefixes alone.
func guarding(t *testing.T, sends, ratio string) *rig.Rig {
	t.Helper()
	return rig.Start(t, rig.Options{Env: map[string]string{"GUARD_SENDS": sends, "GUARD_RATIO": ratio, "PHONE_CHECKS": "on"}})
}

// traffic is what the guard has counted of the prefix of a phone, as sends/proofs.
func traffic(t *testing.T, r *rig.Rig, phone string) string {
	t.Helper()
	list, err := r.Table.Tallies(t.Context(), 12*time.Hour, r.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(x store.Tally) bool { return x.Subject == "US#"+phone[:len(phone)-4] })
	if i < 0 {
		return "nothing"
	}
	return fmt.Sprintf("%d/%d", list[i].Sends, list[i].Proofs)
}

// Every text to a stranger's phone is a send, resends as well, and every phone
// that is proved a proof, whichever step it is; a login is neither.
func TestGuardSeesEveryFlow(t *testing.T) {
	t.Parallel()
	r := guarding(t, "100", "1")
	v, shop := r.Visitor(true), r.Visitor(true).Signed(shop)
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
	r.Clock.Advance(time.Minute)
	expect(t, v.Post("/resend", nil), 200, "/verify")
	if got := traffic(t, r, adaPhone); got != "2/0" {
		t.Errorf("a sign-up and a resend: %s", got)
	}
	code := r.Handset().Code(adaPhone)
	if a := v.Post("/verify", map[string]string{"code": wrong(code)}); a.Status != 401 {
		t.Fatalf("a wrong code: %d", a.Status)
	}
	for range 2 { // the repeat proves nothing anew
		expect(t, clone(t, r, v).Post("/verify", map[string]string{"code": code}), 200, "/account")
	}
	w := r.Visitor(true)
	r.Clock.Advance(time.Minute)
	expect(t, w.Post("/login", credentialsOf(ada)), 200, "/verify")
	r.Clock.Advance(time.Minute)
	expect(t, w.Post("/resend", nil), 200, "/verify")
	expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	if got := traffic(t, r, adaPhone); got != "2/1" {
		t.Errorf("proved, and a login: %s", got)
	}
	const moving, checked = "+14157772671", "+14158882671"
	expect(t, w.Post("/phone", knowing(password, number(moving))), 200, "/verify")
	expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(moving)}), 200, "/account")
	if got := traffic(t, r, moving); got != "1/1" {
		t.Errorf("another phone: %s", got)
	}
	id := begun(t, shop.Post("/phone-checks", aCheck(checked)))
	proved(t, tryCode(shop, id, r.Handset().Code(checked)), checked)
	if got := traffic(t, r, checked); got != "1/1" {
		t.Errorf("a phone check: %s", got)
	}
}

// While a prefix is blocked no step sends to a stranger's phone in it, each in
// its own words for a limit; its members get their login codes, and when the
// pause is over all is as before.
func TestGuardedFlows(t *testing.T) {
	t.Parallel()
	r := guarding(t, "3", "50")
	v, shop := r.Visitor(true), r.Visitor(true).Signed(shop)
	signUp(t, r, v, ada, adaPhone)
	stranger := func(n int) rig.Answer {
		return r.Visitor(true).Post("/signup", rig.Form(fmt.Sprintf("bot%d@example.com", n), fmt.Sprintf("+1415555%04d", n)))
	}
	late := r.Visitor(true)
	expect(t, late.Post("/signup", rig.Form("late@example.com", "+14155550099")), 200, "/verify")
	expect(t, stranger(1), 200, "/verify")
	r.Clock.Advance(time.Minute)
	for range 2 {
		expect(t, stranger(2), 429, "wait")
		expect(t, late.Post("/resend", nil), 429, "wait")
		expect(t, shop.Post("/phone-checks", aCheck("+14155550003")), 429, "wait")
		expect(t, v.Post("/phone", knowing(password, number("+14155550004"))), 429, "wait")
	}
	if got := traffic(t, r, adaPhone); got != "3/1" || strings.Count(r.Log.String(), `"msg":"alarm:`) != 1 {
		t.Errorf("%s, log %s", got, r.Log.String())
	}
	w := r.Visitor(true)
	expect(t, w.Post("/login", credentialsOf(ada)), 200, "/verify")
	r.Clock.Advance(time.Minute)
	expect(t, w.Post("/resend", nil), 200, "/verify")
	expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	expect(t, late.Post("/verify", map[string]string{"code": r.Handset().Code("+14155550099")}), 200, "/account") // sent before
	r.Clock.Advance(12*time.Hour - 62*time.Second)
	expect(t, stranger(2), 429, "wait")
	r.Clock.Advance(2 * time.Second)
	expect(t, stranger(2), 200, "/verify")
}

// A button that is pressed thirty times at once is one send, also to the guard,
// and blocks nobody for half a day.
func TestGuardAndManyPresses(t *testing.T) {
	r := guarding(t, "3", "100")
	v := r.Visitor(true)
	expect(t, v.Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
	r.Clock.Advance(30 * time.Second)
	together(30, func(int) { clone(t, r, v).Post("/resend", nil) })
	if got := traffic(t, r, adaPhone); got != "2/0" || strings.Contains(r.Log.String(), "alarm") {
		t.Errorf("%s, log %s", got, r.Log.String())
	}
	expect(t, r.Visitor(true).Post("/signup", rig.Form("bob@example.com", "+14155552672")), 200, "/verify")
}

// The guard costs a sign-up and its proof no round trip, and a stranger's resend
// one: there the phone's own limits have to be taken first.
func TestGuardCosts(t *testing.T) {
	r := guarding(t, "100", "1")
	v := r.Visitor(true)
	r.Wire.Delay(40 * time.Millisecond)
	measure := func(what string, depth int, request func()) {
		t.Helper()
		r.Wire.Reset()
		request()
		if got := r.Wire.Depth(); got != depth {
			t.Errorf("%s: %d round trips, want %d: %v", what, got, depth, r.Wire.Calls())
		}
	}
	measure("sign-up", 3, func() { v.Post("/signup", rig.Form(ada, adaPhone)) })
	r.Clock.Advance(time.Minute)
	measure("resend", 4, func() { v.Post("/resend", nil) })
	code := r.Handset().Code(adaPhone)
	measure("right code", 3, func() { v.Post("/verify", map[string]string{"code": code}) })
	if got := traffic(t, r, adaPhone); got != "2/1" {
		t.Error(got)
	}
}

// Two equal forms at once are one text or none: where the guard refuses, neither
// takes for the other what it was not given.
func TestGuardAndTwins(t *testing.T) {
	var first atomic.Bool // whoever comes first writes the session, and comes late for the turn
	r := rig.Start(t, rig.Options{
		Env: map[string]string{"GUARD_SENDS": "3", "GUARD_RATIO": "50", "PHONE_CHECKS": "on"},
		Through: func(step string, next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				if step == "phone" && about(req, "L#sends-signup#") && first.CompareAndSwap(true, false) {
					time.Sleep(20 * time.Millisecond)
				}
				return next.RoundTrip(req)
			})
		},
	})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	const other = "+14155559999"
	_, _, err := r.Table.Block(t.Context(), store.Traffic{Subject: "US#+1415555", Window: 12 * time.Hour}, r.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		form := moveTo(other)
		form["form"] = fmt.Sprintf("%040d", i)
		windows := []*rig.Visitor{window(t, r, v), window(t, r, v), window(t, r, v)}
		first.Store(true)
		together(len(windows), func(i int) { windows[i].Post("/phone", form) })
		r.Clock.Advance(31 * time.Second)
	}
	if n := len(r.Handset().Messages(other)); n != 0 {
		t.Errorf("%d texts to a blocked prefix", n)
	}
	a := r.Visitor(true).Post("/signup", rig.Form("bob@example.com", "+14165550001"))
	expect(t, a, 200, "/verify") // elsewhere all is as before
}

// about reports whether a call of the table's names a key that begins so.
func about(r *http.Request, key string) bool {
	if r.Body == nil {
		return false
	}
	text, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	return err == nil && bytes.Contains(text, []byte(`"`+key))
}

// What the vendor would not send says nothing about the phones it was for: the
// guard forgets it.
func TestGuardForgetsTheUnsent(t *testing.T) {
	t.Parallel()
	r := guarding(t, "3", "50")
	for _, weather := range []string{"500", "429"} {
		r.Handset().Weather(`{"api":"` + weather + `"}`)
		for i := range 5 {
			r.Visitor(true).Post("/signup", rig.Form(fmt.Sprintf("p%s%d@example.com", weather, i), fmt.Sprintf("+1415555%s%d", weather, i)))
		}
	}
	r.Handset().Weather(`{"api":"ok"}`)
	if got := traffic(t, r, adaPhone); got != "0/0" {
		t.Errorf("the guard has counted %s", got)
	}
	expect(t, r.Visitor(true).Post("/signup", rig.Form(ada, adaPhone)), 200, "/verify")
}
