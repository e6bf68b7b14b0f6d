package chars_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
	"latchkey/shared/chars"
)

// classes are all classes, each as a regular expression writes it.
var classes = map[string]func(byte) bool{
	"[0-9]":         chars.Digit,
	"[a-z]":         chars.Lower,
	"[A-Z]":         chars.Upper,
	"[A-Za-z]":      chars.Letter,
	"[0-9A-Za-z]":   chars.Alphanumeric,
	"[0-9a-z]":      chars.LowerAlphanumeric,
	"[0-9A-Fa-f]":   chars.Hex,
	"[0-9a-f]":      chars.LowerHex,
	"[A-Za-z0-9_-]": chars.Base64URL,
	"[!-~]":         chars.Visible,
}

// Each class has its bytes and no other; a byte beyond ASCII is in none.
func TestClasses(t *testing.T) {
	t.Parallel()
	for name, class := range classes {
		want := regexp.MustCompile("^" + name + "$")
		for i := range 256 {
			c := byte(i)
			if class(c) != (c < 0x80 && want.MatchString(string(rune(c)))) {
				t.Errorf("%s: %q is %v", name, c, class(c))
			}
		}
	}
}

var samples = []string{"", "0", "00", "abc", "abcd", "ABCDE", "12345", "123456", "a-b_c", "!~", "0aF", "12 34", "g", "１２３", "\xff", "123\n", "\n123", "12\x0034"}

func TestAre(t *testing.T) {
	t.Parallel()
	for name, class := range classes {
		for _, c := range []struct{ least, most int }{{0, 0}, {1, 4}, {3, 3}, {5, 3}} {
			is := func(s string) bool { return chars.Are(s, c.least, c.most, class) }
			if c.least > c.most {
				for _, s := range samples {
					if is(s) {
						t.Errorf("%q has %d to %d", s, c.least, c.most)
					}
				}
				continue
			}
			right, wrong := sorted(is)
			shapetest.Same(t, regexp.MustCompile(fmt.Sprintf("^%s{%d,%d}$", name, c.least, c.most)), is, right, wrong)
		}
	}
}

func TestSome(t *testing.T) {
	t.Parallel()
	for name, class := range classes {
		is := func(s string) bool { return chars.Some(s, class) }
		right, wrong := sorted(is)
		shapetest.Same(t, regexp.MustCompile("^"+name+"+$"), is, right, wrong)
	}
	if chars.Some("", func(byte) bool { return true }) {
		t.Error("nothing is some")
	}
}

// sorted tells the samples apart, and gives what any bounds accept.
func sorted(is func(string) bool) (right, wrong []string) {
	list := samples[:len(samples):len(samples)]
	for _, one := range []string{"0", "a", "A", "!"} {
		for n := range 6 {
			list = append(list, strings.Repeat(one, n+1))
		}
	}
	for _, s := range list {
		if is(s) {
			right = append(right, s)
		} else {
			wrong = append(wrong, s)
		}
	}
	return right, wrong
}

func TestLead(t *testing.T) {
	t.Parallel()
	for name, class := range classes {
		lead := regexp.MustCompile("^" + name + "*")
		for s := range shapetest.Around(samples...) {
			if got := chars.Lead(s, class); got != len(lead.FindString(s)) {
				t.Fatalf("%s: %q begins with %d", name, s, got)
			}
		}
	}
}

// A text is looked at as it is, and not copied.
func TestNothingIsAllocated(t *testing.T) {
	s := strings.Repeat("a", 100)
	n := testing.AllocsPerRun(100, func() {
		if !chars.Are(s, 1, 100, chars.LowerHex) || !chars.Some(s, chars.Visible) || chars.Lead(s, chars.Digit) != 0 {
			t.Error("wrong")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAre(f *testing.F) {
	for _, s := range samples {
		f.Add(s, 1, 5)
	}
	f.Fuzz(func(t *testing.T, s string, least, most int) {
		least, most = least&31, most&31
		for name, class := range classes {
			want := least <= most && regexp.MustCompile(fmt.Sprintf("^%s{%d,%d}$", name, least, max(least, most))).MatchString(s)
			if got := chars.Are(s, least, most, class); got != want {
				t.Errorf("%s{%d,%d}: %q is %v", name, least, most, s, got)
			}
		}
	})
}
