package authy

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
)

// The shapes, as expressions.
var (
	refShape   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	labelShape = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	keyShape   = regexp.MustCompile(`^[!-~]+$`)
	codeShape  = regexp.MustCompile(`^[0-9]{6,10}$`)
	userShape  = regexp.MustCompile(`^[0-9]{1,20}$`)
)

const aRef = "9af1c0de-0000-4000-8000-00000000000F"

func TestShapes(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, refShape, isRef, []string{aRef, strings.ToUpper(aRef), strings.ToLower(aRef)}, []string{
		"", strings.ReplaceAll(aRef, "-", ""), "{" + aRef + "}", aRef + "\n", aRef[:35], aRef[:35] + "\n", aRef[:35] + "g", aRef + "0", "-" + aRef[:35], aRef[1:9] + aRef[:1] + aRef[9:],
		strings.ReplaceAll(aRef, "-", "_"), strings.Repeat("-", 36), strings.Repeat("0", 36), aRef[:34] + "é", aRef[:35] + "\x00", aRef[:35] + "\xff", "../" + aRef[3:],
	})
	shapetest.Same(t, labelShape, isLabel, []string{"a", "z9", "from_account", "a_", "a__9", strings.Repeat("a", 100)}, []string{
		"", "_", "_a", "9", "9a", "A", "aB", "a-b", "a b", "a\n", "a\x00", "é", "aé", "a\xff", "\u212a", "a][",
	})
	shapetest.Same(t, keyShape, isKey, []string{"!", "~", "aB3$/=", strings.Repeat("x", 300)}, []string{
		"", " ", "a b", "a\n", "a\r\n", "\ta", "a\x00", "a\x7f", "é", "a\xff", "a\u00a0",
	})
	shapetest.Same(t, codeShape, isCode, []string{"000000", "1234567", "9999999999"}, []string{
		"", "12345", "12345678901", "123456\n", "12345a", "１２３４５６", "٣٣٣٣٣٣", "12345\x00", "123456\xff", "+123456", "123456/..", " 123456",
	})
	shapetest.Same(t, userShape, isUser, []string{"0", "12345678", strings.Repeat("9", 20)}, []string{
		"", strings.Repeat("9", 21), "1\n", "\n1", "-1", "1.0", "1e3", "٣", "1\x00", "1\xff", "1/..", "%31",
	})
}

func FuzzRef(f *testing.F)   { shapetest.Fuzz(f, refShape, isRef, aRef, "", aRef+"\n") }
func FuzzLabel(f *testing.F) { shapetest.Fuzz(f, labelShape, isLabel, "from_account", "a", "_", "a\n") }
