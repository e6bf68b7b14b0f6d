package verify_test

import (
	"fmt"
	"strings"
	"testing"
)

// A device is enrolled with a text that the vendor's token is in (parity 75);
// an identity that Verify knows already is as good as a new one.
func TestEnrol(t *testing.T) {
	t.Parallel()
	for _, entity := range []answer{{201, `{"sid":"YE1"}`}, {409, entityTaken}} {
		c, s := scripted(t, entity, answer{201, `{"sid":"YK1","entity_identity":"` + strings.ToUpper(identity) + `","token":"` + jwe + `","ttl":300}`})
		text, err := c.Factors().Enrol(t.Context(), identity, enrolment)
		if err != nil {
			t.Fatal(err)
		}
		if text != `{"token":"`+jwe+`","identity":"`+identity+`","serviceSid":"`+login+`","friendlyName":"`+enrolment+`"}` {
			t.Errorf("enrolment is %s", text)
		}
		s.wants(t, newEntity,
			"POST /v2/Services/"+login+"/AccessTokens FactorFriendlyName="+enrolment+"&FactorType=push&Identity="+identity+"&Ttl=300")
	}
}

func TestEnrolNeedsAToken(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"token":""}`, `{"token":7}`, `{"token":"` + jwe + `","entity_identity":"somebody-else"}`} {
		c, _ := scripted(t, answer{201, `{}`}, answer{201, body})
		text, err := c.Factors().Enrol(t.Context(), identity, enrolment)
		if outcome(err) != "unavailable" || text != "" {
			t.Errorf("%s: %q, %v", body, text, err)
		}
		quiet(t, err)
	}
}

// Without an id of ours, any unnamed factor would be the one enrolled.
func TestEnrolmentNeedsAnID(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, answer{200, `{"factors":[{"sid":"` + device + `","factor_type":"push","friendly_name":"","status":"verified"}]}`})
	for _, id := range []string{"", strings.Repeat("i", 65)} {
		_, err := c.Factors().Enrol(t.Context(), identity, id)
		_, _, _, err2 := c.Factors().NewToken(t.Context(), identity, id)
		if outcome(err) != "unavailable" || outcome(err2) != "unavailable" {
			t.Errorf("%q: %v, %v", id, err, err2)
		}
	}
	_, err := c.Factors().Registered(t.Context(), identity, "")
	if outcome(err) != "not registered" {
		t.Errorf("no id: %v", err)
	}
	s.wants(t)
}

const registeredFactor = `{"sid":"$F","identity":"$I","factor_type":"push","friendly_name":"$N","status":"verified","config":{"sdk_version":"1"}}`

// listed is a page with a device in this text of its own, filled in.
func listed(factor string) string {
	factor = strings.NewReplacer("$F", device, "$I", identity, "$N", enrolment).Replace(factor)
	return `{"factors":[{"sid":"` + other + `","factor_type":"push","friendly_name":"older","status":"verified"},` + factor + `],"meta":{"page":0,"next_page_url":null,"key":"factors"}}`
}

func TestRegistered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, change, to, want string }{
		{"registered", "", "", "passed"},
		{"identity in capitals", "$I", strings.ToUpper(identity), "passed"},
		{"not proved yet", "verified", "unverified", "not registered"},
		{"status in capitals", "verified", "Verified", "not registered"},
		{"status absent", `"status"`, `"state"`, "not registered"},
		{"an app", `"push"`, `"totp"`, "not registered"},
		{"kind absent", `"factor_type"`, `"type"`, "not registered"},
		{"another enrolment", "$N", enrolment + "0", "not registered"},
		{"enrolment in capitals", "$N", strings.ToUpper(enrolment), "not registered"},
		{"unnamed", `"$N"`, "null", "not registered"},
		{"another person's", "$I", "somebody-else", "not registered"},
		{"malformed", "$F", "YF1", "not registered"},
		{"without identifier", `"sid"`, `"id"`, "not registered"},
	} {
		client, s := scripted(t, answer{200, listed(strings.Replace(registeredFactor, c.change, c.to, 1))})
		sid, err := client.Factors().Registered(t.Context(), identity, enrolment)
		if outcome(err) != c.want || (sid == device) != (c.want == "passed") {
			t.Errorf("%s: %q, %v", c.name, sid, err)
		}
		quiet(t, err)
		s.wants(t, "GET "+factors+"?PageSize=50")
	}
	client, _ := scripted(t, answer{200, `{"factors":[],"meta":{}}`})
	_, err := client.Factors().Registered(t.Context(), identity, enrolment)
	if outcome(err) != "not registered" {
		t.Errorf("no factors: %v", err)
	}
}

// A second page is read, a third is not, and the address of a page is not
// where the request goes.
func TestRegisteredPages(t *testing.T) {
	t.Parallel()
	page := func(query string) answer {
		return answer{200, fmt.Sprintf(`{"factors":[],"meta":{"next_page_url":"https://elsewhere.example/v2/x?%s"}}`, query)}
	}
	found := answer{200, listed(registeredFactor)}
	first, second := "GET "+factors+"?PageSize=50", "GET "+factors+"?Page=1&PageSize=50&PageToken=PA"+device
	for _, c := range []struct {
		name    string
		answers []answer
		want    string
		asked   []string
	}{
		{"on the second", []answer{page("PageSize=50&Page=1&PageToken=PA" + device), found}, "passed", []string{first, second}},
		{"on the third", []answer{page("Page=1&PageToken=PA" + device), page("Page=2&PageToken=PB"), found}, "not registered", []string{first, second}},
		{"by number alone", []answer{page("Page=1"), found}, "passed", []string{first, "GET " + factors + "?Page=1&PageSize=50"}},
		{"by nothing", []answer{page("PageSize=50"), found}, "not registered", []string{first}},
		{"second refused", []answer{page("Page=1&PageToken=PA" + device), {500, ``}}, "unavailable", []string{first, second}},
	} {
		client, s := scripted(t, c.answers...)
		_, err := client.Factors().Registered(t.Context(), identity, enrolment)
		if outcome(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		quiet(t, err)
		s.wants(t, c.asked...)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer answer
		want   string
	}{
		{answer{204, ``}, "passed"},
		{answer{404, refuses(404, 20404)}, "passed"},
		{answer{200, `{"sid":"` + device + `","status":"verified"}`}, "unavailable"},
		{answer{202, ``}, "unavailable"},
	} {
		client, s := scripted(t, c.answer)
		err := client.Factors().Remove(t.Context(), identity, device)
		if outcome(err) != c.want {
			t.Errorf("%d: %v", c.answer.status, err)
		}
		s.wants(t, "DELETE "+factors+"/"+device)
	}
}
