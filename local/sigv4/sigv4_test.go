package sigv4

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

func verifier() Verifier {
	return Verifier{AccessKey: "key", SecretKey: "secret", Region: "us-east-1", Service: "execute-api", Now: noon}
}

// order is a request signed by the SDK, and how it is signed.
type order struct {
	method, url, body, key, secret, service, region string
	at                                              time.Time
	header                                          http.Header
}

func orderOf(change func(*order)) order {
	o := order{method: "POST", url: "http://localhost:3000/approvals?b=2&a=1", body: `{"a":1}`, key: "key", secret: "secret",
		service: "execute-api", region: "us-east-1", at: noon(), header: http.Header{"Content-Type": {"application/json"}, "X-Two": {"a", "b  c "}}}
	if change != nil {
		change(&o)
	}
	return o
}

// sign returns the request as a server would see it.
func (o order) sign(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequest(o.method, o.url, strings.NewReader(o.body))
	for name, values := range o.header {
		r.Header[name] = values
	}
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: o.key, SecretAccessKey: o.secret}, r, hash([]byte(o.body)), o.service, o.region, o.at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What the SDK signs is taken.
func TestSDK(t *testing.T) {
	urls := []string{
		"/", "/approvals", "/a/b/", "/a//b", "/caf%C3%A9/a%20b", "/a%2Fb", "/~.-_", "/a+b:c@d", "/?a=b&a=a&c", "/?x=%20%2B+&y=%C3%A9&z=a%2Fb",
		"/?A=1&a=2&a-b=3&ab=4", "/?a=", "/?=x",
	}
	for _, url := range urls {
		for _, method := range []string{"GET", "POST"} {
			o := orderOf(func(o *order) { o.method, o.url = method, "http://localhost:3000"+url })
			err := verifier().Verify(o.sign(t), []byte(o.body))
			if err != nil {
				t.Errorf("%s %s: %v", method, url, err)
			}
		}
	}
	empty := orderOf(func(o *order) { o.body, o.method = "", "GET" })
	err := verifier().Verify(empty.sign(t), nil)
	if err != nil {
		t.Errorf("without a body: %v", err)
	}
}

