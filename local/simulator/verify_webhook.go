package simulator

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// challengeHook is the webhook about an answered challenge, with every field
// that Twilio documents but the factor's name and the metadata. None is made
// for an expired challenge.
func (s *Simulator) challengeHook(e *entity, c *challenge) callback {
	form := url.Values{
		"type":              {"challenge." + c.decision},
		"uid":               {newSID("EV")},
		"account_sid":       {s.opts.AccountSID},
		"service_sid":       {e.Service},
		"entity_sid":        {e.SID},
		"identity":          {e.Identity},
		"factor_sid":        {c.factor.SID},
		"factor_type":       {c.factor.kind()},
		"challenge_sid":     {c.id},
		"challenge_details": {jsonText(c.detailsView())},
	}
	if c.hidden != nil {
		form.Set("challenge_hidden_details", jsonText(c.hidden))
	}
	return callback{
		header: http.Header{
			"Content-Type":       {"application/x-www-form-urlencoded"},
			"X-Twilio-Signature": {signTwilio(s.opts.AuthToken, s.opts.CallbackURL, form)},
		},
		body: []byte(form.Encode()),
	}
}

// jsonText is v as JSON in one line, without HTML's escapes.
func jsonText(v any) string {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // a buffer takes everything, and v is plain
	return strings.TrimSuffix(text.String(), "\n")
}

// signTwilio is X-Twilio-Signature: of the address alone for a nil form, and
// otherwise of the address and each name and value, sorted by name.
func signTwilio(token, address string, form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, name := range names {
		for _, value := range form[name] {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
