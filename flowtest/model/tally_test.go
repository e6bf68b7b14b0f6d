package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// tally counts what the histories came to, so that it can be seen that they do
// not idle.
type tally struct {
	commands                               map[string]int
	users, byPush, byCode, byToken         int // histories that reached one
	denials, repairs, early, troubles, all int
	finished                               int
}

func newTally() *tally { return &tally{commands: map[string]int{}} }

func (t *tally) add(o *tally) {
	for k, n := range o.commands {
		t.commands[k] += n
	}
	t.users, t.byPush, t.byCode, t.byToken = t.users+o.users, t.byPush+o.byPush, t.byCode+o.byCode, t.byToken+o.byToken
	t.denials, t.repairs, t.early, t.troubles, t.all = t.denials+o.denials, t.repairs+o.repairs, t.early+o.early, t.troubles+o.troubles, t.all+o.all
	t.finished += o.finished
}

// String is a table of one line each.
func (t *tally) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d histories: %d with a user, %d with a login by push, %d by code, %d by token, %d finished at last; ",
		t.all, t.users, t.byPush, t.byCode, t.byToken, t.finished)
	fmt.Fprintf(&s, "%d denials, %d early callbacks, %d troubles, %d repaired\n", t.denials, t.early, t.troubles, t.repairs)
	for _, k := range slices.Sorted(maps.Keys(t.commands)) {
		fmt.Fprintf(&s, "%s %d, ", k, t.commands[k])
	}
	return s.String()
}

// check fails when the histories reached less than they are there for.
func (t *tally) check(tb testing.TB) {
	for what, n := range map[string]int{
		"user": t.users, "login by push": t.byPush, "login by code": t.byCode, "login by token": t.byToken, "denial": t.denials,
		"early callback": t.early, "crash repaired": t.repairs, "patient person": t.finished,
	} {
		if n == 0 {
			tb.Errorf("no history reached a %s", what)
		}
	}
}