// Whatever differs from what was signed is refused.
func TestTampered(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	inAuthorization := func(old, changed string) func(*http.Request) {
		return func(r *http.Request) {
			before := r.Header.Get("Authorization")
			after := strings.Replace(before, old, changed, 1)
			if after == before {
				t.Errorf("%q is not in %s", old, before)
			}
			r.Header.Set("Authorization", after)
		}
	}
	cases := []struct {
		name   string
		signed func(*order)
		change func(*http.Request)
		want   error
	}{
		{"nothing", nil, nil, nil},
		{"method", nil, func(r *http.Request) { r.Method = "PUT" }, ErrSignature},
		{"path", nil, func(r *http.Request) { r.URL.Path = "/approvals/" }, ErrSignature},
		{"escaped slash", nil, func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/approvals", "/%61pprovals" }, ErrSignature},
		{"query", nil, func(r *http.Request) { r.URL.RawQuery = "a=1&b=3" }, ErrSignature},
		{"more query", nil, func(r *http.Request) { r.URL.RawQuery += "&c=" }, ErrSignature},
		{"no query", nil, func(r *http.Request) { r.URL.RawQuery = "" }, ErrSignature},
		{"broken query", nil, func(r *http.Request) { r.URL.RawQuery += "&%zz" }, ErrSignature},
		{"order of the query", nil, func(r *http.Request) { r.URL.RawQuery = "a=1&b=2" }, nil},
		{"host", nil, func(r *http.Request) { r.Host = "localhost:3001" }, ErrSignature},
		{"header", nil, header("Content-Type", "text/plain"), ErrSignature},
		{"repeated header", nil, func(r *http.Request) { r.Header.Add("X-Two", "d") }, ErrSignature},
		{"lost header", nil, func(r *http.Request) { r.Header.Del("X-Two") }, ErrSignature},
		{"spaces in a header", nil, func(r *http.Request) { r.Header["X-Two"] = []string{" a", "b c"} }, nil},
		{"unsigned header", nil, header("X-Other", "x"), nil},
		{"unsigned header of AWS", nil, header("X-Amz-Meta", "x"), ErrSignature},
		{"date", nil, header("X-Amz-Date", "20260304T120001Z"), ErrSignature},
		{"no date", nil, func(r *http.Request) { r.Header.Del("X-Amz-Date") }, ErrSignature},
		{"two dates", nil, func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260304T120000Z") }, ErrSignature},
		{"odd date", nil, header("X-Amz-Date", "2026-03-04T12:00:00Z"), ErrSignature},
		{"day of the scope", nil, inAuthorization("/20260304/", "/20260303/"), ErrSignature},
		{"region of the scope", nil, inAuthorization("us-east-1", "eu-west-1"), ErrSignature},
		{"service of the scope", nil, inAuthorization("execute-api", "dynamodb"), ErrSignature},
		{"end of the scope", nil, inAuthorization("aws4_request", "aws4"), ErrSignature},
		{"signature", nil, func(r *http.Request) {
			h := r.Header.Get("Authorization")
			last := byte('0')
			if h[len(h)-1] == '0' {
				last = '1'
			}
			r.Header.Set("Authorization", h[:len(h)-1]+string(last))
		}, ErrSignature},
		{"shortened signature", nil, func(r *http.Request) {
			h := r.Header.Get("Authorization")
			r.Header.Set("Authorization", h[:len(h)-2])
		}, ErrSignature},
		{"host not signed", nil, inAuthorization("host;", ""), ErrSignature},
		{"fewer headers", nil, inAuthorization(";x-two", ""), ErrSignature},
		{"more headers", nil, inAuthorization(";x-two", ";x-two;x-zed"), ErrSignature},
		{"headers out of order", nil, inAuthorization("content-type;host", "host;content-type"), ErrSignature},
		{"key's name", nil, inAuthorization("Credential=key/", "Credential=other/"), ErrKey},
		{"two signatures", nil, func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, ErrSignature},
		{"no signature", nil, func(r *http.Request) { r.Header.Del("Authorization") }, ErrMissing},
		{"another scheme", nil, header("Authorization", "Bearer x"), ErrMissing},
		{"another algorithm", nil, inAuthorization(algorithm, "AWS4-ECDSA-P256-SHA256"), ErrMissing},
		{"signed by another key", func(o *order) { o.secret = "guessed" }, nil, ErrSignature},
		{"signed for another region", func(o *order) { o.region = "eu-west-1" }, nil, ErrSignature},
		{"signed for another service", func(o *order) { o.service = "dynamodb" }, nil, ErrSignature},
	}
	for _, c := range cases {
		o := orderOf(c.signed)
		r := o.sign(t)
		if c.change != nil {
			c.change(r)
		}
		err := verifier().Verify(r, []byte(o.body))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	o := orderOf(nil)
	err := verifier().Verify(o.sign(t), []byte(o.body+" "))
	if !errors.Is(err, ErrSignature) {
		t.Errorf("body: %v", err)
	}
	err = Verifier{AccessKey: "key", Region: "us-east-1", Service: "execute-api", Now: noon}.Verify(orderOf(func(o *order) { o.secret = "" }).sign(t), []byte(o.body))
	if !errors.Is(err, ErrKey) {
		t.Errorf("a verifier without a secret key: %v", err)
	}
}

// A signature that covers too little, or an odd request, is refused although it is right.
func TestSignedWrongly(t *testing.T) {
	cases := []struct {
		name, headers, day string
		dates              []string
		want               error
	}{
		{"nothing", "host;x-amz-date", "20260304", []string{"20260304T120000Z"}, nil},
		{"the host left out", "x-amz-date", "20260304", []string{"20260304T120000Z"}, ErrSignature},
		{"the date left out", "host", "20260304", []string{"20260304T120000Z"}, ErrSignature},
		{"headers out of order", "x-amz-date;host", "20260304", []string{"20260304T120000Z"}, ErrSignature},
		{"a header twice", "host;host;x-amz-date", "20260304", []string{"20260304T120000Z"}, ErrSignature},
		{"upper case", "User-Agent;host;x-amz-date", "20260304", []string{"20260304T120000Z"}, ErrSignature},
		{"two dates", "host;x-amz-date", "20260304", []string{"20260304T120000Z", "20260304T110000Z"}, ErrSignature},
		{"another day", "host;x-amz-date", "20260305", []string{"20260304T120000Z"}, ErrSignature},
		{"an odd time", "host;x-amz-date", "20260304", []string{"20260304T120000.5Z"}, ErrSignature},
	}
	for _, c := range cases {
		r := httptest.NewRequest("GET", "http://localhost/", nil)
		r.Header["X-Amz-Date"], r.Header["User-Agent"] = c.dates, c.dates
		text := strings.Join([]string{"GET", "/", "", "", c.headers, hash(nil)}, "\n")
		signed := ""
		for name := range strings.SplitSeq(c.headers, ";") {
			value := strings.Join(c.dates, ",")
			if name == "host" {
				value = "localhost"
			}
			signed += name + ":" + value + "\n"
		}
		text = strings.Replace(text, "\n\n\n", "\n\n"+signed+"\n", 1)
		a := authorization{date: c.day, region: "us-east-1", service: "execute-api"}
		r.Header.Set("Authorization", algorithm+" Credential=key/"+c.day+"/us-east-1/execute-api/aws4_request, SignedHeaders="+c.headers+
			", Signature="+verifier().sign(a, c.dates[0], text))
		err := verifier().Verify(r, nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestTime(t *testing.T) {
	cases := []struct {
		signed time.Duration
		want   string
	}{
		{0, ""},
		{-Tolerance, ""},
		{Tolerance, ""},
		{-Tolerance - time.Second, "Signature expired: 20260304T115459Z is now earlier than 20260304T115500Z (20260304T120000Z - 5 min.)"},
		{Tolerance + time.Second, "Signature not yet current: 20260304T120501Z is still later than 20260304T120500Z (20260304T120000Z + 5 min.)"},
		{-24 * time.Hour, "Signature expired: 20260303T120000Z is now earlier than 20260304T115500Z (20260304T120000Z - 5 min.)"},
	}
	for _, c := range cases {
		o := orderOf(func(o *order) { o.at = noon().Add(c.signed) })
		err := verifier().Verify(o.sign(t), []byte(o.body))
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("signed %v off: %v, want %q", c.signed, err, c.want)
		}
	}
}

// curl signs as well; what it sends over the wire is taken, and with another key it is not.
func TestCurl(t *testing.T) {
	tool, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	v := verifier()
	v.Now = nil
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		err := v.Verify(r, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, "signed")
	}))
	t.Cleanup(server.Close)
	cases := []struct {
		name, user, want string
		args             []string
	}{
		{"a call", "key:secret", "signed", []string{server.URL + "/approvals/x"}},
		{"a call with a query", "key:secret", "signed", []string{server.URL + "/approvals?a=1&b=2"}},
		{"a body", "key:secret", "signed", []string{server.URL + "/approvals", "-H", "Content-Type: application/json", "-H", "Idempotency-Key: 0123", "-d", `{"a":"é"}`}},
		{"another key", "key:guessed", ErrSignature.Error(), []string{server.URL + "/approvals/x"}},
	}
	for _, c := range cases {
		args := append([]string{"-sS", "-m", "20", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:execute-api", "--user", c.user}, c.args...)
		out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != c.want {
			t.Errorf("%s: %v %s", c.name, err, out)
		}
	}
}

func FuzzAuthorization(f *testing.F) {
	scope := "Credential=k/20260304/us-east-1/execute-api/aws4_request"
	signature := "Signature=" + strings.Repeat("0a", 32)
	f.Add(algorithm + " " + scope + ", SignedHeaders=host;x-amz-date, " + signature)
	f.Add(algorithm + " " + scope + ",SignedHeaders=host," + signature)
	f.Add(algorithm + " " + scope + ", " + scope + ", SignedHeaders=host, " + signature)
	f.Add(algorithm + " Credential=////, SignedHeaders=;, Signature=")
	f.Add("AWS4-HMAC-SHA256")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := parse(header)
		if err != nil {
			if !errors.Is(err, ErrSignature) {
				t.Errorf("%q: %v", header, err)
			}
			return
		}
		again, err := parse(algorithm + " Credential=" + strings.Join([]string{a.key, a.date, a.region, a.service, scopeEnd}, "/") +
			",SignedHeaders=" + strings.Join(a.headers, ";") + ",Signature=" + a.signature)
		if err != nil || again.key != a.key || again.date != a.date || again.region != a.region || again.service != a.service ||
			strings.Join(again.headers, ";") != strings.Join(a.headers, ";") || again.signature != a.signature {
			t.Errorf("%q was read as %+v, which is read as %+v, %v", header, a, again, err)
		}
		if len(a.signature) != 64 || !isSigned(header) {
			t.Errorf("accepted %q", header)
		}
	})
}
