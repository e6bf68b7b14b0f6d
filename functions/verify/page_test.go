package verify

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/otp"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// What others have written is text, above all what another visitor's browser says
// of itself, in all states of the page.
func TestPageIsInert(t *testing.T) {
	for _, flow := range []store.Flow{store.Signup, store.Login, store.Proof, store.Move} {
		for _, way := range []string{"authy", "sent", "authenticator", "authy or ask", "ask", "unsent"} {
			pagetest.Inert(t, string(flow)+" "+way, func(x string) web.View {
				return titled(content{
					Login: !flow.Stranger(), Flow: flow, Way: way, Ending: x, Channels: []otp.Channel{otp.SMS, otp.Call, otp.Channel(x)},
					Rival: store.Push{At: time.Unix(0, 0), Browser: x}, Paused: true, Asked: true, Problem: web.Invalid(web.Field{Name: "code", Text: x}),
				})
			})
		}
	}
}

// Once no try is left, nothing is asked for, and one way leads on.
func TestPageWithoutTries(t *testing.T) {
	for _, p := range []*web.Problem{nil, web.UsedUp(), web.WrongCode(0), web.Unavailable(nil), web.Expired("Ask for a new one below.")} {
		var b strings.Builder
		err := titled(content{Begin: "/phone", Way: "sent", Channels: []otp.Channel{otp.SMS}, Problem: p}).Main.Render(t.Context(), &b)
		if err != nil || strings.Contains(b.String(), "<form") || strings.Contains(b.String(), "below") || !strings.Contains(b.String(), `<a class="button" href="/phone">`) {
			t.Errorf("%v: %v %s", p, err, b.String())
		}
	}
}
