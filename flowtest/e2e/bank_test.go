//go:build linux

package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// atTheBank is a person's way through the example, the same with scripts and
// without: sent to log in and back, refused what is for others, let in when the
// role is there, asked for a fresh proof, and asked by the phone about a
// transfer (parity 120-124).
func atTheBank(t *testing.T, tb *tab) {
	p, _ := tb.member(t)
	tb.visit(tb.app + "/bank")
	tb.at("/login")
	tb.fill("email", p.email)
	tb.fill("password", p.password)
	tb.press("form[action='/login'] button.main")
	phone := tb.phoneOf(p)
	tb.goOnByPhone(phone, "/bank")
	tb.want("h1", "Your bank")
	tb.want("dl", "your device")
	tb.inspect("bank")
	if status := tb.press("main a[href='/bank/ledger']"); status != http.StatusForbidden {
		t.Errorf("the ledger: %d", status)
	}
	tb.want("h1", "Access denied")
	tb.inspect("bank-denied")
	tb.operate("user", "role", p.email, "auditor")
	if status := tb.visit(tb.app + "/bank/ledger"); status != http.StatusOK {
		t.Errorf("the ledger, for an auditor: %d", status)
	}
	tb.want("main", "You are one")
	tb.inspect("bank-ledger")
	until(t, "the proof to grow old", patience, func() bool {
		tb.visit(tb.app + "/bank/transfers")
		return eval[string](tb, "location.pathname") == "/login/again"
	})
	tb.inspect("bank-again")
	tb.proveByPhone(phone)
	if status := tb.press("form[action='/bank/transfers'] button.main"); status != http.StatusUnprocessableEntity {
		t.Errorf("a form with a blank: %d", status)
	}
	tb.want("[role=alert] a[href='#amount']", "whole euros")
	tb.inspect("bank-form-wrong")
	tb.orderTransfer(phone)
	tb.want("main", "transfer of 120.00 EUR to Grace Hopper")
	tb.check("bank-pending")
	tb.keep("bank-pending.png")
	phone.decideTransfer(".yes")
	tb.saysAtLast("Sent")
	tb.inspect("bank-sent")
	until(t, "word of it to the back end", patience, func() bool {
		return strings.Contains(tb.out.String(), `"transfer":"transfer of 120.00 EUR to Grace Hopper","decision":"approved"`)
	})
	tb.orderTransfer(phone)
	phone.decideTransfer(".no")
	tb.saysAtLast("Not sent")
	tb.inspect("bank-denied-on-phone")
}

// inspect looks at a page in all its looks where that is wanted, and else checks
// it as it is.
func (tb *tab) inspect(name string) {
	tb.t.Helper()
	if tb.scripts && tb.provider == "verify" {
		tb.look(name)
		return
	}
	tb.check(name)
}

// goOnByPhone approves what the page waits for, and goes where that leads.
func (tb *tab) goOnByPhone(phone *tab, path string) {
	tb.t.Helper()
	tb.at("/status")
	phone.answer(tb.number(), ".yes")
	if !tb.scripts {
		tb.saysAtLast("Approved") // the page loads itself anew meanwhile
		tb.press("form[action='/status'] button.main")
	}
	tb.comesTo(path)
}

// proveByPhone presses the button of the page that asks for a proof.
func (tb *tab) proveByPhone(phone *tab) {
	tb.t.Helper()
	tb.at("/login/again")
	tb.press("form[action='/login/again'] button.main")
	tb.goOnByPhone(phone, "/bank/transfers")
}

// orderTransfer fills in the form until it is taken: who takes too long over it
// proves once more who they are.
func (tb *tab) orderTransfer(phone *tab) {
	tb.t.Helper()
	until(tb.t, "a transfer", patience, func() bool {
		tb.visit(tb.app + "/bank/transfers")
		if eval[string](tb, "location.pathname") == "/login/again" {
			tb.proveByPhone(phone)
		}
		tb.do("choosing a payee", chromedp.SetValue(chromedp.ID("to"), "Grace Hopper"))
		tb.fill("amount", "120")
		tb.press("form[action='/bank/transfers'] button.main")
		return strings.HasPrefix(eval[string](tb, "location.pathname"), "/bank/transfers/")
	})
}

// decideTransfer answers the question about a transfer.
func (tb *tab) decideTransfer(button string) {
	tb.t.Helper()
	until(tb.t, "the question on the phone", patience, func() bool { return tb.text(".push .ask") == "Send money?" })
	tb.want(".push dl", "Grace Hopper")
	tb.want(".push dl", "120.00 EUR")
	if button == ".yes" {
		tb.keep("phone-transfer.png")
	}
	tb.do("answering on the phone", chromedp.Click(chromedp.CSS(".push "+button)))
}

// saysAtLast waits for a headline: the page looks again by itself.
func (tb *tab) saysAtLast(want string) {
	tb.t.Helper()
	until(tb.t, want, patience, func() bool {
		ctx, cancel := tb.limited()
		defer cancel()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.querySelector('h1')?.innerText ?? ''"))
		return err == nil && got == want
	})
}

// operate runs the operator's command where the stack runs.
func (s *stack) operate(args ...string) {
	s.t.Helper()
	cmd := exec.Command(s.shop.operator, args...)
	cmd.Dir, cmd.Env = s.root, s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("latchkey %v: %v\n%s", args, err, out)
	}
}
