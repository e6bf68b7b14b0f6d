package flowtest

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

const actionKey = "transfer-0123456789abcdef01234567" // an Idempotency-Key

// eachVendor runs a test once for each vendor, with a user who can be asked.
func eachVendor(t *testing.T, env map[string]string, test func(t *testing.T, r *rig.Rig)) {
	t.Helper()
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			r := rig.Start(t, rig.Options{Provider: provider, Env: maps.Clone(env)})
			member(t, r, r.Visitor(true), ada, adaPhone)
			test(t, r)
		})
	}
}

// userOf is how the owner names a user.
func userOf(t *testing.T, r *rig.Rig, email string) string {
	t.Helper()
	u, err := r.Table.User(t.Context(), store.Hash(email))
	if err != nil {
		t.Fatal(err)
	}
	return u.Key + "." + u.UID
}

// transfer is what the owner asks Ada.
func transfer(t *testing.T, r *rig.Rig) map[string]any {
	t.Helper()
	return map[string]any{
		"user": userOf(t, r, ada), "message": "Transfer money?", "reference": "transfer 17", "expires_in": 300,
		"details": []map[string]string{{"label": "to", "value": "Charles Babbage"}, {"label": "amount", "value": "100 €"}},
		"logos":   []map[string]string{{"res": "default", "url": "https://bank.example/logo.png"}},
	}
}

// asked asks Ada, who has been asked nothing before, and returns the action's id.
func asked(t *testing.T, r *rig.Rig) string {
	t.Helper()
	a := r.Owner().Ask(actionKey, transfer(t, r))
	id, _ := a.Doc["id"].(string)
	if a.Status != 200 || a.Doc["status"] != "pending" || id == "" {
		t.Fatalf("asking: %d %s\n%s", a.Status, a.Body, r.Log)
	}
	return id
}

// awaitEvents waits until as many events came, and looks that no more do.
func awaitEvents(t *testing.T, r *rig.Rig, n int) []rig.Event {
	t.Helper()
	for range 400 {
		if len(r.Bus.Events()) >= n {
			break
		}
		time.Sleep(5 * time.Millisecond) // the callback is on its way
	}
	events := r.Bus.Events()
	if len(events) != n {
		t.Fatalf("%d events, want %d: %+v\n%s", len(events), n, events, r.Log)
	}
	return events
}

// settled waits until it is noted that the owner was told of an action, so that a
// callback that is on its way is over.
func settled(t *testing.T, r *rig.Rig, id string) {
	t.Helper()
	for range 400 {
		a, err := r.Table.Action(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !a.ToldAt.IsZero() {
			return
		}
		time.Sleep(5 * time.Millisecond) // the callback is on its way
	}
	t.Errorf("it is not noted that the owner was told\n%s", r.Log)
}

// looks checks what the owner is told of an action.
func looks(t *testing.T, r *rig.Rig, id, want string) rig.Answer {
	t.Helper()
	a := r.Owner().Look(id)
	if a.Status != 200 || a.Doc["status"] != want || a.Doc["id"] != id {
		t.Errorf("the owner looks: %d %s, want %s", a.Status, a.Body, want)
	}
	return a
}

// The whole of it, for both vendors: the phone shows what the owner wrote, in
// its order; the owner gets one event, and a repeat says what GET says.
func TestApproveAnAction(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{"approved", "denied"} {
		eachVendor(t, map[string]string{"EVENT_BUS": "owners"}, func(t *testing.T, r *rig.Rig) {
			id := asked(t, r)
			on := r.Handset().Approvals(adaPhone)
			if len(on) != 1 || on[0].Message != "Transfer money?" || on[0].Details["amount"] != "100 €" || on[0].Details["to"] != "Charles Babbage" {
				t.Fatalf("on the phone: %+v", on)
			}
			shown := r.Handset().Raw("/api/phones/" + adaPhone + "/approvals")
			if strings.Index(shown, `"to"`) > strings.Index(shown, `"amount"`) || strings.Contains(shown, "bank.example/logo.png") != (vendorOf(t) == "authy") {
				t.Errorf("order or logos: %s", shown)
			}
			want := looks(t, r, id, "pending").Doc
			if want["user"] != userOf(t, r, ada) || !strings.HasSuffix(want["user"].(string), "."+want["uid"].(string)) || want["reference"] != "transfer 17" ||
				want["expires_at"] != r.Clock.Now().Add(5*time.Minute).Format(time.RFC3339) || want["decided_at"] != nil {
				t.Errorf("%v", want)
			}
			r.Clock.Advance(time.Second)
			r.Handset().Decide(adaPhone, decision)
			settled(t, r, id)
			e := awaitEvents(t, r, 1)[0]
			at := r.Clock.Now().Format(time.RFC3339)
			detail := map[string]any{"id": id, "user": want["user"], "uid": want["uid"], "reference": "transfer 17", "decision": decision, "decided_at": at}
			if e.Bus != "owners" || e.Source != "latchkey" || e.DetailType != "Approval decided" || !e.Time.Equal(r.Clock.Now()) || !reflect.DeepEqual(e.Detail, detail) {
				t.Errorf("the event is %+v", e)
			}
			told := looks(t, r, id, decision)
			if told.Doc["decided_at"] != at {
				t.Errorf("%s", told.Body)
			}
			again := r.Owner().Ask(actionKey, transfer(t, r))
			if again.Body != told.Body {
				t.Errorf("a repeat says %s, and GET says %s", again.Body, told.Body)
			}
			awaitEvents(t, r, 1)
			if n := len(r.Handset().Approvals(adaPhone)); n != 1 {
				t.Errorf("%d pushes", n)
			}
		})
	}
}

// Nobody answers, or too late: it is expired, also when the vendor would still
// take an approval, and the owner gets no event.
func TestAnActionExpires(t *testing.T) {
	t.Parallel()
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		r.Handset().Weather(`{"callbacks":"drop"}`)
		id := asked(t, r)
		p := newest(t, r, adaPhone)
		r.Clock.Advance(5*time.Minute - time.Second)
		looks(t, r, id, "pending")
		r.Clock.Advance(time.Second)
		looks(t, r, id, "expired")
		saying(p, "approved").deliver(t, r)
		looks(t, r, id, "expired")
		awaitEvents(t, r, 0)
		a := r.Owner().Ask(actionKey, transfer(t, r))
		if a.Status != 200 || a.Doc["status"] != "expired" {
			t.Errorf("a repeat: %d %s", a.Status, a.Body)
		}
	})
}

