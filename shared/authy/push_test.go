package authy_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/otp"
	"latchkey/shared/push"
)

const (
	person  = "12345678901"
	session = "canarysession"
	place   = "Bogotá, CO"
)

var (
	target  = push.Target{User: person}
	request = push.Request{
		Session: session, Message: "Log in to Example?", At: time.Unix(1700000000, 0), Life: 5 * time.Minute,
		Details: []push.Detail{{Label: "time", Value: "12:05 & later"}, {Label: "place", Value: place}, {Label: "browser", Value: ""}},
	}
)

// outcome is doortest's, and knows package push's errors too.
func outcome(err error) string {
	switch {
	case errors.Is(err, push.ErrNoDevice):
		return "no device"
	case errors.Is(err, push.ErrStranger):
		return "stranger"
	default:
		return doortest.Outcome(err)
	}
}

// mute fails the test if an error's text holds what nobody may log.
func mute(t *testing.T, err error) {
	t.Helper()
	doortest.Discreet(t, err, number, key, person, ref, ref[:8], session, place, request.Message, "/onetouch", "canary")
	if errors.Is(err, push.ErrNoDevice) && errors.Is(err, otp.ErrUnavailable) {
		t.Errorf("two outcomes in one: %v", err)
	}
}

// shown is Authy's answer about a request.
func shown(status, user, rest string) string {
	return `{"approval_request":{"_app_name":"Example","_authy_id":` + user + `,"_user_email":"` + email + `","notified":false,"processed_at":null,"seconds_to_expire":300,"status":` + status + rest + `},"success":true}`
}

// The details arrive in the order in which they are to be shown; the expiry is
// always there (R-046; parity 82, 84-86).
func TestAskOnTheWire(t *testing.T) {
	t.Parallel()
	var got []string
	p := door(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.Method+" "+r.URL.String(), r.Header.Get("X-Authy-API-Key"), r.Header.Get("Content-Type"), string(body))
		io.WriteString(w, `{"approval_request":{"uuid":"`+ref+`"},"success":true}`)
	}).Pushes()
	id, err := p.Ask(t.Context(), target, request)
	if err != nil || id != ref {
		t.Errorf("id %q, %v", id, err)
	}
	want := []string{
		"POST /onetouch/json/users/" + person + "/approval_requests", key, "application/x-www-form-urlencoded",
		"message=Log+in+to+Example%3F&details%5Btime%5D=12%3A05+%26+later&details%5Bplace%5D=Bogot%C3%A1%2C+CO&details%5Bbrowser%5D=" +
			"&hidden_details%5Bsession%5D=canarysession&seconds_to_expire=300",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("requested\n%s", strings.Join(got, "\n"))
	}
}

// Logos keep their order and their pairs; what is asked with none is what it was
// before there were any.
func TestLogosOnTheWire(t *testing.T) {
	t.Parallel()
	var got string
	p := door(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(body)
		io.WriteString(w, `{"approval_request":{"uuid":"`+ref+`"},"success":true}`)
	}).Pushes()
	r := request
	r.Details = []push.Detail{{Label: "z_last", Value: "1"}, {Label: "amount", Value: "2"}}
	r.Logos = []push.Logo{{Res: "default", URL: "https://id.example.com/b.png"}, {Res: "low", URL: "https://id.example.com/a.png"}}
	_, err := p.Ask(t.Context(), target, r)
	want := "message=Log+in+to+Example%3F&details%5Bz_last%5D=1&details%5Bamount%5D=2" +
		"&logos%5B%5D%5Bres%5D=default&logos%5B%5D%5Burl%5D=https%3A%2F%2Fid.example.com%2Fb.png" +
		"&logos%5B%5D%5Bres%5D=low&logos%5B%5D%5Burl%5D=https%3A%2F%2Fid.example.com%2Fa.png" +
		"&hidden_details%5Bsession%5D=canarysession&seconds_to_expire=300"
	if err != nil || got != want {
		t.Errorf("requested\n%s\nwant\n%s\n%v", got, want, err)
	}
}

// many are n details with labels of which none begins another.
func many(n int) []push.Detail {
	var list []push.Detail
	for i := range n {
		list = append(list, push.Detail{Label: "label_" + string(rune('a'+i)), Value: "x"})
	}
	return list
}

