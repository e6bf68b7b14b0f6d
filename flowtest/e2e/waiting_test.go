//go:build linux

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A page that nobody looks at does not poll, not even when it was hidden while a
// question was on its way; when it is looked at again, it goes on.
func hidden(t *testing.T, tb *tab) {
	p, _ := tb.member(t)
	tb.wait(p)
	_, err := chromedp.Call(tb.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{})
	tb.try("losing the focus", err)
	tb.slow(time.Second)
	asked := tb.polls.Load()
	until(t, "a question", patience, func() bool { return tb.polls.Load() > asked })
	tb.window(cdpbrowser.WindowStateMinimized, "hidden")
	asked = tb.polls.Load()
	time.Sleep(7 * time.Second) // longer than any wait between two questions, and the slow one
	if n := tb.polls.Load() - asked; n > 0 {
		t.Errorf("%d questions while the page was hidden", n)
	}
	tb.slow(0)
	asked = tb.polls.Load()
	tb.window(cdpbrowser.WindowStateNormal, "visible")
	until(t, "a question at once", 4*time.Second, func() bool { return tb.polls.Load() > asked })
	tb.handset(t).Decide(p.phone, "approved")
	tb.comesTo("/account")
}

// window minimises the window or shows it again.
func (tb *tab) window(state cdpbrowser.WindowState, want string) {
	tb.t.Helper()
	w, err := chromedp.Call(tb.ctx, cdpbrowser.GetWindowForTarget, cdpbrowser.GetWindowForTargetParams{})
	tb.try("finding the window", err)
	_, err = chromedp.Call(tb.ctx, cdpbrowser.SetWindowBounds, cdpbrowser.SetWindowBoundsParams{
		WindowID: w.WindowID, Bounds: &cdpbrowser.Bounds{WindowState: state},
	})
	tb.try("changing the window", err)
	until(tb.t, want, patience, func() bool { return eval[string](tb, "document.visibilityState") == want })
}

// slow makes every answer take at least this long.
func (tb *tab) slow(d time.Duration) {
	tb.t.Helper()
	_, err := chromedp.Call(tb.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: float64(d.Milliseconds()), DownloadThroughput: -1, UploadThroughput: -1}},
	})
	tb.try("slowing down", err)
}

// expired: nobody answers in time. The page says so by itself and offers both
// ways, to be asked once more and to enter a code (parity 86, 108).
func expired(t *testing.T, tb *tab) {
	p, _ := tb.member(t)
	tb.wait(p)
	awaitExpiry(tb)
	tb.check("expired")
	tb.want("main a[href='/login']", "log in again")
	until(t, "the phone to say so too", patience, func() bool { // whose request began a moment later
		list := tb.handset(t).Approvals(p.phone)
		return len(list) == 1 && list[0].Status == "expired"
	})
	if tb.scripts {
		if tb.provider == "verify" { // the other's is the same
			tb.look("expired")
		}
		tb.press("main a[href='/login']")
		tb.at("/login")
		number := tb.wait(p)
		if list := tb.handset(t).Approvals(p.phone); len(list) != 2 || list[0].Details["number"] != number {
			t.Errorf("on the phone, when asked once more: %v", list)
		}
	}
	tb.press("main a[href^='/verify']")
	tb.at("/verify")
	texts := len(tb.handset(t).Messages(p.phone))
	askInTime(tb)
	tb.codeOpens(p, texts)
}

func awaitExpiry(tb *tab) {
	tb.t.Helper()
	until(tb.t, "the page to say that it is too late", patience, func() bool { return tb.text("h1") == "Nobody answered in time" })
	tb.at("/status")
}

// rival: another login asks the phone already. The page for codes warns, nothing
// is pushed for it, and what is approved for the other does not open it
// (parity 88, 128).
func rival(tb *tab, p person) {
	other := tb.program(tb.t)
	other.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0")
	expect(tb.t, tb.post(other, "/login", p.credentials()), http.StatusOK, "/status")
	asked := len(tb.handset(tb.t).Approvals(p.phone))
	tb.enterPassword(p)
	tb.at("/verify")
	tb.want(".alarm[role=alert]", "Firefox on Windows")
	tb.want(".alarm", "deny it")
	tb.check("code-rival")
	if tb.scripts {
		tb.look("code-rival")
	}
	if n := len(tb.handset(tb.t).Approvals(p.phone)); n != asked {
		tb.t.Errorf("%d requests on the phone, want %d", n, asked)
	}
	tb.handset(tb.t).Decide(p.phone, "approved")
	awaitState(tb.t, other, "approved")
	expect(tb.t, tb.post(other, "/status", map[string]string{}), http.StatusOK, "/account")
	tb.visit(tb.app + "/account")
	tb.at("/verify")
}

// byCode: who has neither an app nor a factor gets a text at once, and who is
// asked by push may have a code instead. What is wrong with the password is not
// told from what is wrong with the address (parity 80, 81, 83, 85, 106).
func byCode(t *testing.T, tb *tab) {
	p, v := tb.newcomer(t)
	var answers [2]string
	for i, c := range tb.wrongCredentials(p) {
		if status := tb.enterPassword(person{email: c["email"], password: c["password"]}); status != http.StatusUnauthorized {
			t.Errorf("wrong credentials: %d", status)
		}
		tb.at("/login")
		answers[i] = tb.text("main")
	}
	if answers[0] != answers[1] || !strings.Contains(answers[0], "did not match") {
		t.Errorf("a wrong password and an unknown address: %q", answers)
	}
	texts := len(tb.handset(t).Messages(p.phone))
	tb.enterPassword(p)
	tb.codeOpens(p, texts)
	leave(tb, p)
	tb.equip(t, p, v)
	tb.wait(p)
	tb.press("main a[href^='/verify']")
	tb.at("/verify")
	if tb.text(".alarm") != "" {
		t.Error("the page warns of its own request")
	}
	texts = len(tb.handset(t).Messages(p.phone))
	ask(tb)
	tb.codeOpens(p, texts)
}

// codeOpens types the code that comes after so many texts, and is in.
func (tb *tab) codeOpens(p person, texts int) {
	tb.t.Helper()
	tb.at("/verify")
	tb.fill("code", tb.awaitCode(tb.t, p, texts+1))
	tb.press("form button.main")
	tb.at("/account")
	tb.want("h1", "Hello, "+p.name)
}

// twoBrowsers is rival for somebody new.
func twoBrowsers(t *testing.T, tb *tab) {
	p, _ := tb.member(t)
	rival(tb, p)
}
