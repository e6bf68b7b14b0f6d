package simulator_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const loginForm = "message=Log+in+to+Latchkey%3F&details[number]=42&details[address]=203.0.113.9&hidden_details[session]=s_1&seconds_to_expire=300"

// pollShape is the answer of a poll; processed is JSON.
func pollShape(id, uuid, status, processed, updated string, life int) string {
	return fmt.Sprintf(`{"approval_request":{"_app_name":"*","_app_serial_id":46113,"_authy_id":%s,"_id":"*","_user_email":"ada@example.com",
		"app_id":"*","created_at":"2026-03-04T05:06:07Z","notified":false,"processed_at":%s,"seconds_to_expire":%d,"status":"%s",
		"updated_at":"%s","user_id":"*","uuid":"%s"},"success":true}`, id, processed, life, status, updated, uuid)
}

// What the person is asked, answers, and the stack is told. (parity 82, 93)
func TestOneTouchIsAskedAnsweredAndTold(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	uuid := r.push(id, loginForm)
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(uuid) {
		t.Errorf("uuid %q", uuid)
	}
	r.poll(uuid).want(200).like(pollShape(id, uuid, "pending", "null", "2026-03-04T05:06:07Z", 300))
	const shown = `[{"id":"%s","message":"Log in to Latchkey?","details":{"number":"42","address":"203.0.113.9"},"status":"%s","expires_at":"2026-03-04T05:11:07Z"}]`
	r.approvals().like(fmt.Sprintf(shown, uuid, "pending"))

	r.clock.move(20 * time.Second)
	r.decide(uuid, "approved").want(200).like(`{"status":"approved"}`)
	r.poll(uuid).want(200).like(pollShape(id, uuid, "approved", `"2026-03-04T05:06:27Z"`, "2026-03-04T05:06:27Z", 300))
	r.approvals().like(fmt.Sprintf(shown, uuid, "approved"))

	c := k.next()
	if c.path != "POST "+callbackPath || c.header.Get("Content-Type") != "application/json" || c.header.Get("X-Authy-Signature-Nonce") != "1772600787" {
		t.Errorf("%s %v", c.path, c.header)
	}
	device := answer{t: t, body: c.body}.json()["device_uuid"]
	answer{t: t, body: c.body}.like(fmt.Sprintf(`{"authy_id":%[1]s,"device_uuid":%[3]v,"callback_action":"approval_request_status","uuid":"%[2]s","status":"approved",
		"approval_request":{"transaction":{"details":{"number":"42","address":"203.0.113.9"},"device_details":{},"device_geolocation":"",
		"device_signing_time":1772600787,"encrypted":false,"flagged":false,"hidden_details":{"session":"s_1"},"message":"Log in to Latchkey?",
		"reason":null,"requester_details":null,"status":"approved","uuid":"%[2]s","created_at_time":1772600767,"customer_uuid":46113},
		"expiration_timestamp":1772601067,"logos":null,"app_id":"*"},"signature":"*",
		"device":{"city":null,"country":null,"ip":"*","region":null,"registration_city":null,"registration_country":null,"registration_ip":null,
		"registration_method":null,"registration_region":null,"os_type":"android","last_account_recovery_at":null,"id":%[3]v,"registration_date":null,
		"last_sync_date":null,"enabled_unlock_methods":["pin","fingerprint"],"last_unlock_method_used":"fingerprint","last_unlock_date":1772600787,
		"multidevice_enabled":false,"multidevice_updated_at":null}}`, id, uuid, device))
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":1,"callbacks":1}`)
}

