package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/store"
)

// traffic is a prefix's traffic. bench.Start is the beginning of a window.
func traffic() store.Traffic { return store.Traffic{Subject: "US#+1415555", Window: 12 * time.Hour} }

func countSend(t *testing.T, b *bench.Table, r store.Traffic, at time.Time) store.Tally {
	t.Helper()
	got, err := b.CountSend(t.Context(), r, at)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// tally is what the operator reads of a subject.
func tally(t *testing.T, b *bench.Table, r store.Traffic, at time.Time) store.Tally {
	t.Helper()
	list, err := b.Tallies(t.Context(), r.Window, at)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if x.Subject == r.Subject {
			return x
		}
	}
	return store.Tally{}
}

// Sends, proofs and what is given back are counted for each subject and window,
// and nothing is given back that is not there.
func TestTraffic(t *testing.T) {
	t.Parallel()
	b, r := bench.Open(t), traffic()
	err := b.UncountSend(t.Context(), r, start)
	if err != nil || len(b.Items(t)) != 0 {
		t.Fatalf("%v %v", err, b.Items(t))
	}
	for n := range 3 {
		if got := countSend(t, b, r, start); got.Sends != n+1 || got.Subject != r.Subject || got.Proofs != 0 || got.Blocked(start) {
			t.Errorf("send %d: %+v", n+1, got)
		}
	}
	for range 2 {
		err := b.CountProof(t.Context(), r, start.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := tally(t, b, r, start); got.Sends != 3 || got.Proofs != 2 {
		t.Errorf("%+v", got)
	}
	for range 5 {
		err := b.UncountSend(t.Context(), r, start)
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := tally(t, b, r, start); got.Sends != 0 || got.Proofs != 2 {
		t.Errorf("given back: %+v", got)
	}
	other := store.Traffic{Subject: "US", Window: r.Window}
	countSend(t, b, other, start)
	if got := countSend(t, b, r, start.Add(12*time.Hour)); got.Sends != 1 || got.Proofs != 0 {
		t.Errorf("the next window: %+v", got)
	}
	list, err := b.Tallies(t.Context(), r.Window, start)
	if err != nil || len(list) != 2 {
		t.Errorf("%v %v", list, err)
	}
	for _, it := range b.Items(t) {
		if it["expires_at"] == nil || !strings.HasPrefix(it["pk"].(map[string]any)["S"].(string), "L#traffic#") {
			t.Errorf("%v", it)
		}
	}
}

// A proof of a send of the window before makes an item that goes, too.
func TestProofAlone(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	err := b.CountProof(t.Context(), traffic(), start)
	v, _ := b.Only(t)["expires_at"].(map[string]any)
	if want := fmt.Sprint(start.Add(36 * time.Hour).Unix()); err != nil || v["N"] != want {
		t.Errorf("%v, expires at %v, want %s", err, v, want)
	}
}

// A block lasts for a window's length from any moment on, through the window's
// end, and not a moment longer; afterwards the counts begin anew.
func TestBlock(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{0, 5 * time.Hour, 12*time.Hour - time.Millisecond} {
		b, r := bench.Open(t), traffic()
		from := start.Add(at)
		countSend(t, b, r, from)
		until, first, err := b.Block(t.Context(), r, from)
		if err != nil || !first || !until.Equal(from.Add(12*time.Hour)) {
			t.Fatalf("at %s: until %s, first %v, %v", at, until, first, err)
		}
		for _, later := range []time.Duration{0, time.Second, 6 * time.Hour, 12*time.Hour - time.Second, 12*time.Hour - time.Millisecond} {
			_, err := b.CountSend(t.Context(), r, from.Add(later))
			if want := max(12*time.Hour-later, time.Second); after(err) != want {
				t.Errorf("at %s, %s later: %v, want a wait of %s", at, later, err, want)
			}
		}
		if got := countSend(t, b, r, from.Add(12*time.Hour)); got.Sends != 1 || got.Proofs != 0 {
			t.Errorf("at %s, after it: %+v", at, got)
		}
		// Another block in that window is another one.
		_, first, err = b.Block(t.Context(), r, from.Add(12*time.Hour))
		if err != nil || !first {
			t.Errorf("at %s, again: first %v, %v", at, first, err)
		}
	}
}

// Of many that block at once one did it, and the SDK's retry is not another.
func TestBlockInParallel(t *testing.T) {
	t.Parallel()
	b, r := bench.Open(t), traffic()
	found := parallel(20, func(int) error {
		_, first, err := b.Block(t.Context(), r, start)
		if err == nil && first {
			err = errLimited
		}
		return err
	})
	if found[errLimited] != 1 || found[nil] != 19 {
		t.Errorf("%v", found)
	}
	other := store.Traffic{Subject: "US", Window: r.Window}
	writes := 0
	b.Wire.Break(func(c bench.Call) bench.Fault {
		writes++
		if writes == 2 { // of this window: the next one's is the first
			return bench.Unheard
		}
		return bench.None
	})
	_, first, err := b.Block(t.Context(), other, start)
	if err != nil || !first {
		t.Errorf("with a lost answer: first %v, %v", first, err)
	}
}

// Whoever dies between the two writes of a block has blocked nothing that the
// next window knows and this one does not.
func TestBlockHalfWritten(t *testing.T) {
	t.Parallel()
	b, r := bench.Open(t), traffic()
	writes := 0
	b.Wire.Break(func(c bench.Call) bench.Fault {
		if c.Name == "UpdateItem" {
			writes++
		}
		if writes > 1 {
			return bench.Lost
		}
		return bench.None
	})
	_, first, err := b.Block(t.Context(), r, start.Add(time.Hour))
	b.Wire.Break(nil)
	if err == nil || first {
		t.Fatalf("%v %v", first, err)
	}
	countSend(t, b, r, start.Add(2*time.Hour))
	_, first, err = b.Block(t.Context(), r, start.Add(3*time.Hour))
	if err != nil || !first {
		t.Errorf("blocked again: %v %v", first, err)
	}
	_, err = b.CountSend(t.Context(), r, start.Add(14*time.Hour))
	if after(err) != time.Hour {
		t.Errorf("in the next window: %v", err)
	}
}

// What the operator lifts is open in this window and the next, with counts from
// nothing on; where nothing is known nothing is made.
func TestLift(t *testing.T) {
	t.Parallel()
	b, r := bench.Open(t), traffic()
	err := b.Lift(t.Context(), r, start)
	if err != nil || len(b.Items(t)) != 0 {
		t.Fatalf("%v %v", err, b.Items(t))
	}
	other := store.Traffic{Subject: "US", Window: r.Window}
	for _, x := range []store.Traffic{r, other} {
		countSend(t, b, x, start)
		_, _, err = b.Block(t.Context(), x, start.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
	}
	err = b.Lift(t.Context(), r, start.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{start.Add(2 * time.Hour), start.Add(12 * time.Hour)} {
		if got := countSend(t, b, r, at); got.Sends != 1 || got.Proofs != 0 {
			t.Errorf("%+v", got)
		}
		_, err = b.CountSend(t.Context(), other, at)
		if after(err) <= 0 {
			t.Errorf("another subject was lifted, too: %v", err)
		}
	}
}

// The operator's list is whole, in however many pages it comes.
func TestTalliesInPages(t *testing.T) {
	t.Parallel()
	b := bench.Open(t)
	parallel(120, func(i int) error {
		_, err := b.CountSend(t.Context(), store.Traffic{Subject: fmt.Sprintf("US#+1415%03d", i), Window: time.Hour}, start)
		return err
	})
	list, err := b.Tallies(t.Context(), time.Hour, start)
	if err != nil || len(list) != 120 || b.Wire.Count("Query") != 3 {
		t.Errorf("%d in %d pages, %v", len(list), b.Wire.Count("Query"), err)
	}
}

func countOnce(t *testing.T, b *bench.Table, c store.Counter, id string, now time.Time) error {
	t.Helper()
	_, err := b.CountOnce(t.Context(), c, id, now)
	return err
}

// A hit under an id is one hit, whoever repeats it, at once and later; it can be
// given back, and what was not taken is not. Only who added it is told so.
func TestCountOnce(t *testing.T) {
	t.Parallel()
	b, c := bench.Open(t), counter()
	for _, want := range []bool{true, false, false} {
		added, err := b.CountOnce(t.Context(), c, "0", start)
		if err != nil || added != want {
			t.Fatalf("added %v, want %v: %v", added, want, err)
		}
	}
	found := parallel(40, func(i int) error { return countOnce(t, b, c, fmt.Sprint(i%2), start) })
	if found[nil] != 40 {
		t.Errorf("forty of two: %v", found)
	}
	found = parallel(20, func(i int) error { return countOnce(t, b, c, fmt.Sprint(10+i), start) })
	if found[nil] != 1 || found[errLimited] != 19 {
		t.Errorf("one is left: %v", found)
	}
	err := b.UncountOnce(t.Context(), c, "99", start)
	if err != nil || after(countOnce(t, b, c, "98", start)) != time.Hour {
		t.Errorf("a hit that was not taken was given back: %v", err)
	}
	for range 2 {
		err = b.UncountOnce(t.Context(), c, "0", start)
		if err != nil {
			t.Fatal(err)
		}
	}
	err = countOnce(t, b, c, "98", start)
	if err != nil || after(countOnce(t, b, c, "97", start)) != time.Hour {
		t.Errorf("one hit back is not one hit more: %v", err)
	}
	err = countOnce(t, b, c, "97", start.Add(time.Hour))
	if err != nil {
		t.Errorf("the next window: %v", err)
	}
	c.Subject = "nobody"
	before := len(b.Items(t))
	err = b.UncountOnce(t.Context(), c, "0", start)
	if err != nil || len(b.Items(t)) != before {
		t.Errorf("giving back makes an item: %v", err)
	}
}
