package phone_test

import (
	"regexp"
	"testing"

	"latchkey/flowtest/shapetest"
	"latchkey/shared/phone"
)

func TestShapeOfANumber(t *testing.T) {
	t.Parallel()
	valid := func(s string) bool { return phone.Number(s).Valid() }
	shapetest.Same(t, regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`), valid, []string{"+1234567", "+14155552671", "+999999999999999"}, []string{
		"", "+", "+123456", "+1234567890123456", "+0234567", "1234567", "++1234567", "+1234567\n", "+123456\n", "\n+1234567", "+123456a", "+１２３４５６７", "+123456\x00", "+123456\xff", "+123 4567", "-1234567",
	})
}
