package providers

import (
	"testing"

	"latchkey/shared/push"
	"latchkey/shared/store"
)

// A question goes to the vendor as it knows the person.
func TestWhom(t *testing.T) {
	for provider, want := range map[string]push.Target{"authy": {User: "subject"}, "verify": {User: "uid", Device: "subject"}} {
		a := store.Approval{Ref: store.Ref{Provider: provider, ID: "id"}, UID: "uid", Subject: "subject"}
		got := whom(a)
		if got != want || got.Subject() != a.Subject {
			t.Errorf("%s: %+v", provider, got)
		}
	}
}
