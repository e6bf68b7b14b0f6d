package flowtest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/session"
)

// anew deletes Ada and signs her up again, as another person might who got her
// phone and her address.
func anew(t *testing.T, r *rig.Rig, v *rig.Visitor) *rig.Visitor {
	t.Helper()
	r.DeleteUser(key(ada))
	r.Clock.Advance(2 * time.Minute)
	w := r.Visitor(v.JSON)
	signUp(t, r, w, ada, adaPhone)
	return w
}

// A user who was deleted and signed up again is another: no cookie of before
// opens anything, signed in or half way, with or without its approval (T-51,
// I-12, I-27; parity 88, 129).
func TestSignedUpAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		full := r.Visitor(v.JSON)
		expect(t, full.Post("/login", credentialsOf(ada)), moved(v), "/status")
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, full.Post("/status", nil), moved(v), "/account")
		approved := waiting(t, r, v)
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		undecided := waiting(t, r, v)
		asked := newest(t, r, adaPhone)
		r.DeleteUser(key(ada))
		for what, w := range map[string]*rig.Visitor{"signed up": v, "logged in": full} {
			if a := w.Get("/account"); a.Status == 200 {
				t.Errorf("%s: the account of a deleted user is open", what)
			}
		}
		owner := anew(t, r, v)
		saying(asked, "approved").deliver(t, r)
		for what, w := range map[string]*rig.Visitor{"signed up": v, "logged in": full, "approved": approved, "undecided": undecided} {
			for _, path := range []string{"/status", "/verify"} {
				w.Post(path, map[string]string{"code": "123456"})
			}
			w.Post("/status", nil)
			for _, path := range []string{"/account", "/factors"} {
				if a := w.Get(path); a.Status == 200 {
					t.Errorf("%s: %s of another user is open", what, path)
				}
			}
			a := w.Get("/")
			if v.JSON && a.Doc["signed_in"] == true || strings.Contains(a.Body, "Welcome back, Ada") {
				t.Errorf("%s: the front page takes it for the new user", what)
			}
			everywhere(w)
		}
		checkAccount(t, owner)
	})
}

// everywhere tries to sign a user out everywhere.
func everywhere(v *rig.Visitor) rig.Answer {
	if v.JSON {
		return v.Do("POST", "/logout", "application/json", `{"everywhere":true}`)
	}
	return v.Post("/logout", map[string]string{"everywhere": "true"})
}

// Signing out everywhere ends what is half way, too: an approval that comes then,
// or came before, opens nothing (R-075, I-04, I-27; parity 119).
func TestEverywhereEndsHalfLogins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		approved := waiting(t, r, v)
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		undecided := waiting(t, r, v)
		asked := newest(t, r, adaPhone)
		expect(t, everywhere(v), moved(v), "/")
		saying(asked, "approved").deliver(t, r)
		for what, w := range map[string]*rig.Visitor{"approved": approved, "undecided": undecided} {
			w.Post("/status", nil)
			if a := w.Get("/account"); a.Status == 200 {
				t.Errorf("%s: a login of before opens the account", what)
			}
		}
		again := waiting(t, r, v)
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, again.Post("/status", nil), moved(v), "/account")
	})
}

// Nor does it cost its owner a text: nothing is sent for a login that was signed
// out everywhere meanwhile, and a code that it was sent is of no more use.
func TestNoTextForALoginThatIsOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Minute)
		half := r.Visitor(v.JSON)
		expect(t, half.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		r.Clock.Advance(time.Minute)
		expect(t, half.Post("/resend", nil), moved(v), "/verify")
		expect(t, everywhere(v), moved(v), "/")
		before := r.Handset().Stats().SMS
		r.Clock.Advance(2 * time.Minute)
		half.Post("/resend", nil)
		if n := r.Handset().Stats().SMS; n != before {
			t.Errorf("%d texts for a login that is over", n-before)
		}
		if a := half.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}); a.Next == "/account" {
			t.Error("its code signs in")
		}
	})
}

// Nor does a half way login of before by a texted code; nor is its browser
// known (I-12, R-104).
func TestSignedUpAgainByCode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Minute)
		half := r.Visitor(v.JSON)
		expect(t, half.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		code := r.Handset().Code(adaPhone)
		owner := anew(t, r, v)
		if a := half.Post("/verify", map[string]string{"code": code}); a.Next == "/account" {
			t.Error("a login of before is told that it is signed in")
		}
		if a := half.Get("/account"); a.Status == 200 {
			t.Error("a login of before opens the new account")
		}
		checkAccount(t, owner)
		for range 5 {
			r.Visitor(v.JSON).Post("/login", failing(ada))
		}
		for what, known := range map[string]*rig.Visitor{"the old user's": v, "the old login's": half} {
			if a := known.Post("/login", failing(ada)); a.Status != 429 {
				t.Errorf("%s browser is still known: %d", what, a.Status)
			}
		}
		if a := owner.Post("/login", failing(ada)); a.Status != 401 {
			t.Errorf("the new user's own browser is not known: %d", a.Status)
		}
	})
}

