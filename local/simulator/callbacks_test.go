package simulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"latchkey/local/simulator"
)

func TestCallbacksThatAreLost(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	lost, kept := r.push(id, loginForm), r.push(id, loginForm)
	r.weather("drop")
	r.decide(lost, "approved").want(200)
	r.weather("deliver")
	r.decide(kept, "approved").want(200)
	if c := k.next(); c.member(t, "uuid") != kept {
		t.Error("the lost callback came")
	}
	k.none()
	r.poll(lost).want(200).like(pollShape(id, lost, "approved", `"2026-03-04T05:06:07Z"`, "2026-03-04T05:06:07Z", 300))
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":2,"callbacks":1}`)
}

func TestCallbacksThatComeTwice(t *testing.T) {
	t.Parallel()
	r, k, log, id := newCalledRig(t)
	r.weather("duplicate")
	// Neither waits for the answer to the other.
	release := k.hang()
	r.decide(r.push(id, loginForm), "approved").want(200)
	one, two := k.next(), k.next()
	release()
	if one.body != two.body || one.header.Get("X-Authy-Signature") != two.header.Get("X-Authy-Signature") {
		t.Errorf("two callbacks:\n%s\n%s", one.body, two.body)
	}
	log.await(t, "callback sent", 2)
	k.none()
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":1,"callbacks":2}`)
}

func TestCallbacksThatOvertake(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	r.weather("reorder")
	uuids := []string{r.push(id, loginForm), r.push(id, loginForm), r.push(id, loginForm)}
	began := time.Now()
	for _, uuid := range uuids {
		r.decide(uuid, "approved").want(200)
	}
	for i, want := range []string{uuids[1], uuids[0], uuids[2]} {
		if c := k.next(); c.member(t, "uuid") != want {
			t.Errorf("callback %d is of another request", i)
		}
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("the last one waited %v for another", took)
	}
	k.none()
}

func TestCallbacksThatAreLate(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	r.weather("delay:150ms")
	uuid := r.push(id, loginForm)
	began := time.Now()
	r.decide(uuid, "denied").want(200)
	k.next()
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("came after %v", took)
	}
}

// In early weather the stack hears of the decision before it knows the
// request's name.
func TestCallbackBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	r.weather("early")
	release := k.hang()
	answered := make(chan string, 1)
	began := time.Now()
	go func() { answered <- r.askForm(id, loginForm).body }()
	uuid := r.awaitApproval()
	r.decide(uuid, "approved").want(200)
	if c := k.next(); c.member(t, "uuid") != uuid {
		t.Errorf("callback %s", c.body)
	}
	select {
	case <-answered:
		t.Error("the create call was answered before the callback was")
	default:
	}
	release()
	if body := <-answered; !strings.Contains(body, uuid) {
		t.Errorf("answered %s", body)
	}
	if took := time.Since(began); took >= 2500*time.Millisecond {
		t.Errorf("the answer came after %v, as if nobody had decided", took)
	}
}

// awaitApproval waits until the phone shows a request and returns its id.
func (r *rig) awaitApproval() string {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var list []struct{ ID string }
		decode(r.t, r.approvals().body, &list)
		if len(list) > 0 {
			return list[0].ID
		}
	}
	r.t.Fatal("no request on the phone")
	return ""
}

// A person who does not answer holds the vendor up for a while only.
func TestEarlyWeatherHasAnEnd(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	r.weather("early")
	began := time.Now()
	uuid := r.push(id, loginForm)
	if took := time.Since(began); took < 2500*time.Millisecond || took > 10*time.Second {
		t.Errorf("held back %v", took)
	}
	r.decide(uuid, "denied").want(200)
	k.next()
}

