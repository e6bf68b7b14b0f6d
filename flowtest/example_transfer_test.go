package flowtest

import (
	"html"
	"maps"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

var seedOf = regexp.MustCompile(`name="form" value="([^"]+)"`)

// transferForm opens the form and fills it in.
func transferForm(t *testing.T, v *rig.Visitor, amount string) map[string]string {
	t.Helper()
	a := v.Get("/bank/transfers")
	seed, _ := a.Doc["form"].(string)
	m := seedOf.FindStringSubmatch(a.Body)
	if m != nil {
		seed = m[1]
	}
	if a.Status != 200 || seed == "" {
		t.Fatalf("the form: %d %s", a.Status, a.Body)
	}
	return map[string]string{"form": seed, "to": "Grace Hopper", "amount": amount}
}

// ordered orders a transfer and returns the path of its page.
func ordered(t *testing.T, v *rig.Visitor, form map[string]string) string {
	t.Helper()
	a := v.Post("/bank/transfers", form)
	if a.Status != moved(v) || !strings.HasPrefix(a.Next, "/bank/transfers/") {
		t.Fatalf("ordering: %d %q %s", a.Status, a.Next, a.Body)
	}
	return a.Next
}

// shows checks what a transfer's page says.
func shows(t *testing.T, v *rig.Visitor, path, status string) {
	t.Helper()
	said := map[string]string{"pending": "Check your phone", "approved": "<h1>Sent</h1>", "denied": "<h1>Not sent</h1>", "expired": "Nobody answered"}
	a := v.Get(path)
	if a.Status != 200 || v.JSON && a.Doc["status"] != status || !v.JSON && !strings.Contains(a.Body, said[status]) {
		t.Fatalf("%s: %d %s, want %s", path, a.Status, a.Body, status)
	}
	if !v.JSON && strings.Contains(a.Body, `http-equiv="refresh"`) != (status == "pending") {
		t.Errorf("%s: the page looks again by itself, or does not", status)
	}
	if !v.JSON && !strings.Contains(a.Body, "transfer of 100.00 EUR to Grace Hopper") || v.JSON && a.Doc["reference"] != "transfer of 100.00 EUR to Grace Hopper" {
		t.Errorf("%s: the page does not say which transfer: %s", status, a.Body)
	}
}

// booked waits until the back end heard of a decision, and checks that every
// event says the same.
func booked(t *testing.T, r *rig.Rig, path, decision string) {
	t.Helper()
	for range 400 {
		if len(r.Events.All()) > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond) // the event is on its way
	}
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil {
		t.Fatal(err)
	}
	events := r.Events.All()
	want := rig.Decided{ID: strings.TrimPrefix(path, "/bank/transfers/"), User: u.Key + "." + u.UID, UID: u.UID, Reference: "transfer of 100.00 EUR to Grace Hopper", Decision: decision}
	if len(events) == 0 {
		t.Errorf("nobody was told\n%s", r.Log)
	}
	for _, e := range events {
		if e != want {
			t.Errorf("the back end heard %+v, want %+v", e, want)
		}
	}
}

// A transfer is what the phone was asked, and becomes what was answered: once,
// whatever is said later.
func TestTransfer(t *testing.T) {
	t.Parallel()
	for decision, other := range map[string]string{"approved": "denied", "denied": "approved"} {
		eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
			member(t, r, v, ada, adaPhone)
			path := ordered(t, v, transferForm(t, v, "100"))
			shows(t, v, path, "pending")
			on := r.Handset().Approvals(adaPhone)
			if len(on) != 1 || on[0].Message != "Send money?" || on[0].Details["to"] != "Grace Hopper" || on[0].Details["amount"] != "100.00 EUR" {
				t.Fatalf("on the phone: %+v", on)
			}
			shown := r.Handset().Raw("/api/phones/" + adaPhone + "/approvals")
			if strings.Index(shown, `"to"`) > strings.Index(shown, `"amount"`) {
				t.Errorf("in another order: %s", shown)
			}
			answered := newest(t, r, adaPhone)
			r.Handset().Decide(adaPhone, decision)
			settled(t, r, strings.TrimPrefix(path, "/bank/transfers/"))
			shows(t, v, path, decision)
			booked(t, r, path, decision)
			saying(answered, other).deliver(t, r)
			shows(t, v, path, decision)
			booked(t, r, path, decision)
		})
	}
}

// Nobody answers, then nobody is told, and an answer comes too late.
func TestTransferExpires(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		path := ordered(t, v, transferForm(t, v, "100"))
		r.Clock.Advance(5*time.Minute - time.Second)
		shows(t, v, path, "pending")
		r.Clock.Advance(time.Second)
		shows(t, v, path, "expired")
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		shows(t, v, path, "expired")
		if e := r.Events.All(); len(e) != 0 {
			t.Errorf("the back end heard %+v", e)
		}
	})
}