// A program without an IAM identity, a browser with whatever cookie, a form: none
// of them gets in, and none of them has any effect.
func TestApprovalsAreForSignedRequests(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	member(t, r, v, ada, adaPhone)
	id := asked(t, r)
	before := r.Dump()
	nobody := r.Owner()
	nobody.ARN = ""
	cookie := map[string]string{"cookie": "latchkey-session=" + v.Cookie(), "x-amzn-iam-user-arn": rig.Bank, "authorization": "Bearer " + v.Cookie(), "idempotency-key": actionKey}
	for what, a := range map[string]rig.Answer{
		"a program": nobody.Ask(actionKey, transfer(t, r)), "a look": nobody.Look(id), "by the gateway": v.Post("/approvals", map[string]string{"user": "x"}),
		"a look, by the gateway": v.Get("/approvals/" + id), "headers": nobody.Do("GET", "/approvals/"+id, "", cookie), "rubbish": nobody.Do("POST", "/approvals", "rubbish", cookie),
		"a page, by the gateway": r.Visitor(false).Get("/approvals/" + id),
	} {
		if a.Status != 403 || a.Code() != "forbidden" && !strings.Contains(what, "by the gateway") {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	form := r.Owner().Do("POST", "/approvals", "user=x", map[string]string{"content-type": "application/x-www-form-urlencoded", "idempotency-key": actionKey})
	if form.Status != 415 || form.Code() != "content_type" {
		t.Errorf("a form: %d %s", form.Status, form.Body)
	}
	cross := r.Owner().Do("POST", "/approvals", "{}", map[string]string{"sec-fetch-site": "cross-site", "idempotency-key": actionKey})
	if cross.Status != 403 || cross.Code() != "cross_origin" {
		t.Errorf("another site: %d %s", cross.Status, cross.Body)
	}
	if r.Dump() != before {
		t.Error("it changed the table")
	}
	for _, c := range []string{"PUT", "DELETE"} {
		a := r.Owner().Do(c, "/approvals/"+id, "", nil)
		if a.Status != 405 || a.Header.Get("Allow") != "GET" {
			t.Errorf("%s: %d %v", c, a.Status, a.Header)
		}
		if a := v.Do(c, "/approvals/"+id, "", ""); a.Status != 405 || a.Header.Get("Allow") != "GET" {
			t.Errorf("%s by a browser: %d %v", c, a.Status, a.Header)
		}
	}
}

// An action is found by its whole id alone, half of which nobody can guess, not
// even who knows its key.
func TestActionsCannotBeGuessed(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	member(t, r, r.Visitor(true), ada, adaPhone)
	id := asked(t, r)
	session := newest2(t, r).Session
	for _, guess := range []string{
		id[:32], id[:32] + strings.Repeat("0", 32), id[32:] + id[:32], strings.ToUpper(id), id + "0", "x", "%7Bid%7D", "..", strings.Repeat("0", 64), session[:32],
	} {
		a := r.Owner().Look(guess)
		if a.Status != 404 || a.Code() != "not_found" || strings.Contains(a.Body, id) {
			t.Errorf("%q: %d %s", guess, a.Status, a.Body)
		}
	}
	other := r.Owner()
	other.ARN = "arn:aws:iam::123456789012:user/eve"
	doc := transfer(t, r)
	a := other.Ask(actionKey, doc)
	if a.Status != 200 || a.Doc["id"] == id || a.Doc["id"].(string)[:32] == id[:32] {
		t.Errorf("another caller's key leads to the same action: %s", a.Body)
	}
	same := r.Owner()
	same.ARN = strings.Replace(rig.Bank, "machine-1", "machine-2", 1)
	if a := same.Ask(actionKey, doc); a.Doc["id"] != id {
		t.Errorf("a retry from another machine is another action: %s", a.Body)
	}
	if n := len(r.Handset().Approvals(adaPhone)); n != 2 {
		t.Errorf("%d pushes", n)
	}
}

// newest2 is the newest approval of Verify's phone.
func newest2(t *testing.T, r *rig.Rig) store.Approval {
	t.Helper()
	a, err := r.Table.Approval(t.Context(), store.Ref{Provider: "verify", ID: r.Handset().Approvals(adaPhone)[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Twenty equal requests at once are one push, one action and one answer; the same
// key with another body is refused, however small the difference.
func TestAskingOftenIsOnce(t *testing.T) {
	t.Parallel()
	eachVendor(t, nil, func(t *testing.T, r *rig.Rig) {
		doc := transfer(t, r)
		answers := make([]rig.Answer, 20)
		together(len(answers), func(i int) { answers[i] = r.Owner().Ask(actionKey, doc) })
		for i, a := range answers {
			if a.Status != 200 || a.Body != answers[0].Body {
				t.Errorf("answer %d: %d %s, the first %s", i, a.Status, a.Body, answers[0].Body)
			}
		}
		if n := len(r.Handset().Approvals(adaPhone)); n != 1 {
			t.Errorf("%d pushes", n)
		}
		if counted(r) != "1" {
			t.Errorf("%s are counted", counted(r))
		}
		leaves(t, r, map[string]int{"action_asked": 1})
		spelt := `{ "details":[{"value":"Charles Babbage","label":"to"},{"label":"amount","value":"100 \u20ac"}],"expires_in":300,` +
			`"logos":[{"url":"https://bank.example/logo.png","res":"default"}],"message":"Transfer money?","reference":"transfer 17","user":"` + userOf(t, r, ada) + `"}`
		if a := r.Owner().Do(http.MethodPost, "/approvals", spelt, map[string]string{"idempotency-key": actionKey}); a.Body != answers[0].Body {
			t.Errorf("spelt differently: %d %s", a.Status, a.Body)
		}
		for name, value := range map[string]any{
			"message": "Transfer money", "reference": "transfer 18", "expires_in": 301, "details": []map[string]string{{"label": "amount", "value": "100 €"}}, "logos": nil,
			"user": store.Hash("eve@example.com") + "." + strings.Repeat("0", 32),
		} {
			other := maps.Clone(doc)
			other[name] = value
			if value == nil {
				delete(other, name)
			}
			if a := r.Owner().Ask(actionKey, other); a.Status != 409 || a.Code() != "idempotency" {
				t.Errorf("another %s: %d %s", name, a.Status, a.Body)
			}
		}
	})
}

// counted is how many requests to the one user were counted.
func counted(r *rig.Rig) string {
	for _, it := range r.Items() {
		pk, _ := it["pk"].(map[string]any)
		if strings.HasPrefix(fmt.Sprint(pk["S"]), "L#approvals#") {
			hits, _ := it["hits"].(map[string]any)
			return fmt.Sprint(hits["N"])
		}
	}
	return "none"
}
