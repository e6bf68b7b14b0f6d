// Package shapetest holds a function that knows a text's shape against a regular
// expression that says the same: what a reader can check by eye, and a step must
// not take the time to compile. It is for tests alone.
//
// It must not know what any text means, nor import a package of the product, so
// that the tests of each can import it.
package shapetest

import (
	"iter"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// odd is what has fooled readers of text: ends of lines, the sign that ends a C
// string, bytes that are no UTF-8, characters that look like, fold to, or count as
// ASCII's, and the first and last of every class of bytes with their neighbours.
var odd = []string{
	"\n", "\r\n", "\x00", " ", "\x7f", "\x80", "\xff", "\xc3", "é", "０", "٣", "\u212a", "ſ", "ı", "\u2028", "\ufeff", "\ufffd", "💶",
	"!", "~", "/", "0", "9", ":", "@", "A", "F", "G", "Z", "[", "^", "_", "`", "a", "f", "g", "z", "{", ".", "-", "+", "#", "=",
}

// short is up to how many bytes of a text each byte is replaced by every other. In
// longer ones, where an expression takes its time, what is odd must do.
const short = 40

// Same fails the test unless is accepts what is right, refuses what is wrong, and
// agrees with the expression about everything around what is right.
func Same(t *testing.T, want *regexp.Regexp, is func(string) bool, right, wrong []string) {
	t.Helper()
	if len(right) == 0 || len(wrong) == 0 {
		t.Fatalf("%s: nothing to begin with", want)
	}
	for i, text := range append(right[:len(right):len(right)], wrong...) {
		if accepted := i < len(right); is(text) != accepted || want.MatchString(text) != accepted {
			t.Errorf("%s: %q is %v, and %v by the expression, want %v", want, text, is(text), want.MatchString(text), accepted)
		}
	}
	faults := 0
	for text := range Around(right...) {
		if got := is(text); got != want.MatchString(text) && faults < 10 {
			t.Errorf("%s: %q is %v", want, text, got)
			faults++
		}
	}
}

// Fuzz compares is with the expression about whatever is found.
func Fuzz(f *testing.F, want *regexp.Regexp, is func(string) bool, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := is(text); got != want.MatchString(text) {
			t.Errorf("%s: %q is %v", want, text, got)
		}
	})
}

// Around yields what lies around texts, always the same: each byte replaced by
// another, left out, doubled, or with something odd before it, the text cut there,
// something odd at the end, and a few hundred texts with several such changes.
func Around(texts ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		chance := rand.New(rand.NewPCG(1, 2))
		for _, text := range texts {
			if !near(text, yield) || !far(text, texts, chance, yield) {
				return
			}
		}
	}
}

// near yields a text and what differs from it in one place.
func near(text string, yield func(string) bool) bool {
	ok := yield(text)
	for i := range len(text) + 1 {
		before, after := text[:i], text[i:]
		ok = ok && yield(before) && yield(after)
		for _, piece := range odd {
			ok = ok && yield(before+piece+after) && (after == "" || yield(before+piece+after[1:]))
		}
		for c := 0; c < 256 && after != "" && len(text) <= short; c++ {
			ok = ok && yield(before+string([]byte{byte(c)})+after[1:])
		}
		ok = ok && (after == "" || yield(before+after[1:]) && yield(before+after[:1]+after))
		if !ok {
			return false
		}
	}
	return true
}

// far yields what differs from a text in several places.
func far(text string, texts []string, chance *rand.Rand, yield func(string) bool) bool {
	for range 500 {
		changed := text
		for range 2 + chance.IntN(3) {
			changed = change(changed, texts, chance)
		}
		if !yield(changed) {
			return false
		}
	}
	return true
}

func change(text string, texts []string, chance *rand.Rand) string {
	i := chance.IntN(len(text) + 1)
	j := i + chance.IntN(len(text)-i+1)
	switch chance.IntN(8) {
	case 0:
		return text[:i] + text[j:]
	case 1:
		return text[:j] + text[i:]
	case 2:
		return text[:i] + strings.ToUpper(text[i:j]) + text[j:]
	case 3:
		return text[:i] + strings.ToLower(text[i:j]) + text[j:]
	case 4:
		other := texts[chance.IntN(len(texts))]
		return text[:i] + other[chance.IntN(len(other)+1):]
	case 5:
		return text + odd[chance.IntN(len(odd))]
	default:
		return text[:i] + odd[chance.IntN(len(odd))] + text[min(len(text), i+chance.IntN(2)):]
	}
}
