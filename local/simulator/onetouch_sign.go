package simulator

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// authySignature is the value of X-Authy-Signature: the HMAC of
// nonce, method, address and parameters, which stand as toQuery writes them.
func authySignature(key, nonce, method, address, query string) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = fmt.Fprintf(mac, "%s|%s|%s|%s", nonce, method, address, query)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// bodyQuery is what a JSON body is signed as. Numbers stay as they are written.
func bodyQuery(body []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var object map[string]any
	err := dec.Decode(&object)
	if err != nil {
		return "", fmt.Errorf("decoding callback: %w", err)
	}
	return toQuery("", object), nil
}

// toQuery writes v as Rails does: members as name[member], sorted at each level
// in their finished form; elements as name[], in their order. An empty object
// or list leaves nothing behind.
func toQuery(name string, v any) string {
	switch v := v.(type) {
	case map[string]any:
		var members []string
		for member, inner := range v {
			full := member
			if name != "" {
				full = name + "[" + member + "]"
			}
			members = appendQuery(members, toQuery(full, inner))
		}
		slices.Sort(members)
		return strings.Join(members, "&")
	case []any:
		var elements []string
		for _, inner := range v {
			elements = appendQuery(elements, toQuery(name+"[]", inner))
		}
		return strings.Join(elements, "&")
	}
	return url.QueryEscape(name) + "=" + url.QueryEscape(scalar(v))
}

func appendQuery(parts []string, part string) []string {
	if part == "" {
		return parts
	}
	return append(parts, part)
}

// scalar is a JSON value that holds no others, as text; null is empty.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return ""
}
