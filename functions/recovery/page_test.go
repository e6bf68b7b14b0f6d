package recovery

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/web"
)

// What others have written is text, in all states of the pages.
func TestPagesAreInert(t *testing.T) {
	pagetest.Inert(t, "recovery", func(x string) web.View { return view(web.Invalid(web.Field{Name: "code", Text: x})) })
	pagetest.Inert(t, "codes", func(x string) web.View { return web.View{Main: codesPage(codesContent{Codes: []string{x, x}})} })
	pagetest.Inert(t, "no codes", func(x string) web.View {
		return web.View{Main: codesPage(codesContent{Email: x, Problem: web.Invalid(web.Field{Name: "current", Text: x})})}
	})
}
