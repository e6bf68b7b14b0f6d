package wireapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/wireapi"
)

func document(t *testing.T) *wireapi.Document {
	t.Helper()
	d, err := wireapi.Open(filepath.Join("..", "..", "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// problem is a refusal as the product writes one.
func problem(status, code, more string) string {
	return `{"type":"urn:latchkey:problem:` + code + `","status":` + status + `,"title":"T","detail":"D","code":"` + code + `"` + more + `}`
}

// exchange is one request and what a product answers.
type exchange struct {
	name, method, path, body string
	status                   int
	kind, answer             string
	header                   map[string]string
	fault                    string // in what is told; "" for none
}

const problemKind = "application/problem+json"

var exchanges = []exchange{
	{name: "as described", method: "POST", path: "/verify", body: `{"code":"123456"}`, status: 200, answer: `{"next":"/account"}`},
	{name: "nothing sent", method: "POST", path: "/resend", status: 200, answer: `{"next":"/verify"}`},
	{name: "a refusal", method: "POST", path: "/verify", body: `{"x":1}`, status: 401, kind: problemKind, answer: problem("401", "wrong_code", `,"tries_left":4`)},
	{name: "accepted, and not valid", method: "POST", path: "/verify", body: `{"code":"123456","x":"y"}`, status: 200, answer: `{"next":"/account"}`, fault: "the product takes"},
	{name: "accepted without a field", method: "POST", path: "/verify", body: `{}`, status: 200, answer: `{"next":"/account"}`, fault: "the product takes"},
	{name: "accepted with a bad key", method: "POST", path: "/login", body: `{"email":"a@b.example","password":"x"}`, status: 200, answer: `{"next":"/verify"}`, header: map[string]string{"Idempotency-Key": "short"}, fault: "the product takes"},
	{name: "one member more", method: "GET", path: "/", status: 200, answer: `{"name":"latchkey","signed_in":true,"x":1}`, fault: "no such answer"},
	{name: "one member less", method: "GET", path: "/", status: 200, answer: `{"name":"latchkey"}`, fault: "no such answer"},
	{name: "another type", method: "GET", path: "/", status: 200, answer: `{"name":"latchkey","signed_in":"yes"}`, fault: "no such answer"},
	{name: "another path", method: "POST", path: "/logout", status: 200, answer: `{"next":"/account"}`, fault: "no such answer"},
	{name: "another status", method: "GET", path: "/account", status: 418, answer: `{}`, fault: "no such answer"},
	{name: "a redirect", method: "GET", path: "/account", status: 303, answer: ``, fault: "no such answer"},
	{name: "another content type", method: "GET", path: "/account", status: 401, answer: problem("401", "no_session", ""), fault: "no such answer"},
	{name: "a code of another route", method: "GET", path: "/account", status: 401, kind: problemKind, answer: problem("401", "wrong_code", ""), fault: "no such answer"},
	{name: "a status that is another", method: "GET", path: "/account", status: 401, kind: problemKind, answer: problem("403", "no_session", ""), fault: "no such answer"},
	{name: "a member more in a refusal", method: "GET", path: "/account", status: 401, kind: problemKind, answer: problem("401", "no_session", `,"cause":"x"`), fault: "no such answer"},
	{name: "a wait without its header", method: "GET", path: "/account", status: 503, kind: problemKind, answer: problem("503", "unavailable", `,"retry_after":2`), fault: "no such answer"},
	{name: "the gateway's refusal", method: "POST", path: "/approvals", body: `{}`, status: 403, answer: `{"message":"Forbidden"}`},
	{name: "the gateway's refusal elsewhere", method: "GET", path: "/account", status: 403, answer: `{"message":"Forbidden"}`, fault: "no such answer"},
	{name: "no such path", method: "GET", path: "/nope", status: 404, kind: problemKind, answer: problem("404", "not_found", "")},
	{name: "no such path, and answered", method: "GET", path: "/nope", status: 200, answer: `{}`, fault: "no such operation"},
	{name: "no such path, in another way", method: "GET", path: "/nope", status: 404, kind: problemKind, answer: problem("404", "malformed", ""), fault: "code"},
	{name: "another method", method: "DELETE", path: "/signup", status: 405, kind: problemKind, answer: problem("405", "method", ""), header: map[string]string{"Allow": "GET, POST"}},
	{name: "another method of a path with a name in it", method: "DELETE", path: "/approvals/1", status: 405, kind: problemKind, answer: problem("405", "method", ""), header: map[string]string{"Allow": "GET"}},
	{name: "another method, without Allow", method: "DELETE", path: "/signup", status: 405, kind: problemKind, answer: problem("405", "method", ""), fault: "Allow"},
}

// What differs from the document in one place is told.
func TestWatch(t *testing.T) {
	t.Parallel()
	d := document(t)
	for _, x := range exchanges {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			told := x.make(t, d)
			if x.fault == "" && told != "" || !strings.Contains(told, x.fault) {
				t.Errorf("told %q, want %q", told, x.fault)
			}
		})
	}
	t.Run("a page", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		client := &http.Client{}
		d.Watch(client, func(fault string) { t.Error(fault) })
		res, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	})
}

