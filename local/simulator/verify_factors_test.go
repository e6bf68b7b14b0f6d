package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/local/simulator"
)

const factorsPath = entityPath + "/Factors"

// totpFactor makes a factor and returns its sid and the URI for the phone.
func (r *rig) totpFactor(pairs ...string) (sid, uri string) {
	r.t.Helper()
	a := r.twilio("POST", factorsPath, append([]string{"FactorType", "totp", "FriendlyName", device}, pairs...)...).want(201)
	binding, ok := a.json()["binding"].(map[string]any)
	if !ok {
		r.t.Fatalf("no binding in %s", a.body)
	}
	return a.text("sid"), fmt.Sprint(binding["uri"])
}

// verifiedTOTP is a factor whose codes the phone shows. The clock has moved on
// to a code that was not used yet.
func (r *rig) verifiedTOTP() string {
	r.t.Helper()
	sid, uri := r.totpFactor()
	r.putApp(phone, "uri", uri).want(200)
	a := r.twilio("POST", factorsPath+"/"+sid, "AuthPayload", r.shown()).want(200)
	if a.text("status") != "verified" {
		r.t.Fatalf("body %s", a.body)
	}
	r.clock.move(30 * time.Second)
	return sid
}

// shown is the code that the phone's authenticator shows.
func (r *rig) shown() string {
	r.t.Helper()
	return r.api("GET", "/api/phones/"+phone+"/token", "").want(200).text("token")
}

// badCode is a code that no time step near now has.
func (r *rig) badCode() string {
	r.t.Helper()
	near := map[string]bool{}
	r.clock.move(-60 * time.Second)
	for range 5 {
		near[r.shown()] = true
		r.clock.move(30 * time.Second)
	}
	r.clock.move(-90 * time.Second)
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

func factorShape(sid, status, config string) string {
	return `"sid":"` + sid + `","account_sid":"` + account + `","service_sid":"` + service + `","entity_sid":"*","identity":"` + identity + `",
		"date_created":"2026-03-04T05:06:07Z","date_updated":"*","friendly_name":"*","status":"` + status + `",
		"factor_type":"totp","config":` + config + `,"metadata":null,"url":"*"`
}

const usualConfig = `{"alg":"sha1","skew":1,"code_length":6,"time_step":30}`

func TestTOTPFactorShape(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.twilio("POST", factorsPath, "FactorType", "totp", "FriendlyName", "John’s Account Name").want(201)
	a.like(`{` + factorShape("*", "unverified", usualConfig) + `,"binding":{"secret":"*","uri":"*"},"options":null}`)
	sid := a.text("sid")
	if !strings.HasPrefix(sid, "YF") || len(sid) != 34 || a.text("url") != entityURL+"/Factors/"+sid {
		t.Errorf("sid %q, url %q", sid, a.text("url"))
	}
	binding := a.json()["binding"].(map[string]any)
	secret := fmt.Sprint(binding["secret"])
	if len(secret) != 32 || strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		t.Errorf("secret %q is not twenty bytes in base32", secret)
	}
	want := "otpauth://totp/Latchkey:John%E2%80%99s%20Account%20Name?secret=" + secret + "&issuer=Latchkey&algorithm=SHA1&digits=6&period=30"
	if binding["uri"] != want {
		t.Errorf("uri %q, want %q", binding["uri"], want)
	}
	r.entity().want(409) // made with the first factor
	// The secret is told once.
	r.twilio("GET", factorsPath+"/"+sid).want(200).like(`{` + factorShape(sid, "unverified", usualConfig) + `}`)
	r.twilio("POST", factorsPath+"/"+sid, "FriendlyName", "renamed").want(200).like(`{` + factorShape(sid, "unverified", usualConfig) + `}`)
	b := r.twilio("GET", factorsPath).want(200)
	if strings.Contains(b.body, "binding") || strings.Contains(b.body, secret) || !strings.Contains(b.body, `"friendly_name":"renamed"`) {
		t.Errorf("list %s", b.body)
	}
	r.twilio("DELETE", factorsPath+"/"+sid).want(204)
	r.twilio("DELETE", factorsPath+"/"+sid).want(404)
}

