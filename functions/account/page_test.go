package account

import (
	"testing"
	"time"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// What others have written is text.
func TestPageIsInert(t *testing.T) {
	pagetest.Inert(t, "account", func(x string) web.View {
		return view(store.User{Profile: store.Profile{Name: x, Email: x, Phone: "+14155552671"}, VerifiedAt: time.Unix(0, 0)})
	})
}
