package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

const (
	htmlType    = "text/html"
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

// page is one request to the live stack that needs no session, and what must
// come of it.
type page struct {
	name, path string
	accept     string
	status     int
	kind       string // content type
	code       string // of a problem document
}

// pages are what is asked; the path that is not there is nobody's.
func pages() []page {
	const nowhere = "/latchkey-doctor"
	return []page{
		{"front page", "/", htmlType, 200, htmlType, ""},
		{"sign-up page", "/signup", htmlType, 200, htmlType, ""},
		{"login page", "/login", htmlType, 200, htmlType, ""},
		{"missing page", nowhere, htmlType, 404, htmlType, ""},
		{"missing page, for programs", nowhere, jsonType, 404, problemType, "not_found"},
		{"account without session", "/account", jsonType, 401, problemType, "no_session"},
		{"callback's address", "/onetouch/callback", jsonType, 200, jsonType, ""},
	}
}

// liveExams are the checks of a stack from outside.
func (v *checkup) liveExams() []exam {
	exams := []exam{{"Pages", v.pages}}
	if v.secure() {
		exams = append(exams, exam{"Edge", v.plainHTTP}, exam{"Edge", v.otherHost})
	} else {
		exams = append(exams, exam{"Edge", func(context.Context) []finding {
			return []finding{found(skipped, "https", "", "this is a laptop's address: certificate, plain http and other hosts were not looked at")}
		}})
	}
	return append(exams, v.callbackExams()...)
}

// secure reports whether the stack is reached by https.
func (v *checkup) secure() bool { return strings.HasPrefix(v.public, "https://") }

// pages asks for all pages at once; what is wrong with a header is said once,
// with all pages that it is wrong on.
func (v *checkup) pages(ctx context.Context) []finding {
	all := pages()
	answers, errs := make([]answer, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() {
			answers[i], errs[i] = v.fetch(ctx, http.MethodGet, v.public+p.path, "", func(r *http.Request) { r.Header.Set("Accept", p.accept) })
		})
	}
	wg.Wait()
	var list []finding
	for i, p := range all {
		if errs[i] != nil {
			list = append(list, found(faulty, p.name, whyUnreached(errs[i]), "%v", errs[i]))
			continue
		}
		list = append(list, p.judge(answers[i]))
	}
	list = append(list, v.headers(all, answers)...)
	for _, a := range answers {
		if a.tls != nil {
			return append(list, v.certificate(a.tls))
		}
	}
	return list
}

// whyUnreached is what to do when there is no answer.
func whyUnreached(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "does not resolve"):
		return "Make the DNS record that leads the name to the API's domain (its regional domain name), or wait until it is known everywhere"
	case strings.Contains(text, "certificate"):
		return "The certificate in the API's region must name this host, and the DNS record must lead to the API"
	}
	return "Check the address, and that the stack is deployed (its output Url)"
}

const readLog = "A function that cannot start says why in one line of its log: aws logs tail THE_OUTPUT_LogGroup --since 1h"

func (p page) judge(a answer) finding {
	switch {
	case a.status >= 500:
		return found(faulty, p.name, readLog, "GET %s answers %d", p.path, a.status)
	case a.status >= 300 && a.status < 400:
		return found(faulty, p.name, "Give the address that visitors use, and let nothing before the API redirect", "GET %s is a redirect (%d)", p.path, a.status)
	case a.status != p.status:
		return found(faulty, p.name, "Check that this is latchkey's address, and that the template's routes are deployed", "GET %s answers %d, and should %d", p.path, a.status, p.status)
	case a.kind() != p.kind:
		return found(faulty, p.name, "Let nothing before the API put its own pages in the place of ours", "GET %s is %q, and should be %s", p.path, cutText(a.kind()), p.kind)
	}
	if p.kind == problemType {
		var doc struct {
			Status int
			Code   string
		}
		if !a.into(&doc) || doc.Status != p.status || doc.Code != p.code {
			return found(faulty, p.name, "Let nothing before the API put its own answers in the place of ours", "GET %s is no problem document of ours with the code %s", p.path, p.code)
		}
	}
	if p.kind == htmlType && !strings.Contains(strings.ToLower(string(a.body)), "<html") {
		return found(faulty, p.name, readLog, "GET %s is no page", p.path)
	}
	return good(p.name, "GET %s answers %d, %s", p.path, a.status, p.kind)
}

