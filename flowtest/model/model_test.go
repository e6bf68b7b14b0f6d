// Package model tests the product against a small model of it: random histories
// of people, browsers, phones, lost calls and dying functions run against the real
// handlers, and each answer, each message and each sign-in must be the one that
// the model has. The model is written from the design, not from the code
// (spec_test.go, steps_test.go, limits_test.go, pushes_test.go, vendor_test.go).
//
// After each command all of I-01 to I-07, I-10 to I-12, I-20 to I-31 hold as
// their names in the comments say. I-04 holds for the push: one that was denied,
// or is over, lets nobody in, whatever comes later; its login may still be finished
// by a code. I-08 and I-13 are of a product that this is not: a push is
// approved without typing its number, and an email address is not proved (design,
// section 8).
package model

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/flowtest/rig"
)

// histories is how many are run unless HISTORIES says otherwise, half of them with
// each vendor.
const histories = 200

// chunk is how many of each vendor's share a table.
const chunk = 100

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(rig.Main(m))
}

// TestHistories runs as many as HISTORIES says. What fails is shrunk, printed and
// kept in testdata/rapid, and comes again with the seed that is printed:
//
//	HISTORIES=2 go test ./flowtest/model -run TestHistories//verify -rapid.seed=1
func TestHistories(t *testing.T) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("HISTORIES"), fmt.Sprint(histories)))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := strconv.ParseUint(flag.Lookup("rapid.seed").Value.String(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	steps, times := 22, 1
	if testing.Short() { // rapid then makes half of the steps and a fifth of the checks
		steps, times = 2*steps, 5
		seed = cmp.Or(seed, 1) // always the same histories: a change is judged by what it changes
	}
	set(t, "rapid.steps", steps)
	sum := newTally()
	for i := 0; i*chunk < n/2 && !t.Failed(); i++ {
		set(t, "rapid.checks", times*min(chunk, n/2-i*chunk))
		if seed != 0 {
			set(t, "rapid.seed", seed+uint64(i)*1_000_003)
		}
		counts := []*tally{newTally(), newTally()}
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			for v, vendor := range []string{"verify", "authy"} {
				t.Run(vendor, func(t *testing.T) {
					t.Parallel()
					run(t, vendor, counts[v])
				})
			}
		})
		sum.add(counts[0])
		sum.add(counts[1])
	}
	t.Log(sum)
	if !t.Failed() && n >= histories {
		sum.check(t)
	}
}

// set changes one of rapid's flags.
func set(t *testing.T, name string, value any) {
	t.Helper()
	err := flag.Set(name, fmt.Sprint(value))
	if err != nil {
		t.Fatal(err)
	}
}

// run runs one vendor's histories.
func run(t *testing.T, vendor string, counts *tally) {
	r := rig.Start(t, rig.Options{Provider: vendor, Mailbox: true, Env: map[string]string{"LOGINS_PER_ADDRESS": "100000"}})
	defer r.Drop()
	n := 0
	commands, few := anyCommand(), bits(4)
	rapid.Check(t, func(t *rapid.T) {
		n++
		w := start(t, r, vendor, n, counts)
		w.begin(few.Draw(t, "begin") / 2)
		left, end := 60, few.Draw(t, "end")
		if end == 8 {
			w.awaits = 1
		}
		t.Repeat(map[string]func(*rapid.T){"command": func(t *rapid.T) {
			c := commands.Draw(t, "c")
			if left--; left < 0 {
				return
			}
			w.t = t
			if w.run(c) {
				counts.commands[c.Kind]++
			}
		}})
		w.t = t
		w.finally(end)
	})
}

// start is a new world, on a day of its own: the windows and waits of all that
// was before are over.
func start(t rapid.TB, r *rig.Rig, vendor string, n int, counts *tally) *world {
	today := r.Clock.Now().Truncate(24 * time.Hour)
	r.Clock.Set(today.Add(48*time.Hour + 10*time.Hour))
	r.Wire.Break(nil)
	r.Handset().Forget()
	for len(r.Posted) > 0 {
		<-r.Posted
	}
	r.Log.Take()
	return newWorld(t, r, vendor, n, counts)
}

// bits is a number below 1<<n. Every number is as likely as any other, which
// rapid's own are not: it prefers small ones.
func bits(n int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		x := 0
		for range n {
			x <<= 1
			if rapid.Bool().Draw(t, "bit") {
				x++
			}
		}
		return x
	})
}

// anyCommand is one command.
func anyCommand() *rapid.Generator[command] {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	return rapid.Custom(func(t *rapid.T) command {
		c := command{Kind: kinds[0].name}
		n := bits(12).Draw(t, "kind") * total >> 12
		for _, k := range kinds {
			if n -= k.weight; n < 0 {
				c.Kind = k.name
				break
			}
		}
		c.A, c.B, c.C, c.D = bits(4).Draw(t, "a"), bits(4).Draw(t, "b"), bits(4).Draw(t, "c"), bits(10).Draw(t, "d")
		return c
	})
}
