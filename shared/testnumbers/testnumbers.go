// Package testnumbers knows the telephone numbers for tests and reviewers, such
// as an app store's or a program's that tries the whole flow: each has a fixed
// code, until the end of a day. Who knows the code holds such a phone, so that
// accounts with such a number are worth their password alone. Hence the end, and
// the second variable that a deployed stack wants.
//
// It must not know vendors, steps or the table, nor what a code opens.
package testnumbers

import (
	"strings"
	"time"

	"latchkey/shared/chars"
	"latchkey/shared/env"
	"latchkey/shared/phone"
)

const (
	list     = "TEST_NUMBERS"
	deployed = "TEST_NUMBERS_DEPLOYED"
	example  = "+14155550100=424242 until 2027-01-31"
)

func isCode(s string) bool { return chars.Are(s, 6, 6, chars.Digit) }

// Numbers are those of one deployment.
type Numbers struct {
	entry    func(phone.Number) (entry, bool) // holds the codes, out of reach of format verbs; nil without any
	count    int
	last     time.Time // the end of the one that ends last
	deployed bool
}

// entry is one number's.
type entry struct {
	code string
	end  time.Time // the first moment at which the number is one like any other
}

// New reads TEST_NUMBERS and TEST_NUMBERS_DEPLOYED, without which a deployed
// stack takes none. A day that is over is no fault: the number counts no more.
// One more than a year ahead is, so that nobody forgets it. Faults go to vars and
// name an entry by its place, never by what it says.
func New(cfg env.Config, vars *env.Vars) *Numbers {
	wanted := vars.OneOf(deployed, "no", "yes") == "yes"
	n := &Numbers{deployed: !vars.Laptop()}
	texts := vars.List(list)
	if len(texts) == 0 {
		return n
	}
	if n.deployed && !wanted {
		vars.Fault(list, "makes phones that anybody holds who knows their codes: a deployed stack takes it only with %s=yes", deployed)
	}
	entries := map[phone.Number]entry{}
	latest := cfg.Now().UTC().AddDate(1, 0, 0)
	for i, text := range texts {
		number, e, faults := parse(text, latest)
		_, twice := entries[number]
		if twice {
			faults = append(faults, "names a number that stands there before")
		}
		for _, fault := range faults {
			vars.Fault(list, "is wrong: entry %d %s", i+1, fault)
		}
		if len(faults) > 0 {
			continue
		}
		entries[number] = e
		if e.end.After(n.last) {
			n.last = e.end
		}
	}
	n.count = len(entries)
	n.entry = func(number phone.Number) (entry, bool) { e, ok := entries[number]; return e, ok }
	return n
}

// parse reads one entry. Its day may be as late as latest.
func parse(text string, latest time.Time) (number phone.Number, e entry, faults []string) {
	digits, rest, equals := strings.Cut(text, "=")
	code, date, until := strings.Cut(rest, " until ")
	if !equals || !until {
		return "", entry{}, []string{"must be written as " + example}
	}
	number = phone.Number(strings.TrimSpace(digits))
	if !number.Valid() {
		faults = append(faults, "must begin with a number in E.164, such as +14155550100")
	}
	code = strings.TrimSpace(code)
	if !isCode(code) {
		faults = append(faults, "must have a code of six digits")
	}
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(date))
	if err != nil {
		faults = append(faults, "must end on a day, such as 2027-01-31")
	} else if day.After(latest) {
		faults = append(faults, "must end within a year from today")
	}
	return number, entry{code, day.AddDate(0, 0, 1)}, faults
}

// Code is the code of a number, which is false for a number like any other: one
// that is not among them, or whose last day, in UTC, is over.
func (n *Numbers) Code(number phone.Number, now time.Time) (string, bool) {
	if n.entry == nil {
		return "", false
	}
	e, ok := n.entry(number)
	if !ok || !now.Before(e.end) {
		return "", false
	}
	return e.code, true
}

// Warn logs that this deployed stack takes fixed codes, while it does.
func (n *Numbers) Warn(cfg env.Config) {
	if n.deployed && n.count > 0 && cfg.Now().Before(n.last) {
		cfg.Log.Warn("numbers for tests are on: who knows their codes needs no phone", "numbers", n.count, "until", n.last.Format(time.RFC3339))
	}
}