// The page finds out by itself when the vendor's callback is lost.
func TestTransferWithoutCallback(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		path := ordered(t, v, transferForm(t, v, "100"))
		r.Handset().Decide(adaPhone, "approved")
		r.Clock.Advance(4 * time.Second)
		shows(t, v, path, "approved")
		booked(t, r, path, "approved")
	})
}

// A transfer is shown to whose it is. For others, and under odd ids, there is
// none; and what is no id at all is not asked about.
func TestTransfersOfOthers(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		path := ordered(t, v, transferForm(t, v, "100"))
		bob := r.Visitor(v.JSON)
		signUp(t, r, bob, "bob@example.com", "+14155552673")
		bob.Get("/account") // shows the notice of the sign-up
		none := bob.Get("/bank/transfers/" + strings.Repeat("0", 64))
		if none.Status != 404 {
			t.Errorf("no transfer: %d", none.Status)
		}
		plain := func(a rig.Answer) string {
			return strings.ReplaceAll(html.UnescapeString(a.Body), a.Header.Get("Apigw-Requestid"), "")
		}
		if a := bob.Get(path); a.Status != 404 || plain(a) != plain(none) {
			t.Errorf("somebody else's is told from none: %d %s", a.Status, a.Body)
		}
		r.Wire.Reset()
		for _, odd := range []string{"..", ".", "%2e%2e%2f", "x%3Fy=1", "x%23y", "%00", "x y", "a%2Fb", strings.Repeat("a", 129), "é", `%22%3E`} {
			if a := v.Get("/bank/transfers/" + strings.ReplaceAll(odd, " ", "%20")); a.Status != 404 {
				t.Errorf("%q: %d %s", odd, a.Status, a.Body)
			}
		}
		for _, c := range r.Wire.Calls() {
			if c.Step == "bank" {
				t.Errorf("latchkey was asked for %s", c.Name)
			}
		}
		shows(t, v, path, "pending")
	})
}

// The same form sent twice, or ten times at once, is one push; a form that was
// corrected is another transfer; a program's key with another body is refused.
func TestTransferSentTwice(t *testing.T) {
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		form := transferForm(t, v, "100")
		paths := make([]string, 10)
		together(len(paths), func(i int) { paths[i] = ordered(t, clone(t, r, v), form) })
		for _, path := range paths {
			if path != paths[0] {
				t.Errorf("one form leads to %s and %s", paths[0], path)
			}
		}
		r.Clock.Advance(time.Minute)
		form["amount"] = "0100"
		if path := ordered(t, v, form); path != paths[0] || len(r.Handset().Approvals(adaPhone)) != 1 {
			t.Errorf("spelt differently: %s, %d pushes", path, len(r.Handset().Approvals(adaPhone)))
		}
		form["amount"] = "10"
		if path := ordered(t, v, form); path == paths[0] || len(r.Handset().Approvals(adaPhone)) != 2 {
			t.Errorf("corrected: %s, %d pushes", path, len(r.Handset().Approvals(adaPhone)))
		}
		eve := r.Visitor(v.JSON)
		signUp(t, r, eve, "eve@example.com", "+14155552673")
		a := eve.Post("/bank/transfers", form) // has no device, so nothing is asked
		if a.Status != 200 || len(r.Handset().Approvals(adaPhone)) != 2 {
			t.Errorf("somebody else's form: %d %s", a.Status, a.Body)
		}
		if v.JSON {
			w := clone(t, r, v)
			w.Header.Set("Idempotency-Key", strings.Repeat("k", 40))
			path := ordered(t, w, map[string]string{"to": "City Water", "amount": "7"})
			if again := ordered(t, w, map[string]string{"to": "City Water", "amount": "7"}); again != path {
				t.Errorf("one key leads to %s and %s", path, again)
			}
			expect(t, w.Post("/bank/transfers", map[string]string{"to": "City Water", "amount": "8"}), 409, "idempotency")
			if n := len(r.Handset().Approvals(adaPhone)); n != 3 {
				t.Errorf("%d pushes", n)
			}
		}
	})
}

// Who has no device gave a code a moment ago, which does; the page says so at
// once, and nobody is asked.
func TestTransferWithoutDevice(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		a := v.Post("/bank/transfers", transferForm(t, v, "100"))
		if a.Status != 200 || v.JSON && a.Doc["status"] != "approved" || !v.JSON && !strings.Contains(a.Body, "The transfer of 100.00 EUR to Grace Hopper is on its way") {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if n := len(r.Handset().Approvals(adaPhone)); n != 0 {
			t.Errorf("%d pushes", n)
		}
		r.Clock.Advance(6 * time.Minute)
		proof(t, v, "/bank/transfers", "/bank/transfers")
	})
}

