package lambdaruntime

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The API as a bootstrap that breaks its rules sees it. Well-behaved ones are real binaries
// in the other tests.
func TestAPI(t *testing.T) {
	p := newPool(Function{Name: "f", Binary: "none"}, Options{}.withDefaults(), nil)
	c := newProcess(p, "none", 0)
	c.kill = time.NewTimer(time.Hour)
	defer func() { c.limit.Stop() }()
	p.all[c] = true
	p.starting = 1
	server := httptest.NewServer(c.api())
	defer server.Close()
	ask := func(method, path, body string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header, string(data)
	}
	next := runtimePath + "invocation/next"

	results := make(chan error, 1)
	go func() {
		_, err := p.invoke(t.Context(), []byte(`{"a":1}`))
		results <- err
	}()
	status, header, body := ask("GET", next, "")
	id := header.Get("Lambda-Runtime-Aws-Request-Id")
	if status != 200 || body != `{"a":1}` || id == "" || header.Get("Lambda-Runtime-Deadline-Ms") == "" {
		t.Fatalf("next: %d %v %s", status, header, body)
	}
	answer := runtimePath + "invocation/" + id + "/response"
	cases := []struct {
		name, method, path, body string
		status                   int
	}{
		{"a second poll before the answer", "GET", next, "", 400},
		{"unknown id", "POST", runtimePath + "invocation/x/response", "{}", 400},
		{"error of an unknown id", "POST", runtimePath + "invocation/x/error", "{}", 400},
		{"unknown path", "GET", "/", "", 404},
		{"init error", "POST", runtimePath + "init/error", "{}", 202},
		{"register", "POST", extensionPath + "register", "{}", 200},
		{"too large", "POST", answer, strings.Repeat("x", maxAnswer+1), 413},
		{"answered already", "POST", answer, "{}", 400},
	}
	for _, k := range cases {
		got, _, text := ask(k.method, k.path, k.body)
		if got != k.status {
			t.Errorf("%s: %d %s, want %d", k.name, got, text, k.status)
		}
	}
	if err := <-results; err != ErrTooLarge {
		t.Errorf("the caller got %v", err)
	}
}

func TestParseError(t *testing.T) {
	e := parseError([]byte(`{"errorType":"T","errorMessage":"m","stackTrace":[]}`))
	if e.Error() != "function error T: m" {
		t.Errorf("%v", e)
	}
	e = parseError([]byte("oops"))
	if e.Type != "Runtime.Unknown" {
		t.Errorf("%v", e)
	}
}
