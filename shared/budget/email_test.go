package budget_test

import (
	"fmt"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/budget"
	"latchkey/shared/store"
)

// One email is signed up with so often in ten minutes, whoever asks; a repeat is
// the same sign-up, and what is refused by it or besides it takes nothing
// (R-101, I-12).
func TestPerEmail(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup, "SIGNUPS_PER_EMAIL=2", "SENDS_PER_ADDRESS=4")
	named := func(n int, email, address string) budget.Send {
		s := send(n, fmt.Sprintf("+1415%07d", n), address)
		s.Email = email
		return s
	}
	busy := named(9, "hers", here)
	busy.Phone = named(1, "", "").Phone
	for i, c := range []struct {
		s    budget.Send
		at   time.Duration
		want string
	}{
		{named(1, "hers", here), 0, "fresh"}, {named(1, "hers", here), 0, "repeat"},
		{busy, 0, "wait"}, // the phone: the email gets its back
		{named(2, "hers", here), 0, "fresh"},
		{named(3, "hers", here), 0, "wait"}, {named(3, "hers", there), 0, "wait"},
		{named(1, "hers", here), 0, "repeat"}, // of one that was taken
		{named(3, "his", here), 0, "fresh"},   // neither phone nor address paid
		{named(4, "", here), 0, "fresh"},
		{named(10, "theirs", here), 0, "wait"}, // the address is at its end: the email gets its back
		{named(5, "theirs", there), 0, "fresh"}, {named(6, "theirs", there), 0, "fresh"}, {named(7, "theirs", there), 0, "wait"},
		{named(8, "hers", there), 10*time.Minute - time.Second, "wait"}, {named(8, "hers", there), 10 * time.Minute, "fresh"},
	} {
		if got := narrow(t, l, c.s, start.Add(c.at)); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
	// Equal requests at once are one, also where only one is left.
	s := named(20, "nobody's", there)
	if got := fresh(t, limits(t, bench.Open(t), store.Signup, "SIGNUPS_PER_EMAIL=1"), func(int) budget.Send { return s }); got != 1 {
		t.Errorf("twenty at once: %d", got)
	}
}

// What a sign-up releases it can take again.
func TestPerEmailRelease(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup, "SIGNUPS_PER_EMAIL=1")
	s := send(1, ada, here)
	s.Email = "hers"
	for n := range 3 {
		s.ID = fmt.Sprint(n)
		sends, fresh, err := l.Narrow(t.Context(), s, start)
		if err != nil || !fresh {
			t.Fatalf("time %d: %v %v", n, fresh, err)
		}
		l.Release(t.Context(), s, sends, start)
	}
}

// What refuses a form that comes again, when another has since taken its phone's
// next send, gives nothing back: the email's hit is that of the send it made.
func TestPerEmailOfARepeat(t *testing.T) {
	t.Parallel()
	l := limits(t, bench.Open(t), store.Signup, "SIGNUPS_PER_EMAIL=1")
	hers, later := send(1, ada, here), start.Add(31*time.Second)
	hers.Email = "hers"
	others := send(2, ada, there)
	others.Email = "theirs"
	fresh := send(3, "+14155550003", there)
	fresh.Email = "hers"
	for i, c := range []struct {
		s    budget.Send
		at   time.Time
		want string
	}{{hers, start, "fresh"}, {others, later, "fresh"}, {hers, later, "wait"}, {fresh, later, "wait"}} {
		if got := narrow(t, l, c.s, c.at); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}