// The factors of a user who was deleted are nobody's: no device of theirs is
// asked and no token of theirs passes (R-116, T-54).
func TestSignedUpAgainWithoutFactors(t *testing.T) {
	t.Parallel()
	for kind, speaksJSON := range map[string]bool{"form": false, "json": true} {
		t.Run("verify/"+kind, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{})
			v := r.Visitor(speaksJSON)
			silent(t, r, v)
			enrolToken(t, r, v, adaPhone)
			asked := r.Handset().Stats().Approvals
			owner := anew(t, r, v)
			a := owner.Get("/factors")
			if v.JSON && !strings.Contains(a.Body, `"factors":[]`) || strings.Contains(a.Body, "Remove") {
				t.Errorf("the new user has factors: %s", a.Body)
			}
			r.Clock.Advance(time.Minute)
			w := r.Visitor(speaksJSON)
			expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
			if n := r.Handset().Stats().Approvals; n != asked {
				t.Error("a device of the old user was asked")
			}
			if a := w.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}); a.Next == "/account" {
				t.Error("a token of the old user passes")
			}
			expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		})
	}
}

// A form that was sent before, of a login half way or signed in, is the old
// user's: sent again it opens nothing, also when its session is asked for by
// code, and an authenticator that the old user enrolled, and that the vendor
// still knows, does not finish what it began (T-51, T-54, I-12; parity 33).
func TestSignedUpAgainWithOldForms(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		if vendorOf(t) == "verify" {
			enrolToken(t, r, v, adaPhone)
			r.Clock.Advance(2 * time.Minute)
		}
		signedIn := r.Visitor(v.JSON)
		forms := map[*rig.Visitor]map[string]string{signedIn: once(signedIn, ada, "s")}
		expect(t, signedIn.Post("/login", forms[signedIn]), moved(v), "/status")
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, signedIn.Post("/status", nil), moved(v), "/account")
		half := r.Visitor(v.JSON)
		forms[half] = once(half, ada, "h")
		expect(t, half.Post("/login", forms[half]), moved(v), "/status")
		asked := newest(t, r, adaPhone)
		owner := anew(t, r, v)
		saying(asked, "approved").deliver(t, r)
		all, _ := sessionsIn(r)
		for browser, form := range forms {
			for _, w := range []*rig.Visitor{browser, r.Visitor(v.JSON)} { // with its cookies and without
				w.Header = browser.Header
				w.Post("/login", form)
				w.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)})
				w.Post("/status", nil)
				for _, path := range []string{"/account", "/factors"} {
					if a := w.Get(path); a.Status == 200 {
						t.Errorf("an old form opens %s", path)
					}
				}
				if a := everywhere(w); v.JSON && a.Status == 200 || !v.JSON && a.Next == "/" {
					t.Errorf("an old form signs the new user out: %d %q", a.Status, a.Next)
				}
			}
		}
		if now, _ := sessionsIn(r); now != all {
			t.Errorf("%d sessions more", now-all)
		}
		checkAccount(t, owner)
	})
}

// verifying runs a test for Verify, whose users have factors, by form and as
// JSON, of a user who has just signed up.
func verifying(t *testing.T, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	verifyingAs(t, false, test)
	verifyingAs(t, true, test)
}

// verifyingAs is verifying in one of the two ways, for tests of many cases.
func verifyingAs(t *testing.T, speaksJSON bool, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	t.Run("verify/"+map[bool]string{false: "form", true: "json"}[speaksJSON], func(t *testing.T) {
		t.Parallel()
		r := rig.Start(t, rig.Options{})
		v := r.Visitor(speaksJSON)
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Minute)
		test(t, r, v)
	})
}

// A factor that is not confirmed does not exist for a login: a text goes at once,
// and its token does not pass (R-042, I-05).
func TestPendingFactor(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		_, uri := add(t, v, "totp")
		r.Handset().App(adaPhone, map[string]any{"uri": uri})
		_, text := add(t, v, "push")
		r.Handset().App(adaPhone, map[string]any{"enrolment": text}) // registered, and not confirmed here
		sent := r.Handset().Stats()
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		if after := r.Handset().Stats(); after.SMS != sent.SMS+1 || after.Approvals != 0 {
			t.Errorf("%+v, before %+v: want one text and no push", after, sent)
		}
		if a := w.Post("/verify", map[string]string{"code": r.Handset().Token(adaPhone)}); a.Status != 401 {
			t.Errorf("the token of a factor that is not confirmed: %d %s", a.Status, a.Next)
		}
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	})
}

