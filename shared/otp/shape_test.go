package otp

import (
	"regexp"
	"testing"

	"latchkey/flowtest/shapetest"
)

func TestShapeOfACode(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, regexp.MustCompile(`^[0-9]{6,10}$`), isCode, []string{"000000", "1234567", "9999999999"}, []string{
		"", "12345", "12345678901", "123456\n", "12345\n", "12345a", "１２３４５６", "12345\x00", "123456\xff", " 123456", "+123456",
	})
}
