package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const challengesPath = entityPath + "/Challenges"

func (r *rig) challenge(factor string, pairs ...string) answer {
	r.t.Helper()
	return r.twilio("POST", challengesPath, append([]string{"FactorSid", factor}, pairs...)...)
}

func (r *rig) tryCode(factor, code string) answer {
	r.t.Helper()
	return r.challenge(factor, "AuthPayload", code)
}

// decideOn answers on that phone.
func (r *rig) decideOn(number, id, decision string) answer {
	r.t.Helper()
	return r.api("POST", "/api/phones/"+number+"/approvals/"+id, `{"decision":"`+decision+`"}`)
}

func challengeShape(sid, factor, kind, status, responded, details, hidden string) string {
	return `{"sid":"` + sid + `","account_sid":"` + account + `","service_sid":"` + service + `","entity_sid":"*","identity":"` + identity + `",
		"factor_sid":"` + factor + `","date_created":"2026-03-04T05:06:07Z","date_updated":"*","date_responded":` + responded + `,
		"expiration_date":"2026-03-04T05:11:07Z","status":"` + status + `","responded_reason":"none","details":` + details + `,
		"hidden_details":` + hidden + `,"metadata":null,"factor_type":"` + kind + `","url":"*","links":{"notifications":"*"}}`
}

func TestPushChallenge(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{"approved", "denied"} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			factor := r.pushFactor(phone)
			details := `{"message":"Sign in?","date":"2026-03-04T05:06:07Z","fields":[{"label":"Where","value":"Bogotá <1>"},{"label":"Number","value":"42"}]}`
			shape := func(status, responded string) string {
				return challengeShape("*", factor, "push", status, responded, details, `{"session":"s-1","ip":"192.0.2.1"}`)
			}
			a := r.challenge(factor, "Details.Message", "Sign in?", "Details.Fields", `{"label":"Where","value":"Bogotá <1>"}`,
				"Details.Fields", `{"label":"Number","value":"42"}`, "HiddenDetails", `{"session":"s-1", "ip":"192.0.2.1"}`).
				want(201).like(shape("pending", "null"))
			sid := a.text("sid")
			if !strings.HasPrefix(sid, "YC") || len(sid) != 34 || a.text("url") != entityURL+"/Challenges/"+sid ||
				a.json()["links"].(map[string]any)["notifications"] != entityURL+"/Challenges/"+sid+"/Notifications" {
				t.Errorf("body %s", a.body)
			}
			list := r.api("GET", "/api/phones/"+phone+"/approvals", "").want(200)
			if !strings.Contains(list.body, `"details":{"Where":"Bogotá `) || !strings.Contains(list.body, `"Number":"42"}`) || strings.Contains(list.body, "s-1") {
				t.Errorf("the phone shows %s", list.body)
			}
			r.twilio("GET", challengesPath+"/"+sid).want(200).like(shape("pending", "null"))
			r.decideOn("+14155550000", sid, decision).want(404)
			r.clock.move(time.Minute)
			r.decideOn(phone, sid, decision).want(200)
			b := r.twilio("GET", challengesPath+"/"+sid).want(200).like(shape(decision, `"2026-03-04T05:07:07Z"`))
			if b.text("date_updated") != "2026-03-04T05:07:07Z" {
				t.Errorf("body %s", b.body)
			}
			r.clock.move(time.Hour) // an answer does not expire
			r.twilio("GET", challengesPath+"/"+sid).want(200).like(shape(decision, `"2026-03-04T05:07:07Z"`))
		})
	}
}

func TestPushChallengeExpires(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	factor := r.pushFactor(phone)
	usual := r.challenge(factor, "Details.Message", "x").want(201)
	short := r.challenge(factor, "Details.Message", "x", "ExpirationDate", "2026-03-04T05:06:37Z").want(201)
	zoned := r.challenge(factor, "Details.Message", "x", "ExpirationDate", "2026-03-04T07:06:07+01:00").want(201) // 60 minutes, the most
	if short.text("expiration_date") != "2026-03-04T05:06:37Z" || zoned.text("expiration_date") != "2026-03-04T06:06:07Z" {
		t.Errorf("%s and %s", short.body, zoned.body)
	}
	status := func(a answer) string {
		return r.twilio("GET", challengesPath+"/"+a.text("sid")).want(200).text("status")
	}
	r.clock.move(30*time.Second - 1)
	if status(short) != "pending" {
		t.Error("expired too early")
	}
	r.clock.move(1)
	if status(short) != "expired" || status(usual) != "pending" {
		t.Error("a short life is not kept")
	}
	r.decideOn(phone, short.text("sid"), "approved").want(409)
	r.clock.move(5*time.Minute - 30*time.Second)
	if status(usual) != "expired" || status(zoned) != "pending" {
		t.Error("five minutes are not kept")
	}
	r.clock.move(55 * time.Minute)
	if a := r.twilio("GET", challengesPath+"/"+zoned.text("sid")); a.text("status") != "expired" || a.json()["date_responded"] != nil {
		t.Errorf("body %s", a.body)
	}
}

func TestChallengeRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	push := r.pushFactor(phone)
	unverified, _ := r.totpFactor()
	field := `{"label":"a","value":"b"}`
	for name, c := range map[string]struct {
		pairs        []string
		status, code int
	}{
		"no factor":         {[]string{"Details.Message", "x"}, 400, 60306},
		"unknown factor":    {[]string{"FactorSid", "YF00000000000000000000000000000001", "Details.Message", "x"}, 404, 20404},
		"unverified":        {[]string{"FactorSid", unverified, "AuthPayload", "123456"}, 403, 60318},
		"no message":        {[]string{"FactorSid", push}, 400, 60306},
		"long message":      {[]string{"FactorSid", push, "Details.Message", strings.Repeat("é", 257)}, 400, 60306},
		"field no JSON":     {[]string{"FactorSid", push, "Details.Message", "x", "Details.Fields", "a=b"}, 400, 60306},
		"field no value":    {[]string{"FactorSid", push, "Details.Message", "x", "Details.Fields", `{"label":"a"}`}, 400, 60306},
		"field list":        {[]string{"FactorSid", push, "Details.Message", "x", "Details.Fields", "[" + field + "]"}, 400, 60306},
		"long label":        {[]string{"FactorSid", push, "Details.Message", "x", "Details.Fields", `{"label":"` + strings.Repeat("a", 37) + `","value":"b"}`}, 400, 60306},
		"long value":        {[]string{"FactorSid", push, "Details.Message", "x", "Details.Fields", `{"label":"a","value":"` + strings.Repeat("b", 129) + `"}`}, 400, 60306},
		"hidden no object":  {[]string{"FactorSid", push, "Details.Message", "x", "HiddenDetails", `"text"`}, 400, 60306},
		"hidden number":     {[]string{"FactorSid", push, "Details.Message", "x", "HiddenDetails", `{"n":1}`}, 400, 60306},
		"hidden null":       {[]string{"FactorSid", push, "Details.Message", "x", "HiddenDetails", `{"n":null}`}, 400, 60306},
		"hidden long":       {[]string{"FactorSid", push, "Details.Message", "x", "HiddenDetails", `{"n":"` + strings.Repeat("n", 1024) + `"}`}, 400, 60306},
		"expired at once":   {[]string{"FactorSid", push, "Details.Message", "x", "ExpirationDate", "2026-03-04T05:06:07Z"}, 400, 60306},
		"over an hour":      {[]string{"FactorSid", push, "Details.Message", "x", "ExpirationDate", "2026-03-04T06:06:08Z"}, 400, 60306},
		"expiration format": {[]string{"FactorSid", push, "Details.Message", "x", "ExpirationDate", "Wed, 04 Mar 2026 05:10:00 +0000"}, 400, 60306},
	} {
		t.Run(name, func(t *testing.T) {
			r.twilio("POST", challengesPath, c.pairs...).want(c.status).like(twilioFault(c.status, c.code))
		})
	}
	pairs := []string{"Details.Message", strings.Repeat("é", 256)}
	for range 20 {
		pairs = append(pairs, "Details.Fields", field)
	}
	r.challenge(push, append(pairs, "Details.Fields", field)...).want(400).like(twilioFault(400, 60306))
	sid := r.challenge(push, pairs...).want(201).text("sid")
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", "123456").want(400).like(twilioFault(400, 60306))
	r.twilio("POST", challengesPath+"/YC0", "AuthPayload", "123456").want(404).like(twilioFault(404, 20404))
	r.twilio("GET", entities+"/another-person/Challenges/"+sid).want(404)
	// The other entity's factor is unknown here.
	r.twilio("POST", entities, "Identity", "another-person").want(201)
	r.twilio("POST", entities+"/another-person/Challenges", "FactorSid", push, "Details.Message", "x").want(404)
	r.twilio("GET", entities+"/another-person/Challenges/"+sid).want(404)
}