// Details are shown in the order in which they were sent, in either spelling
// of the body; the newest request comes first. (parity 84, 85)
func TestOneTouchKeepsTheOrder(t *testing.T) {
	t.Parallel()
	r, _, _, id := newCalledRig(t)
	r.push(id, "message=one&details[zeta]=1&details%5Balpha%5D=%C3%A9&details[mid]=3&hidden_details[a]=x&details[zeta]=again")
	body := `{"message":"two","details":{"zeta":"1","alpha":null,"mid":3,"beta":true},"hidden_details":{},
		"logos":[{"res":"default","url":"https://a.example/x"}],"seconds_to_expire":60,"unknown":{"x":[1,{"y":2}]}}`
	r.oneTouch("POST", "users/"+id+"/approval_requests", "application/json; charset=utf-8", body).want(200)
	got := r.approvals().body
	for _, part := range []string{`"details":{"zeta":"again","alpha":"é","mid":"3"}`, `"details":{"zeta":"1","mid":"3","beta":"true"}`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %s", got, part)
		}
	}
	if strings.Index(got, `"two"`) > strings.Index(got, `"one"`) {
		t.Errorf("the older came first: %s", got)
	}
}

// What is refused has the vendor's code and status, in either spelling (parity 75).
func TestOneTouchRefusals(t *testing.T) {
	t.Parallel()
	r, _, _, id := newCalledRig(t)
	long := strings.Repeat("é", 201)
	for _, c := range []struct{ name, form, code string }{
		{"no message", "details[a]=1", "60004"},
		{"empty message", "message=", "60004"},
		{"nested message", "message[a]=1", "60004"},
		{"long message", "message=" + long, "60004"},
		{"long detail", "message=m&details[a]=" + long, "60004"},
		{"long hidden detail", "message=m&hidden_details[a]=" + long, "60004"},
		{"deep detail", "message=m&details[a][b]=1", "60004"},
		{"list of details", "message=m&details[]=1", "60004"},
		{"detail without label", "message=m&details=1", "60004"},
		{"no number", "message=m&seconds_to_expire=soon", "60004"},
		{"negative", "message=m&seconds_to_expire=-1", "60004"},
		{"huge", "message=m&seconds_to_expire=99999999999999999999", "60004"},
		{"logos without default", "message=m&logos[][res]=low&logos[][url]=https://a.example/x", "60004"},
		{"no UTF-8", "message=%ff", "60005"},
		{"bad escape", "message=%zz", "60002"},
	} {
		a := r.askForm(id, c.form)
		if a.status != 400 || a.text("error_code") != c.code {
			t.Errorf("%s: status %d, %s", c.name, a.status, a.body)
		}
	}
	for _, body := range []string{"", "[]", `{"message":"m"`, `{"message":"m"} {}`, strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20)} {
		r.oneTouch("POST", "users/"+id+"/approval_requests", "application/json", body).want(400).like(authyFault("60002", "Invalid request"))
	}
	r.askForm("1", loginForm).want(404).like(authyFault("60026", "User not found."))
	r.poll("dda2c400-0000-4000-8000-000000000000").want(404).
		like(`{"message":"Approval request not found: dda2c400-0000-4000-8000-000000000000","success":false,"errors":{},"error_code":"60049"}`)
	r.oneTouch("PUT", "approval_requests/x", "", "").want(404)
	r.do(r.request("POST", r.vendor.URL+"/onetouch/json/users/"+id+"/approval_requests", "", loginForm)).want(401).like(authyFault("60001", "*"))
	r.askForm(id, "message="+long[:400]).want(200) // 200 characters
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":false}`).want(200)
	r.askForm(id, loginForm).want(400).like(authyFault("60051", "Device not found"))
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":0,"approvals":1,"callbacks":0}`)
}

// Nobody is told of an expiry, and nothing can be decided after it. (parity 86)
func TestOneTouchExpiresByTheClock(t *testing.T) {
	t.Parallel()
	r, k, log, id := newCalledRig(t)
	short, day, ever := r.push(id, "message=m&seconds_to_expire=60"), r.push(id, "message=m"), r.push(id, "message=m&seconds_to_expire=0")
	r.poll(day).want(200).like(pollShape(id, day, "pending", "null", "2026-03-04T05:06:07Z", 86400))
	r.clock.move(59 * time.Second)
	r.poll(short).want(200).like(pollShape(id, short, "pending", "null", "2026-03-04T05:06:07Z", 60))
	r.clock.move(time.Second)
	r.poll(short).want(200).like(pollShape(id, short, "expired", "null", "2026-03-04T05:06:07Z", 60))
	r.decide(short, "approved").want(409).like(`{"error":"This request has expired."}`)
	r.clock.move(24 * time.Hour)
	r.decide(day, "denied").want(409)
	r.clock.move(10 * 365 * 24 * time.Hour)
	r.api("GET", "/api/phones", "").want(200).like(`[{"phone":"+14155552671","unread":0,"pending":1,"authy":true,"app":true,"factors":0,"authenticator":false}]`)
	if got := r.approvals().body; !strings.Contains(got, `"expires_at":null`) {
		t.Errorf("a request without end is %s", got)
	}
	r.decide(ever, "denied").want(200)
	if c := k.next(); c.member(t, "uuid") != ever || c.member(t, "status") != "denied" {
		t.Errorf("callback %s", c.body)
	}
	log.await(t, "callback sent", 1)
	k.none()
}

