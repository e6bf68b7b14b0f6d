package status

import (
	"testing"
	"time"

	"latchkey/shared/push"
	"latchkey/shared/store"
)

// Polls are quick at first and calm later, never more often than once in a
// second (parity 102, 103, 132).
func TestPace(t *testing.T) {
	var polls []time.Duration
	for waited := time.Duration(0); waited < 30*time.Second; {
		polls = append(polls, waited)
		waited += time.Duration(pace(waited)) * time.Second
	}
	for i, want := range []time.Duration{0, 1, 2, 4, 7, 12, 17, 22, 27} {
		if i >= len(polls) || polls[i] != want*time.Second {
			t.Fatalf("polls at %v", polls)
		}
	}
	for _, waited := range []time.Duration{-time.Hour, 0, 5 * time.Minute, 24 * time.Hour} {
		if got := pace(waited); got < 1 || got > 5 {
			t.Errorf("after %v: %d s", waited, got)
		}
	}
}

// The state is one of four words, and approved is only what counts (parity 99,
// 100, 130; ).
func TestState(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		decision     push.Decision
		by, via      string
		age, decided time.Duration // of the approval; since it was asked for
		want         push.Decision
	}{
		"nobody answered":         {age: time.Minute, want: push.Pending},
		"in its last moment":      {age: 5*time.Minute - time.Millisecond, want: push.Pending},
		"nobody answered in time": {age: 5 * time.Minute, want: push.Expired},
		"approved":                {decision: "approved", by: "YF1", want: push.Approved},
		"approved, seen late":     {decision: "approved", by: "YF1", age: 20 * time.Minute, decided: time.Minute, want: push.Approved},
		"approved too late":       {decision: "approved", by: "YF1", age: 20 * time.Minute, decided: 5 * time.Minute, want: push.Expired},
		"denied":                  {decision: "denied", by: "YF1", want: push.Denied},
		"denied, seen late":       {decision: "denied", by: "YF1", age: time.Hour, decided: time.Minute, want: push.Denied},
		"by somebody else":        {decision: "approved", by: "YF2", age: time.Minute, want: push.Pending},
		"by nobody":               {decision: "approved", age: time.Minute, want: push.Pending},
		"for another session":     {decision: "approved", by: "YF1", via: "another", age: time.Minute, want: push.Pending},
		"for this session":        {decision: "approved", by: "YF1", via: "session", age: time.Minute, want: push.Approved},
		"an unknown word":         {decision: "Approved", by: "YF1", age: time.Minute, want: push.Expired},
		"a word of the vendor's":  {decision: "rejected", by: "YF1", age: time.Minute, want: push.Expired},
	} {
		asked := now.Add(-c.age)
		a := store.Approval{
			Ref: store.Ref{Provider: "verify", ID: "YC1"}, Session: "session", UID: "uid", Subject: "YF1", CreatedAt: asked, ValidUntil: asked.Add(5 * time.Minute),
			Decision: c.decision, By: c.by, Via: c.via, DecidedAt: asked.Add(c.decided),
		}
		s := &step{now: func() time.Time { return now }}
		if got := s.state(a); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	s := &step{now: func() time.Time { return now }}
	if got := s.state(store.Approval{}); got != push.Expired {
		t.Errorf("no approval at all: %s", got)
	}
}

// Who waits as long as is said is not told the same again.
func TestSecondsRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, time.Millisecond: 1, time.Second: 1, time.Second + 1: 2, 5 * time.Minute: 300} {
		if got := seconds(d); got != want {
			t.Errorf("%v: %d, want %d", d, got, want)
		}
	}
}
