// Package model tests the product against a small model of it: random histories
// of people, browsers, phones, lost calls and dying functions run against the real
// handlers, and each answer, each message and each sign-in must be the one that
// the model has. The model is written from the design, not from the code
// (spec_test.go, steps_test.go, limits_test.go, pushes_test.go, vendor_test.go).
//
// After each command all of I-01 to I-07, I-10 to I-12, I-20 to I-31 hold as
// their names in the comments say. I-08 and I-13 are of a product that this is
// not: a push is approved without typing its number, and an email address is not
// proved (design, section 8).
package model

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/flowtest/rig"
)

// histories is how many are run, half of them with each vendor.
const histories = 200

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(rig.Main(m))
}

// chunk is how many histories one rig serves: the engine keeps all items.
const chunk = 250

// TestHistories runs as many as HISTORIES says.
func TestHistories(t *testing.T) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("HISTORIES"), fmt.Sprint(histories)))
	if err != nil {
		t.Fatal(err)
	}
	steps := "25"
	if testing.Short() {
		steps = "50" // rapid halves it
	}
	for name, value := range map[string]string{"rapid.checks": fmt.Sprint(n / 2), "rapid.steps": steps} {
		err := flag.Set(name, value)
		if err != nil {
			t.Fatal(err)
		}
	}
	counts := map[string]*tally{}
	t.Run("of", func(t *testing.T) {
		for _, vendor := range []string{"verify", "authy"} {
			counts[vendor] = newTally()
			t.Run(vendor, func(t *testing.T) {
				t.Parallel()
				run(t, vendor, counts[vendor])
			})
		}
	})
	sum := newTally()
	for _, c := range counts {
		sum.add(c)
	}
	t.Log(sum)
	if !t.Failed() && n >= histories {
		sum.check(t)
	}
}

// run runs one vendor's histories.
func run(t *testing.T, vendor string, counts *tally) {
	r := rig.Start(t, rig.Options{Provider: vendor, Mailbox: true, Env: map[string]string{"LOGINS_PER_ADDRESS": "100000"}})
	var n atomic.Int64
	commands, preface, closing := anyCommand(), bits(3), bits(4)
	rapid.Check(t, func(t *rapid.T) {
		w := start(t, r, vendor, int(n.Add(1)), counts)
		w.begin(preface.Draw(t, "begin"))
		left, end := 60, closing.Draw(t, "end")
		if end == 8 {
			w.awaits = 1
		}
		t.Repeat(map[string]func(*rapid.T){"command": func(t *rapid.T) {
			c := commands.Draw(t, "c")
			if left--; left < 0 {
				return
			}
			w.t = t
			began := time.Now()
			if w.run(c) {
				counts.commands[c.Kind]++
			}
			if d := time.Since(began); os.Getenv("SLOW") != "" {
				fmt.Printf("%s %v %d %d\n", vendor, d, c.D%16, len(w.story))
				if d > 100*time.Millisecond {
					fmt.Printf("SLOW %s %v %+v %s\n", vendor, d, c, w.story[len(w.story)-1])
				}
			}
		}})
		w.t = t
		w.finally(end)
	})
}

// start is a new world, on a day of its own: the windows and waits of all that
// was before are over.
func start(t *rapid.T, r *rig.Rig, vendor string, n int, counts *tally) *world {
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
