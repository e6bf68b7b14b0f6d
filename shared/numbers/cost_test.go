package numbers

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"latchkey/shared/env"
)

// A start makes the list of countries and compiles nothing.
func TestNewIsCheap(t *testing.T) {
	for _, n := range []struct {
		list        string
		allocations float64
		bytes       uint64
	}{{"US,GB,DE", 20, 4 << 10}, {"", 20, 40 << 10}} {
		vars := env.Read(env.Config{Getenv: func(string) string { return n.list }})
		allocations := testing.AllocsPerRun(20, func() { New(vars) })
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		New(vars)
		runtime.ReadMemStats(&after)
		bytes := after.TotalAlloc - before.TotalAlloc
		t.Logf("%q: %.0f allocations, %d bytes", n.list, allocations, bytes)
		if allocations > n.allocations || bytes > n.bytes {
			t.Errorf("%q: %.0f allocations and %d bytes, want %.0f and %d at most", n.list, allocations, bytes, n.allocations, n.bytes)
		}
		if len(New(vars).book.regions) > 0 {
			t.Error("rules were read before there was a number")
		}
	}
}

// What a number needs is compiled once for its country.
func TestSecondNumberIsCheap(t *testing.T) {
	const most = 8
	for _, typed := range []string{"+14155552671", "+15062345678", "+4915123456789", "+447400123456", "+5511961234567"} {
		p := allow(t, "")
		p.Parse("US", typed)
		n := testing.AllocsPerRun(50, func() { p.Parse("US", typed) })
		if n > most {
			t.Errorf("%s: %.0f allocations, want %d at most", typed, n, most)
		}
	}
}

// Numbers of the whole world leave no more behind than those of some countries.
func TestBookIsBounded(t *testing.T) {
	p := allow(t, "")
	for _, x := range p.Countries {
		p.Parse(x.Code, "0712345678")
		if kept := len(p.book.regions); kept == 0 || kept > maxKept {
			t.Fatalf("%s: %d calling codes are kept", x.Code, kept)
		}
	}
	if kept := len(p.book.regions); kept != maxKept {
		t.Errorf("%d calling codes are kept in the end", kept)
	}
}

// A plan's requests may come at once, and its first ones too.
func TestNumbersAtOnce(t *testing.T) {
	t.Parallel()
	p := allow(t, "")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, typed := range []string{"+14155552671", "+15062345678", "+4915123456789", "+447400123456", "+9991"} {
				n, wrong := p.Parse("GB", typed)
				if (len(wrong) == 0) != (string(n.Phone) == typed) || len(wrong) > 0 && typed != "+9991" {
					t.Errorf("%s: %q", typed, wrong)
				}
			}
		})
	}
	group.Wait()
}

// The longest header of the dearest languages allocates a string for each.
func TestGuessIsBounded(t *testing.T) {
	p := allow(t, "")
	header := strings.Repeat("en-AQ,", maxLanguages)
	for _, h := range []string{header, header[:maxLanguages]} {
		n := testing.AllocsPerRun(5, func() { p.Guess(h) })
		if n > maxLanguages {
			t.Errorf("%d bytes: %.0f allocations", len(h), n)
		}
	}
}