// What the form does not offer is refused by name, and asks nobody.
func TestTransferRefused(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		for _, amount := range []string{"", "0", "-5", "10001", "1.5", "1e3", "99999999999999999999", "５", "five", " 5", "0x10"} {
			form := transferForm(t, v, amount)
			a := v.Post("/bank/transfers", form)
			if a.Status != 422 || !strings.Contains(a.Body, "Enter whole euros") || !v.JSON && !strings.Contains(a.Body, `value="`+form["form"]+`"`) {
				t.Errorf("%q: %d %s", amount, a.Status, a.Body)
			}
		}
		form := transferForm(t, v, "5")
		form["to"] = "Mallory <script>"
		if a := v.Post("/bank/transfers", form); a.Status != 422 || !strings.Contains(a.Body, "Choose whom") || strings.Contains(a.Body, "<script>alert") {
			t.Errorf("another payee: %d %s", a.Status, a.Body)
		}
		form = transferForm(t, v, "5")
		form["form"] = "short"
		if a := v.Post("/bank/transfers", form); a.Status != 400 {
			t.Errorf("a made-up form: %d %s", a.Status, a.Body)
		}
		other := clone(t, r, v)
		other.Header.Set("Sec-Fetch-Site", "cross-site")
		if a := other.Post("/bank/transfers", transferForm(t, v, "5")); a.Status != 403 {
			t.Errorf("another site's form: %d %s", a.Status, a.Body)
		}
		if n := len(r.Handset().Approvals(adaPhone)); n != 0 {
			t.Errorf("%d pushes", n)
		}
	})
}

// For a day after the phone was changed nothing is sent, and then it is.
func TestTransferCooling(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		form := transferForm(t, v, "100")
		r.Moved(store.Hash(ada), r.Clock.Now().Add(-23*time.Hour))
		for what, a := range map[string]rig.Answer{"the form": v.Get("/bank/transfers"), "an order": v.Post("/bank/transfers", form)} {
			if a.Status != 403 || v.JSON && a.Code() != "cooling" || a.Header.Get("Retry-After") != "3600" || !v.JSON && !strings.Contains(a.Body, "phone of this account was changed") {
				t.Errorf("%s: %d %v %s", what, a.Status, a.Header, a.Body)
			}
		}
		letIn(t, "what needs no care", v)
		r.Moved(store.Hash(ada), r.Clock.Now().Add(-24*time.Hour))
		shows(t, v, ordered(t, v, form), "pending")
	})
}

// The phone is asked so often in an hour and no more, and the customer is told
// that, and for how long.
func TestTransfersPerHour(t *testing.T) {
	t.Parallel()
	eachBank(t, map[string]string{"APPROVALS_PER_HOUR": "1"}, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		ordered(t, v, transferForm(t, v, "1"))
		form := transferForm(t, v, "2")
		a := v.Post("/bank/transfers", form)
		if a.Status != 429 || a.Header.Get("Retry-After") == "" || v.JSON && a.Code() != "wait" || !v.JSON && (!strings.Contains(a.Body, "Please wait") || !strings.Contains(a.Body, form["form"])) {
			t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
		}
	})
}

// Latchkey is out of reach: the form says so, keeps what was typed, and works
// when it is sent again, with one push, whether or not the first was heard.
func TestTransferWithLatchkeyDown(t *testing.T) {
	t.Parallel()
	eachBank(t, nil, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		for n, fault := range []rig.Fault{rig.Lost, rig.Unheard} {
			var tried atomic.Int64
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if c.Step == "bank" {
					tried.Add(1)
					return fault
				}
				return rig.None
			})
			form := transferForm(t, v, "100")
			a := v.Post("/bank/transfers", form)
			if a.Status != 503 || a.Header.Get("Retry-After") == "" || v.JSON && a.Code() != "unavailable" ||
				!v.JSON && (!strings.Contains(a.Body, "Nothing is lost") || !strings.Contains(a.Body, form["form"]) || !strings.Contains(a.Body, `value="100"`)) {
				t.Errorf("%v: %d %s", fault, a.Status, a.Body)
			}
			if tried.Load() == 0 {
				t.Error("latchkey was not called")
			}
			r.Wire.Break(nil)
			path := ordered(t, v, maps.Clone(form))
			if got := len(r.Handset().Approvals(adaPhone)); got != n+1 {
				t.Errorf("%d pushes, want %d", got, n+1)
			}
			r.Wire.Break(func(c rig.Call) rig.Fault {
				if c.Step == "bank" {
					return fault
				}
				return rig.None
			})
			if a := v.Get(path); a.Status != 503 || v.JSON && a.Code() != "unavailable" {
				t.Errorf("looking: %d %s", a.Status, a.Body)
			}
			r.Wire.Break(nil)
			shows(t, v, path, "pending")
		}
	})
}
