//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// call sends a request and returns the status with the body behind it.
func call(t *testing.T, method, url string, header http.Header) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status[:3] + " " + string(body)
}

// An example runs beside the project: under its address, with its authorizer, the bus between
// them, and signed calls with what the file for shells says.
func TestExample(t *testing.T) {
	root := project(t)
	err := os.CopyFS(root, os.DirFS("testdata/example"))
	if err != nil {
		t.Fatal(err)
	}
	err = os.Mkdir(filepath.Join(root, "docs"), 0o700)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "docs/openapi.yaml"), "not what it should be\n")
	file := filepath.Join(root, envFile)
	err = os.Mkdir(filepath.Dir(file), 0o700)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, "of a run that was killed\n")
	err = os.Chmod(file, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, root, "TABLE_NAME=other")
	p.ready(t)
	word := http.Header{"X-Word": {"sesame"}}
	cases := []struct {
		method, url string
		header      http.Header
		want        string
	}{
		{"GET", p.app + "/bank", nil, `403 {"message":"Forbidden"}`},
		{"GET", p.app + "/bank", word, `200 {"authorizer":{"lambda":{"confirmed_at":1772597167,"settled":true,"uid":"u1"}},"latchkey":"` + p.app + `"}`},
		{"POST", p.app + "/bank/signed", nil, `403 {"message":"Missing Authentication Token"}`},
		{"POST", p.app + "/bank/tell", nil, "200 "},
	}
	for _, c := range cases {
		if got := call(t, c.method, c.url, c.header); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.url, got, c.want)
		}
	}
	if got := call(t, "GET", p.phone+"/docs", nil); !strings.HasPrefix(got, "500 <!doctype html>") {
		t.Errorf("the API's document, which is none: %.200s", got)
	}
	poll(t, "the event", func() bool { return strings.Contains(p.stderr.String(), `bank: was told {"id":7}`) })
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file for shells: %v, %v", info, err)
	}
	signed(t, root, p.app)

	template := filepath.Join(root, "examples/bank/template.yaml")
	later := time.Now().Add(time.Second)
	err = os.Chtimes(template, later, later)
	if err != nil {
		t.Fatal(err)
	}
	poll(t, "a word about the template", func() bool {
		return strings.Contains(p.stderr.String(), "examples/bank/template.yaml changed: restart make run to apply it")
	})
	_ = p.cmd.Process.Signal(os.Interrupt)
	p.wait(t, 3*time.Second)
	_, err = os.Stat(file)
	if !os.IsNotExist(err) {
		t.Errorf("the file for shells is left: %v", err)
	}
}

// signed makes a call as a developer would in another terminal.
func signed(t *testing.T, root, app string) {
	t.Helper()
	shell := func(command string) string {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "set -a; . "+envFile+"; "+command)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	if got := shell(`echo "$LATCHKEY_URL $TABLE_NAME $AWS_REGION"; env | grep -c ^AWS_ENDPOINT_URL_DYNAMODB=http://`); got != app+" other us-east-1\n1\n" {
		t.Errorf("the file for shells sets %s", got)
	}
	_, err := exec.LookPath("curl")
	if err != nil {
		t.Log("curl is not installed: nothing is signed")
		return
	}
	const curl = `curl -sS --noproxy '*' --aws-sigv4 aws:amz:$AWS_REGION:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" `
	got := shell(curl + `-H 'Content-Type: application/json' -d '{"a":1}' "$LATCHKEY_URL/bank/signed"`)
	if !strings.HasPrefix(got, `{"authorizer":{"iam":{"accessKey":"local","accountId":"123456789012"`) {
		t.Errorf("a signed call: %s", got)
	}
}

// What a shell reads back is what was quoted.
func TestQuote(t *testing.T) {
	for _, text := range []string{"", "http://127.0.0.1:8000/a?b=c&d", "o'table", "a b", "$HOME `id`", "a\\b\"c", "é", "a\nb", "latchkey"} {
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", "A="+quote(text)+"; printf %s \"$A\"").Output()
		if err != nil || string(out) != text {
			t.Errorf("%q is read as %q, %v", text, out, err)
		}
	}
	if quote("http://127.0.0.1:8000") != "http://127.0.0.1:8000" {
		t.Error("an address is quoted without need")
	}
}