// make sends the request to a product that answers so, and returns what is told
// of it. The client gets the answer whole.
func (x exchange) make(t *testing.T, d *wireapi.Document) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil || string(sent) != x.body {
			t.Errorf("the product got %q %v", sent, err)
		}
		w.Header().Set("Content-Type", x.kind)
		if x.kind == "" {
			w.Header().Set("Content-Type", "application/json")
		}
		if x.header["Allow"] != "" {
			w.Header().Set("Allow", x.header["Allow"])
		}
		w.WriteHeader(x.status)
		io.WriteString(w, x.answer) //nolint:errcheck // the client is the test
	}))
	defer server.Close()
	req, err := http.NewRequest(x.method, server.URL+x.path, strings.NewReader(x.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if x.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range x.header {
		req.Header.Set(name, value)
	}
	var told []string
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	d.Watch(client, func(fault string) { told = append(told, fault) })
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || string(answer) != x.answer {
		t.Errorf("the client got %q %v", answer, err)
	}
	return strings.Join(told, "\n")
}

// What was answered is not unseen any more; the rest is.
func TestUnseen(t *testing.T) {
	t.Parallel()
	d := document(t)
	want := []string{"200", "401 no_session", "403 cross_origin", "421 misdirected", "503 unavailable"}
	if got := d.Unseen("GET /account"); !slices.Equal(got, want) {
		t.Errorf("unseen %q, want %q", got, want)
	}
	exchange{method: "GET", path: "/account", status: 401, kind: problemKind, answer: problem("401", "no_session", "")}.make(t, d)
	if got := d.Unseen("GET /account"); !slices.Equal(got, slices.Delete(want, 1, 2)) {
		t.Errorf("unseen %q", got)
	}
}

// What the gateway says itself is an answer like any other.
func TestUnseenOfTheGateway(t *testing.T) {
	t.Parallel()
	d := document(t)
	const route = "GET /approvals/{id}"
	if !slices.Contains(d.Unseen(route), "403") || !slices.Contains(d.Unseen(route), "403 forbidden") {
		t.Errorf("unseen %q", d.Unseen(route))
	}
	exchange{method: "GET", path: "/approvals/1", status: 403, answer: `{"message":"Forbidden"}`}.make(t, d)
	if slices.Contains(d.Unseen(route), "403") || !slices.Contains(d.Unseen(route), "403 forbidden") {
		t.Errorf("unseen %q", d.Unseen(route))
	}
}

// Every object has a name, as those who make clients want it.
func TestUnnamed(t *testing.T) {
	t.Parallel()
	if got := document(t).Unnamed(); len(got) > 0 {
		t.Errorf("without a name: %q", got)
	}
	whole, err := os.ReadFile(filepath.Join("..", "..", "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for place, named := range map[string]string{
		"GET / 200 application/json": `schema: {$ref: "#/components/schemas/Front"}`, "CodePage.other_login": `other_login: {$ref: "#/components/schemas/OtherLogin"}`,
		"NewApproval.details[]": `items: {$ref: "#/components/schemas/Detail"}`, "POST /factors 200 application/json": `{$ref: "#/components/schemas/Device"}, {`,
	} {
		file, inline := filepath.Join(t.TempDir(), "openapi.yaml"), strings.Replace(named, "$ref: ", "x-was: ", 1)
		inline = strings.Replace(inline, "}", ", properties: {id: {const: 1}}}", 1)
		err := os.WriteFile(file, []byte(strings.Replace(string(whole), named, inline, 1)), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		d, err := wireapi.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Unnamed(); !slices.Equal(got, []string{place}) {
			t.Errorf("without a name: %q, want %s", got, place)
		}
	}
}

// A document that does not hold is not opened.
func TestOpen(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filepath.Join("..", "..", "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"older":            {"openapi: 3.1.0", "openapi: 3.0.3"},
		"dangling":         {"responses/NextFront", "responses/NextBack"},
		"example":          {`example: {name: latchkey`, `example: {name: keylatch`},
		"no description":   {"description: The front page", "x-description: none"},
		"twice one name":   {"operationId: signupForm", "operationId: front"},
		"a path parameter": {"/approvals/{id}:", "/approvals/{it}:"},
	} {
		broken := strings.Replace(string(whole), change[0], change[1], 1)
		file := filepath.Join(t.TempDir(), "openapi.yaml")
		err := os.WriteFile(file, []byte(broken), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = wireapi.Open(file)
		if err == nil || broken == string(whole) {
			t.Errorf("%s: opened", name)
		}
	}
	_, err = wireapi.Open(filepath.Join(t.TempDir(), "none.yaml"))
	if err == nil {
		t.Error("a file that is not there is opened")
	}
}
