package authy_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
)

// oracle is a second, plain way from a body to what Authy signs. It reads with
// encoding/json alone, works on names as they are and escapes each when it is
// whole.
type oracle struct{}

func (o oracle) sign(key, nonce, method, url, body string) string {
	h := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(h, "%s|%s|%s|%s", nonce, method, url, o.query(o.read(body)))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// read returns nil for what is not an object.
func (oracle) read(body string) any {
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var v map[string]any
	if d.Decode(&v) != nil || v == nil {
		return nil
	}
	_, err := d.Token()
	if err != io.EOF {
		return nil
	}
	return v
}

// query takes the way to v, as it is to be written: "a", "[b]", "[]".
func (o oracle) query(v any, way ...string) string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if len(way) > 0 {
				k = "[" + k + "]"
			}
			text, err := json.Marshal(inner)
			if err == nil && string(text) != "{}" && string(text) != "[]" {
				all = append(all, o.query(inner, append(way[:len(way):len(way)], k)...))
			}
		}
		sort.Strings(all)
	case []any:
		for _, inner := range v {
			all = append(all, o.query(inner, append(way[:len(way):len(way)], "[]")...))
		}
		if len(v) == 0 {
			return o.query(nil, append(way[:len(way):len(way)], "[]")...)
		}
	case nil:
		return o.escape(strings.Join(way, "")) + "="
	default:
		return o.escape(strings.Join(way, "")) + "=" + o.escape(fmt.Sprint(v))
	}
	return strings.Join(all, "&")
}

func (oracle) escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// twice reports whether an object in the body has a name twice: written out
// again, it has fewer tokens.
func (o oracle) twice(body string) bool {
	again, err := json.Marshal(o.read(body))
	return err != nil || tokens([]byte(body)) != tokens(again)
}

func tokens(data []byte) int {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n := 0
	for {
		_, err := d.Token()
		if err != nil {
			return n
		}
		n++
	}
}

// depth is how many objects and lists stand in one another at most.
func (o oracle) depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			deepest = max(deepest, o.depth(inner)+1)
		}
	case []any:
		for _, inner := range v {
			deepest = max(deepest, o.depth(inner)+1)
		}
	}
	return deepest
}