func TestTOTPChallenge(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	factor := r.verifiedTOTP()
	r.clock.move(-30 * time.Second) // back to the shape's dates; the code shown is used
	shape := func(status, responded string) string {
		return challengeShape("*", factor, "totp", status, responded, "null", "null")
	}
	sid := r.tryCode(factor, r.shown()).want(201).like(shape("pending", "null")).text("sid")
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", "12").want(400)
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", r.badCode()).want(200).like(shape("pending", "null"))
	r.clock.move(30 * time.Second)
	code := r.shown()
	r.clock.move(30 * time.Second) // one step late is early enough
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", code).want(200).like(shape("approved", `"2026-03-04T05:07:07Z"`))
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", r.shown()).want(403).like(twilioFault(403, 60322))
	if got := r.tryCode(factor, code).want(201).text("status"); got != "pending" {
		t.Errorf("a code passed twice: %q", got)
	}
	if got := r.tryCode(factor, r.shown()).want(201).text("status"); got != "approved" {
		t.Errorf("a right code: %q", got)
	}
	r.clock.move(30 * time.Second)
	sid = r.challenge(factor).want(201).text("sid") // without a code yet
	r.clock.move(5 * time.Minute)
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", r.shown()).want(403).like(twilioFault(403, 60323))
	if n := strings.TrimSpace(r.api("GET", "/api/phones/"+phone+"/approvals", "").want(200).body); n != "[]" {
		t.Errorf("codes put approvals on the phone: %s", n)
	}
}

func TestChallengeTryLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	factor := r.verifiedTOTP()
	bad := r.badCode()
	sid := r.tryCode(factor, bad).want(201).text("sid")
	for range 4 {
		r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", bad).want(200)
	}
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", r.shown()).want(429).like(twilioFault(429, 60308))
	if got := r.tryCode(factor, r.shown()).want(201).text("status"); got != "approved" {
		t.Errorf("a new challenge: %q", got)
	}
}

func TestChallengeLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	factor := r.verifiedTOTP()
	other := r.verifiedTOTP()
	code := r.badCode()
	for range 50 {
		r.tryCode(factor, code).want(201)
	}
	r.tryCode(factor, code).want(429).like(twilioFault(429, 60312))
	r.tryCode(other, code).want(201) // a limit of the factor
	r.clock.move(time.Hour - time.Second)
	r.tryCode(factor, code).want(429)
	r.clock.move(time.Second)
	for range 50 {
		r.tryCode(factor, code).want(201)
	}
	r.clock.move(2 * time.Hour)
	r.tryCode(factor, code).want(429).like(twilioFault(429, 60312)) // a hundred a day
	r.clock.move(21 * time.Hour)
	r.tryCode(factor, code).want(201)
}

func TestShortCodesAreTriedLess(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.twilio("POST", factorsPath, "FactorType", "totp", "FriendlyName", device, "Config.CodeLength", "4", "Binding.Secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").want(201)
	factor := a.text("sid")
	r.clock.move(time.Unix(2000000000, 0).Sub(r.clock.now()))
	if got := r.twilio("POST", factorsPath+"/"+factor, "AuthPayload", "9037").want(200).text("status"); got != "verified" {
		t.Fatalf("RFC 6238's code: %q", got)
	}
	for range 10 {
		r.tryCode(factor, "9037").want(201)
	}
	r.clock.move(23 * time.Hour)
	r.tryCode(factor, "9037").want(429).like(twilioFault(429, 60312))
	r.clock.move(time.Hour)
	r.tryCode(factor, "9037").want(201)
}

