package verify_test

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"

	"latchkey/shared/push"
)

// pair is a name and a value as they are before they are encoded.
type pair struct{ name, value string }

// sign is Twilio's signature of a form, from RFC 2104 and Twilio's description,
// without what the receiver is made of.
func sign(token, address string, form []pair) string {
	form = slices.Clone(form)
	for i := range form {
		for j := i; j > 0 && form[j].name < form[j-1].name; j-- {
			form[j], form[j-1] = form[j-1], form[j]
		}
	}
	text := address
	for _, p := range form {
		text += p.name + p.value
	}
	var inner, outer [sha1.BlockSize]byte
	copy(inner[:], token)
	copy(outer[:], token)
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	first := sha1.Sum(append(inner[:], text...))
	second := sha1.Sum(append(outer[:], first[:]...))
	return base64.StdEncoding.EncodeToString(second[:])
}

// encode writes the pairs in this order.
func encode(form []pair) string {
	var parts []string
	for _, p := range form {
		parts = append(parts, url.QueryEscape(p.name)+"="+url.QueryEscape(p.value))
	}
	return strings.Join(parts, "&")
}

// split is the inverse of encode.
func split(t testing.TB, body string) []pair {
	t.Helper()
	var form []pair
	for part := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		form = append(form, pair{name, value})
	}
	return form
}

// approval is an authentic event with these pairs besides, or instead.
func approval(besides ...pair) []pair {
	form := []pair{
		{"type", "challenge.approved"},
		{"challenge_sid", hookEvent.Ref},
		{"factor_sid", hookEvent.Subject},
		{"service_sid", "VA00000000000000000000000000000001"},
	}
	for _, p := range besides {
		at := slices.IndexFunc(form, func(q pair) bool { return q.name == p.name })
		if at < 0 {
			form = append(form, p)
		} else {
			form[at] = p
		}
	}
	return form
}

// hidden is what Verify returns of what Ask hid.
func hidden(text string) pair { return pair{"challenge_hidden_details", text} }

// events are authentic, and this is what they say.
var events = []struct {
	name, query string
	form        []pair
	want        string // decision and session
}{
	{"approved", "", approval(), "approved "},
	{"denied", "", approval(pair{"type", "challenge.denied"}), "denied "},
	{"query", "v=2&a=b%20c&&x", approval(), "approved "},
	{"query with plus and bare per cent", "a=+%&b=%zz", approval(), "approved "},
	{"unicode", "", approval(pair{"factor_friendly_name", "Añas 📱 Bogotá"}, pair{"ключ", "значение"}), "approved "},
	{"not unicode", "", approval(pair{"x", "\xff\xfe\x00"}), "approved "},
	{"empty values", "", approval(pair{"challenge_metadata", ""}, pair{"entity_sid", ""}), "approved "},
	{"empty name", "", approval(pair{"", "value"}), "approved "},
	{"reserved characters", "", approval(pair{"challenge_details", `{"message":"50% off & more = ok? #1 +1;/\"'"}`}), "approved "},
	{"list", "", approval(pair{"event_types[]", "a"}, pair{"event_types[0]", "b"}), "approved "},
	{"capitals sort first", "", approval(pair{"Zed", "1"}, pair{"_x", "2"}, pair{"type2", "3"}, pair{"typ", "4"}), "approved "},
	{"push", "", approval(pair{"factor_type", "push"}), "approved "},
	{"session", "", approval(hidden(`{"session":"s1"}`)), "approved s1"},
	{"session among others", "", approval(hidden(`{"ip":"203.0.113.7","session":"s1"}`)), "approved s1"},
	{"no session", "", approval(hidden(`{}`)), "approved "},
	{"session null", "", approval(hidden(`{"session":null}`)), "approved "},
	{"session no text", "", approval(hidden(`{"session":7}`)), "approved "},
	{"hidden details no document", "", approval(hidden(`session=s1`)), "approved "},

	{"an app's code", "", approval(pair{"factor_type", "totp"}), "meaningless"},
	{"factor of no kind", "", approval(pair{"factor_type", ""}), "meaningless"},
	{"factor verified", "", approval(pair{"type", "factor.verified"}), "meaningless"},
	{"type in capitals", "", approval(pair{"type", "Challenge.Approved"}), "meaningless"},
	{"type cut", "", approval(pair{"type", "approved"}), "meaningless"},
	{"type empty", "", approval(pair{"type", ""}), "meaningless"},
	{"challenge empty", "", approval(pair{"challenge_sid", ""}), "meaningless"},
	{"challenge short", "", approval(pair{"challenge_sid", "YC1"}), "meaningless"},
	{"challenge a factor", "", approval(pair{"challenge_sid", hookEvent.Subject}), "meaningless"},
	{"challenge and a line end", "", approval(pair{"challenge_sid", hookEvent.Ref + "\n"}), "meaningless"},
	{"factor malformed", "", approval(pair{"factor_sid", hookEvent.Subject + "0"}), "meaningless"},
	{"only a type", "", []pair{{"type", "challenge.approved"}}, "meaningless"},
	{"only a query", "type=challenge.approved&challenge_sid=" + hookEvent.Ref + "&factor_sid=" + hookEvent.Subject, nil, "meaningless"},
	{"nothing", "", nil, "meaningless"},
}

