package verify_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/push"
	"latchkey/shared/verify"
)

// spoken asks everything about this identity and factor.
func spoken(t *testing.T, c *verify.Client, identity, sid string) map[string]error {
	t.Helper()
	errs := map[string]error{}
	to := push.Target{User: identity, Device: sid}
	_, errs["Ask"] = c.Pushes().Ask(t.Context(), to, asked)
	_, errs["Decision"] = c.Pushes().Decision(t.Context(), to, challenge)
	_, errs["Enrol"] = c.Factors().Enrol(t.Context(), identity, enrolment)
	_, errs["Registered"] = c.Factors().Registered(t.Context(), identity, enrolment)
	_, _, _, errs["NewToken"] = c.Factors().NewToken(t.Context(), identity, enrolment)
	errs["ConfirmToken"] = c.Factors().ConfirmToken(t.Context(), identity, sid, typed)
	errs["CheckToken"] = c.Factors().CheckToken(t.Context(), identity, sid, typed)
	errs["Remove"] = c.Factors().Remove(t.Context(), identity, sid)
	return errs
}

// The device shows what was asked, in the order asked, until our own deadline
// and our session goes along unseen (parity 82, 84-86).
func TestAskRequest(t *testing.T) {
	t.Parallel()
	var line string
	var form url.Values
	c := door(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		line, form = r.Method+" "+r.URL.RequestURI(), r.PostForm
		doortest.Answers(201, `{"sid":"`+challenge+`"}`)(w, r)
	})
	ref, err := c.Pushes().Ask(t.Context(), person, asked)
	if err != nil || ref != challenge {
		t.Fatalf("challenge %q, error %v", ref, err)
	}
	if line != "POST "+challenges {
		t.Errorf("asked %s", line)
	}
	var labels []string
	for i, text := range form["Details.Fields"] {
		var f map[string]string
		err := json.Unmarshal([]byte(text), &f)
		if err != nil || len(f) != 2 || f["value"] != asked.Details[i].Value {
			t.Errorf("field %d is %s", i, text)
		}
		labels = append(labels, f["label"])
	}
	if !slices.Equal(labels, []string{"time", "address", "browser", "number"}) {
		t.Errorf("labels are %q", labels)
	}
	delete(form, "Details.Fields")
	want := url.Values{
		"FactorSid":       {device},
		"ExpirationDate":  {"2026-11-20T14:09:05Z"},
		"Details.Message": {"Log in to Example?"},
		"HiddenDetails":   {`{"session":"canarysession"}`},
	}
	if form.Encode() != want.Encode() {
		t.Errorf("form is %q", form)
	}
}

func TestAskNeedsAnIdentifier(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"sid":"YC1"}`, `{"sid":"` + device + `"}`, `{"sid":7}`, `{"sid":"` + challenge + `/.."}`} {
		c, _ := scripted(t, answer{201, body})
		ref, err := c.Pushes().Ask(t.Context(), person, asked)
		if outcome(err) != "unavailable" || ref != "" {
			t.Errorf("%s: %q, %v", body, ref, err)
		}
	}
}

// Every status of the vendor's specification, and some of nobody's, of this
// person's challenge and of others (R-050, R-061; parity 75).
func TestDecision(t *testing.T) {
	t.Parallel()
	const whole = `{"sid":"$C","factor_sid":"$F","identity":"$I","status":"$S"}`
	for _, c := range []struct{ name, change, to, want string }{
		{"pending", "$S", "pending", "pending"},
		{"approved", "$S", "approved", "approved"},
		{"denied", "$S", "denied", "denied"},
		{"expired", "$S", "expired", "expired"},
		{"identity in capitals", "$I", strings.ToUpper(identity), "approved"},
		{"no details", `"status"`, `"details":null,"hidden_details":null,"status"`, "approved"},
		{"status in capitals", "$S", "Approved", "unavailable"},
		{"unknown status", "$S", "verified", "unavailable"},
		{"empty status", "$S", "", "unavailable"},
		{"status absent", `"status"`, `"state"`, "unavailable"},
		{"status null", `"$S"`, `null`, "unavailable"},
		{"status no text", `"$S"`, `true`, "unavailable"},
		{"another factor", "$F", other, "stranger"},
		{"empty factor", "$F", "", "stranger"},
		{"factor absent", `"factor_sid"`, `"factor"`, "unavailable"},
		{"another person", "$I", "aa483d1ff591898a9942916050d2ca3f", "stranger"},
		{"identity absent", `"identity"`, `"entity"`, "unavailable"},
		{"another challenge", "$C", "YC" + strings.Repeat("1b", 16), "unavailable"},
		{"challenge absent", `"sid"`, `"id"`, "unavailable"},
	} {
		body := strings.Replace(whole, c.change, c.to, 1)
		body = strings.NewReplacer("$C", challenge, "$F", device, "$I", identity, "$S", "approved").Replace(body)
		client, s := scripted(t, answer{200, body})
		d, err := client.Pushes().Decision(t.Context(), person, challenge)
		got := string(d)
		if err != nil {
			got += outcome(err)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.name, got, c.want, err)
		}
		quiet(t, err)
		s.wants(t, "GET "+challenges+"/"+challenge)
	}
}

func TestDecisionNeedsAChallenge(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, answer{200, `{}`})
	for _, ref := range []string{"", ref, challenge + "/..", "YC" + strings.Repeat("g", 32)} {
		d, err := c.Pushes().Decision(t.Context(), person, ref)
		if outcome(err) != "gone" || d != "" {
			t.Errorf("%q: %q, %v", ref, d, err)
		}
	}
	s.wants(t)
}