func TestDecisionOnTheWire(t *testing.T) {
	t.Parallel()
	var got string
	p := door(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got += r.Method + " " + r.URL.String() + " " + r.Header.Get("X-Authy-API-Key") + string(body)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, shown(`"approved"`, person, ""))
	}).Pushes()
	d, err := p.Decision(t.Context(), target, ref)
	if d != push.Approved || err != nil || got != "GET /onetouch/json/approval_requests/"+ref+" "+key {
		t.Errorf("%s, %v, requested %s", d, err, got)
	}
}

// Only an id of the right shape is a request that was made.
func TestAskAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"as the vendor writes it", 200, `{"approval_request":{"uuid":"` + ref + `"},"success":true}`, "passed"},
		{"success as text", 200, `{"approval_request":{"uuid":"` + ref + `"},"success":"true"}`, "passed"},
		{"capitals", 200, `{"approval_request":{"uuid":"` + strings.ToUpper(ref) + `"},"success":true}`, "passed"},
		{"no success", 200, `{"approval_request":{"uuid":"` + ref + `"}}`, "unavailable"},
		{"success false", 200, `{"approval_request":{"uuid":"` + ref + `"},"success":false}`, "unavailable"},
		{"other status", 201, `{"approval_request":{"uuid":"` + ref + `"},"success":true}`, "unavailable"},
		{"success with 400", 400, `{"approval_request":{"uuid":"` + ref + `"},"success":true}`, "unavailable"},
		{"no uuid", 200, `{"approval_request":{},"success":true}`, "unavailable"},
		{"uuid null", 200, `{"approval_request":{"uuid":null},"success":true}`, "unavailable"},
		{"uuid a path", 200, `{"approval_request":{"uuid":"../` + ref[3:] + `"},"success":true}`, "unavailable"},
		{"uuid with line end", 200, `{"approval_request":{"uuid":"` + ref + `\n"},"success":true}`, "unavailable"},
		{"uuid outside", 200, `{"uuid":"` + ref + `","success":true}`, "unavailable"},
		{"no request", 200, `{"success":true}`, "unavailable"},
		{"request in a list", 200, `{"approval_request":[{"uuid":"` + ref + `"}],"success":true}`, "unavailable"},
		{"page", 200, `<html>` + ref, "unavailable"},
		{"page with 500", 500, `<html>canary`, "unavailable"},
		{"page with 429", 429, `<html>`, "wait 5s"},
		{"page with 404", 404, `<html>`, "unavailable"},
		{"nothing", 200, ``, "unavailable"},
		{"null", 200, `null`, "unavailable"},
	} {
		id, err := door(t, doortest.Answers(c.status, c.body)).Pushes().Ask(t.Context(), target, request)
		if outcome(err) != c.want || (err == nil) != strings.EqualFold(id, ref) || err != nil && id != "" {
			t.Errorf("%s: %q, %v", c.name, id, err)
		}
		mute(t, err)
	}
}

// (parity 75)
func TestPushRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status, code  int
		ask, decision string
	}{
		{400, 60000, "unavailable", "unavailable"},
		{401, 60001, "unavailable", "unavailable"},
		{400, 60002, "unavailable", "unavailable"},
		{429, 60003, "wait 1h0m0s", "wait 1h0m0s"},
		{400, 60003, "wait 1h0m0s", "wait 1h0m0s"},
		{429, 60009, "wait 5s", "wait 5s"},
		{400, 60004, "unavailable", "unavailable"},
		{400, 60005, "unavailable", "unavailable"},
		{404, 60016, "no device", "unavailable"},
		{403, 60017, "no device", "unavailable"},
		{403, 60018, "no device", "unavailable"},
		{401, 60020, "unavailable", "unavailable"},
		{404, 60026, "no device", "unavailable"},
		{400, 60026, "no device", "unavailable"},
		{401, 60047, "unavailable", "unavailable"},
		{404, 60049, "unavailable", "gone"},
		{503, 60049, "unavailable", "unavailable"},
		{400, 60050, "no device", "unavailable"},
		{404, 60050, "no device", "unavailable"},
		{400, 60051, "no device", "unavailable"},
		{200, 60051, "no device", "unavailable"},
		{500, 60051, "unavailable", "unavailable"},
		{503, 60060, "unavailable", "unavailable"},
		{403, 60061, "unavailable", "unavailable"},
		{403, 60063, "unavailable", "unavailable"},
		{403, 60064, "no device", "unavailable"},
		{403, 60065, "no device", "unavailable"},
		{403, 60066, "no device", "unavailable"},
		{400, 60079, "unavailable", "unavailable"},
		{400, 60080, "unavailable", "unavailable"},
		{403, 60106, "no device", "unavailable"},
		{403, 60107, "no device", "unavailable"},
		{404, 0, "unavailable", "unavailable"},
		{400, 99999, "unavailable", "unavailable"},
	} {
		p := door(t, doortest.Answers(c.status, refuses(c.code))).Pushes()
		id, err := p.Ask(t.Context(), target, request)
		if outcome(err) != c.ask || id != "" {
			t.Errorf("asking, %d %d: %q, %s, want %s (%v)", c.status, c.code, id, outcome(err), c.ask, err)
		}
		mute(t, err)
		d, err := p.Decision(t.Context(), target, ref)
		if outcome(err) != c.decision || d != "" {
			t.Errorf("decision, %d %d: %q, %s, want %s (%v)", c.status, c.code, d, outcome(err), c.decision, err)
		}
		mute(t, err)
		refused := c.code == 60001 || c.code == 60047 || c.code == 60063
		if strings.Contains(err.Error(), "credentials refused") != refused {
			t.Errorf("operator is told %q", err)
		}
	}
}

