//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// wholeProject is a folder with this project's own template and sources.
func wholeProject(t *testing.T) string {
	t.Helper()
	root := project(t)
	repo, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	err = os.RemoveAll(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"functions", "shared", "Makefile", "docs"} {
		err = os.Symlink(filepath.Join(repo, name), filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(repo, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "template.yaml"), string(text))
	return root
}

// person is a visitor who sends forms, and their phone.
type person struct {
	t          *testing.T
	client     *http.Client
	app, phone string
	number     string
}

// do sends a form, or gets a page without one, and returns the path that it ends at.
func (v *person) do(path string, form url.Values) string {
	v.t.Helper()
	var res *http.Response
	var err error
	if form == nil {
		res, err = v.client.Get(v.app + path)
	} else {
		res, err = v.client.PostForm(v.app+path, form)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		v.t.Fatalf("%s %v: %d %s", path, form, res.StatusCode, body)
	}
	return res.Request.URL.Path
}

// seed is what the empty form has in it, for a second sending to be known.
func (v *person) seed(path string) string {
	v.t.Helper()
	res, err := v.client.Get(v.app + path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	found := regexp.MustCompile(`name="form" value="([^"]+)"`).FindSubmatch(body)
	if found == nil {
		v.t.Fatalf("%s: %d, no seed in %s", path, res.StatusCode, body)
	}
	return string(found[1])
}

// onPhone calls the simulated phone.
func (v *person) onPhone(method, path, body string, answer any) {
	v.t.Helper()
	req, err := http.NewRequest(method, v.phone+"/api/"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		v.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	if answer != nil {
		err = json.Unmarshal(text, answer)
		if err != nil {
			v.t.Fatal(err)
		}
	}
}

func (v *person) code() string {
	v.t.Helper()
	var messages []struct{ Body string }
	v.onPhone("GET", "phones/"+v.number+"/messages", "", &messages)
	if len(messages) == 0 {
		v.t.Fatal("no message on the phone")
	}
	code := regexp.MustCompile(`\d{6,}`).FindString(messages[len(messages)-1].Body)
	if code == "" {
		v.t.Fatalf("no code in %v", messages)
	}
	return code
}

// signUp fills in both forms, and returns where that ends.
func (v *person) signUp() string {
	v.t.Helper()
	at := v.do("/signup", url.Values{
		"form": {v.seed("/signup")}, "fullName": {"Ada Ünïcode"}, "email": {"ada@example.com"}, "password": {"correct horse"}, "countryCode": {"US"}, "phone": {"4155552671"},
	})
	if at == "/verify" {
		at = v.do("/verify", url.Values{"code": {v.code()}})
	}
	return at
}

// The whole flow, with the events, the environment and the addresses that SAM's containers
// have: a sign-up by text, and a login that the phone approves, of which a callback tells.
func TestSAMFlow(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds eight functions by the Makefile: make thorough runs it")
	}
	root, tools := wholeProject(t), samTools(t)
	out, err := exec.Command("go", "build", "-o", filepath.Join(tools, "bin/sam"), "./samlocal/testdata/lambdas").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	write(t, filepath.Join(tools, "state/bridge"), "127.0.0.1") // functions take plain http of few names
	write(t, filepath.Join(tools, "state/functions"), "home signup verify login status onetouch-callback account logout")
	p := launchSAM(t, tools, root, "PROVIDER=authy", "BCRYPT_COST=4", "TWILIO_API_URL=", "TWILIO_VERIFY_URL=", "AUTHY_API_URL=", "APPROVAL_POLL=1m")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.stderr)
		}
	})
	p.ready(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &person{t: t, client: &http.Client{Jar: jar, Timeout: time.Minute}, app: p.app, phone: p.phone, number: "+14155552671"}
	at := v.signUp()
	if at != "/account" {
		t.Fatalf("the sign-up ends at %s\n%s", at, p.stderr)
	}
	v.do("/logout", url.Values{})
	v.onPhone("PUT", "phones/"+v.number+"/app", `{"installed":true}`, nil)
	at = v.do("/login", url.Values{"form": {v.seed("/login")}, "email": {"ada@example.com"}, "password": {"correct horse"}})
	if at != "/status" {
		t.Fatalf("the login is at %s\n%s", at, p.stderr)
	}
	var approvals []struct{ ID string }
	v.onPhone("GET", "phones/"+v.number+"/approvals", "", &approvals)
	if len(approvals) != 1 {
		t.Fatalf("approvals %v", approvals)
	}
	v.onPhone("POST", fmt.Sprintf("phones/%s/approvals/%s", v.number, approvals[0].ID), `{"decision":"approved"}`, nil)
	decided := time.Now()
	poll(t, "the callback's news", func() bool {
		res, err := v.client.Do(jsonGet(t, v.app+"/status"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var answer struct{ Status string }
		_ = json.NewDecoder(res.Body).Decode(&answer)
		return answer.Status == "approved"
	})
	if time.Since(decided) > 50*time.Second {
		t.Error("the vendor may have been asked, after a minute without its callback")
	}
	at = v.do("/status", url.Values{})
	if at != "/account" {
		t.Errorf("the login ends at %s", at)
	}
	if strings.Contains(p.stderr.String(), `"level":"ERROR"`) {
		t.Errorf("errors in the log:\n%s", p.stderr)
	}
}

func jsonGet(t *testing.T, address string) *http.Request {
	t.Helper()
	req, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	return req
}
