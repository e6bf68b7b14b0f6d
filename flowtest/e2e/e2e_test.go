//go:build linux

package e2e

import (
	"strings"
	"testing"
)

// Everything happens in one stack per vendor: visitors come while all is calm,
// then processes are killed under others, then the stack is stopped and
// started again, and in the end its log is read. What it leaves behind is
// looked at each time it ends (parity 3, 4, 61, 70, 150).
func TestTour(t *testing.T) {
	shop := newWorkshop(t)
	b := openBrowser(t)
	for _, provider := range []string{"verify", "authy"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			s := shop.newStack(t, provider)
			t.Run("calm", func(t *testing.T) { calm(t, s, b) })
			var known *memory
			t.Run("storm", func(t *testing.T) { known = storm(t, s) })
			t.Run("login storm", func(t *testing.T) { known.members = loginStorm(t, s) })
			s.stop()
			s.env = append(s.env, "APPROVAL_LIFE=4s")
			s.start()
			t.Run("again", func(t *testing.T) { again(t, s, b, known) })
			s.stop()
			t.Run("log", func(t *testing.T) { checkLog(t, s) })
		})
	}
}

// again is what is asked of a stack that was there before, and what needs requests
// on the phone to be short-lived.
func again(t *testing.T, s *stack, b *browser, known *memory) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		known.check(t)
	})
	for _, name := range []string{"expired", "expired " + noScripts} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expired(t, b.open(t, s, !strings.HasSuffix(name, noScripts)))
		})
	}
}

// calm is what happens on a fair day, all of it side by side.
func calm(t *testing.T, s *stack, b *browser) {
	programs := map[string]func(*testing.T, *stack){
		"json": signUpAsProgram, "twenty at once": twentyAtOnce, "routes": routes,
	}
	for name, story := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, s)
		})
	}
	people := map[string]func(*testing.T, *tab){
		"sign-up": signUp, "sign-up without scripts": signUp, "double click": doubleClick, "double click without scripts": doubleClick,
		"back": goBack, "screens": screens, "watchful": watchful,
		"login": logIn, "login without scripts": logIn, "login screens": loginScreens,
	}
	if s.provider == "verify" { // the script is the same for all
		people["hidden"] = hidden
	}
	for name, story := range people {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, b.open(t, s, !strings.HasSuffix(name, noScripts)))
		})
	}
}

const noScripts = "without scripts"