// Only an explicit approval of this person's request is one (R-050, R-061;
// parity 100).
func TestDecisions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		decision   push.Decision
		want       string
	}{
		{"pending", shown(`"pending"`, person, ""), push.Pending, "passed"},
		{"approved", shown(`"approved"`, person, ""), push.Approved, "passed"},
		{"denied", shown(`"denied"`, person, ""), push.Denied, "passed"},
		{"expired", shown(`"expired"`, person, ""), push.Expired, "passed"},
		{"id as text", shown(`"approved"`, `"`+person+`"`, ""), push.Approved, "passed"},
		{"with its uuid", shown(`"approved"`, person, `,"uuid":"`+strings.ToUpper(ref)+`"`), push.Approved, "passed"},
		{"other uuid", shown(`"approved"`, person, `,"uuid":"0`+ref[1:]+`"`), "", "unavailable"},
		{"somebody else", shown(`"approved"`, "12345678902", ""), "", "stranger"},
		{"somebody else, as text", shown(`"approved"`, `"1"`, ""), "", "stranger"},
		{"somebody else, denied", shown(`"denied"`, "1", ""), "", "stranger"},
		{"id longer", shown(`"approved"`, person+"0", ""), "", "stranger"},
		{"nobody", shown(`"approved"`, "null", ""), "", "unavailable"},
		{"id not a number", shown(`"approved"`, `"canary"`, ""), "", "unavailable"},
		{"id with exponent", shown(`"approved"`, "1.2345678901e10", ""), "", "unavailable"},
		{"id in a list", shown(`"approved"`, "["+person+"]", ""), "", "unavailable"},
		{"unknown status", shown(`"canary"`, person, ""), "", "unavailable"},
		{"capitals", shown(`"Approved"`, person, ""), "", "unavailable"},
		{"true", shown(`true`, person, ""), "", "unavailable"},
		{"null", shown(`null`, person, ""), "", "unavailable"},
		{"empty", shown(`""`, person, ""), "", "unavailable"},
		{"in a list", shown(`["approved"]`, person, ""), "", "unavailable"},
		{"no success", strings.Replace(shown(`"approved"`, person, ""), `"success":true`, `"x":1`, 1), "", "unavailable"},
		{"success false", strings.Replace(shown(`"approved"`, person, ""), `"success":true`, `"success":false`, 1), "", "unavailable"},
		{"success text", strings.Replace(shown(`"approved"`, person, ""), `"success":true`, `"success":"true"`, 1), push.Approved, "passed"},
		{"outside", `{"status":"approved","_authy_id":` + person + `,"success":true}`, "", "unavailable"},
		{"success alone", `{"success":true}`, "", "unavailable"},
		{"page", `<html>approved`, "", "unavailable"},
		{"nothing", ``, "", "unavailable"},
	} {
		d, err := door(t, doortest.Answers(200, c.body)).Pushes().Decision(t.Context(), target, ref)
		if d != c.decision || outcome(err) != c.want {
			t.Errorf("%s: %q, %v", c.name, d, err)
		}
		mute(t, err)
	}
	for _, status := range []int{201, 202, 302, 400, 401, 403, 404, 500, 503} {
		d, err := door(t, doortest.Answers(status, shown(`"approved"`, person, ""))).Pushes().Decision(t.Context(), target, ref)
		if d != "" || outcome(err) != "unavailable" {
			t.Errorf("%d: %q, %v", status, d, err)
		}
	}
}
