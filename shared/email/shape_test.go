package email

import (
	"regexp"
	"testing"

	"latchkey/flowtest/shapetest"
)

// The shapes, as expressions.
var (
	dotAtom = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")
	machine = regexp.MustCompile(`\.[0-9]+$`)
)

var locals = []string{"a", "ada.lovelace", "a.b.c", "!#$%&'*+/=?^_`{|}~-", "0", "-.-", "Ada+tag"}

func TestShapes(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, dotAtom, isDotAtom, locals, []string{
		"", ".", "..", ".a", "a.", "a..b", "a b", "a\n", "a.\n", "\na", "a\x00", "é", "a\xff", "\u212a", "ſ", `"a"`, "a@b", "a,b", "a;b", "a:b", "a\\b", "(a)", "<a>", "[a]", "a\x7f", "a.b\x80",
	})
	shapetest.Same(t, machine, isMachine, []string{".1", "127.0.0.1", "example.0", "..9", "é.9", "a\n.1", "\xff.1", "a.b.00"}, []string{
		"", ".", "1", "a.", "1.", "example.com", "a.1b", "a.b1", "a.1.", "a.1\n", "a.1\x00", "a.١", "a.１", "a.1\xff", "a.-1", "1.a",
	})
}

func FuzzDotAtom(f *testing.F) { shapetest.Fuzz(f, dotAtom, isDotAtom, locals...) }
func FuzzMachine(f *testing.F) { shapetest.Fuzz(f, machine, isMachine, "127.0.0.1", "a.b1", "a.\n1") }
