package authy

import (
	"encoding/base64"
	"runtime"
	"strings"
	"testing"

	"latchkey/shared/env"
)

// A callback by GET is not received, but its recorded kind proves that the
// method takes part in the signature.
func TestSignatureOfAGet(t *testing.T) {
	const (
		raw  = `approval_request%5Bexpiration_timestamp%5D=1700000110&approval_request%5Blogos%5D=&approval_request%5Btransaction%5D%5Bdetails%5D%5Busername%5D=Ana&approval_request%5Btransaction%5D%5Bencrypted%5D=false&approval_request%5Btransaction%5D%5Bmessage%5D=Log+in+to+Example%3F&approval_request%5Btransaction%5D%5Bstatus%5D=denied&authy_id=1234567&callback_action=approval_request_status&device_uuid=2102943&signature=c2ln%2BbmF0%2FdXJl%3D%3D&status=denied&uuid=996201c0-b7a7-0133-7c06-0e67b818e6fb`
		want = "3UzeBavV8XHlQK6oqB78qZrwMoHM8Ws8kvcxcomXD5Y="
	)
	vars := env.Read(env.Config{Getenv: func(string) string { return "d57d919d11e6b221c9bf6f7c882028f9" }})
	rc, ok := NewReceiver(vars).(*Receiver)
	if !ok {
		t.Fatal("no Receiver")
	}
	for method, same := range map[string]bool{"GET": true, "POST": false, "get": false} {
		sum := rc.mac(signed("1700000004", method, "https://auth.example.com/hooks/authy", raw))
		if (base64.StdEncoding.EncodeToString(sum) == want) != same {
			t.Errorf("%s: signature is as recorded: %v", method, !same)
		}
	}
}

// What Rails makes of shapes that no callback has had yet.
func TestQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, want string }{
		{`{}`, ""},
		{`{"a":[],"b":{}}`, ""},
		{`{"a":{"b":[]}}`, ""},
		{`{"z":1,"a":{"b":[]}}`, "&z=1"},
		{`{"a":[[]]}`, "a%5B%5D%5B%5D="},
		{`{"a":[{},1]}`, "&a%5B%5D=1"},
		{`{"a":[null]}`, "a%5B%5D="},
		{`{"":1}`, "=1"},
		{`{"":{"":1}}`, "%5B%5D=1"},
		{`{"a":[{"c":1,"b":2}]}`, "a%5B%5D%5Bb%5D=2&a%5B%5D%5Bc%5D=1"},
		{`{"a":"1","a b":"2","a-b":"3","ab":"4"}`, "a+b=2&a-b=3&a=1&ab=4"},
	} {
		d, ok := parse([]byte(c.body))
		if !ok {
			t.Errorf("%s is refused", c.body)
			continue
		}
		q, ok := query(d.members)
		if !ok || q != c.want {
			t.Errorf("%s: %q, %v, want %q", c.body, q, ok, c.want)
		}
	}
}

// A name stands above each of its values in the query, so that 60 KB could come
// to 180 MB: no more is made than the limit (R-155, T-48). It
// counts memory, so no other test may run beside it.
func TestQueryIsBounded(t *testing.T) {
	name := `{"` + strings.Repeat("é", 15000) + `":`
	for what, body := range map[string]string{
		"values":  name + `[` + strings.Repeat("1,", 1999) + `1]}`,
		"objects": name + `[` + strings.Repeat(`{"":0},`, 999) + `0]}`,
		"empties": name + `[` + strings.Repeat("{},", 1999) + `1]}`,
		"members": name + `{"a":[` + strings.Repeat("1,", 1000) + `1],"b":[` + strings.Repeat("1,", 1000) + `1]}}`,
	} {
		d, ok := parse([]byte(body))
		if !ok {
			t.Errorf("%s: the body is refused", what)
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, ok = query(d.members)
		runtime.ReadMemStats(&after)
		made := after.TotalAlloc - before.TotalAlloc
		if ok || made > 4*queryLimit {
			t.Errorf("%s: %v, %d bytes", what, ok, made)
		}
	}
}
