package login

import (
	"testing"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/otp"
	"latchkey/shared/web"
)

// What others have written is text, in all states of the pages.
func TestPagesAreInert(t *testing.T) {
	s := &step{}
	pagetest.Inert(t, "login", func(x string) web.View { return s.view(form{Seed: x, Email: x, Return: x}, nil) })
	pagetest.Inert(t, "login refused", func(x string) web.View {
		p := web.Invalid(web.Field{Name: "email", Text: x}, web.Field{Name: "password", Text: x})
		return s.view(form{Seed: x, Email: x, Return: x}, p)
	})
	for name, c := range map[string]againContent{"device": {Device: true}, "app": {App: true}, "Authy": {Authy: true}, "code": {}} {
		pagetest.Inert(t, name, func(x string) web.View {
			c.Seed, c.Back, c.Ending, c.Channels, c.Problem = x, x, x, []otp.Channel{otp.SMS, otp.Call, otp.Channel(x)}, web.Malformed(x)
			return web.View{Main: againPage(c)}
		})
	}
}
