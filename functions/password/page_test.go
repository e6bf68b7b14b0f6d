package password

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// What others have written is text.
func TestPageIsInert(t *testing.T) {
	pagetest.Inert(t, "password", func(x string) web.View {
		p := web.Invalid(web.Field{Name: "current", Text: x}, web.Field{Name: "password", Text: x})
		return view(store.User{Profile: store.Profile{Email: x}}, p)
	})
}
