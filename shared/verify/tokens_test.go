package verify_test

import (
	"strings"
	"testing"
)

func TestNewToken(t *testing.T) {
	t.Parallel()
	for _, entity := range []answer{{201, `{"sid":"YE1"}`}, {409, entityTaken}} {
		c, s := scripted(t, entity, answer{201, `{"sid":"` + device + `","identity":"` + identity +
			`","binding":{"secret":"` + secret + `","uri":"` + uri + `"},"status":"unverified","factor_type":"totp"}`})
		sid, gotSecret, gotURI, err := c.Factors().NewToken(t.Context(), identity, enrolment)
		if err != nil || sid != device || gotSecret != secret || gotURI != uri {
			t.Fatalf("made %q %q %q, error %v", sid, gotSecret, gotURI, err)
		}
		s.wants(t, newEntity, "POST "+factors+" FactorType=totp&FriendlyName="+enrolment)
	}
}

// Half a secret is none: the factor could never be confirmed.
func TestNewTokenNeedsASecret(t *testing.T) {
	t.Parallel()
	const whole = `{"sid":"$F","identity":"$I","binding":{"secret":"$S","uri":"$U"}}`
	for _, c := range []struct{ name, change, to string }{
		{"no identifier", `"sid"`, `"id"`},
		{"malformed", "$F", "YF1"},
		{"another person's", "$I", "somebody-else"},
		{"no binding", `"binding"`, `"options"`},
		{"binding no object", `{"secret":"$S","uri":"$U"}`, `"$S"`},
		{"binding a list", `{"secret":"$S","uri":"$U"}`, `["$S","$U"]`},
		{"no secret", `"secret"`, `"s"`},
		{"empty secret", "$S", ""},
		{"secret no text", `"$S"`, `7`},
		{"no address", `"uri"`, `"u"`},
		{"another address", "$U", "javascript://totp/x"},
	} {
		body := strings.Replace(whole, c.change, c.to, 1)
		body = strings.NewReplacer("$F", device, "$I", identity, "$S", secret, "$U", uri).Replace(body)
		client, _ := scripted(t, answer{201, `{}`}, answer{201, body})
		sid, gotSecret, gotURI, err := client.Factors().NewToken(t.Context(), identity, enrolment)
		if outcome(err) != "unavailable" || sid+gotSecret+gotURI != "" {
			t.Errorf("%s: %q %q %q, %v", c.name, sid, gotSecret, gotURI, err)
		}
		quiet(t, err)
	}
}

// A wrong code is answered 200 and unverified: one word passes.
func TestOnlyVerifiedConfirms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, change, to, want string }{
		{"verified", "", "", "passed"},
		{"identity in capitals", "$I", strings.ToUpper(identity), "passed"},
		{"unverified", "$S", "unverified", "wrong"},
		{"capitals", "$S", "Verified", "unavailable"},
		{"another word", "$S", "approved", "unavailable"},
		{"empty", "$S", "", "unavailable"},
		{"null", `"$S"`, "null", "unavailable"},
		{"absent", `"status"`, `"state"`, "unavailable"},
		{"no text", `"$S"`, "true", "unavailable"},
		{"another factor", "$F", other, "unavailable"},
		{"factor absent", `"sid"`, `"id"`, "unavailable"},
		{"another person's", "$I", "somebody-else", "unavailable"},
	} {
		body := strings.Replace(`{"sid":"$F","identity":"$I","status":"$S"}`, c.change, c.to, 1)
		body = strings.NewReplacer("$F", device, "$I", identity, "$S", "verified").Replace(body)
		client, s := scripted(t, answer{200, body})
		err := client.Factors().ConfirmToken(t.Context(), identity, device, typed)
		if outcome(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		quiet(t, err)
		s.wants(t, "POST "+factors+"/"+device+" AuthPayload="+typed)
	}
}

// A wrong code is answered 201 and pending: one word passes.
func TestOnlyApprovedTokensPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, change, to, want string }{
		{"approved", "", "", "passed"},
		{"identity in capitals", "$I", strings.ToUpper(identity), "passed"},
		{"pending", "$S", "pending", "wrong"},
		{"denied", "$S", "denied", "gone"},
		{"expired", "$S", "expired", "gone"},
		{"capitals", "$S", "Approved", "unavailable"},
		{"another word", "$S", "verified", "unavailable"},
		{"empty", "$S", "", "unavailable"},
		{"null", `"$S"`, "null", "unavailable"},
		{"absent", `"status"`, `"state"`, "unavailable"},
		{"no text", `"$S"`, "true", "unavailable"},
		{"another factor", "$F", other, "unavailable"},
		{"factor absent", `"factor_sid"`, `"factor"`, "unavailable"},
		{"another person's", "$I", "somebody-else", "unavailable"},
	} {
		body := strings.Replace(`{"sid":"YC1","factor_sid":"$F","identity":"$I","status":"$S"}`, c.change, c.to, 1)
		body = strings.NewReplacer("$F", device, "$I", identity, "$S", "approved").Replace(body)
		client, s := scripted(t, answer{201, body})
		err := client.Factors().CheckToken(t.Context(), identity, device, typed)
		if outcome(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		quiet(t, err)
		s.wants(t, "POST "+challenges+" AuthPayload="+typed+"&FactorSid="+device)
	}
}

// What cannot be right is refused here, without a call.
func TestNoCallForNonsenseTokens(t *testing.T) {
	t.Parallel()
	client, s := scripted(t, answer{200, `{"sid":"` + device + `","factor_sid":"` + device + `","status":"verified"}`})
	for _, code := range []string{"", "12", "123456789", "12345a", "١٢٣٤٥٦", "123456\n", " 123456"} {
		for _, err := range []error{
			client.Factors().ConfirmToken(t.Context(), identity, device, code),
			client.Factors().CheckToken(t.Context(), identity, device, code),
		} {
			if outcome(err) != "wrong" {
				t.Errorf("%q: %v", code, err)
			}
		}
	}
	s.wants(t)
}
