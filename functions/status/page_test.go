package status

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/push"
	"latchkey/shared/web"
)

// What others have written is text.
func TestPageIsInert(t *testing.T) {
	pagetest.Inert(t, "waiting", func(x string) web.View { return view(content{State: push.Pending, Number: x}) })
	pagetest.Inert(t, "odd state", func(x string) web.View { return view(content{State: push.Decision(x), Number: x}) })
}
