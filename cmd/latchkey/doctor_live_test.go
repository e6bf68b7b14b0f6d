package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A stack as it should be has no fault, and what the doctor did to it is what it
// says: two refused callbacks in the log, two approvals that never existed in the
// table, and nothing else.
func TestDoctorLive(t *testing.T) {
	t.Parallel()
	r := deployedRig(t)
	var read, written atomic.Int32
	w := worldOf(t, r, nil, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			read.Add(1)
		} else {
			written.Add(1)
		}
		return false
	})
	o, d := examined(t, w, stackAt)
	d.says(t, faulty)
	d.says(t, warned, "push: no credentials")
	d.says(t, unseen, "geo permissions", "callback: no API")
	d.says(t, skipped, "secret: there is none")
	for _, want := range []string{
		"front page: GET / answers 200", "missing page, for programs: GET /latchkey-doctor answers 404, application/problem+json", "account without session: GET /account answers 401",
		"headers: all 11 that matter are right on 7 answers", "certificate: it is for this name", "plain http: nobody answers there", "another host: the stack refuses",
		"address: vendors are to call " + callAt,
		"Verify's callback: a signed one is taken", "Verify's callback: its decision is in the table", "forged, Verify's: one with a wrong signature is refused (403)",
		"Authy's callback: a signed one is taken", "Authy's callback: its decision is in the table", "forged, Authy's: one with a wrong signature is refused (403)",
		"Auth Token: it is accepted", "login service: its codes have 6 digits", "sign-up service: its codes have 6 digits", "webhook: decisions go to " + callAt,
		"sender's number: it is the account's", `application: the key is accepted: "Latchkey", plan "starter"`, "id.example.com: its clock and this machine's agree",
	} {
		if !strings.Contains(strings.Join(d.at(fine), "\n"), want) {
			t.Errorf("no %q in\n%s", want, strings.Join(d.at(fine), "\n"))
		}
	}
	if read.Load() == 0 || written.Load() != 0 {
		t.Errorf("vendors were asked %d times by GET and %d times by other methods", read.Load(), written.Load())
	}
	items := r.Items()
	if len(items) != 2 {
		t.Errorf("%d items in the table, want the two approvals: %v", len(items), items)
	}
	for _, item := range items {
		if !strings.Contains(fmt.Sprint(item), "denied") || strings.Contains(fmt.Sprint(item), "session") {
			t.Errorf("left in the table: %v", item)
		}
	}
	if n := strings.Count(r.Log.String(), "alarm: a callback is not authentic"); n != 2 {
		t.Errorf("%d alarms in the log, want one for each forged callback", n)
	}
	r.Clock.Advance(time.Second)
	_, again := examined(t, w, stackAt)
	again.says(t, faulty)
	text := operate(t.Context(), w.config(), "doctor", stackAt)
	harmless(t, text)
	if text.code != 0 || !strings.Contains(text.out, "\nCallbacks\n  ok ") || !strings.HasSuffix(text.out, "\nno faults, 1 warning.\n") || o.code != 0 {
		t.Errorf("%d %s", text.code, text.out)
	}
}

// Without keys the forged callback is still tried, and without a table nobody
// looks into one.
func TestDoctorLiveWithoutKeys(t *testing.T) {
	t.Parallel()
	r := deployedRig(t)
	w := worldOf(t, r, nil, nil)
	for name := range w.vars {
		delete(w.vars, name)
	}
	_, d := examined(t, w, stackAt)
	d.says(t, faulty)
	d.says(t, skipped, "secret", "Verify's callback: no test callback", "Authy's callback: no test callback", "account: it was not asked", "service: no service", "sender: none", "application: no key")
	if n := strings.Count(r.Log.String(), "alarm: a callback is not authentic"); n != 1 || len(r.Items()) != 0 {
		t.Errorf("%d alarms, %v", n, r.Items())
	}
	w.vars["TWILIO_AUTH_TOKEN"] = theToken
	_, d = examined(t, w, stackAt)
	if !strings.Contains(strings.Join(d.at(skipped), "\n"), "whether the decision came into the table was not looked at") {
		t.Errorf("%v", d.at(skipped))
	}
}

