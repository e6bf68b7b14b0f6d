package authy_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/doortest"
	"latchkey/shared/authy"
	"latchkey/shared/env"
	"latchkey/shared/push"
)

const (
	signatureName = "X-Authy-Signature"
	nonceName     = "X-Authy-Signature-Nonce"
)

func receiver(t testing.TB, key string) push.Receiver {
	t.Helper()
	vars := env.Read(doortest.Config(map[string]string{"AUTHY_API_KEY": key}))
	rc := authy.NewReceiver(vars)
	if vars.Err() != nil {
		t.Fatal(vars.Err())
	}
	return rc
}

// delivery is a callback as it arrives.
func delivery(method, nonce, signature string) *http.Request {
	r := &http.Request{Method: method, Header: http.Header{}}
	r.Header.Set(nonceName, nonce)
	r.Header.Set(signatureName, signature)
	return r
}

// receive has a body signed with hookKey and received.
func receive(t testing.TB, rc push.Receiver, body string) (push.Event, error) {
	t.Helper()
	r := delivery("POST", "1700000001", oracle{}.sign(hookKey, "1700000001", "POST", hookURL, body))
	return rc.Receive(hookURL, r, []byte(body))
}

// forged fails the test unless the outcome is that, and says nothing.
func forged(t testing.TB, name string, e push.Event, err error) {
	t.Helper()
	if !errors.Is(err, push.ErrForged) || errors.Is(err, push.ErrMeaningless) || e != (push.Event{}) {
		t.Errorf("%s: %+v, %v", name, e, err)
	}
	silent(t, err)
}

// silent fails the test if an error holds anything of a callback.
func silent(t testing.TB, err error) {
	t.Helper()
	doortest.Discreet(t, err, hookKey, hookURL, ref, ref[:8], asked, "17000000", "approved", "Ana", "invalid character")
}

// (parity 93)
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		e, err := receiver(t, v.key).Receive(v.url, delivery("POST", v.nonce, v.signature), []byte(v.body))
		if e != v.want || v.want == (push.Event{}) != errors.Is(err, push.ErrMeaningless) || errors.Is(err, push.ErrForged) {
			t.Errorf("%s: %+v, %v", v.name, e, err)
		}
		silent(t, err)
		s := oracle{}.sign(v.key, v.nonce, "POST", v.url, v.body)
		if s != v.signature {
			t.Errorf("%s: the oracle signs %s", v.name, s)
		}
	}
}

// One bit is enough, wherever it is (R-150, T-41), but for the name of a member
// that is empty: the scheme signs nothing of those, and nothing is read from them.
func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	for _, v := range vectors[:3] {
		rc := receiver(t, v.key)
		try := func(what string, i int, nonce, signature, url, body string) {
			e, err := rc.Receive(url, delivery("POST", nonce, signature), []byte(body))
			forged(t, fmt.Sprintf("%s, %s altered at %d", v.name, what, i), e, err)
		}
		free := unsigned(v.body)
		alter := func(i int, body string) {
			if !free[i] {
				try("body", i, v.nonce, v.signature, v.url, body)
				return
			}
			e, err := rc.Receive(v.url, delivery("POST", v.nonce, v.signature), []byte(body))
			if err == nil && e != v.want {
				t.Errorf("%s, body altered at %d: %+v", v.name, i, e)
			}
		}
		flips(v.body, alter)
		for i := range v.body {
			alter(i, v.body[:i]+v.body[i+1:])
			alter(i, v.body[:i]+"0"+v.body[i:])
		}
		flips(v.nonce, func(i int, s string) { try("nonce", i, s, v.signature, v.url, v.body) })
		flips(v.signature, func(i int, s string) { try("signature", i, v.nonce, s, v.url, v.body) })
		flips(v.url, func(i int, s string) { try("address", i, v.nonce, v.signature, s, v.body) })
	}
}

// unsigned says which bytes belong to the names of empty members, the closing
// quotation mark included.
func unsigned(body string) map[int]bool {
	free := map[int]bool{}
	for _, at := range regexp.MustCompile(`"[a-z_]+":\{\}`).FindAllStringIndex(body, -1) {
		for i := at[0] + 1; i < at[1]-len(":{}"); i++ {
			free[i] = true
		}
	}
	return free
}

