package flowtest

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// nothing checks that asking for nothing left no trace: no push, no action.
func nothing(t *testing.T, r *rig.Rig, what string) {
	t.Helper()
	if n := len(r.Handset().Approvals(adaPhone)); n != 0 || actionIn(r) != "" {
		t.Errorf("%s: %d pushes, action %q", what, n, actionIn(r))
	}
}

// Who is not there or has no device is told apart, and is asked as soon as there
// is one, with the same key.
func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider})
			v := r.Visitor(true)
			signUp(t, r, v, ada, adaPhone)
			doc := transfer(t, r)
			a := r.Owner().Ask(actionKey, doc)
			if a.Status != 409 || a.Code() != "no_device" {
				t.Errorf("no device: %d %s", a.Status, a.Body)
			}
			nothing(t, r, "no device")
			gone := maps.Clone(doc)
			for what, user := range map[string]string{
				"another user of the address": store.Hash(ada) + "." + strings.Repeat("0", 32), "nobody": store.Hash("nobody@example.com") + "." + strings.Repeat("0", 32),
			} {
				gone["user"] = user
				if a := r.Owner().Ask(actionKey, gone); a.Status != 404 || a.Code() != "not_found" {
					t.Errorf("%s: %d %s", what, a.Status, a.Body)
				}
			}
			nothing(t, r, "nobody")
			if provider == "authy" {
				r.Handset().App(adaPhone, map[string]any{"installed": true})
			} else {
				enrol(t, r, v, adaPhone)
			}
			asked(t, r)
		})
	}
}

// A user whose phone was changed is asked nothing for a day.
func TestCoolingUsersAreNotAsked(t *testing.T) {
	t.Parallel()
	eachVendor(t, map[string]string{"COOL_DOWN": "2h"}, func(t *testing.T, r *rig.Rig) {
		r.Moved(store.Hash(ada), r.Clock.Now())
		r.Clock.Advance(2*time.Hour - time.Second)
		a := r.Owner().Ask(actionKey, transfer(t, r))
		if a.Status != 403 || a.Code() != "cooling" || a.Doc["retry_after"] != 1.0 || a.Header.Get("Retry-After") != "1" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		nothing(t, r, "cooling")
		r.Clock.Advance(time.Second)
		asked(t, r)
	})
}

// So many requests to one user in an hour, of which repeats and refusals are
// none; another user has another count.
func TestActionsPerHour(t *testing.T) {
	t.Parallel()
	eachVendor(t, map[string]string{"APPROVALS_PER_HOUR": "3"}, func(t *testing.T, r *rig.Rig) {
		doc := transfer(t, r)
		bad := maps.Clone(doc)
		bad["message"] = ""
		r.Handset().Weather(`{"api":"429"}`)
		for i := range 4 {
			r.Owner().Ask(fmt.Sprintf("%s-busy-%d", actionKey, i), doc)
		}
		r.Handset().Weather(`{"api":"ok"}`)
		for i := range 3 {
			for range 2 {
				if a := r.Owner().Ask(fmt.Sprintf("%s-%d", actionKey, i), doc); a.Status != 200 {
					t.Errorf("request %d: %d %s", i+1, a.Status, a.Body)
				}
			}
			r.Owner().Ask(actionKey+"-bad", bad)
		}
		for range 2 {
			a := r.Owner().Ask(actionKey+"-3", doc)
			if told429(t, a) != time.Hour || a.Code() != "wait" {
				t.Errorf("one more: %d %s", a.Status, a.Body)
			}
		}
		if a := r.Owner().Ask(actionKey+"-0", doc); a.Status != 200 {
			t.Errorf("a repeat at the limit: %d %s", a.Status, a.Body)
		}
		if n := len(r.Handset().Approvals(adaPhone)); n != 3 {
			t.Errorf("%d pushes", n)
		}
		r.Clock.Advance(time.Hour)
		if a := r.Owner().Ask(actionKey+"-3", doc); a.Status != 200 {
			t.Errorf("an hour later: %d %s", a.Status, a.Body)
		}
	})
}

// What a phone cannot show is refused with a sentence that names the limit of
// this user's vendor; what it can show to the last character is shown.
func TestWhatPhonesShow(t *testing.T) {
	t.Parallel()
	limits := map[string]struct{ message, value int }{"verify": {256, 128}, "authy": {140, 200}}
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		l, name := limits[vendorOf(t)], map[string]string{"verify": "Verify", "authy": "Authy"}[vendorOf(t)]
		doc := transfer(t, r)
		doc["details"] = []map[string]string{{"label": strings.Repeat("x", 36), "value": strings.Repeat("é", l.value)}}
		doc["message"], doc["reference"] = strings.Repeat("é", l.message), strings.Repeat("é", 128)
		if a := r.Owner().Ask(actionKey+"-longest", doc); a.Status != 200 {
			t.Errorf("the longest: %d %s", a.Status, a.Body)
		}
		shown := r.Handset().Approvals(adaPhone)[0]
		if shown.Message != doc["message"] || shown.Details[strings.Repeat("x", 36)] != strings.Repeat("é", l.value) {
			t.Errorf("on the phone: %+v", shown)
		}
		doc["details"] = []map[string]string{{"label": "x", "value": strings.Repeat("é", l.value+1)}}
		doc["message"], doc["reference"], doc["expires_in"] = strings.Repeat("é", l.message+1), strings.Repeat("é", 129), 3601
		a := r.Owner().Ask(actionKey+"-longer", doc)
		fields, _ := a.Doc["fields"].(map[string]any)
		if a.Status != 422 || a.Code() != "invalid" || len(fields) != 4 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		for field, limit := range map[string]int{"message": l.message, "details": l.value} {
			text, _ := fields[field].(string)
			if !strings.Contains(text, name) || !strings.Contains(text, fmt.Sprint(limit)) {
				t.Errorf("%s: %s", field, text)
			}
		}
		for _, user := range []string{"", "x", userOf(t, r, ada) + "\n", strings.ToUpper(userOf(t, r, ada))} {
			doc["user"] = user
			a := r.Owner().Ask(actionKey+"-longer", doc)
			fields, _ := a.Doc["fields"].(map[string]any)
			if a.Status != 422 || fields["user"] == nil {
				t.Errorf("user %q: %d %s", user, a.Status, a.Body)
			}
		}
	})
}

// A key that is missing, too short, or not made of the letters that keys have.
func TestKeysOfActions(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	for _, key := range []string{"", "short", strings.Repeat("a", 31), strings.Repeat("a", 129), strings.Repeat("a", 31) + "=", strings.Repeat("a", 32) + ",b"} {
		a := r.Owner().Ask(key, map[string]any{})
		if a.Status != 400 || a.Code() != "malformed" || !strings.Contains(a.Body, "Idempotency-Key") {
			t.Errorf("%q: %d %s", key, a.Status, a.Body)
		}
	}
	if a := r.Owner().Do("POST", "/approvals", strings.Repeat(" ", 17<<10), map[string]string{"idempotency-key": actionKey}); a.Status != 413 {
		t.Errorf("too large: %d %s", a.Status, a.Body)
	}
}
