package simulator_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/local/simulator"
)

// formSignature is X-Twilio-Signature, worked out from its description once
// more: the form's own encoding is sorted by name.
func formSignature(address string, form url.Values) string {
	for _, pair := range strings.Split(form.Encode(), "&") {
		name, value, _ := strings.Cut(pair, "=")
		value, _ = url.QueryUnescape(value)
		address += name + value
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(address))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// newHookedRig is a simulator that calls a stack back, with a push factor.
func newHookedRig(t *testing.T) (*rig, *stack, string) {
	t.Helper()
	k := newStack(t)
	r := newRigOf(t, func(o *simulator.Options) { o.CallbackURL = k.server.URL + callbackPath })
	return r, k, r.pushFactor(phone)
}

func TestChallengeWebhook(t *testing.T) {
	t.Parallel()
	r, k, factor := newHookedRig(t)
	uids := map[string]bool{}
	for _, decision := range []string{"approved", "denied"} {
		a := r.challenge(factor, "Details.Message", "Sign in & go?", "Details.Fields", `{"label":"Where","value":"Bogotá"}`,
			"HiddenDetails", `{"session": "s+1"}`).want(201)
		r.decideOn(phone, a.text("sid"), decision).want(200)
		c := k.next()
		form, err := url.ParseQuery(c.body)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"type": "challenge." + decision, "account_sid": account, "service_sid": service, "entity_sid": a.text("entity_sid"),
			"identity": identity, "factor_sid": factor, "factor_type": "push", "challenge_sid": a.text("sid"),
			"challenge_details":        `{"message":"Sign in & go?","date":"2026-03-04T05:06:07Z","fields":[{"label":"Where","value":"Bogotá"}]}`,
			"challenge_hidden_details": `{"session":"s+1"}`,
		}
		for name, value := range want {
			if form.Get(name) != value || len(form[name]) != 1 {
				t.Errorf("%s is %q, want %q", name, form[name], value)
			}
		}
		uid := form.Get("uid")
		if len(form) != len(want)+1 || !strings.HasPrefix(uid, "EV") || len(uid) != 34 || uids[uid] {
			t.Errorf("form %v", form)
		}
		uids[uid] = true
		if got := c.header.Get("Content-Type"); got != "application/x-www-form-urlencoded" || c.path != "POST "+callbackPath {
			t.Errorf("content type %q at %s", got, c.path)
		}
		if got := c.header.Get("X-Twilio-Signature"); got != formSignature(k.server.URL+callbackPath, form) {
			t.Errorf("signature %q", got)
		}
	}
	bare := r.challenge(factor, "Details.Message", "x").want(201).text("sid")
	r.decideOn(phone, bare, "denied").want(200)
	if c := k.next(); strings.Contains(c.body, "hidden") {
		t.Errorf("body %s", c.body)
	}
}

// Nobody is told of expiry, nor of codes.
func TestNoWebhook(t *testing.T) {
	t.Parallel()
	r, k, factor := newHookedRig(t)
	sid := r.challenge(factor, "Details.Message", "x").want(201).text("sid")
	r.clock.move(5 * time.Minute)
	r.decideOn(phone, sid, "approved").want(409)
	r.twilio("GET", challengesPath+"/"+sid).want(200)
	totp := r.verifiedTOTP()
	r.tryCode(totp, r.shown()).want(201)
	last := r.challenge(factor, "Details.Message", "x").want(201).text("sid")
	r.decideOn(phone, last, "approved").want(200)
	if c := k.next(); !strings.Contains(c.body, last) { // the only one
		t.Errorf("body %s", c.body)
	}
	k.none()
	if got := r.api("GET", "/api/stats", "").json()["callbacks"]; got != json.Number("1") {
		t.Errorf("%v callbacks", got)
	}
}

// In early weather the stack hears of the answer before its own create call
// returns.
func TestEarlyWebhook(t *testing.T) {
	t.Parallel()
	r, k, factor := newHookedRig(t)
	r.weather("early")
	created := make(chan answer, 1)
	go func() { created <- r.challenge(factor, "Details.Message", "x") }()
	sid := ""
	for end := time.Now().Add(10 * time.Second); sid == "" && time.Now().Before(end); time.Sleep(time.Millisecond) {
		var list []struct{ ID string }
		decode(t, r.api("GET", "/api/phones/"+phone+"/approvals", "").want(200).body, &list)
		if len(list) == 1 {
			sid = list[0].ID
		}
	}
	select {
	case a := <-created:
		t.Fatalf("answered before the person: %s", a.body)
	default:
	}
	r.decideOn(phone, sid, "approved").want(200)
	if c := k.next(); !strings.Contains(c.body, sid) {
		t.Errorf("body %s", c.body)
	}
	a := <-created
	if a.want(201); a.text("sid") != sid || a.text("status") != "pending" {
		t.Errorf("body %s", a.body)
	}
}

func TestParallelDecisions(t *testing.T) {
	t.Parallel()
	r, k, factor := newHookedRig(t)
	sid := r.challenge(factor, "Details.Message", "x").want(201).text("sid")
	var wg sync.WaitGroup
	statuses := make(chan int, 20)
	for i := range 20 {
		wg.Go(func() { statuses <- r.decideOn(phone, sid, []string{"approved", "denied"}[i%2]).status })
	}
	wg.Wait()
	close(statuses)
	counts := map[int]int{}
	for status := range statuses {
		counts[status]++
	}
	if counts[200] != 1 || counts[409] != 19 {
		t.Errorf("statuses %v", counts)
	}
	status := r.twilio("GET", challengesPath+"/"+sid).want(200).text("status")
	if c := k.next(); !strings.Contains(c.body, "type=challenge."+status) {
		t.Errorf("told %s of %s", c.body, status)
	}
	k.none()
}