// Five codes, right or wrong and however parallel, and no more: then the factor
// has to be made anew (R-042, T-11).
func TestConfirmingAFactorIsTriedFiveTimes(t *testing.T) {
	for name, speaksJSON := range map[string]bool{"form": false, "json": true} {
		for _, parallel := range []bool{false, true} {
			r := rig.Start(t, rig.Options{})
			v := r.Visitor(speaksJSON)
			signUp(t, r, v, ada, adaPhone)
			id, uri := add(t, v, "totp")
			r.Handset().App(adaPhone, map[string]any{"uri": uri})
			bad := map[string]string{"id": id, "code": wrong(r.Handset().Token(adaPhone))}
			r.Wire.Reset()
			tries := 1
			if parallel {
				tries = 20
			}
			for n := range 7 {
				together(tries, func(int) {
					a := clone(t, r, v).Post("/factors/confirm", bad)
					if a.Status == http.StatusOK {
						t.Errorf("%s: a wrong code is taken: %d", name, a.Status)
					}
					if !parallel && n < 5 && a.Status != 401 {
						t.Errorf("%s: try %d: %d", name, n+1, a.Status)
					}
				})
			}
			if asked := len(r.Wire.Vendors()); asked != 5 {
				t.Errorf("%s, parallel %v: the vendor was asked %d times, want 5", name, parallel, asked)
			}
			r.Clock.Advance(2 * time.Minute)
			a := v.Post("/factors/confirm", map[string]string{"id": id, "code": r.Handset().Token(adaPhone)})
			if v.JSON {
				expect(t, a, 410, "used_up")
			} else {
				expect(t, a, 303, "/factors")
			}
			u, err := r.Table.User(t.Context(), key(ada))
			if err != nil || len(u.Factors) != 1 || u.Factors[0].Active {
				t.Errorf("%s: after five wrong codes: %+v %v", name, u.Factors, err)
			}
		}
	}
}

// An authenticator's code passes once in ninety seconds, wherever: what
// confirmed the factor logs nobody in, what logged one browser in logs in no
// other, and what was used elsewhere confirms no factor (R-048, T-32, I-02).
func TestTokenPassesOnce(t *testing.T) {
	t.Parallel()
	verifying(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		spent := func(token string) bool {
			return session.Spend(t.Context(), r.Table, u.UID, token, "somebody else", r.Clock.Now()) != nil
		}
		id, uri := add(t, v, "totp")
		r.Handset().App(adaPhone, map[string]any{"uri": uri})
		token := r.Handset().Token(adaPhone)
		if spent(token) { // somewhere else, by this very call
			t.Fatal("a fresh token was used")
		}
		if a := v.Post("/factors/confirm", map[string]string{"id": id, "code": token}); a.Status != 401 {
			t.Errorf("a used token confirms a factor: %d", a.Status)
		}
		r.Clock.Advance(2 * time.Minute)
		token = r.Handset().Token(adaPhone)
		expect(t, v.Post("/factors/confirm", map[string]string{"id": id, "code": token}), moved(v), "/factors")
		if !spent(token) {
			t.Error("confirming a factor leaves its token good")
		}
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		for _, later := range []time.Duration{0, 29 * time.Second, 30 * time.Second} {
			r.Clock.Advance(later)
			if a := w.Post("/verify", map[string]string{"code": token}); a.Status != 401 {
				t.Errorf("the token that confirmed the factor, %s later: %d %s", later, a.Status, a.Next)
			}
		}
		r.Clock.Advance(time.Minute)
		token = r.Handset().Token(adaPhone)
		if spent(token) {
			t.Fatal("a fresh token was used")
		}
		if a := w.Post("/verify", map[string]string{"code": token}); a.Status != 401 || !strings.Contains(a.Body, "used already") {
			t.Errorf("a token that was used elsewhere: %d %s", a.Status, a.Code())
		}
		r.Clock.Advance(90 * time.Second)
		token = r.Handset().Token(adaPhone)
		expect(t, w.Post("/verify", map[string]string{"code": token}), moved(v), "/account")
		if !spent(token) {
			t.Error("a login leaves its token good")
		}
		r.Clock.Advance(89 * time.Second)
		if !spent(token) {
			t.Error("after 89 seconds the token is good again")
		}
	})
}
