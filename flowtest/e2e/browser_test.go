//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a running chromium, or nothing where none is installed.
type browser struct{ ctx context.Context }

// openBrowser starts one until the test ends.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := findBrowser()
	if path == "" && os.Getenv("CI") != "" {
		t.Fatal("there is no browser for the browser tests: install chromium")
	}
	if path == "" {
		return &browser{}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		err := chromedp.Cancel(ctx)
		if err != nil {
			t.Errorf("closing the browser: %v", err)
		}
	})
	err := chromedp.Do(ctx)
	if err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return &browser{ctx}
}

func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell"} {
		path, err := exec.LookPath(name)
		if err == nil {
			return path
		}
	}
	return ""
}

// tab is one visitor's window, without any cookie at first.
type tab struct {
	*stack
	t       *testing.T
	browser *browser
	ctx     context.Context
	scripts bool
	width   int64        // in CSS pixels
	scheme  string       // of colours
	posts   atomic.Int64 // forms sent
	polls   atomic.Int64 // questions of the waiting page's script

	mu     sync.Mutex
	faults []string
}

// open opens a window until the test ends. In the end nothing may have gone
// wrong in it: no console error, no policy violated, no foreign host asked.
func (b *browser) open(t *testing.T, s *stack, scripts bool) *tab {
	t.Helper()
	if b.ctx == nil {
		t.Skip("there is no browser for this test: install chromium (apt install chromium)")
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	tb := &tab{stack: s, t: t, browser: b, ctx: ctx, scripts: scripts}
	t.Cleanup(func() {
		cancel()
		for _, f := range tb.noticed() {
			t.Errorf("in the browser: %s", f)
		}
	})
	tb.try("listening", chromedp.Listen(ctx, tb.notice))
	_, err := chromedp.Call(ctx, audits.Enable, cdp.Empty{})
	tb.try("watching", err)
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	tb.try("setting scripts", err)
	_, err = chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	tb.try("focusing", err)
	tb.show(phoneWidth, "light")
	return tb
}

func (tb *tab) try(what string, err error) {
	tb.t.Helper()
	if err != nil {
		tb.t.Fatalf("%s: %v", what, err)
	}
}

// notice keeps what must not happen.
func (tb *tab) notice(event any) {
	fault := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		fault = tb.foreign(e.Request.URL)
		if e.Request.Method == http.MethodPost {
			tb.posts.Add(1)
		}
		if e.Type == network.ResourceTypeFetch && e.Request.URL == tb.app+"/status" {
			tb.polls.Add(1)
		}
	case *runtime.EventExceptionThrown:
		fault = "exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		fault = fmt.Sprintf("console: %s", e.Type)
	case *log.EventEntryAdded:
		// A page that was refused is an error to the browser's log, and no fault; that
		// it forgot a page when told to is worth a line to it.
		refused := e.Entry.Source == log.EntrySourceNetwork && strings.Contains(e.Entry.Text, "the server responded with a status of 4")
		if !refused && !strings.HasPrefix(e.Entry.Text, "Clear-Site-Data header on") {
			fault = fmt.Sprintf("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		fault = fmt.Sprintf("issue: %s %+v", e.Issue.Code, e.Issue.Details)
		if d := e.Issue.Details.GenericIssueDetails; d != nil {
			fault = fmt.Sprintf("issue: %s %s", d.ErrorType, d.ViolatingNodeAttribute)
		}
		// The first is due to the tests' own way of sending a form again, without
		// a gesture; the second means fields that no form sends.
		if strings.Contains(fault, "NavigationEntryMarkedSkippable") || strings.Contains(fault, "FormEmptyIdAndNameAttributesForInputError") {
			fault = ""
		}
	}
	if fault != "" {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		tb.faults = append(tb.faults, fault)
	}
}

// noticed is what went wrong so far.
func (tb *tab) noticed() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return slices.Clone(tb.faults)
}

// foreign names a request that leaves the stack (parity 1, 149).
func (tb *tab) foreign(address string) string {
	u, err := url.Parse(address)
	if err == nil && (u.Scheme == "data" || strings.HasPrefix(address, tb.app+"/") || strings.HasPrefix(address, tb.phone+"/")) {
		return ""
	}
	return "a request to " + address
}

// limited is the time that one action in the browser may take.
func (tb *tab) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(tb.ctx, 20*time.Second)
}