func TestTOTPFactorAsConfigured(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.twilio("POST", factorsPath, "FactorType", "totp", "FriendlyName", device, "Binding.Secret", "gezdgnbvgy3tqojq",
		"Config.Alg", "sha512", "Config.TimeStep", "60", "Config.Skew", "0", "Config.CodeLength", "8", "Metadata", `{"os": "none"}`).want(201)
	uri := "otpauth://totp/Latchkey:" + device + "?secret=GEZDGNBVGY3TQOJQ&issuer=Latchkey&algorithm=SHA512&digits=8&period=60"
	a.like(`{"sid":"*","account_sid":"*","service_sid":"*","entity_sid":"*","identity":"*","date_created":"*","date_updated":"*",
		"friendly_name":"*","status":"unverified","factor_type":"totp","config":{"alg":"sha512","skew":0,"code_length":8,"time_step":60},
		"metadata":{"os":"none"},"url":"*","binding":{"secret":"GEZDGNBVGY3TQOJQ","uri":"` + uri + `"},"options":null}`)
	r.putApp(phone, "uri", uri).want(200)
	r.clock.move(53 * time.Second) // the start of a minute
	code := r.shown()
	r.clock.move(time.Minute) // skew 0: too late
	path := factorsPath + "/" + a.text("sid")
	if got := r.twilio("POST", path, "AuthPayload", code).want(200).text("status"); got != "unverified" {
		t.Errorf("an old code: %q", got)
	}
	if got := r.twilio("POST", path, "AuthPayload", r.shown()).want(200).text("status"); got != "verified" {
		t.Errorf("the code shown: %q", got)
	}
}

func TestFactorRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.twilio("POST", factorsPath, "FactorType", "push", "FriendlyName", "x").want(400).like(twilioFault(400, 60300))
	r.twilio("POST", entities+"/short/Factors", "FactorType", "totp", "FriendlyName", "x").want(400).like(twilioFault(400, 60306))
	for _, pairs := range [][]string{
		{"FriendlyName", "x"},
		{"FriendlyName", "x", "FactorType", "passkeys"},
		{"FactorType", "totp"},
		{"FactorType", "totp", "FriendlyName", strings.Repeat("x", 65)},
		{"FactorType", "totp", "FriendlyName", "x", "Config.Alg", "md5"},
		{"FactorType", "totp", "FriendlyName", "x", "Config.CodeLength", "2"},
		{"FactorType", "totp", "FriendlyName", "x", "Config.CodeLength", "9"},
		{"FactorType", "totp", "FriendlyName", "x", "Config.TimeStep", "19"},
		{"FactorType", "totp", "FriendlyName", "x", "Config.TimeStep", "61"},
		{"FactorType", "totp", "FriendlyName", "x", "Config.Skew", "3"},
		{"FactorType", "totp", "FriendlyName", "x", "Binding.Secret", "not base32!"},
		{"FactorType", "totp", "FriendlyName", "x", "Metadata", `{"n":1}`},
		{"FactorType", "totp", "FriendlyName", "x", "Metadata", "null"},
	} {
		r.twilio("POST", factorsPath, pairs...).want(400).like(twilioFault(400, 60306))
	}
	r.twilio("GET", entityPath).want(404) // nothing was made
	sid, _ := r.totpFactor()
	for _, code := range []string{"12", "123456789", "12345a", "+12345"} {
		r.twilio("POST", factorsPath+"/"+sid, "AuthPayload", code).want(400).like(twilioFault(400, 60306))
	}
	r.twilio("POST", factorsPath+"/"+sid, "FriendlyName", strings.Repeat("x", 65)).want(400)
	r.twilio("POST", factorsPath+"/"+r.pushFactor(phone), "AuthPayload", "123456").want(400).like(twilioFault(400, 60306))
	for _, query := range []string{"?PageSize=0", "?PageSize=1001", "?PageSize=x", "?Page=-1"} {
		r.twilio("GET", factorsPath+query).want(400).like(twilioFault(400, 60306))
	}
}

func TestTOTPFactorIsVerifiedByItsCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sid, uri := r.totpFactor()
	r.putApp(phone, "uri", uri).want(200)
	path := factorsPath + "/" + sid
	r.twilio("POST", path, "AuthPayload", r.badCode()).want(200).like(`{` + factorShape(sid, "unverified", usualConfig) + `}`)
	early := r.shown()
	r.clock.move(60 * time.Second) // two steps: one too many
	if got := r.twilio("POST", path, "AuthPayload", early).want(200).text("status"); got != "unverified" {
		t.Errorf("an old code: %q", got)
	}
	code := r.shown()
	r.clock.move(30 * time.Second)
	a := r.twilio("POST", path, "AuthPayload", code).want(200).like(`{` + factorShape(sid, "verified", usualConfig) + `}`)
	if a.text("date_updated") != "2026-03-04T05:07:37Z" {
		t.Errorf("body %s", a.body)
	}
	r.twilio("GET", path).want(200).like(`{` + factorShape(sid, "verified", usualConfig) + `}`)
	// Verifying took that code.
	if got := r.tryCode(sid, code).want(201).text("status"); got != "pending" {
		t.Errorf("the same code again: %q", got)
	}
}

func TestFactorAttemptLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sid, uri := r.totpFactor()
	r.putApp(phone, "uri", uri).want(200)
	for range 5 {
		r.twilio("POST", factorsPath+"/"+sid, "AuthPayload", r.badCode()).want(200)
	}
	r.twilio("POST", factorsPath+"/"+sid, "AuthPayload", r.shown()).want(429).like(twilioFault(429, 60310))
	r.clock.move(24 * time.Hour)
	r.twilio("POST", factorsPath+"/"+sid, "AuthPayload", r.shown()).want(429)
	r.twilio("POST", factorsPath+"/"+sid, "FriendlyName", "x").want(200)
	r.twilio("DELETE", factorsPath+"/"+sid).want(204)
	r.verifiedTOTP() // another one is free to try
}

func TestFactorLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 99 {
		r.totpFactor()
	}
	last, _ := r.totpFactor()
	form := []string{"FactorType", "totp", "FriendlyName", device}
	r.twilio("POST", factorsPath, form...).want(400).like(twilioFault(400, 60315))
	r.twilio("DELETE", factorsPath+"/"+last).want(204)
	r.twilio("POST", factorsPath, form...).want(429).like(twilioFault(429, 60326)) // a hundred today
	r.clock.move(24 * time.Hour)
	r.twilio("POST", factorsPath, form...).want(201)
}

func TestFactorPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var want []string
	for range 5 {
		sid, _ := r.totpFactor()
		want = append(want, sid)
	}
	base := entityURL + "/Factors?Page="
	a := r.twilio("GET", factorsPath+"?PageSize=2")
	var got []string
	for page := 0; ; page++ {
		got = append(got, sids(t, a.want(200), "factors")...)
		meta := a.json()["meta"].(map[string]any)
		if meta["page"] != json.Number(fmt.Sprint(page)) || meta["page_size"] != json.Number("2") || meta["first_page_url"] != base+"0&PageSize=2" ||
			meta["url"] != base+fmt.Sprint(page)+"&PageSize=2" || (page == 0) != (meta["previous_page_url"] == nil) {
			t.Errorf("meta %v", meta)
		}
		next, more := meta["next_page_url"].(string)
		if !more {
			break
		}
		u, err := url.Parse(next)
		if err != nil || u.Host != "verify.twilio.com" {
			t.Fatalf("next page %q", next)
		}
		a = r.twilio("GET", u.RequestURI())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("pages hold %v, want %v", got, want)
	}
	if len(r.factorSIDs("?PageSize=2&Page=9")) != 0 || len(r.factorSIDs("")) != 5 {
		t.Error("a page past the end, or all")
	}
}

func TestParallelCodesPassOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	sid := r.verifiedTOTP()
	code := r.shown()
	var wg sync.WaitGroup
	statuses := make(chan string, 20)
	for range 20 {
		wg.Go(func() { statuses <- r.tryCode(sid, code).want(201).text("status") })
	}
	wg.Wait()
	close(statuses)
	counts := map[string]int{}
	for status := range statuses {
		counts[status]++
	}
	if counts["approved"] != 1 || counts["pending"] != 19 {
		t.Errorf("statuses %v", counts)
	}
}

func TestScannedCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.api("GET", "/api/phones/"+phone+"/token", "").want(409)
	r.putApp(phone, "uri", "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ").want(400).like(`{"error":"*"}`)
	r.putApp(phone, "uri", "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").want(200)
	// RFC 6238, appendix B, at 2000000000 s: 69279037.
	r.clock.move(time.Unix(2000000000, 0).Sub(r.clock.now()))
	r.api("GET", "/api/phones/"+phone+"/token", "").want(200).like(`{"token":"279037","seconds_left":10}`)
	r.putApp(phone, "uri", "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8&period=60").want(200)
	if a := r.api("GET", "/api/phones/"+phone+"/token", "").want(200); len(a.text("token")) != 8 || a.json()["seconds_left"] != json.Number("40") {
		t.Errorf("body %s", a.body)
	}
}