func TestChallengeList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	one, two := r.pushFactor(phone), r.pushFactor(phone)
	var made []string
	for i := range 4 {
		made = append(made, r.challenge([]string{one, two}[i%2], "Details.Message", fmt.Sprint(i)).want(201).text("sid"))
	}
	r.decideOn(phone, made[1], "approved").want(200)
	r.decideOn(phone, made[2], "denied").want(200)
	for query, want := range map[string][]string{
		"":                                 made,
		"?Order=asc":                       made,
		"?Order=desc&PageSize=2":           {made[3], made[2]},
		"?Order=desc&PageSize=2&Page=1":    {made[1], made[0]},
		"?FactorSid=" + two:                {made[1], made[3]},
		"?Status=approved":                 {made[1]},
		"?Status=denied":                   {made[2]},
		"?Status=pending":                  {made[0], made[3]},
		"?Status=pending&FactorSid=" + one: {made[0]},
		"?Status=expired":                  nil,
	} {
		got := sids(t, r.twilio("GET", challengesPath+query).want(200), "challenges")
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	r.clock.move(5 * time.Minute)
	if got := sids(t, r.twilio("GET", challengesPath+"?Status=expired").want(200), "challenges"); len(got) != 2 {
		t.Errorf("expired: %v", got)
	}
	r.twilio("GET", challengesPath+"?Order=up").want(400).like(twilioFault(400, 60306))
	r.twilio("GET", challengesPath+"?Status=good").want(400).like(twilioFault(400, 60306))
	next := r.twilio("GET", challengesPath+"?Status=expired&PageSize=1").want(200).json()["meta"].(map[string]any)["next_page_url"]
	if next != entityURL+"/Challenges?Page=1&PageSize=1&Status=expired" {
		t.Errorf("next page %v", next)
	}
}

func TestRemovalTakesPendingChallenges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	gone, kept := r.pushFactor(phone), r.pushFactor("+14155550100")
	answered := r.challenge(gone, "Details.Message", "x").want(201).text("sid")
	r.decideOn(phone, answered, "approved").want(200)
	open := r.challenge(gone, "Details.Message", "x").want(201).text("sid")
	other := r.challenge(kept, "Details.Message", "x").want(201).text("sid")
	r.twilio("DELETE", factorsPath+"/"+gone).want(204)
	r.decideOn(phone, open, "approved").want(404)
	r.twilio("GET", challengesPath+"/"+open).want(404).like(twilioFault(404, 20404))
	r.challenge(gone, "Details.Message", "x").want(404).like(twilioFault(404, 20404))
	if got := r.twilio("GET", challengesPath+"/"+answered).want(200).text("status"); got != "approved" {
		t.Errorf("status %q", got)
	}
	if strings.Contains(r.api("GET", "/api/phones/"+phone+"/approvals", "").body, open) {
		t.Error("the phone still shows it")
	}
	r.twilio("DELETE", entityPath).want(204)
	r.decideOn("+14155550100", other, "approved").want(404)
	r.entity().want(201)
	if len(r.factorSIDs("")) != 0 {
		t.Error("a new entity has the old one's factors")
	}
	r.twilio("GET", challengesPath+"/"+answered).want(404)
}

// A call is a check if it carries a code, whatever the weather does to it; a
// request to a phone is an approval.
func TestFactorStats(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	push := r.pushFactor(phone)
	factor := r.verifiedTOTP()                                                          // 1
	sid := r.tryCode(factor, r.badCode()).want(201).text("sid")                         // 2
	r.twilio("POST", challengesPath+"/"+sid, "AuthPayload", "12").want(400)             // 3
	r.twilio("POST", factorsPath+"/"+factor, "FriendlyName", "x").want(200)             // none
	r.challenge(factor).want(201)                                                       // none
	r.challenge(push, "Details.Message", strings.Repeat("AuthPayload=1 ", 5)).want(201) // none
	r.api("PUT", "/api/weather", `{"api":"429"}`).want(200)
	r.tryCode(factor, "123456").want(429) // 4
	req := r.request("POST", r.vendor.URL+challengesPath, "application/x-www-form-urlencoded", "AuthPayload=123456")
	req.SetBasicAuth(account, "wrong")
	r.do(req).want(401) // not ours
	r.api("GET", "/api/stats", "").want(200).like(`{"sms":0,"calls":0,"checks":4,"approvals":1,"callbacks":0}`)
	r.api("PUT", "/api/weather", `{"api":"ok"}`).want(200)
	r.challenge(push, "Details.Message", strings.Repeat("x", 70<<10)).want(400).like(twilioFault(400, 20001))
}

func TestChallengesAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	factor := r.pushFactor(phone)
	first := r.challenge(factor, "Details.Message", "x").want(201).text("sid")
	for range 500 {
		r.challenge(factor, "Details.Message", "x").want(201)
	}
	r.twilio("GET", challengesPath+"/"+first).want(404)
	if n := len(sids(t, r.twilio("GET", challengesPath+"?PageSize=1000"), "challenges")); n != 500 {
		t.Errorf("%d challenges are kept", n)
	}
}
