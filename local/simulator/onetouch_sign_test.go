package simulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	vectorKey = "d57d919d11e6b221c9bf6f7c882028f9"
	vectorURL = "https://auth.example.com/hooks/authy"
)

// Callbacks with the signatures that they must have.
const (
	vector1 = `{"authy_id":1234567,"device_uuid":2102943,"callback_action":"approval_request_status","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","status":"approved","approval_request":{"transaction":{"details":{"location":"Bogotá, CO","username":"Ana María"},"device_details":{},"device_geolocation":"","device_signing_time":1700000001,"encrypted":false,"flagged":false,"hidden_details":{"sid":"s_1"},"message":"Log in to Example?","reason":null,"requester_details":null,"status":"approved","uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","created_at_time":1699999990,"customer_uuid":15083},"expiration_timestamp":1700000110,"logos":[{"res":"default","url":"https://auth.example.com/l.png"},{"res":"med","url":"https://auth.example.com/m.png"}],"app_id":"582380eb7e1caa03317ec08c"},"signature":"c2ln+bmF0/dXJl==","device":{"city":null,"country":"Colombia","enabled_unlock_methods":["pin","fingerprint"],"ip":"203.0.113.7","multidevice_enabled":true,"os_type":"android","id":2102943}}`
	vector2 = `{"uuid":"996201c0-b7a7-0133-7c06-0e67b818e6fb","authy_id":1234567,"status":"denied","device_uuid":2102943,"callback_action":"approval_request_status","signature":"c2ln+bmF0/dXJl==","approval_request":{"logos":null,"transaction":{"message":"Log in, ok? 50% off & more","flagged":false,"details":{},"hidden_details":{"sid":"s_1"}}},"device":{"id":2102943,"enabled_unlock_methods":["pin","fingerprint"],"city":null,"multidevice_enabled":true}}`
	query2  = `approval_request%5Blogos%5D=&approval_request%5Btransaction%5D%5Bflagged%5D=false&approval_request%5Btransaction%5D%5Bhidden_details%5D%5Bsid%5D=s_1&approval_request%5Btransaction%5D%5Bmessage%5D=Log+in%2C+ok%3F+50%25+off+%26+more&authy_id=1234567&callback_action=approval_request_status&device%5Bcity%5D=&device%5Benabled_unlock_methods%5D%5B%5D=pin&device%5Benabled_unlock_methods%5D%5B%5D=fingerprint&device%5Bid%5D=2102943&device%5Bmultidevice_enabled%5D=true&device_uuid=2102943&signature=c2ln%2BbmF0%2FdXJl%3D%3D&status=denied&uuid=996201c0-b7a7-0133-7c06-0e67b818e6fb`
	query3  = `approval_request%5Bexpiration_timestamp%5D=1700000110&approval_request%5Blogos%5D=&approval_request%5Btransaction%5D%5Bdetails%5D%5Busername%5D=Ana&approval_request%5Btransaction%5D%5Bencrypted%5D=false&approval_request%5Btransaction%5D%5Bmessage%5D=Log+in+to+Example%3F&approval_request%5Btransaction%5D%5Bstatus%5D=denied&authy_id=1234567&callback_action=approval_request_status&device_uuid=2102943&signature=c2ln%2BbmF0%2FdXJl%3D%3D&status=denied&uuid=996201c0-b7a7-0133-7c06-0e67b818e6fb`
)

