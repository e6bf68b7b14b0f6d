package flowtest

import (
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// give gives Ada a role, as the operator's command does.
func give(t *testing.T, r *rig.Rig, role string) {
	t.Helper()
	u, err := r.Table.User(t.Context(), key(ada))
	if err == nil {
		err = r.Table.SetRole(t.Context(), u, role)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A role counts from the very next request on, given or taken, without another
// login; who lacks it is told so on a page, or as a problem (parity 122, 124).
func TestBankRole(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		next := r.Visitor(v.JSON).Get("/bank/ledger")
		if v.JSON {
			expect(t, next, 401, "no_session")
		} else {
			expect(t, next, 303, "/login?return=%2Fbank%2Fledger")
		}
		signUp(t, r, v, ada, adaPhone)
		ledger := func(open bool) {
			t.Helper()
			a := v.Get("/bank/ledger")
			switch {
			case open && (a.Status != 200 || v.JSON && a.Doc["ledger"] == nil || !v.JSON && !strings.Contains(a.Body, "You are one")):
				t.Errorf("an auditor: %d %s", a.Status, a.Body)
			case !open && (a.Status != 403 || v.JSON && a.Code() != "forbidden" || !v.JSON && !strings.Contains(a.Body, "Access denied")):
				t.Errorf("no auditor: %d %s", a.Status, a.Body)
			}
		}
		ledger(false)
		for range 2 {
			give(t, r, "auditor")
			ledger(true)
			give(t, r, "auditors")
			ledger(false)
		}
		if a := v.Get("/bank"); a.Status != 200 || v.JSON && a.Doc["role"] != "auditors" {
			t.Errorf("the front page: %d %s", a.Status, a.Body)
		}
	})
}

// proof asks for the page of transfers and follows where it leads, to the page
// where the proof is begun. It returns what leads back.
func proof(t *testing.T, v *rig.Visitor, path, back string) {
	t.Helper()
	a := v.Get(path)
	if v.JSON {
		expect(t, a, 403, "reauth")
		return
	}
	expect(t, a, 303, "/login/again?return="+url.QueryEscape(back))
	page := v.Get(a.Next)
	if page.Status != 200 || !strings.Contains(page.Body, `name="return" value="`+html.EscapeString(back)+`"`) {
		t.Errorf("%s: %d %s", a.Next, page.Status, page.Body)
	}
}

// A second factor of six minutes ago is too old for transfers: another push leads
// back to them, and the session goes on under another token (parity 122).
func TestBankFreshProofByPush(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		if a := v.Get("/bank/transfers"); a.Status != 200 {
			t.Fatalf("at once: %d %s", a.Status, a.Body)
		}
		r.Clock.Advance(5*time.Minute + time.Second)
		proof(t, v, "/bank/transfers", "/bank/transfers")
		letIn(t, "meanwhile, where no proof is needed", v)
		expect(t, v.Post("/login/again", map[string]string{"return": "/bank/transfers"}), moved(v), "/status")
		proof(t, v, "/bank/transfers", "/bank/transfers")
		r.Handset().Decide(adaPhone, "approved")
		awaitStatus(t, r, v, "approved")
		old := clone(t, r, v)
		expect(t, v.Post("/status", nil), moved(v), "/bank/transfers")
		if a := v.Get("/bank/transfers"); a.Status != 200 {
			t.Errorf("proved: %d %s", a.Status, a.Body)
		}
		if got := judged(t, r, v.Cookie()); got["confirmed_at"] != float64(r.Clock.Now().Unix()) || got["factor"] != "push" {
			t.Errorf("the authorizer tells %v", got)
		}
		shutOut(t, "the token of before", old)
	})
}

// The same by a texted code: a wrong one is refused in sight, and the right one
// leads back (parity 122, 123).
func TestBankFreshProofByCode(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(6 * time.Minute)
		proof(t, v, "/bank/transfers?to=City+Water", "/bank/transfers?to=City+Water")
		expect(t, v.Post("/login/again", map[string]string{"return": "/bank/transfers?to=City+Water"}), moved(v), "/verify")
		code := r.Handset().Code(adaPhone)
		a := v.Post("/verify", map[string]string{"code": wrong(code)})
		if a.Status != 401 || v.JSON && a.Code() != "wrong_code" || !v.JSON && !strings.Contains(a.Body, "code is not right") {
			t.Errorf("a wrong code: %d %s", a.Status, a.Body)
		}
		proof(t, v, "/bank/transfers", "/bank/transfers")
		expect(t, v.Post("/verify", map[string]string{"code": code}), moved(v), "/bank/transfers?to=City+Water")
		if a := v.Get("/bank/transfers?to=City+Water"); a.Status != 200 || v.JSON && a.Doc["form"] == nil || !v.JSON && !strings.Contains(a.Body, "Acme Ltd") {
			t.Errorf("proved: %d %s", a.Status, a.Body)
		}
	})
}