// Each way in which a stack can misbehave is said, and nothing else is.
func TestDoctorLiveFaults(t *testing.T) {
	t.Parallel()
	r := deployedRig(t)
	drop := func(name string) func(*http.Response) {
		return func(res *http.Response) {
			if res.Request.URL.Path == "/login" {
				res.Header.Del(name)
			}
		}
	}
	set := func(name, value string) func(*http.Response) {
		return func(res *http.Response) { res.Header.Set(name, value) }
	}
	posted := func(forged bool, status int, text string) spoil {
		return func(w http.ResponseWriter, r *http.Request) bool {
			wrong := r.Header.Get("X-Twilio-Signature") != twilioSignature(theToken, callAt, formOf(r))
			if r.Method != "POST" || r.Header.Get("X-Twilio-Signature") == "" || wrong != forged {
				return false
			}
			return on(r.URL.Path, status, text)(w, r)
		}
	}
	var runs atomic.Int32
	for name, c := range map[string]struct {
		spoil  spoil
		change func(*http.Response)
		want   []string
	}{
		"missing policy":        {nil, drop("Content-Security-Policy"), []string{"Content-Security-Policy: is missing (login page)"}},
		"inline":                {nil, set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"), []string{"Content-Security-Policy: allows unsafe-inline (front page; sign-up page;"}},
		"loose policy":          {nil, set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"), []string{"Content-Security-Policy: lacks default-src 'none'"}},
		"two policies":          {nil, func(res *http.Response) { res.Header.Add("Content-Security-Policy", "default-src 'none'") }, []string{"Content-Security-Policy: is there 2 times"}},
		"no transport security": {nil, drop("Strict-Transport-Security"), []string{"Strict-Transport-Security: is missing (login page)"}},
		"short one":             {nil, set("Strict-Transport-Security", "max-age=300"), []string{"Strict-Transport-Security: holds for less than a year"}},
		"cached":                {nil, set("Cache-Control", "public, max-age=60"), []string{"Cache-Control: lacks no-store"}},
		"sniffed":               {nil, drop("X-Content-Type-Options"), []string{"X-Content-Type-Options: is missing (login page)"}},
		"referrer":              {nil, set("Referrer-Policy", "unsafe-url"), []string{"Referrer-Policy: is not no-referrer"}},
		"permissions":           {nil, set("Permissions-Policy", "camera=()"), []string{"Permissions-Policy: lacks microphone=()"}},
		"opener":                {nil, drop("Cross-Origin-Opener-Policy"), []string{"Cross-Origin-Opener-Policy: is missing (login page)"}},
		"resource":              {nil, drop("Cross-Origin-Resource-Policy"), []string{"Cross-Origin-Resource-Policy: is missing (login page)"}},
		"indexed":               {nil, drop("X-Robots-Tag"), []string{"X-Robots-Tag: is missing (login page)"}},
		"vary":                  {nil, drop("Vary"), []string{"Vary: is missing (login page)"}},
		"shared":                {nil, set("Access-Control-Allow-Origin", "*"), []string{"Access-Control-Allow-Origin: lets other sites"}},
		"page as program":       {nil, func(res *http.Response) { page404(res, "/latchkey-doctor", "text/html") }, []string{`missing page, for programs: GET /latchkey-doctor is "text/html"`}},
		"other document":        {nil, func(res *http.Response) { rewrite(res, "/account", `{"message":"Unauthorized"}`) }, []string{"account without session: GET /account is no problem document of ours"}},
		"not set up":            {nil, func(res *http.Response) { status(res, "/signup", 503) }, []string{"sign-up page: GET /signup answers 503"}},
		"redirect":              {nil, func(res *http.Response) { status(res, "/login", 302) }, []string{"login page: GET /login is a redirect (302)"}},
		"somebody else's":       {nil, func(res *http.Response) { status(res, "/", 404) }, []string{"front page: GET / answers 404, and should 200"}},
		"no page":               {nil, func(res *http.Response) { rewrite(res, "/", "hello") }, []string{"front page: GET / is no page"}},
		"forged is taken":       {posted(true, 200, "{}"), nil, []string{"forged, Verify's: one with a wrong signature is taken (200)"}},
		"forged by the edge":    {posted(true, 403, `{"message":"Forbidden"}`), nil, []string{"forged, Verify's: one with a wrong signature is answered with 403, and not by the stack"}},
		"forged breaks":         {posted(true, 500, ""), nil, []string{"forged, Verify's: one with a wrong signature is answered with 500"}},
		"signed is refused":     {posted(false, 403, `{"code":"forged"}`), nil, []string{"Verify's callback: a signed one is refused as forged"}},
		"signed breaks":         {posted(false, 503, ""), nil, []string{"Verify's callback: a signed one is answered with 503"}},
		"signed is missed":      {posted(false, 404, ""), nil, []string{"Verify's callback: a signed one is answered with 404"}},
		"signed is dropped":     {posted(false, 200, "{}"), nil, []string{"Verify's callback: it was taken, and its decision is not in the table"}},
		"old clock": {nil, func(res *http.Response) {
			res.Header.Set(keepDate, "yes")
			res.Header.Set("Date", r.Clock.Now().Add(-40*time.Second).UTC().Format(http.TimeFormat))
		}, []string{"id.example.com: its clock is 39s behind"}},
		"any host": {func(w http.ResponseWriter, r *http.Request) bool {
			return r.Host == "doctor.invalid" && on("/", 200, "{}")(w, r)
		}, nil, []string{"another host: a request that names another host is answered with 200"}},
	} {
		run := runs.Add(1)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, r, c.spoil, nil)
			w.now = func() time.Time { return r.Clock.Now().Add(time.Duration(run) * time.Millisecond) } // another id of the test's request
			w.change = c.change
			_, d := examined(t, w, stackAt)
			d.says(t, faulty, c.want...)
		})
	}
}

