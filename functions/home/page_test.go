package home

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/web"
)

// What others have written is text.
func TestPageIsInert(t *testing.T) {
	pagetest.Inert(t, "home", func(x string) web.View { return web.View{Main: page(true, x)} })
}