// The vendor's library must find each signature right, so that a verdict is for
// the reason it is here (R-151, R-153, R-156; T-44).
func TestEvents(t *testing.T) {
	t.Parallel()
	for _, c := range events {
		address := hookURL
		if c.query != "" {
			address += "?" + c.query
		}
		signature, body := sign(hookToken, address, c.form), encode(c.form)
		validator := client.NewRequestValidator(hookToken)
		parsed, err := url.Parse(address)
		if err != nil || parsed.RawQuery != c.query || !validator.ValidateBody(address, []byte(body), signature) {
			t.Fatalf("%s: the vendor's library finds another signature (%v)", c.name, err)
		}
		e, got := received(withToken(t, hookToken), hookURL, c.query, body, signature)
		if got == "approved" || got == "denied" {
			got += " " + e.Session
			if e.Ref != hookEvent.Ref || e.Subject != hookEvent.Subject {
				t.Errorf("%s: event is %+v", c.name, e)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if len(c.form) > 0 {
			_, got = received(withToken(t, hookToken), hookURL, c.query, encode(c.form[1:]), signature)
			if got != "forged" {
				t.Errorf("%s without %s: %s", c.name, c.form[0].name, got)
			}
		}
	}
}

func TestOnlyOurServiceDecides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ configured, named, want string }{
		{"", login, "approved"},
		{login, login, "approved"},
		{login, signup, "meaningless"},
		{login, strings.ToUpper(login), "meaningless"},
		{login, "", "meaningless"},
	} {
		for _, name := range []string{"VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE"} {
			r := receiver(t, map[string]string{"TWILIO_AUTH_TOKEN": hookToken, name: c.configured})
			form := approval(pair{"service_sid", c.named})
			_, got := received(r, hookURL, "", encode(form), sign(hookToken, hookURL, form))
			if got != c.want {
				t.Errorf("%s is %q, event of %q: %s", name, c.configured, c.named, got)
			}
		}
	}
	form := approval()[:3]
	r := receiver(t, map[string]string{"TWILIO_AUTH_TOKEN": hookToken, "VERIFY_SERVICE_SID": login})
	_, got := received(r, hookURL, "", encode(form), sign(hookToken, hookURL, form))
	if got != "meaningless" {
		t.Errorf("event of no service: %s", got)
	}
}

// Of a repeated name only the first value is signed, so that anybody could add
// another: neither decides.
func TestRepeatedNames(t *testing.T) {
	t.Parallel()
	form := split(t, hookBody)
	for _, p := range form {
		for _, value := range []string{p.value, "", "challenge.denied", "YC" + strings.Repeat("f", 32)} {
			repeated := "&" + encode([]pair{{p.name, value}})
			_, got := received(withToken(t, hookToken), hookURL, hookQuery, hookBody+repeated, hookSign)
			if got != "meaningless" {
				t.Errorf("%s again as %q: %s", p.name, value, got)
			}
			_, got = received(withToken(t, hookToken), hookURL, hookQuery, repeated+"&"+hookBody, hookSign)
			if value == p.value && got != "meaningless" || value != p.value && got != "forged" {
				t.Errorf("%s before as %q: %s", p.name, value, got)
			}
		}
	}
}

