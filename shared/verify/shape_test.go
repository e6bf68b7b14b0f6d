package verify

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, regexp.MustCompile(`^[a-z0-9-]{8,64}$`), isIdentity, []string{"abcdefgh", "9af1c0de-0000-4000-8000-00000000000f", "--------", strings.Repeat("z", 64)}, []string{
		"", "abcdefg", strings.Repeat("z", 65), "abcdefgH", "abcdefg_", "abcdefgh\n", "abcdefg\n", "abcdef/..", "abcdefg\x00", "abcdefgé", "abcdefg\xff", strings.Repeat("é", 8), "abcdefg\u212a",
	})
	shapetest.Same(t, regexp.MustCompile(`^[0-9]{3,8}$`), isAppCode, []string{"000", "123456", "99999999"}, []string{
		"", "12", "123456789", "123\n", "12\n", "12a", "１２３", "12\x00", "123\xff", " 123", "+123",
	})
	shapetest.Same(t, regexp.MustCompile(`^[0-9]{4,10}$`), isCode, []string{"0000", "123456", "9999999999"}, []string{
		"", "123", "12345678901", "1234\n", "123\n", "123a", "１２３４", "123\x00", "1234\xff", " 1234", "+1234",
	})
}
