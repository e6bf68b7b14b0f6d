package testnumbers

import (
	"regexp"
	"testing"

	"latchkey/flowtest/shapetest"
)

func TestShapeOfACode(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, regexp.MustCompile(`^[0-9]{6}$`), isCode, []string{"000000", "424242", "999999"}, []string{
		"", "12345", "1234567", "123456\n", "12345\n", "12345a", "１２３４５６", "12345\x00", "12345\xff", " 23456", "+12345",
	})
}
