package signup

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/numbers"
	"latchkey/shared/web"
)

// What others have written is text.
func TestPageIsInert(t *testing.T) {
	pagetest.Inert(t, "signup", func(x string) web.View {
		var wrong []web.Field
		for _, name := range fields {
			wrong = append(wrong, web.Field{Name: name, Text: x})
		}
		s := &step{plan: &numbers.Plan{Countries: []numbers.Country{{Code: x, Name: x}, {Code: "AT"}}}}
		return s.view(form{Seed: x, Name: x, Email: x, Selected: x, Phone: x, UnderWay: true}, web.Invalid(wrong...))
	})
}
