package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// The two signatures of callbacks are made here once more, from the vendors'
// documents: what the product itself signs, it would also believe.

// twilioSignature is X-Twilio-Signature of a form: HMAC-SHA1, under the account's
// Auth Token, of the address and of every name with its value, sorted by name
// (https://www.twilio.com/docs/usage/security).
func twilioSignature(token, address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authySignature is X-Authy-Signature of a JSON body that is posted: HMAC-SHA256,
// under the application's key, of nonce, method, address and the body as Rails
// writes a query.
func authySignature(key, nonce, address string, body []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var doc map[string]any
	err := dec.Decode(&doc)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(strings.Join([]string{nonce, "POST", address, railsQuery("", doc)}, "|")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// railsQuery is what to_query makes of a value under a name: members of objects
// sorted as they are written, elements of lists in their order, and nothing at all
// of what is empty.
func railsQuery(name string, value any) string {
	var parts []string
	switch value := value.(type) {
	case map[string]any:
		for member, inner := range value {
			at := name + "[" + member + "]"
			if name == "" {
				at = member
			}
			parts = append(parts, railsQuery(at, inner))
		}
		slices.Sort(parts)
	case []any:
		for _, inner := range value {
			parts = append(parts, railsQuery(name+"[]", inner))
		}
	case nil:
		return url.QueryEscape(name) + "="
	default:
		return url.QueryEscape(name) + "=" + url.QueryEscape(fmt.Sprint(value))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "&")
}
