package message

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
)

// sender is the shape, as an expression.
var sender = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|[0-9 ]*[A-Za-z][A-Za-z0-9 ]*)$`)

var senders = []string{"+15017122661", "+1234567", "+123456789012345", "123", "12345678", "Latchkey", "a", " a ", "1 a", "12 34b", "Bank 24", strings.Repeat("9", 20) + "x"}

func TestShapeOfASender(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, sender, isSender, senders, []string{
		"", " ", "  1 ", "12", "123456789", "123 456", "+", "+0123456789", "+123456", "+1234567890123456", "+12345a7", "+1234567\n", "123\n", "a\n", "\na", "a\x00", "a\xff", "aé", "é", "a-b", "a.b", "a\u00a0b", "１２３", "++1234567", "\t",
	})
}

func FuzzSender(f *testing.F) { shapetest.Fuzz(f, sender, isSender, senders...) }
