//go:build linux

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// logIn is a person's whole way back in, the same with scripts and without:
// approved on the phone, at once again and denied there, and in by the app's
// token (parity 71-74, 82-85, 87, 89, 105-107, 109, 111, 113, 117, 119, 120).
func logIn(t *testing.T, tb *tab) {
	p := tb.person()
	fillIn(tb, p)
	tb.press("form button.main")
	tb.awaitCode(t, p, 1)
	enter(tb, p)
	spent := setUp(tb, p)
	leave(tb, p)
	phone := tb.phoneOf(p)
	approve(tb, phone, p)
	leave(tb, p)
	deny(tb, phone, p)
	until(t, "another token", patience, func() bool { return tb.token(t, p) != spent })
	half := tb.cookie()
	tb.fill("code", tb.token(t, p))
	if status := tb.press("form button.main"); status != 200 {
		t.Errorf("the app's token: %d", status)
	}
	tb.at("/account")
	tb.want("h1", "Hello, "+p.name)
	if tb.cookie() == half {
		t.Error("the cookie was not changed")
	}
}

// setUp gets the phone ready to be asked, through the pages: Verify is told of a
// device and of an authenticator, whose token is then spent; Authy's users
// install its app.
func setUp(tb *tab, p person) (spent string) {
	tb.visit(tb.app + "/account")
	tb.press("main a[href='/factors']")
	tb.at("/factors")
	if tb.provider == "authy" {
		tb.want("main", "Authy app")
		tb.check("factors-authy")
		tb.keep("factors.png")
		tb.handset(tb.t).App(p.phone, map[string]any{"installed": true})
		return ""
	}
	tb.press("form:has([value=push]) button")
	text := eval[string](tb, `document.getElementById("enrolment").value`)
	tb.hideEnrolment(tb.t, text)
	tb.sees(".code-image img")
	tb.press("form[action='/factors/confirm'] button")
	tb.want(".notice[role=alert]", "has not registered yet")
	tb.handset(tb.t).App(p.phone, map[string]any{"enrolment": text})
	tb.press("form[action='/factors/confirm'] button")
	tb.want(".notice[role=status]", "Done")
	tb.press("form:has([value=totp]) button")
	tb.sees(".code-image img")
	tb.handset(tb.t).App(p.phone, map[string]any{"uri": tb.hideSecret(tb.text(".secret code"))})
	spent = tb.token(tb.t, p)
	tb.do("typing the token", chromedp.SendKeys(chromedp.CSS("input.code"), spent))
	tb.press("form[action='/factors/confirm'] button")
	tb.at("/factors")
	tb.want(".notice[role=status]", "Done")
	tb.want(".factors", "An authenticator app")
	if tb.is("document.querySelector('.secret, textarea, img')") {
		tb.t.Error("what was shown once is shown again")
	}
	until(tb.t, "two texts about it", patience, func() bool { return len(tb.handset(tb.t).Messages(p.phone)) == 4 })
	return spent
}

// sees complains unless a picture is there that the browser can draw.
func (tb *tab) sees(selector string) {
	tb.t.Helper()
	if !tb.is("document.querySelector(\"" + selector + "\")?.naturalWidth > 40") {
		tb.t.Errorf("%s is no picture", selector)
	}
}

// leave logs out, and nothing private is there any more on the way back.
func leave(tb *tab, p person) {
	tb.visit(tb.app + "/account")
	tb.press("main form[action='/logout'] button.main")
	tb.at("/")
	tb.want(".notice[role=status]", "You are logged out")
	if tb.cookie() != "" {
		tb.t.Error("the session's cookie is still there")
	}
	for range 2 {
		tb.arrive("going back", chromedp.NavigateBack())
		page := eval[string](tb, "document.documentElement.outerHTML + location.pathname")
		for _, private := range []string{p.email, p.name, p.phone[len(p.phone)-4:], "/account</", "Log out"} {
			if strings.Contains(page, private) {
				tb.t.Errorf("after logging out, going back shows %q at %s", private, eval[string](tb, "location.pathname"))
			}
		}
	}
}

// enterPassword passes the first factor and arrives where the second is due.
func (tb *tab) enterPassword(p person) int64 {
	tb.t.Helper()
	tb.visit(tb.app + "/login")
	tb.fill("email", p.email)
	tb.fill("password", p.password)
	return tb.press("form[action='/login'] button.main")
}

// wait passes the first factor and returns the number to compare.
func (tb *tab) wait(p person) string {
	tb.t.Helper()
	if status := tb.enterPassword(p); status != 200 {
		tb.t.Errorf("the right password: %d", status)
	}
	tb.at("/status")
	return tb.number()
}

// number is the one to compare.
func (tb *tab) number() string {
	tb.t.Helper()
	number := tb.text(".number")
	if len(number) != 2 {
		tb.t.Fatalf("the number to compare is %q", number)
	}
	return number
}

// approve logs in with a tap on the phone; the page goes on by itself. Without
// scripts it says so by itself, and a button goes on.
func approve(tb, phone *tab, p person) {
	number := tb.wait(p)
	half := tb.cookie()
	phone.answer(number, ".yes")
	if !tb.scripts {
		until(tb.t, "the page to say that it is approved", patience, func() bool { return tb.text("h1") == "Approved" })
		tb.check("approved")
		tb.keep("approved.png")
		if status := tb.press("form[action='/status'] button.main"); status != 200 {
			tb.t.Errorf("going on: %d", status)
		}
	}
	tb.comesTo("/account")
	tb.want("h1", "Hello, "+p.name)
	if tb.cookie() == half {
		tb.t.Error("the cookie was not changed")
	}
}

// deny logs in and says on the phone that it is somebody else. The page for
// codes says so, and nothing is sent.
func deny(tb, phone *tab, p person) {
	texts := len(tb.handset(tb.t).Messages(p.phone))
	phone.answer(tb.wait(p), ".no")
	tb.comesTo("/verify")
	tb.want(".notice[role=alert]", "denied on your phone")
	tb.check("code-denied")
	tb.keep("code-denied.png")
	if n := len(tb.handset(tb.t).Messages(p.phone)); n != texts {
		tb.t.Errorf("%d texts were sent after the denial", n-texts)
	}
	tb.visit(tb.app + "/account")
	tb.at("/verify") // a half session is sent to what is due; the push is answered
}

// comesTo waits until the page has gone on by itself.
func (tb *tab) comesTo(path string) {
	tb.t.Helper()
	until(tb.t, path, patience, func() bool { return tb.arrived(path) })
}

// phoneOf opens the simulated phone in a window beside this one.
func (tb *tab) phoneOf(p person) *tab {
	tb.t.Helper()
	phone := tb.browser.open(tb.t, tb.stack, true)
	phone.show(laptopWidth, "light")
	phone.visit(tb.phone + "/")
	phone.choose(p)
	return phone
}

// asks waits until the phone shows a request with this number.
func (tb *tab) asks(number string) {
	tb.t.Helper()
	var shown string
	defer func() {
		if shown != number {
			tb.t.Logf("the page shows the number %q, the phone %q", number, shown)
		}
	}()
	until(tb.t, "the request with the page's number", patience, func() bool {
		shown = tb.text(".push .big")
		return shown == number
	})
	tb.want(".push dl", "Chrome on Linux")
	tb.want(".push dl", "Address")
}

// answer presses a button of the request with this number.
func (tb *tab) answer(number, button string) {
	tb.t.Helper()
	tb.asks(number)
	tb.do("answering on the phone", chromedp.Click(chromedp.CSS(".push "+button)))
}