// One signature fits every other split of the same characters into names and
// values. None of them may say anything but what the event says. (R-153, T-44)
func TestSplitOtherwise(t *testing.T) {
	t.Parallel()
	c := receiver(t, map[string]string{"TWILIO_AUTH_TOKEN": hookToken, "VERIFY_SERVICE_SID": "VA00000000000000000000000000000001"})
	form := split(t, hookBody)
	fit := 0
	try := func(name string, changed []pair) {
		e, got := received(c, hookURL, hookQuery, encode(changed), hookSign)
		if got != "forged" {
			fit++
		}
		if got != "forged" && got != "meaningless" && e != hookEvent {
			t.Errorf("%s: %s, %+v", name, got, e)
		}
	}
	for i, p := range form {
		whole := p.name + p.value
		for at := range len(whole) + 1 {
			changed := slices.Clone(form)
			changed[i] = pair{whole[:at], whole[at:]}
			try("border in "+p.name, changed)
			try("two of "+p.name, slices.Insert(changed, i+1, pair{whole[at:], ""}))
			changed[i].value = ""
			try("two of "+p.name, slices.Insert(changed, i+1, pair{whole[at:], ""}))
		}
		if i > 0 {
			changed := slices.Clone(form)
			changed[i-1].value += whole
			try(p.name+" in the one before", slices.Delete(changed, i, i+1))
		}
	}
	if fit < 100 {
		t.Errorf("only %d splits fit the signature", fit)
	}
	for _, body := range []string{
		strings.Replace(hookBody, "type=challenge.approved", "typechallenge.approved=", 1),
		strings.Replace(hookBody, "challenge_sid=YC", "challenge_sidYC=", 1),
		strings.Replace(hookBody, "&factor_sid=", "factor_sid", 1),
	} {
		_, got := received(c, hookURL, hookQuery, body, hookSign)
		if got != "meaningless" {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// What is no form is nobody's, even when a lenient reading has the signature.
func TestBrokenForms(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"&x=%", "&x=%2", "&x=%zz", "&%zz=x", "&a;b", ";"} {
		_, got := received(withToken(t, hookToken), hookURL, hookQuery, hookBody+broken, hookSign)
		if got != "forged" {
			t.Errorf("%q: %s", broken, got)
		}
	}
	_, got := received(withToken(t, hookToken), hookURL, hookQuery, "&&"+hookBody+"&", hookSign)
	if got != "approved" {
		t.Errorf("empty pairs: %s", got)
	}
}

// Whatever arrives, nothing passes that Twilio's library would refuse, and a
// decision is of the form that it must have.
func FuzzReceive(f *testing.F) {
	f.Add(hookQuery, hookBody, hookSign)
	f.Add("", encode(approval(pair{"challenge_hidden_details", `{"session":"s1"}`})), "")
	f.Add("bodySHA256=3113cf70436986817f62c1beb7aa5b254f786a1b9eb7ee384035e3e2f546937a",
		`{"type":"challenge.denied","challenge_sid":"YC00000000000000000000000000000001"}`, "8CExAs7qd8BjUhvgpaU9Djmop1k=")
	f.Add("a=%&b", "type=challenge.approved&type=challenge.denied&=&%00=%ff", "x")
	c := withToken(f, hookToken)
	f.Fuzz(func(t *testing.T, query, body, signature string) {
		address := hookURL
		if query != "" {
			address += "?" + query
		}
		form, err := url.ParseQuery(body)
		var first []pair
		for name, values := range form {
			first = append(first, pair{name, values[0]})
		}
		own := sign(hookToken, address, first)
		for _, s := range []string{signature, own, sign(hookToken, address, nil)} {
			e, got := received(c, hookURL, query, body, s)
			document := (&url.URL{RawQuery: query}).Query().Get("bodySHA256") != ""
			if s == own && err == nil && !document && got == "forged" {
				t.Errorf("authentic form is forged")
			}
			validator := client.NewRequestValidator(hookToken)
			parsed, err := url.Parse(address)
			comparable := err == nil && parsed.RawQuery == query
			if comparable && got != "forged" && !validator.ValidateBody(address, []byte(body), s) {
				t.Errorf("the vendor's library refuses what is %s", got)
			}
			switch got {
			case "forged", "meaningless":
			case "approved", "denied":
				if len(e.Ref) != 34 || len(e.Subject) != 34 || form.Get("type") != "challenge."+got {
					t.Errorf("event is %+v", e)
				}
			default:
				t.Error(got)
			}
		}
	})
}

// Errors name no identifier, no address and no signature.
func TestCallbackErrorsAreDiscreet(t *testing.T) {
	t.Parallel()
	for _, signature := range []string{hookSign, "canary"} {
		for _, body := range []string{hookBody + "&type=canary", hookBody[1:], "%", "canary"} {
			_, err := withToken(t, hookToken).Receive(hookURL, delivery(hookQuery, body, signature), []byte(body))
			if !errors.Is(err, push.ErrForged) && !errors.Is(err, push.ErrMeaningless) {
				t.Errorf("error is %v", err)
			}
			for _, s := range []string{"canary", hookToken, hookSign, hookEvent.Ref, identity, "example.com", "v=2", "%"} {
				if err != nil && strings.Contains(err.Error(), s) {
					t.Errorf("error text holds %q: %v", s, err)
				}
			}
		}
	}
}