// do runs steps that stay on the page.
func (tb *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := tb.limited()
	defer cancel()
	tb.try(what, chromedp.Do(ctx, steps...))
}

// arrive runs steps that lead to a page, and returns its status. Its cookies
// are hidden from the log.
func (tb *tab) arrive(what string, steps ...chromedp.Action[chromedp.Void]) int64 {
	tb.t.Helper()
	ctx, cancel := tb.limited()
	defer cancel()
	response, err := chromedp.RunResponse(ctx, steps...)
	tb.try(what, err)
	if response == nil {
		tb.t.Fatalf("%s: no page came", what)
	}
	tb.cookie()
	return response.Status
}

// cookie is the session cookie's value, "" if there is none.
func (tb *tab) cookie() string {
	tb.t.Helper()
	ctx, cancel := tb.limited()
	defer cancel()
	all, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{tb.app}})
	tb.try("reading cookies", err)
	session := ""
	for _, c := range all.Cookies {
		tb.hideCookie(c.Name, c.Value)
		if strings.HasSuffix(c.Name, "latchkey-session") {
			session = c.Value
		}
	}
	return session
}

func (tb *tab) visit(address string) int64 {
	tb.t.Helper()
	return tb.arrive("opening "+address, chromedp.Navigate(address))
}

// press clicks on something that leads to a page.
func (tb *tab) press(selector string) int64 {
	tb.t.Helper()
	return tb.arrive("pressing "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// fill puts a text into a field, over what is there and in one go, as a password
// manager does: three events for each key take the browser longer than all else.
func (tb *tab) fill(id, text string) {
	tb.t.Helper()
	// A person sees the page before they type; the page's own focus comes with its
	// first picture, and the browser's log complains of who was faster.
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && tb.is("document.querySelector('[autofocus]') && document.activeElement === document.body"); {
		time.Sleep(5 * time.Millisecond)
	}
	tb.do("clearing "+id, chromedp.Clear(chromedp.ID(id)), chromedp.Focus(chromedp.ID(id)))
	ctx, cancel := tb.limited()
	defer cancel()
	_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
	tb.try("filling in "+id, err)
}

// text is what people see of an element, "" if it is not there. Without scripts
// a page that waits loads itself anew: what has not come yet is waited for.
func (tb *tab) text(selector string) string {
	tb.t.Helper()
	var seen *string
	until(tb.t, "the page", patience, func() bool {
		seen = eval[*string](tb, fmt.Sprintf("document.readyState === 'loading' ? null : document.querySelector(%q)?.innerText?.trim() ?? ''", selector))
		return seen != nil
	})
	return *seen
}

// is asks the page a question.
func (tb *tab) is(question string) bool {
	tb.t.Helper()
	return eval[bool](tb, "Boolean("+question+")")
}

// want complains unless the page shows a text in an element.
func (tb *tab) want(selector, text string) {
	tb.t.Helper()
	if got := tb.text(selector); !strings.Contains(got, text) {
		tb.t.Errorf("%s shows %q, want %q", selector, got, text)
	}
}

// at complains unless the window is at a path, and stops then.
func (tb *tab) at(path string) {
	tb.t.Helper()
	if got := eval[string](tb, "location.pathname"); got != path {
		tb.t.Fatalf("at %s, want %s\n%s", got, path, tb.text("main"))
	}
}

// arrived reports whether the page at a path is there. One that leaves while it is
// asked is not.
func (tb *tab) arrived(path string) bool {
	tb.t.Helper()
	ctx, cancel := tb.limited()
	defer cancel()
	at, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.pathname + document.readyState"))
	return err == nil && at == path+"complete"
}

func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	ctx, cancel := tb.limited()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "navigated") { // the page loads itself anew: ask the one that comes
		value, err = chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	}
	tb.try("asking "+expression[:min(len(expression), 80)], err)
	return value
}