func TestApprovalRefusals(t *testing.T) {
	t.Parallel()
	r, k, _, id := newCalledRig(t)
	uuid := r.push(id, loginForm)
	path := "/api/phones/" + phone + "/approvals/"
	for _, body := range []string{"", "{}", `{"decision":""}`, `{"decision":"pending"}`, `{"decision":"expired"}`, `{"decision":true}`, `{"verdict":"approved"}`} {
		r.api("POST", path+uuid, body).want(400).like(`{"error":"*"}`)
	}
	r.api("POST", path+"nothing", `{"decision":"approved"}`).want(404).like(`{"error":"This phone has no such approval request."}`)
	r.api("POST", "/api/phones/+14155550199/approvals/"+uuid, `{"decision":"approved"}`).want(404)
	r.decide(uuid, "denied").want(200)
	for _, again := range []string{"denied", "approved"} {
		r.decide(uuid, again).want(409).like(`{"error":"This request was denied already."}`)
	}
	if c := k.next(); c.member(t, "status") != "denied" {
		t.Errorf("callback %s", c.body)
	}
	r.api("DELETE", "/api", "").want(204)
	r.decide(uuid, "denied").want(404)
	r.poll(uuid).want(404)
	r.approvals().like(`[]`)
}

// Of answers at one moment the first wins and is the only one told.
func TestParallelDecisionsAreOne(t *testing.T) {
	t.Parallel()
	r, k, log, id := newCalledRig(t)
	uuid := r.push(id, loginForm)
	won := make(chan string, 20)
	var all sync.WaitGroup
	for i := range 20 {
		decision := []string{"approved", "denied"}[i%2]
		all.Go(func() {
			resp, err := http.Post(r.phone.URL+"/api/phones/"+phone+"/approvals/"+uuid, "application/json", strings.NewReader(`{"decision":"`+decision+`"}`))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			switch resp.StatusCode {
			case 200:
				won <- decision
			case 409:
			default:
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d decisions won", len(won))
	}
	decision := <-won
	if c := k.next(); c.member(t, "status") != decision {
		t.Errorf("%s won, told was %s", decision, c.body)
	}
	r.poll(uuid).want(200).like(pollShape(id, uuid, decision, `"2026-03-04T05:06:07Z"`, "2026-03-04T05:06:07Z", 300))
	log.await(t, "callback sent", 1)
	k.none()
}

// A request is one phone's even if no message ever came to it, and the oldest
// requests are forgotten first.
func TestApprovalsAreBounded(t *testing.T) {
	t.Parallel()
	r, _, _, id := newCalledRig(t)
	first := r.push(id, loginForm)
	second := r.push(id, loginForm)
	for range 499 {
		r.push(id, loginForm)
	}
	r.poll(first).want(404)
	r.decide(first, "approved").want(404)
	r.poll(second).want(200)
	if n := strings.Count(r.approvals().body, `"id"`); n != 500 {
		t.Errorf("%d approvals, want 500", n)
	}
	r.api("PUT", "/api/phones/"+phone+"/app", `{"installed":false}`).want(200)
	r.api("GET", "/api/phones", "").want(200).like(`[{"phone":"+14155552671","unread":0,"pending":500,"authy":true,"app":false,"factors":0,"authenticator":false}]`)
}