// formOf reads a form and leaves it to be read again.
func formOf(r *http.Request) map[string][]string {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(text)))
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(strings.NewReader(string(text)))
	again.ParseForm() //nolint:errcheck // what cannot be read is empty
	return again.PostForm
}

func status(res *http.Response, path string, code int) {
	if res.Request.URL.Path == path && res.StatusCode == 200 {
		res.StatusCode = code
		res.Header.Set("Location", "https://www.example.com/")
	}
}

func rewrite(res *http.Response, path, text string) {
	if res.Request.URL.Path != path || res.StatusCode == 421 {
		return
	}
	res.Body.Close()
	res.Body, res.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	res.Header.Del("Content-Length")
}

func page404(res *http.Response, path, kind string) {
	if res.Request.URL.Path == path {
		res.Header.Set("Content-Type", kind)
	}
}

// What stands at the edge: plain http, hosts, certificates and names.
func TestDoctorEdge(t *testing.T) {
	t.Parallel()
	r := deployedRig(t)
	for name, c := range map[string]struct {
		plain http.HandlerFunc
		want  string // among the faults; else among the rest
		fault bool
	}{
		"led to https": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, stackAt+"/", http.StatusMovedPermanently)
		}, "plain http: it leads to https (301)", false},
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "plain http: it is refused (403)", false},
		"a page":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, "plain http: it is answered with 200", true},
		"led elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		}, "plain http: it is answered with 302", true},
		"led to plain": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://id.example.com/a", http.StatusFound)
		}, "plain http: it is answered with 302", true},
		"edge knows hosts": {nil, "another host: the edge refuses it before it comes to the stack (403)", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worldOf(t, r, func(w http.ResponseWriter, r *http.Request) bool {
				return c.plain == nil && r.Host == "doctor.invalid" && on("/", 403, `{"message":"Forbidden"}`)(w, r)
			}, nil)
			if c.plain != nil {
				w.plain = httptest.NewServer(c.plain)
				t.Cleanup(w.plain.Close)
			}
			_, d := examined(t, w, stackAt)
			if c.fault {
				d.says(t, faulty, c.want)
				return
			}
			d.says(t, faulty)
			if !strings.Contains(strings.Join(append(d.at(fine), d.at(skipped)...), "\n"), c.want) {
				t.Errorf("no %q in %v %v", c.want, d.at(fine), d.at(skipped))
			}
		})
	}
	w := worldOf(t, r, nil, nil)
	end := w.stack.Certificate().NotAfter
	for left, want := range map[time.Duration]level{47 * time.Hour: faulty, 13 * 24 * time.Hour: warned, 15 * 24 * time.Hour: fine} {
		w.now = func() time.Time { return end.Add(-left) }
		_, d := examined(t, w, stackAt)
		if !strings.Contains(strings.Join(d.at(want), "\n"), "certificate: it ") {
			t.Errorf("%s left: %v", left, d.Checks)
		}
	}
	w = worldOf(t, r, nil, nil)
	for address, want := range map[string]string{
		"https://nobody.example.org": "front page: the name nobody.example.org does not resolve",
		w.vendor.URL:                 "front page: GET / answers 404, and should 200",
	} {
		_, d := examined(t, w, address)
		if !strings.Contains(strings.Join(d.at(faulty), "\n"), want) {
			t.Errorf("%s: %v", address, d.at(faulty))
		}
	}
	cfg := w.config()
	cfg.HTTP = &http.Client{} // which does not trust the test's certificates
	o := operate(t.Context(), cfg, "doctor", w.stack.URL)
	if o.code != 1 || !strings.Contains(o.out, "the certificate is not to be trusted") {
		t.Errorf("%d %s", o.code, o.out)
	}
}
