package bank

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/gate"
	"latchkey/shared/web"
)

// What others have written is text, in all states of the pages.
func TestPagesAreInert(t *testing.T) {
	pagetest.Inert(t, "home", func(x string) web.View { return web.View{Main: homePage(gate.Caller{Role: x, Factor: x})} })
	pagetest.Inert(t, "form", func(x string) web.View {
		p := web.Invalid(web.Field{Name: "to", Text: x}, web.Field{Name: "amount", Text: x})
		return transferForm{Seed: x, To: x, Amount: x}.view(p)
	})
	for _, status := range []string{pending, approved, denied, expired, "odd"} {
		pagetest.Inert(t, status, func(x string) web.View { return approval{Status: status, Reference: x}.view(x) })
	}
}
