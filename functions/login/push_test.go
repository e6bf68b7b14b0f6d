package login

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/push"
	"latchkey/shared/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// usual is what is set when nothing is.
func usual(t testing.TB, set ...string) pushing {
	t.Helper()
	v := env.Read(env.Config{Getenv: func(n string) string {
		for _, s := range set {
			name, value, _ := strings.Cut(s, "=")
			if name == n {
				return value
			}
		}
		return ""
	}})
	p := newPushing(v)
	err := v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// past is one of the user's earlier pushes, seen from noon.
type past struct {
	ago      time.Duration
	decision push.Decision // "" while nobody answered
	decided  time.Duration // how long ago, when it is not at once
	by       string        // when it was not whom we asked
	unknown  bool          // the vendor's answer to our asking is not known
}

// before makes the user's list of it, and the approvals that the table has.
func before(list ...past) (plan, map[store.Ref]store.Approval) {
	owner := store.User{
		Profile: store.Profile{Provider: "verify"}, PushSince: noon, Factors: []store.Factor{{ID: "f", Type: "push", SID: "YF1", Active: true}},
	}
	p, answers := plan{push: true, owner: owner}, map[store.Ref]store.Approval{}
	for i, e := range list {
		at := noon.Add(-e.ago)
		pushed := store.Push{Session: fmt.Sprint("session ", i), Ref: store.Ref{Provider: "verify", ID: fmt.Sprint(i)}, At: at, Browser: fmt.Sprint("browser ", i)}
		if e.unknown {
			pushed.Ref = store.Ref{}
		}
		p.owner.Pushes = append(p.owner.Pushes, pushed)
		if e.unknown {
			continue
		}
		a := store.Approval{Ref: pushed.Ref, Session: pushed.Session, UID: "uid", Subject: "YF1", CreatedAt: at, ValidUntil: at.Add(5 * time.Minute)}
		if e.decision != "" {
			a.Decision, a.By, a.DecidedAt = e.decision, "YF1", at.Add(time.Second)
		}
		if e.decided != 0 {
			a.DecidedAt = noon.Add(-e.decided)
		}
		if e.by != "" {
			a.By = e.by
		}
		answers[pushed.Ref] = a
	}
	return p, answers
}

// A person who is asked too often approves to be left alone: one open request at
// a time, three unanswered in ten minutes, none for an hour after a denial
// (R-107; parity 145).
func TestRestrain(t *testing.T) {
	const m = time.Minute
	quick := usual(t, "APPROVAL_LIFE=1m")
	for name, c := range map[string]struct {
		of    pushing
		list  []past
		push  bool
		rival int // index in the list, -1 for none
	}{
		"none":                              {usual(t), nil, true, -1},
		"approved a moment ago":             {usual(t), []past{{ago: 2 * time.Second, decision: "approved"}}, true, -1},
		"three approved":                    {usual(t), []past{{ago: 3 * m, decision: "approved"}, {ago: 2 * m, decision: "approved"}, {ago: m, decision: "approved"}}, true, -1},
		"open":                              {usual(t), []past{{ago: m}}, false, 0},
		"open in its last moment":           {usual(t), []past{{ago: 5*m - time.Millisecond}}, false, 0},
		"over":                              {usual(t), []past{{ago: 5 * m}}, true, -1},
		"the vendor's answer not there yet": {usual(t), []past{{ago: 14 * time.Second, unknown: true}}, false, 0},
		"the vendor's answer lost":          {usual(t), []past{{ago: 15 * time.Second, unknown: true}}, true, -1},
		"over, the vendor's answer unknown": {usual(t), []past{{ago: 5 * m, unknown: true}}, true, -1},
		"two open, the newer is shown":      {usual(t), []past{{ago: 4 * m}, {ago: m}}, false, 1},
		"open, and one approved since":      {usual(t), []past{{ago: 4 * m}, {ago: m, decision: "approved"}}, false, 0},
		"approved by somebody else is open": {usual(t), []past{{ago: m, decision: "approved", by: "YF2"}}, false, 0},
		"denied a moment ago":               {usual(t), []past{{ago: 2 * time.Second, decision: "denied"}}, false, -1},
		"denied, nearly an hour ago":        {usual(t), []past{{ago: 64 * m, decision: "denied", decided: 60*m - time.Second}}, false, -1},
		"denied an hour ago":                {usual(t), []past{{ago: 64 * m, decision: "denied", decided: 60 * m}}, true, -1},
		"denied, and approved since":        {usual(t), []past{{ago: 30 * m, decision: "denied"}, {ago: 20 * m, decision: "approved"}}, false, -1},
		"denied by somebody else":           {usual(t), []past{{ago: 6 * m, decision: "denied", by: "YF2"}}, true, -1},
		"denied, heard too late":            {usual(t), []past{{ago: 20 * m, decision: "denied", decided: m}}, false, -1},
		"unanswered, as the vendor says":    {usual(t, "PUSHES_UNANSWERED=1"), []past{{ago: 6 * m, decision: "expired"}}, false, -1},
		"… a moment before we do":           {usual(t), []past{{ago: 5*m - time.Second, decision: "expired"}}, true, -1},
		"… and long ago":                    {usual(t, "PUSHES_UNANSWERED=1"), []past{{ago: 11 * m, decision: "expired"}}, true, -1},
		"denied, with a shorter pause":      {usual(t, "PUSH_PAUSE=1m"), []past{{ago: 2 * m, decision: "denied", decided: m}}, true, -1},
		"two unanswered":                    {quick, []past{{ago: 9 * m}, {ago: 8 * m}}, true, -1},
		"three unanswered":                  {quick, []past{{ago: 9 * m}, {ago: 8 * m}, {ago: 7 * m}}, false, -1},
		"three unanswered, one unknown":     {quick, []past{{ago: 9 * m}, {ago: 8 * m, unknown: true}, {ago: 7 * m}}, false, -1},
		"three unanswered, one long ago":    {quick, []past{{ago: 10 * m}, {ago: 8 * m}, {ago: 7 * m}}, true, -1},
		"two unanswered and one approved":   {quick, []past{{ago: 9 * m}, {ago: 8 * m, decision: "approved"}, {ago: 7 * m}}, true, -1},
		"one unanswered, one allowed":       {usual(t, "PUSHES_UNANSWERED=1"), []past{{ago: 6 * m}}, false, -1},
		"… and after its window":            {usual(t, "PUSHES_UNANSWERED=1"), []past{{ago: 10 * m}}, true, -1},
	} {
		p, answers := before(c.list...)
		want := store.Push{}
		if c.rival >= 0 {
			want = p.owner.Pushes[c.rival]
		}
		c.of.restrain(&p, "new", answers, noon)
		if p.push != c.push || p.rival != want {
			t.Errorf("%s: push %v, rival %+v", name, p.push, p.rival)
		}
		p, answers = before(c.list...)
		p.push = false // who cannot be pushed to is not, whatever was before
		c.of.restrain(&p, "new", answers, noon)
		if p.push {
			t.Errorf("%s: a push to somebody without a device", name)
		}
	}
}

// An approval that is not in the table, or was asked by nobody we know, is one
// that nobody answered.
func TestRestrainWithoutApprovals(t *testing.T) {
	p, _ := before(past{ago: time.Minute, decision: "approved"})
	usual(t).restrain(&p, "new", nil, noon)
	if p.push || p.rival != p.owner.Pushes[0] {
		t.Errorf("push %v, rival %+v", p.push, p.rival)
	}
}

// A push to a device that was removed since opens nothing, and keeps no other one
// waiting.
func TestRestrainForgetsRemovedDevices(t *testing.T) {
	p, answers := before(past{ago: time.Minute})
	p.owner.Factors[0].SID = "YF2"
	usual(t).restrain(&p, "new", answers, noon)
	if !p.push || p.rival != (store.Push{}) {
		t.Errorf("push %v, rival %+v", p.push, p.rival)
	}
}

// So many pushes in a day, and no more; one that this form has claimed already is
// among them.
func TestRestrainCountsTheDay(t *testing.T) {
	for name, c := range map[string]struct {
		count int
		since time.Duration
		own   bool
		push  bool
	}{
		"one less":               {9, 23 * time.Hour, false, true},
		"all":                    {10, 24*time.Hour - 1, false, false},
		"all, of the day before": {10, 24 * time.Hour, false, true},
		"all, with its own":      {10, time.Hour, true, true},
	} {
		p, answers := before()
		if c.own {
			p, answers = before(past{ago: time.Second, unknown: true})
			p.owner.Pushes[0].Session = "own"
		}
		p.owner.PushCount, p.owner.PushSince = c.count, noon.Add(-c.since)
		usual(t).restrain(&p, "own", answers, noon)
		if p.push != c.push {
			t.Errorf("%s: push %v", name, p.push)
		}
	}
}

// An entry of the form that is sent again is neither another's push nor one that
// nobody answered.
func TestRestrainKnowsItsOwn(t *testing.T) {
	p, answers := before(past{ago: time.Second, unknown: true})
	p.owner.Pushes[0].Session = "own"
	usual(t, "PUSHES_UNANSWERED=1").restrain(&p, "own", answers, noon)
	if !p.push || p.rival != (store.Push{}) {
		t.Errorf("push %v, rival %+v", p.push, p.rival)
	}
	p, answers = before(past{ago: 5 * time.Minute, unknown: true}) // of a session that is long gone
	p.owner.Pushes[0].Session = "own"
	usual(t, "PUSHES_UNANSWERED=1").restrain(&p, "own", answers, noon)
	if p.push {
		t.Error("a form that is sent again for days pushes without end")
	}
}

// The number is compared by eye: two digits, never one, and not always the same
// (parity 84).
func TestNumber(t *testing.T) {
	seen := map[string]bool{}
	for range 500 {
		n := number()
		if len(n) != 2 || n < "10" || n > "99" {
			t.Fatalf("%q", n)
		}
		seen[n] = true
	}
	if len(seen) < 60 {
		t.Errorf("only %d numbers in 500", len(seen))
	}
}

func TestPushingHasBounds(t *testing.T) {
	for set, ok := range map[string]bool{
		"": true, "APPROVAL_LIFE=1m": true, "APPROVAL_LIFE=59s": false, "APPROVAL_LIFE=5m": true, "APPROVAL_LIFE=301s": false,
		"PUSHES_UNANSWERED=1": true, "PUSHES_UNANSWERED=0": false, "PUSHES_UNANSWERED=4": false, "PUSH_WINDOW=1h": true, "PUSH_WINDOW=61m": false,
		"PUSH_PAUSE=24h": true, "PUSH_PAUSE=25h": false, "PUSH_PAUSE=1s": false,
		"PUSH_MESSAGE=" + strings.Repeat("x", 140): true, "PUSH_MESSAGE=" + strings.Repeat("x", 141): false,
	} {
		name, value, _ := strings.Cut(set, "=")
		v := env.Read(env.Config{Getenv: func(n string) string {
			if n == name {
				return value
			}
			return ""
		}})
		newPushing(v)
		if (v.Err() == nil) != ok {
			t.Errorf("%.40s: %v", set, v.Err())
		}
	}
}