func queryOf(t *testing.T, body string) string {
	t.Helper()
	query, err := bodyQuery([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// V1 to V5 of A.8: lists, nulls, empty objects, UTF-8, GET. (parity 93)
func TestAuthySignatureVectors(t *testing.T) {
	t.Parallel()
	if got := queryOf(t, vector2); got != query2 {
		t.Errorf("query\n got %s\nwant %s", got, query2)
	}
	for _, c := range []struct{ name, key, nonce, method, address, query, want string }{
		{"V1", vectorKey, "1700000002", "POST", vectorURL, queryOf(t, vector1), "T8zWKh1n3o+6BwEAJ0Vts+iUzEnWBnFc6hJWkTEtLjg="},
		{"V2", vectorKey, "1700000003", "POST", vectorURL, queryOf(t, vector2), "LMO0cc50uHL/8nMcD0780NU+5AOGQhUvZcmrthx/5MA="},
		{"V3", vectorKey, "1700000004", "GET", vectorURL, query3, "3UzeBavV8XHlQK6oqB78qZrwMoHM8Ws8kvcxcomXD5Y="},
		{"V4", "foo", "1455825429", "POST", "https://foo.bar/", queryOf(t, `{"foo":{"bar":{"biz":"foo"}},"qux":"net"}`), "uq/wB8AR1Acvn0wFcjm7mmBJyR11nuuMhMy6semsAO8="},
		{"V5", "foo", "1455825429", "POST", "https://foo.bar/", queryOf(t, `{"foo":{"bar":{"biz":"foo bar"}},"qux":"net"}`), "+fyGys+d5yNJx9SpeKZdf+N77od1t1cC/fVSWDW2+kY="},
	} {
		got := authySignature(c.key, c.nonce, c.method, c.address, c.query)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// What must change the signature does (A.8, negative cases).
func TestAuthySignatureCoversEverything(t *testing.T) {
	t.Parallel()
	query := queryOf(t, vector1)
	genuine := authySignature(vectorKey, "1700000002", "POST", vectorURL, query)
	swapped := strings.NewReplacer(`"res":"default"`, `"res":"med"`, `"res":"med"`, `"res":"default"`).Replace(vector1)
	absent := strings.Replace(vector1, `"reason":null,`, "", 1)
	for name, other := range map[string]string{
		"nonce":   authySignature(vectorKey, "1700000003", "POST", vectorURL, query),
		"method":  authySignature(vectorKey, "1700000002", "GET", vectorURL, query),
		"scheme":  authySignature(vectorKey, "1700000002", "POST", "http"+vectorURL[len("https"):], query),
		"slash":   authySignature(vectorKey, "1700000002", "POST", vectorURL+"/", query),
		"key":     authySignature(vectorKey+"0", "1700000002", "POST", vectorURL, query),
		"logos":   authySignature(vectorKey, "1700000002", "POST", vectorURL, queryOf(t, swapped)),
		"no null": authySignature(vectorKey, "1700000002", "POST", vectorURL, queryOf(t, absent)),
	} {
		if other == genuine {
			t.Errorf("%s: the same signature", name)
		}
	}
}

func TestToQueryRules(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{}`:                                 "",
		`{"b":1.50,"a":1e3}`:                 "a=1e3&b=1.50",
		`{"a":{"c":[],"d":{}},"e":""}`:       "e=",
		`{"a":[true,null,"z","a"]}`:          "a%5B%5D=true&a%5B%5D=&a%5B%5D=z&a%5B%5D=a",
		`{"a":"é *~-_."}`:                    "a=%C3%A9+%2A~-_.",
		`{"IP Address":"x","IP":"y"}`:        "IP+Address=x&IP=y",
		`{"big":12345678901234567890,"n":0}`: "big=12345678901234567890&n=0",
	} {
		if got := queryOf(t, body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	_, err := bodyQuery([]byte(`[1]`))
	if err == nil {
		t.Error("a list was accepted as a body")
	}
}

// The callback that is sent is signed over the configured address and the very
// body. (parity 93)
func TestOneTouchCallbackIsSigned(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	s, err := New(Options{AuthyKey: vectorKey, CallbackURL: vectorURL, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	o, fault := oneTouchOf([]param{
		{"message", "Log in, ok? 50% off & <more>"}, {"details[b label]", "Bogotá"}, {"details[a]", ""},
		{"logos[][res]", "default"}, {"logos[][url]", "https://a.example/1"}, {"logos[][url]", "https://a.example/2"}, {"logos[][res]", "med"},
	})
	if fault != nil {
		t.Fatal(fault.message)
	}
	c := s.oneTouchCallback(&approval{id: "u", decision: statusDenied, created: at, answered: at, oneTouch: o})
	nonce := c.header.Get("X-Authy-Signature-Nonce")
	if nonce != strconv.FormatInt(at.Unix(), 10) {
		t.Errorf("nonce %q", nonce)
	}
	want := authySignature(vectorKey, nonce, "POST", vectorURL, queryOf(t, string(c.body)))
	if got := c.header.Get("X-Authy-Signature"); got != want || want == "" {
		t.Errorf("signature %q, want %q", got, want)
	}
	for _, part := range []string{`"details":{"b label":"Bogotá","a":""}`, `"hidden_details":null`, `"logos":[{"res":"default","url":"https://a.example/1"},{"res":"med","url":"https://a.example/2"}]`} {
		if !strings.Contains(string(c.body), part) {
			t.Errorf("body %s lacks %s", c.body, part)
		}
	}
}

func FuzzOneTouchParams(f *testing.F) {
	f.Add(true, `{"message":"m","details":{"b":"1","a":null},"logos":[{"res":"default","url":"x"}],"seconds_to_expire":60}`)
	f.Add(true, `{"details":{"a":{"b":[[[[[[[[[[1]]]]]]]]]]}}}`)
	f.Add(false, "message=m&details[b]=1&details%5Ba%5D=2&hidden_details[c]=&logos[][res]=default&logos[][url]=x&seconds_to_expire=0")
	f.Add(false, "message&=&details=x&details[=&details[a][b]=1&%zz")
	f.Fuzz(func(t *testing.T, asJSON bool, body string) {
		read := formParams
		if asJSON {
			read = jsonParams
		}
		list, err := read(body)
		if err != nil {
			return
		}
		o, fault := oneTouchOf(list)
		if fault != nil {
			return
		}
		if o.message == "" || o.life < 0 {
			t.Errorf("accepted %q", body)
		}
		text, err := json.Marshal(details(o.details))
		if err != nil {
			t.Fatalf("details of %q: %v", body, err)
		}
		var shown map[string]string
		err = json.Unmarshal(text, &shown)
		if err != nil {
			t.Errorf("details of %q are %s", body, text)
		}
	})
}
