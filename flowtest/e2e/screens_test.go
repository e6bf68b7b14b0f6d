//go:build linux

package e2e

import (
	_ "embed" // the check
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed access.js
var accessCheck string

// The sizes that every screen is looked at in, in CSS pixels; in the narrowest it
// need not be pretty but has to fit (WCAG 1.4.10).
const (
	narrowest   = 320
	phoneWidth  = 390
	laptopWidth = 1280
)

// screens looks at every screen as people do who see, hear or touch it in
// their own way: narrow and wide, light and dark (parity 3, 4, 11, 50).
func screens(t *testing.T, tb *tab) {
	p := tb.person()
	tb.visit(tb.app + "/")
	tb.look("front")
	tb.visit(tb.app + "/nothing/here")
	tb.look("not-found")
	tb.visit(tb.app + "/account")
	tb.look("sign-up-notice")
	tb.visit(tb.app + "/signup")
	tb.look("sign-up")
	tb.press("form button.main")
	tb.look("sign-up-wrong")
	fillIn(tb, p)
	tb.press("form button.main")
	tb.look("code")
	tb.picture("signup.png", p, func() {
		tb.visit(tb.app + "/verify")
		tb.do("waiting for the buttons", chromedp.WaitEnabled(chromedp.CSS(".again button")))
		tb.fill("code", tb.awaitCode(t, p, 1))
	})
	tb.fill("code", wrong(tb.awaitCode(t, p, 1)))
	tb.press("form button.main")
	tb.look("code-wrong")
	sendAgain(tb, p)
	tb.visit(tb.phone + "/")
	tb.choose(p)
	tb.want("#thread", tb.code(t, p))
	tb.look("phone")
	tb.visit(tb.app + "/verify")
	enter(tb, p)
	tb.look("account-notice")
	tb.visit(tb.app + "/account")
	tb.look("account")
	tb.visit(tb.app + "/")
	tb.look("front-signed-in")
}

// loginScreens looks in the same way at what somebody sees who has an account
// (parity 3, 4, 71, 85, 88).
func loginScreens(t *testing.T, tb *tab) {
	p, _ := tb.member(t)
	tb.visit(tb.app + "/login")
	tb.look("log-in")
	tb.press("form button.main")
	tb.look("log-in-wrong")
	number := tb.wait(p)
	phone := tb.phoneOf(p)
	phone.asks(number)
	tb.picture("login.png", p, func() {
		tb.visit(tb.app + "/status")
		tb.do("waiting for the time", chromedp.WaitVisible(chromedp.CSS("[data-waiting-left]")))
	})
	tb.look("waiting")
	phone.look("phone-asked")
	phone.answer(number, ".yes")
	tb.comesTo("/account")
	tb.visit(tb.app + "/factors")
	tb.look("factors")
	tb.press("form:has([value=push]) button")
	tb.hideEnrolment(t, eval[string](tb, `document.getElementById("enrolment").value`))
	tb.look("factors-device")
	tb.visit(tb.app + "/factors")
	tb.press("form:has([value=totp]) button")
	tb.hideSecret(tb.text(".secret code"))
	tb.look("factors-app")
	tb.visit(tb.app + "/factors")
	tb.look("factors-pending")
	leave(tb, p)
	rival(tb, p)
}

// show sets the window's width and colours, and stops all motion.
func (tb *tab) show(width int64, scheme string) {
	tb.t.Helper()
	if tb.width != width {
		tb.do("resizing", chromedp.EmulateViewport(width, 800))
		tb.width = width
	}
	if tb.scheme == scheme {
		return
	}
	tb.scheme = scheme
	_, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	tb.try("changing colours", err)
}

// look checks a screen in all its looks, and keeps a picture of each if asked; a
// short run has each width and each colour once.
func (tb *tab) look(name string) {
	tb.t.Helper()
	for _, l := range []struct {
		width  int64
		scheme string
		twice  bool
	}{{phoneWidth, "light", false}, {phoneWidth, "dark", true}, {laptopWidth, "dark", false}, {laptopWidth, "light", true}} {
		if l.twice && testing.Short() {
			continue
		}
		look := fmt.Sprintf("%s-%d-%s", name, l.width, l.scheme)
		tb.show(l.width, l.scheme)
		tb.check(look)
		tb.keep(look + ".png")
	}
	tb.show(narrowest, "light")
	tb.check(fmt.Sprintf("%s-%d", name, narrowest))
	tb.show(phoneWidth, "light")
	tb.tabs(name)
}

// check reports each fault of a screen.
func (tb *tab) check(look string) {
	tb.t.Helper()
	for _, fault := range eval[[]string](tb, accessCheck) {
		tb.t.Errorf("%s: %s", look, fault)
	}
}

// tabs presses Tab until it is through, at most twice, and reports what was not
// reached.
func (tb *tab) tabs(name string) {
	tb.t.Helper()
	n := eval[int](tb, `(() => {
		window.reachable = new Set([...document.querySelectorAll("a[href],button:enabled,input:enabled:not([type=hidden]),select:enabled,textarea")].filter((e) => e.tabIndex >= 0 && e.checkVisibility()));
		window.missing = new Set(window.reachable);
		window.missing.delete(document.activeElement);
		addEventListener("focusin", (e) => window.missing.delete(e.target));
		return window.reachable.size;
	})()`)
	var missed []string
	for range 2 {
		tb.do("pressing Tab", chromedp.KeyEvent(strings.Repeat(kb.Tab, n+1)))
		missed = eval[[]string](tb, `[...window.missing].filter((e) => e.isConnected).map((e) => e.outerHTML.slice(0, 80))`)
		if len(missed) == 0 {
			return
		}
	}
	tb.t.Errorf("%s: Tab does not reach %q", name, missed)
}

// keep writes a picture of the whole page, if pictures are wanted.
func (tb *tab) keep(name string) {
	tb.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	ctx, cancel := tb.limited()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	tb.try("taking a picture", err)
	folder = filepath.Join(folder, tb.provider)
	tb.try("making a folder", os.MkdirAll(folder, 0o755))
	tb.try("keeping a picture", os.WriteFile(filepath.Join(folder, name), png, 0o644))
}
