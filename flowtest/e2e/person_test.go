//go:build linux

package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// signUp is a person's whole way, the same with scripts and without
// (parity 1, 2, 4-6, 8, 11, 12, 15, 16, 19, 22, 24, 44, 50-52, 54, 61, 64-66).
func signUp(t *testing.T, tb *tab) {
	p := tb.person()
	tb.visit(tb.app + "/")
	if tb.press("main a.button") != 200 {
		t.Error("the front page does not lead to the form")
	}
	tb.at("/signup")
	leaveOut(tb, p)
	tb.fill("email", p.email)
	tb.fill("password", p.password)
	if status := tb.press("form button.main"); status != 200 {
		t.Errorf("the form leads to a %d", status)
	}
	tb.at("/verify")
	if n := len(tb.handset(t).Messages(p.phone)); n != 1 {
		t.Fatalf("%d texts, want 1", n)
	}
	if tb.scripts {
		countDown(tb)
	}
	typeWrong(tb, p)
	sendAgain(tb, p)
	enter(tb, p)
	account(tb, p)
}

// leaveOut sends the form with a blank.
func leaveOut(tb *tab, p person) {
	tb.fill("fullName", p.name)
	tb.fill("password", "a password to forget")
	tb.do("choosing a country", chromedp.SetValue(chromedp.ID("countryCode"), "US"))
	tb.fill("phone", p.typed)
	if status := tb.press("form button.main"); status != 422 {
		tb.t.Errorf("a form with a blank: %d", status)
	}
	tb.want("[role=alert] a[href='#email']", "mail")
	tb.want("#email-wrong", "mail")
	for _, id := range []string{"fullName", "password", "phone", "countryCode"} {
		if wrong := tb.text("#" + id + "-wrong"); wrong != "" {
			tb.t.Errorf("%s is refused too: %s", id, wrong)
		}
	}
	for id, want := range map[string]string{"fullName": p.name, "phone": p.typed, "countryCode": "US", "email": "", "password": ""} {
		if got := eval[string](tb, fmt.Sprintf("document.getElementById(%q).value", id)); got != want {
			tb.t.Errorf("%s holds %q afterwards, want %q", id, got, want)
		}
	}
	if !tb.is("document.activeElement.matches('.summary[role=alert]')") {
		tb.t.Error("the summary of what is wrong is not focused")
	}
}

// countDown: the button waits, and says for how long.
func countDown(tb *tab) {
	state := eval[string](tb, `(() => {
		const box = document.querySelector(".again"), text = box.querySelector("[data-wait-text]");
		return [box.dataset.wait > 0, box.querySelector("button").disabled, text.checkVisibility(), /\d s\./.test(text.innerText)].join();
	})()`)
	if state != "true,true,true,true" {
		tb.t.Errorf("a wait is due, the button is disabled, the text is shown, with seconds: %s", state)
	}
	tb.do("waiting for the button", chromedp.WaitEnabled(chromedp.CSS(".again button")))
	if tb.is(`document.querySelector("[data-wait-text]").checkVisibility()`) {
		tb.t.Error("the countdown goes on after its end")
	}
}

func typeWrong(tb *tab, p person) {
	tb.fill("code", wrong(tb.awaitCode(tb.t, p, 1)))
	if status := tb.press("form button.main"); status != 401 {
		tb.t.Errorf("a wrong code: %d", status)
	}
	tb.want("[role=alert]", "code is not right")
	tb.want("[role=alert]", "4 tries left")
	if tb.is("document.getElementById('code').value") {
		tb.t.Error("a wrong code is shown again")
	}
}

// sendAgain asks for the code until it is sent, and is told once.
func sendAgain(tb *tab, p person) {
	askInTime(tb)
	tb.awaitCode(tb.t, p, 2)
	tb.visit(tb.app + "/verify")
	if tb.text(".notice") != "" {
		tb.t.Error("the notice is shown twice")
	}
}

// askInTime is ask where the page knows when the phone was sent its last code, or
// that it was sent none: its script lets nobody press too early.
func askInTime(tb *tab) {
	tb.t.Helper()
	early := ask(tb)
	if tb.scripts && early > 0 {
		tb.t.Errorf("the button could be pressed %d times too early", early)
	}
}

// ask presses the first button below the code until a code is sent. It can be
// pressed too early, and the page says so: without scripts, and at a login that
// does not know yet when the phone was sent its last code.
func ask(tb *tab) (early int) {
	until(tb.t, "the code on its way", patience, func() bool {
		if tb.scripts {
			tb.do("waiting for the button", chromedp.WaitEnabled(chromedp.CSS(".again button")))
		}
		if tb.press(".again button") != 200 {
			return false
		}
		tb.at("/verify")
		if tb.text(".notice[role=status]") != "" {
			return true
		}
		tb.want(".notice[role=alert]", "wait a little")
		early++
		return false
	})
	tb.want(".notice[role=status]", "on its way")
	return early
}

