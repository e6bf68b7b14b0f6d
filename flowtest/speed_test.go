package flowtest

import (
	"fmt"
	"testing"

	"latchkey/flowtest/rig"
)

// A whole verified sign-up in one process, but for its one bcrypt, which is at
// its cheapest here: what is left is ours, the engine's and the simulator's.
func BenchmarkSignUp(b *testing.B) {
	r := rig.Start(b, rig.Options{})
	handset := r.Handset()
	for i := 0; b.Loop(); i++ {
		v := r.Visitor(true)
		phone := fmt.Sprintf("+1415555%04d", i%10000)
		email := fmt.Sprintf("ada%d@example.com", i)
		r.Clock.Advance(25e9 * 3600)
		a := v.Post("/signup", rig.Form(email, phone))
		if a.Next != "/verify" {
			b.Fatalf("sign-up: %d %s", a.Status, a.Body)
		}
		a = v.Post("/verify", map[string]string{"code": handset.Code(phone)})
		if a.Next != "/account" {
			b.Fatalf("code: %d %s", a.Status, a.Body)
		}
	}
}
