package phonechecks

import (
	"strings"
	"testing"

	"latchkey/shared/session"
	"latchkey/shared/store"
)

// An id leads to one item, and no cookie to it: a check becomes no session
// (parity 125).
func TestToken(t *testing.T) {
	id := session.NewSeed()
	one, two := tokenOf(id), tokenOf(session.NewSeed())
	if one != tokenOf(id) || one.Key == two.Key || one.ID == two.ID || one.Secret == two.Secret {
		t.Error("an id does not stand for one item")
	}
	if strings.Contains(one.Value(), id) {
		t.Error("the item's place shows the id")
	}
	_, ok := session.Parse(one.Value())
	if ok {
		t.Error("a cookie can name a check")
	}
}

// Authy is given an address that cannot exist, and another for each check.
func TestTarget(t *testing.T) {
	half := store.Session{ID: strings.Repeat("0", 32), Profile: store.Profile{Phone: "+14155552671", CallingCode: "1", ProviderRef: "7"}}
	to := target(half)
	if to.Email != half.ID+"@phone-checks.invalid" || to.Phone != half.Phone || to.CountryCode != "1" || to.User != "7" {
		t.Errorf("target %q of %q", to.Email, to.User)
	}
}