func enter(tb *tab, p person) {
	half := tb.cookie()
	tb.fill("code", tb.code(tb.t, p))
	if status := tb.press("form button.main"); status != 200 {
		tb.t.Errorf("the right code: %d", status)
	}
	tb.at("/account")
	if tb.cookie() == half {
		tb.t.Error("the cookie was not changed")
	}
}

// account looks at the page after sign-up and at the phone.
func account(tb *tab, p person) {
	tb.want("h1", "Hello, "+p.name)
	tb.want(".badge", "Phone verified")
	if title := eval[string](tb, "document.title"); title != "Hello, "+p.name+" · latchkey" {
		tb.t.Errorf("title %q", title)
	}
	tb.want(".notice[role=status]", "We sent you a text")
	tb.awaitCode(tb.t, p, 3)
	if tb.scripts {
		tb.do("closing the notice", chromedp.Click(chromedp.CSS("[data-close]")))
	} else if tb.is("document.querySelector('[data-close]').checkVisibility()") {
		tb.t.Error("a button is shown that does nothing without scripts")
	}
	if tb.scripts && tb.text(".notice") != "" {
		tb.t.Error("the notice cannot be closed")
	}
	tb.arrive("reloading", chromedp.Reload())
	tb.at("/account")
	if tb.text(".notice") != "" {
		tb.t.Error("the notice is there after a reload")
	}
	tb.visit(tb.app + "/")
	tb.want("nav", "account")
	tb.want("h1", p.name)
}

// fillIn fills in the whole form.
func fillIn(tb *tab, p person) {
	tb.visit(tb.app + "/signup")
	tb.fill("fullName", p.name)
	tb.fill("email", p.email)
	tb.fill("password", p.password)
	tb.do("choosing a country", chromedp.SetValue(chromedp.ID("countryCode"), "US"))
	tb.fill("phone", p.typed)
}

// A double click is one text, and one session.
func doubleClick(t *testing.T, tb *tab) {
	p := tb.person()
	fillIn(tb, p)
	twice(tb, "form button.main")
	until(t, "the code page", patience, func() bool { return tb.arrived("/verify") })
	tb.fill("code", tb.awaitCode(t, p, 1))
	twice(tb, "form button.main")
	until(t, "the account page", patience, func() bool { return tb.arrived("/account") })
	tb.want("h1", "Hello, "+p.name)
	tb.cookie()
	t.Logf("%d forms sent", tb.posts.Load())
	messages := tb.handset(t).Messages(p.phone)
	if len(messages) != 2 {
		t.Errorf("%d messages, want a code and a confirmation: %v", len(messages), messages)
	}
}

// twice clicks as fast as nobody can.
func twice(tb *tab, selector string) {
	middle := eval[[2]float64](tb, fmt.Sprintf(`(() => {
		const button = document.querySelector(%q);
		button.scrollIntoView({ block: "center" });
		const r = button.getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2];
	})()`, selector))
	tb.do("clicking twice", chromedp.MouseClickXY(middle[0], middle[1]), chromedp.MouseClickXY(middle[0], middle[1], chromedp.ClickCount(2)))
}

// Going back after sign-in, and sending the forms of before once more, signs
// nobody out and sends nothing (R-092; parity 147).
func goBack(t *testing.T, tb *tab) {
	p := tb.person()
	fillIn(tb, p)
	const keep = `JSON.stringify(Object.fromEntries(new FormData(document.querySelector("form"))))`
	signUpForm := eval[string](tb, keep)
	tb.press("form button.main")
	code := tb.awaitCode(t, p, 1)
	enter(tb, p)
	for range 2 {
		tb.arrive("going back", chromedp.NavigateBack())
		tb.at("/account")
	}
	codeForm := fmt.Sprintf(`{"code":%q}`, code)
	for path, form := range map[string]string{"/signup": signUpForm, "/verify": codeForm, "/resend": `{"channel":"sms"}`} {
		status := tb.arrive("sending the form of "+path+" again", chromedp.Evaluate[chromedp.Void](fmt.Sprintf(replay, path, form)))
		if status != 200 {
			t.Errorf("sending the form of %s again: %d", path, status)
		}
		tb.at("/account")
		tb.want("h1", "Hello, "+p.name)
	}
	if n := len(tb.handset(t).Messages(p.phone)); n != 2 {
		t.Errorf("%d messages, want a code and a confirmation", n)
	}
}

// replay submits a form as the page's own would be.
const replay = `(() => {
	const form = document.createElement("form");
	form.method = "post";
	form.action = %q;
	for (const [name, value] of Object.entries(%s)) {
		const input = document.createElement("input");
		input.type = "hidden";
		input.name = name;
		input.value = value;
		form.append(input);
	}
	document.body.append(form);
	form.submit();
})()`