// A denied push is no proof, and who is not signed in any more logs in anew.
func TestBankProofDenied(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(6 * time.Minute)
		expect(t, v.Post("/login/again", map[string]string{"return": "/bank/transfers"}), moved(v), "/status")
		r.Handset().Decide(adaPhone, "denied")
		awaitStatus(t, r, v, "denied")
		proof(t, v, "/bank/transfers", "/bank/transfers")
		letIn(t, "after a denial", v)
	})
}

// A form that is sent too late leads to the proof, and then to the form's page:
// to send it again is a person's to decide. Nothing was asked meanwhile.
func TestBankFormTooLate(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		form := map[string]string{"form": strings.Repeat("f", 43), "to": "Acme Ltd", "amount": "5"}
		a := v.Post("/bank/transfers?to=x", form)
		if v.JSON {
			expect(t, a, 401, "no_session")
		} else {
			expect(t, a, 303, "/login?return=%2Fbank%2Ftransfers")
		}
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(6 * time.Minute)
		a = v.Post("/bank/transfers", form)
		if v.JSON {
			expect(t, a, 403, "reauth")
		} else {
			expect(t, a, 303, "/login/again?return=%2Fbank%2Ftransfers")
		}
		if n := len(r.Handset().Approvals(adaPhone)); n != 0 {
			t.Errorf("%d pushes", n)
		}
	})
}

// A login comes back to the very address that was asked for, with its query; and
// no address that anybody can write leads to another site.
func TestBankReturns(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, r.Visitor(true), ada, adaPhone)
		if !v.JSON {
			expect(t, v.Get("/bank/ledger?year=2026&q=a%2Fb+c%26"), 303, "/login?return=%2Fbank%2Fledger%3Fyear%3D2026%26q%3Da%252Fb%2Bc%2526")
			for _, path := range []string{"/bank?return=//evil.example", "/bank?x=%0d%0aLocation:%20//evil.example", "/bank/ledger?//evil.example", "/bank?https://evil.example/", `/bank?\\evil.example`} {
				a := v.Get(path)
				u, err := url.Parse(a.Next)
				if err != nil || a.Status != 303 || u.Host != "" || u.Path != "/login" || len(a.Header.Values("Location")) != 1 {
					t.Errorf("%s: %d %q", path, a.Status, a.Next)
					continue
				}
				if back := u.Query().Get("return"); back != "" && !strings.HasPrefix(back, "/bank") {
					t.Errorf("%s leads back to %q", path, back)
				}
			}
		}
		for _, evil := range []string{"//evil.example", "https://evil.example/bank", `/\evil.example`, "javascript:alert(1)", "/%0a/evil.example", "bank", "/\t/evil.example", "/" + strings.Repeat("a", 600)} {
			if page := r.Visitor(false).Get("/login?return=" + url.QueryEscape(evil)); page.Status != 200 || strings.Contains(page.Body, `name="return"`) {
				t.Errorf("the form keeps %q", evil)
			}
		}
		for _, evil := range []string{"//evil.example", "https://evil.example/bank", `/\evil.example`} {
			r.Clock.Advance(3 * time.Hour)
			form := credentialsOf(ada)
			form["return"] = evil
			v.Post("/login", form)
			a := v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
			expect(t, a, moved(v), "/account")
		}
	})
}

// Who takes the device away that proved the session is asked for a code before
// money moves: a stolen session alone moves none.
func TestBankAfterTheDeviceIsGone(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Examples: true})
	v := r.Visitor(true)
	member(t, r, v, ada, adaPhone)
	r.Clock.Advance(6 * time.Minute)
	expect(t, v.Post("/login/again", nil), 200, "/status")
	r.Handset().Decide(adaPhone, "approved")
	awaitStatus(t, r, v, "approved")
	expect(t, v.Post("/status", nil), 200, "/account")
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, v.Post("/factors/remove", map[string]string{"id": u.Factors[0].ID}), 200, "/factors")
	money := map[string]string{"to": "Grace Hopper", "amount": "10000"}
	expect(t, v.Post("/bank/transfers", money), 403, "reauth")
	expect(t, v.Post("/login/again", nil), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 200, "/account")
	if a := v.Post("/bank/transfers", money); a.Status != 200 {
		t.Errorf("with a code: %d %s", a.Status, a.Body)
	}
}