// cutText keeps what others wrote short.
func cutText(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// header is one that every answer has, and what is wrong with a value of it.
type header struct {
	name  string
	wrong func(values []string) string // "" if nothing is
}

// exactly wants one header of this value.
func exactly(want string) func([]string) string {
	return func(values []string) string {
		if slices.Equal(values, []string{want}) {
			return ""
		}
		return "is not " + want
	}
}

// including wants one header in which all of these stand.
func including(parts ...string) func([]string) string {
	return func(values []string) string {
		text := strings.ToLower(strings.Join(values, ", "))
		for _, part := range parts {
			if !strings.Contains(text, part) {
				return "lacks " + part
			}
		}
		return ""
	}
}

// wanted are the headers of every answer.
func (v *checkup) wanted() []header {
	list := []header{
		{"Content-Security-Policy", wrongPolicy},
		{"Cache-Control", including("no-store")},
		{"X-Content-Type-Options", exactly("nosniff")},
		{"Referrer-Policy", exactly("no-referrer")},
		{"Permissions-Policy", including("camera=()", "microphone=()", "geolocation=()")},
		{"Cross-Origin-Opener-Policy", exactly("same-origin")},
		{"Cross-Origin-Resource-Policy", exactly("same-origin")},
		{"X-Robots-Tag", including("noindex")},
		{"Vary", including("accept")},
		{"Access-Control-Allow-Origin", func(values []string) string {
			if len(values) > 0 {
				return "lets other sites read the answer"
			}
			return ""
		}},
	}
	if v.secure() {
		list = append(list, header{"Strict-Transport-Security", wrongTransport})
	}
	return list
}

// wrongPolicy wants one policy that allows nothing by default and no text as
// code. A second one from something on the way would only add to it, and hide
// that ours is gone.
func wrongPolicy(values []string) string {
	if len(values) != 1 {
		return fmt.Sprintf("is there %d times, not once", len(values))
	}
	for _, bad := range []string{"unsafe-inline", "unsafe-eval", "unsafe-hashes", "*"} {
		if strings.Contains(values[0], bad) {
			return "allows " + bad
		}
	}
	return including("default-src 'none'", "frame-ancestors 'none'", "form-action", "base-uri 'none'")(values)
}

// wrongTransport wants a year at least.
func wrongTransport(values []string) string {
	for part := range strings.SplitSeq(strings.Join(values, ";"), ";") {
		var seconds int
		n, err := fmt.Sscanf(strings.ToLower(strings.TrimSpace(part)), "max-age=%d", &seconds)
		if err == nil && n == 1 && seconds >= 365*24*60*60 {
			return ""
		}
	}
	return "holds for less than a year"
}

// headers looks at all answers that came.
func (v *checkup) headers(all []page, answers []answer) []finding {
	const do = "The functions set it on every answer: look what stands before the API and changes answers"
	var list []finding
	came := 0
	for _, a := range answers {
		if a.header != nil {
			came++
		}
	}
	for _, h := range v.wanted() {
		faults := map[string][]string{} // pages by what is wrong
		var order []string
		for i, a := range answers {
			if a.header == nil {
				continue
			}
			values := a.header.Values(h.name)
			wrong := h.wrong(values)
			if wrong != "" && len(values) == 0 && h.name != "Access-Control-Allow-Origin" {
				wrong = "is missing"
			}
			if wrong != "" {
				if faults[wrong] == nil {
					order = append(order, wrong)
				}
				faults[wrong] = append(faults[wrong], all[i].name)
			}
		}
		for _, wrong := range order {
			list = append(list, found(faulty, h.name, do, "%s (%s)", wrong, strings.Join(faults[wrong], "; ")))
		}
	}
	if len(list) == 0 && came > 0 {
		list = append(list, good("headers", "all %d that matter are right on %d answers", len(v.wanted()), came))
	}
	return list
}