func TestEarlyWeatherEndsWithItsClient(t *testing.T) {
	t.Parallel()
	r, _, _, id := newCalledRig(t)
	h, done := handled(r.vendor.Config.Handler)
	r.vendor.Config.Handler = h
	r.weather("early")
	ctx, cancel := context.WithCancel(t.Context())
	req := r.request("POST", r.vendor.URL+"/onetouch/json/users/"+id+"/approval_requests", "application/x-www-form-urlencoded", loginForm)
	req.Header.Set("X-Authy-API-Key", authyKey)
	began := time.Now()
	go func() {
		resp, err := http.DefaultClient.Do(req.WithContext(ctx))
		if err == nil {
			resp.Body.Close()
		}
	}()
	r.awaitApproval()
	cancel()
	within(t, "a held call whose client left", done)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// Authy gives an address up after three error answers in a row. (parity 96)
func TestThreeStrikes(t *testing.T) {
	t.Parallel()
	r, k, log, id := newCalledRig(t)
	sent := 0
	decide := func(status int) {
		t.Helper()
		k.answer(status)
		r.decide(r.push(id, loginForm), "approved").want(200)
		k.next()
		sent++
		log.await(t, "callback sent", sent)
	}
	for _, status := range []int{500, 403, 204, 404, 400, 303, 503, 500} {
		decide(status)
	}
	if log.count("blanked") != 0 {
		t.Fatal("blanked without three faults in a row")
	}
	decide(500)
	log.await(t, "level=WARN msg=\"authy callback blanked", 1)
	k.answer(200)
	r.decide(r.push(id, loginForm), "approved").want(200)
	r.api("DELETE", "/api", "").want(204)
	id = r.enrolWithApp()
	decide(200)
	k.none()
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":1,"callbacks":1}`)
}

func TestNoConnectionIsAStrike(t *testing.T) {
	t.Parallel()
	r, k, log, id := newCalledRig(t)
	k.server.Close()
	for i := range 4 {
		r.decide(r.push(id, loginForm), "approved").want(200)
		log.await(t, "callback sent", min(i+1, 3))
	}
	log.await(t, "authy callback blanked", 1)
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":4,"callbacks":3}`)
}

// DELETE /api calls off what is on its way.
func TestDeleteCallsCallbacksOff(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	r.weather("delay:1s")
	r.decide(r.push(id, loginForm), "approved").want(200)
	r.api("DELETE", "/api", "").want(204)
	id = r.enrolWithApp()
	r.weather("delay:1200ms")
	uuid := r.push(id, loginForm)
	r.decide(uuid, "denied").want(200)
	if c := k.next(); c.member(t, "uuid") != uuid {
		t.Error("a callback outlived DELETE /api")
	}
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":1,"callbacks":1}`)
}

func TestNobodyIsCalledWithoutAnAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.enrolWithApp()
	uuid := r.push(id, loginForm)
	r.decide(uuid, "approved").want(200)
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":1,"callbacks":0}`)
}

func TestCallbackURLsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"localhost:3000", "/onetouch/callback", "ftp://a.example/x", "https://a.example/x?v=2", "https://a.example/x?", "https://a.example/#x", "https://u:p@a.example/", "http://%zz/"} {
		_, err := simulator.New(simulator.Options{CallbackURL: bad})
		if err == nil {
			t.Errorf("%s: accepted", bad)
		} else if strings.Contains(err.Error(), bad) {
			t.Errorf("%s: told in %q", bad, err)
		}
	}
}

// Close ends what waits: a late callback, one that another may overtake, one
// whose answer does not come, a call held back. It runs alone, for it reads the
// stacks of all goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	r, k, _, id := newCalledRig(t)
	release := k.hang()
	defer release()
	r.decide(r.push(id, loginForm), "approved").want(200)
	k.next()
	r.weather("delay:60s")
	r.decide(r.push(id, loginForm), "approved").want(200)
	r.weather("reorder")
	r.decide(r.push(id, loginForm), "approved").want(200)
	last := r.push(id, loginForm)
	r.weather("early")
	w := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "/onetouch/json/users/"+id+"/approval_requests", strings.NewReader(loginForm))
	req.Header.Set("X-Authy-API-Key", authyKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		r.sim.Vendors().ServeHTTP(w, req)
	}()
	for strings.Count(r.approvals().body, `"pending"`) < 2 {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	err := r.sim.Close()
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 900*time.Millisecond {
		t.Errorf("Close took %v", took)
	}
	within(t, "a call held back", answered)
	r.decide(last, "denied").want(200) // the server of the phone is still there
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if strings.Contains(string(stacks), "simulator.(*Simulator)") {
		t.Errorf("goroutines are left:\n%s", stacks)
	}
	k.none()
}
