package store

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
)

func TestShapeOfAnAction(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("09af", 16)
	shapetest.Same(t, regexp.MustCompile(`^[0-9a-f]{64}$`), IsAction, []string{id, strings.Repeat("0", 64)}, []string{
		"", id[:32], id[:63], id + "0", id + "\n", id[:63] + "\n", strings.ToUpper(id), id[:63] + "g", id[:62] + "é", id[:63] + "\x00", id[:63] + "\xff",
	})
}

var hashed = regexp.MustCompile(`#[a-z_]+`)

// expected are the names as the expression finds them.
func expected(expressions ...string) map[string]string {
	var found map[string]string
	for _, e := range expressions {
		for _, word := range hashed.FindAllString(e, -1) {
			if found == nil {
				found = map[string]string{}
			}
			found[word] = word[1:]
		}
	}
	return found
}

func sameNames(t *testing.T, expressions ...string) {
	t.Helper()
	got, want := names(expressions...), expected(expressions...)
	if !reflect.DeepEqual(got, want) { // nil and empty are two: the table refuses the latter
		t.Errorf("%q: %v, want %v", expressions, got, want)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	expressions := []string{
		"", "#", "##", "a", "#a", "##a", "#a#b", "#a##b", "#_", "#A", "#1", "#a1#b", "#aB", "a#", "#hash = :hash", "SET #user_id = :u, #ttl = :t REMOVE #a, #user_id",
		"#é", "#aé", "#\xff#a", "#a\n#b", "# a", "attribute_exists(pk) AND #ref = :ref",
	}
	for e := range shapetest.Around(expressions...) {
		sameNames(t, e)
	}
	for _, a := range expressions {
		for _, b := range expressions {
			sameNames(t, a, b)
		}
	}
	if got := names("#b = :b", "#a_b = :c AND #b = :d"); !reflect.DeepEqual(got, map[string]string{"#b": "b", "#a_b": "a_b"}) {
		t.Errorf("%v", got)
	}
}

// Most expressions name nothing so, and cost nothing.
func TestNoNamesAllocateNothing(t *testing.T) {
	n := testing.AllocsPerRun(100, func() {
		if names("SET told_at = if_not_exists(told_at, :now)", "id = :id AND attribute_not_exists(asked_at)") != nil {
			t.Error("names are found")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzNames(f *testing.F) {
	f.Add("SET #ref = :ref, ##b#", "#a1 # #é")
	f.Fuzz(func(t *testing.T, a, b string) { sameNames(t, a, b) })
}