// flips calls f with s and each of its bits in turn the other way round.
func flips(s string, f func(i int, altered string)) {
	for i := range 8 * len(s) {
		b := []byte(s)
		b[i/8] ^= 1 << (i % 8)
		f(i/8, string(b))
	}
}

// (R-150, R-152, R-155, T-45)
func TestForgeries(t *testing.T) {
	t.Parallel()
	v := vectors[0]
	sum, err := base64.StdEncoding.DecodeString(v.signature)
	if err != nil {
		t.Fatal(err)
	}
	query := "status=approved"
	for _, c := range []struct {
		name                                string
		method, nonce, signature, url, body string
	}{
		{"GET", "GET", v.nonce, v.signature, v.url, v.body},
		{"GET, signed as one", "GET", v.nonce, oracle{}.sign(hookKey, v.nonce, "GET", hookURL, v.body), v.url, v.body},
		{"HEAD", "HEAD", v.nonce, v.signature, v.url, v.body},
		{"small letters", "post", v.nonce, oracle{}.sign(hookKey, v.nonce, "post", hookURL, v.body), v.url, v.body},
		{"nonce plus one", "POST", "1700000003", v.signature, v.url, v.body},
		{"plain http", "POST", v.nonce, v.signature, strings.Replace(v.url, "https", "http", 1), v.body},
		{"trailing slash", "POST", v.nonce, v.signature, v.url + "/", v.body},
		{"query", "POST", v.nonce, v.signature, v.url + "?" + query, v.body},
		{"other host", "POST", v.nonce, v.signature, strings.Replace(v.url, "auth.", "evil.", 1), v.body},
		{"port", "POST", v.nonce, v.signature, strings.Replace(v.url, ".com/", ".com:443/", 1), v.body},
		{"hex", "POST", v.nonce, hex.EncodeToString(sum), v.url, v.body},
		{"URL-safe base64", "POST", v.nonce, base64.URLEncoding.EncodeToString(sum), v.url, v.body},
		{"no padding", "POST", v.nonce, strings.TrimRight(v.signature, "="), v.url, v.body},
		{"line end", "POST", v.nonce, v.signature + "\n", v.url, v.body},
		{"line end inside", "POST", v.nonce, v.signature[:20] + "\n" + v.signature[20:], v.url, v.body},
		{"blank", "POST", v.nonce, " " + v.signature, v.url, v.body},
		{"twice in one header", "POST", v.nonce, v.signature + ", " + v.signature, v.url, v.body},
		{"half", "POST", v.nonce, base64.StdEncoding.EncodeToString(sum[:16]), v.url, v.body},
		{"nothing", "POST", v.nonce, "", v.url, v.body},
		{"not base64", "POST", v.nonce, strings.Repeat("*", 44), v.url, v.body},
		{"zeros", "POST", v.nonce, base64.StdEncoding.EncodeToString(make([]byte, 32)), v.url, v.body},
		{"no nonce", "POST", "", oracle{}.sign(hookKey, "", "POST", hookURL, v.body), v.url, v.body},
		{"empty key", "POST", v.nonce, oracle{}.sign("", v.nonce, "POST", hookURL, v.body), v.url, v.body},
		{"other body's", "POST", v.nonce, v.signature, v.url, vectors[1].body},
		{"other status", "POST", v.nonce, v.signature, v.url, strings.ReplaceAll(v.body, "approved", "denied")},
		{"logos swapped", "POST", v.nonce, v.signature, v.url, strings.NewReplacer(`"default"`, `"med"`, `"med"`, `"default"`).Replace(v.body)},
		{"null left out", "POST", v.nonce, v.signature, v.url, strings.Replace(v.body, `"reason":null,`, "", 1)},
		{"list turned round", "POST", v.nonce, v.signature, v.url, strings.Replace(v.body, `"pin","fingerprint"`, `"fingerprint","pin"`, 1)},
		{"form", "POST", v.nonce, v.signature, v.url, query},
		{"no body", "POST", v.nonce, v.signature, v.url, ""},
	} {
		e, err := receiver(t, hookKey).Receive(c.url, delivery(c.method, c.nonce, c.signature), []byte(c.body))
		forged(t, c.name, e, err)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	v := vectors[0]
	rc := receiver(t, hookKey)
	for _, c := range []struct {
		name            string
		headers         [][2]string
		claims, believe bool
	}{
		{"usual", [][2]string{{signatureName, v.signature}, {nonceName, v.nonce}}, true, true},
		{"small letters", [][2]string{{strings.ToLower(signatureName), v.signature}, {strings.ToLower(nonceName), v.nonce}}, true, true},
		{"capitals", [][2]string{{strings.ToUpper(signatureName), v.signature}, {strings.ToUpper(nonceName), v.nonce}}, true, true},
		{"with others", [][2]string{{signatureName, v.signature}, {nonceName, v.nonce}, {"X-Forwarded-Proto", "http"}, {"Host", "evil.example"}}, true, true},
		{"none", nil, false, false},
		{"other vendor's", [][2]string{{"X-Twilio-Signature", v.signature}}, false, false},
		{"nonce alone", [][2]string{{nonceName, v.nonce}}, false, false},
		{"signature alone", [][2]string{{signatureName, v.signature}}, true, false},
		{"signature empty", [][2]string{{signatureName, ""}, {nonceName, v.nonce}}, true, false},
		{"signature twice", [][2]string{{signatureName, v.signature}, {signatureName, v.signature}, {nonceName, v.nonce}}, true, false},
		{"nonce twice", [][2]string{{signatureName, v.signature}, {nonceName, v.nonce}, {nonceName, v.nonce}}, true, false},
	} {
		r := &http.Request{Method: "POST", Header: http.Header{}}
		for _, h := range c.headers {
			r.Header.Add(h[0], h[1])
		}
		if rc.Claims(r.Header) != c.claims {
			t.Errorf("%s: claimed %v", c.name, !c.claims)
		}
		e, err := rc.Receive(v.url, r, []byte(v.body))
		if c.believe && (err != nil || e != v.want) {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
		if !c.believe {
			forged(t, c.name, e, err)
		}
	}
}

// Without a key nobody is believed, least of all who signs with the empty one.
func TestReceiverSettings(t *testing.T) {
	t.Parallel()
	v := vectors[0]
	for _, c := range []struct {
		name, signed string
		set          map[string]string
		fault        string
		believe      bool
	}{
		{"key", hookKey, map[string]string{"AUTHY_API_KEY": hookKey}, "", true},
		{"alias", hookKey, map[string]string{"ACCOUNT_SECURITY_API_KEY": hookKey}, "", true},
		{"not the alias", hookKey, map[string]string{"AUTHY_API_KEY": key, "ACCOUNT_SECURITY_API_KEY": hookKey}, "", false},
		{"unset", "", nil, "", false},
		{"empty", "", map[string]string{"AUTHY_API_KEY": ""}, "", false},
		{"unset, with some key", hookKey, nil, "", false},
		{"line end", hookKey + "\n", map[string]string{"AUTHY_API_KEY": hookKey + "\n"}, "AUTHY_API_KEY must be one word", false},
		{"blank", " ", map[string]string{"AUTHY_API_KEY": " "}, "AUTHY_API_KEY must be one word", false},
	} {
		vars := env.Read(doortest.Config(c.set))
		rc := authy.NewReceiver(vars)
		doortest.Faults(t, vars.Err(), c.fault)
		doortest.Hides(t, hookKey, rc, vars.Err())
		r := delivery("POST", v.nonce, oracle{}.sign(c.signed, v.nonce, "POST", v.url, v.body))
		if !rc.Claims(r.Header) {
			t.Errorf("%s: not claimed", c.name)
		}
		e, err := rc.Receive(v.url, r, []byte(v.body))
		if c.believe && (err != nil || e != v.want) {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
		if !c.believe {
			forged(t, c.name, e, err)
		}
	}
}