// What a product keeps for years must mean the same after a restart.
func TestFactorsOutliveARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	r := newRigWith(t, file)
	push := r.pushFactor(phone)
	totp := r.verifiedTOTP()
	before := r.twilio("GET", factorsPath).want(200).body
	spent := r.accessToken()
	r.twilio("POST", "/v2/Services/"+service2+"/AccessTokens", "Identity", "nobody-yet", "FactorType", "push").want(201)
	removed, _ := r.totpFactor()
	r.twilio("DELETE", factorsPath+"/"+removed).want(204) // writes the state

	r = newRigWith(t, file)
	r.clock.move(30 * time.Second)
	if after := r.twilio("GET", factorsPath).want(200).body; after != before {
		t.Errorf("factors were\n%s and are\n%s", before, after)
	}
	if n := r.registered(phone); n != "1" {
		t.Errorf("%s factors on the phone", n)
	}
	if got := r.tryCode(totp, r.shown()).want(201).text("status"); got != "approved" {
		t.Errorf("the phone's code: %q", got)
	}
	sid := r.challenge(push, "Details.Message", "Sign in?").want(201).text("sid")
	r.decideOn(phone, sid, "approved").want(200)
	r.putApp(phone, "enrolment", enrolment(spent, identity, service, device)).want(401)
	r.twilio("GET", "/v2/Services/"+service2+"/Entities/nobody-yet").want(404)
	r.twilio("DELETE", entityPath).want(204)

	r = newRigWith(t, file)
	r.twilio("GET", entityPath).want(404)
	r.shown() // an app keeps what it scanned
	r.api("DELETE", "/api", "").want(204)
	r = newRigWith(t, file)
	r.api("GET", "/api/phones/"+phone+"/token", "").want(409)
}

func TestEntitiesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const (
		totp = `{"secret":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=","alg":"sha1","digits":6,"period":30}`
		push = `{"sid":"YF1","friendly_name":"x","verified":true,"phone":"+14155552671"}`
	)
	load := func(entities string) error {
		file := filepath.Join(t.TempDir(), "state.json")
		err := os.WriteFile(file, []byte(`{"entities":`+entities+`}`), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = simulator.New(simulator.Options{StateFile: file})
		return err
	}
	one := func(factors string) string {
		return `{"entities":[{"sid":"YE1","service":"VA1","identity":"` + identity + `","factors":[` + factors + `]}]}`
	}
	for _, good := range []string{"null", "{}", one(""), one(push), one(`{"sid":"YF1","friendly_name":"x","totp":` + totp + `}`),
		`{"authenticators":{"+14155552671":` + totp + `}}`} {
		err := load(good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"[]", `{"entities":[null]}`, `{"entities":[{"sid":"YE1","service":"VA1","identity":"short"}]}`,
		`{"entities":[{"service":"VA1","identity":"` + identity + `"}]}`, `{"entities":[{"sid":"YE1","identity":"` + identity + `"}]}`,
		one("null"), one(`{"friendly_name":"x","verified":true,"phone":"+14155552671"}`), one(`{"sid":"YF1","verified":true,"phone":"+14155552671"}`),
		one(`{"sid":"YF1","friendly_name":"x","verified":true}`), one(`{"sid":"YF1","friendly_name":"x","phone":"+14155552671"}`),
		one(`{"sid":"YF1","friendly_name":"x","totp":{}}`), one(`{"sid":"YF1","friendly_name":"x","skew":9,"totp":` + totp + `}`),
		`{"authenticators":{"nobody":` + totp + `}}`, `{"authenticators":{"+14155552671":null}}`,
		`{"authenticators":{"+14155552671":{"secret":"MTIz","alg":"sha1","digits":6,"period":0}}}`,
		`{"authenticators":{"+14155552671":{"secret":"MTIz","alg":"md5","digits":6,"period":30}}}`,
	} {
		if load(bad) == nil {
			t.Errorf("loaded %s", bad)
		}
	}
}

// A vendor that cannot keep what it promised says so.
func TestFactorsThatCannotBeKept(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, filepath.Join(t.TempDir(), "no-such-folder", "state.json"))
	text := enrolment(r.accessToken(), identity, service, device)
	r.putApp(phone, "enrolment", text).want(500).like(`{"error":"*"}`)
	r.putApp(phone, "uri", "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ").want(500).like(`{"error":"*"}`)
	sid := r.factorSIDs("")[0]
	fault := twilioFault(500, 20500)
	r.twilio("POST", entities, "Identity", "another-person").want(500).like(fault)
	r.twilio("POST", factorsPath, "FactorType", "totp", "FriendlyName", device).want(500).like(fault)
	r.twilio("POST", factorsPath+"/"+sid, "FriendlyName", "x").want(500).like(fault)
	r.twilio("DELETE", factorsPath+"/"+sid).want(500).like(fault)
	r.twilio("DELETE", entityPath).want(500).like(fault)
}
