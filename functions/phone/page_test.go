package phone

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/numbers"
	"latchkey/shared/web"
)

// What others have written is text, whether the old phone is lost or not.
func TestPageIsInert(t *testing.T) {
	for name, lost := range map[string]bool{"lost": true, "at hand": false} {
		pagetest.Inert(t, name, func(x string) web.View {
			p := web.Invalid(web.Field{Name: "current", Text: x}, web.Field{Name: "phone", Text: x}, web.Field{Name: "countryCode", Text: x})
			return web.View{Main: page(content{x, x, lost, form{x, x, x}, []numbers.Country{{Code: x, Name: x}, {Code: "AT"}}, p})}
		})
	}
}
