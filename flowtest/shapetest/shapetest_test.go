package shapetest_test

import (
	"slices"
	"testing"

	"latchkey/flowtest/shapetest"
)

// What tells a wrong reading of a shape from the right one is among what is
// tried, and is tried each time.
func TestAround(t *testing.T) {
	t.Parallel()
	first := slices.Collect(shapetest.Around("ab12", ""))
	for _, text := range []string{
		"ab12\n", "\nab12", "ab12\x00", "ab1", "b12", "ab122", "ab\n12", "a\x0012", "ab1\xff", "ab12\xff", "abé12", "ab０2", "ab０12", "Ab12", "xb12", "ab12 ", "aB12", "", "\n", "0",
	} {
		if !slices.Contains(first, text) {
			t.Errorf("%q is not tried", text)
		}
	}
	if !slices.Equal(first, slices.Collect(shapetest.Around("ab12", ""))) {
		t.Error("another time other texts are tried")
	}
	for range shapetest.Around("ab12") {
		break
	}
}
