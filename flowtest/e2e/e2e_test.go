//go:build linux

package e2e

import (
	"flag"
	"log"
	"maps"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestMain runs two stories at once for each core, whatever was asked for: they
// wait half of the time, for phones and for pages, and more of them keep the
// computer too busy to keep the product's promises.
func TestMain(m *testing.M) {
	flag.Parse()
	err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}

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
			t.Run("weathers", func(t *testing.T) { weathers(t, s) })
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
	t.Run("expired json", func(t *testing.T) {
		t.Parallel()
		expiredAsProgram(t, s)
	})
	people(t, s, b, map[string]func(*testing.T, *tab){"expired": expired, "expired without scripts": expired})
}

// calm is what happens on a fair day, all of it side by side.
func calm(t *testing.T, s *stack, b *browser) {
	programs := map[string]func(*testing.T, *stack){
		"json": signUpAsProgram, "login json": logInAsProgram, "text json": textedAsProgram,
		"twenty at once": twentyAtOnce, "routes": routes,
		"bank with curl": withCurl,
	}
	for name, story := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, s)
		})
	}
	stories := map[string]func(*testing.T, *tab){
		"sign-up": signUp, "sign-up without scripts": signUp, "double click without scripts": doubleClick,
		"login": logIn, "login without scripts": logIn, "by code": byCode, "by code without scripts": byCode,
	}
	if s.provider == "verify" { // what is the same for all vendors
		maps.Copy(stories, map[string]func(*testing.T, *tab){
			"double click": doubleClick, "back": goBack, "hidden": hidden, "watchful": watchful,
			"screens": screens, "login screens": loginScreens, "bank": atTheBank,
		})
	} else {
		stories["two browsers without scripts"], stories["bank without scripts"] = twoBrowsers, atTheBank
	}
	people(t, s, b, stories)
}

// people tells each story with a window of its own, all of them side by side.
func people(t *testing.T, s *stack, b *browser, stories map[string]func(*testing.T, *tab)) {
	for name, story := range stories {
		if testing.Short() && spared[s.provider+" "+name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, b.open(t, s, !strings.HasSuffix(name, " without scripts")))
		})
	}
}

// spared are the stories that a short run leaves out: each is told with the other
// vendor, and with this one in the other way.
var spared = map[string]bool{
	"verify login without scripts": true, "verify by code without scripts": true,
	"verify sign-up without scripts": true, "verify double click without scripts": true, "verify expired without scripts": true,
	"authy login": true, "authy by code": true, "authy sign-up": true, "authy expired": true,
}
