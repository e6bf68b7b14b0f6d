package caller_test

import (
	"testing"

	"latchkey/shared/caller"
)

// Nobody is a caller unless the adapter says so, and the newest word counts.
func TestOf(t *testing.T) {
	ctx := t.Context()
	if c := caller.Of(ctx); c.IAM != "" || c.Lambda != nil {
		t.Errorf("%+v without a word of the gateway", c)
	}
	ctx = caller.With(ctx, caller.Caller{IAM: "arn:aws:iam::123456789012:user/shop"})
	if c := caller.Of(ctx); c.IAM != "arn:aws:iam::123456789012:user/shop" || c.Lambda != nil {
		t.Errorf("%+v", c)
	}
	ctx = caller.With(ctx, caller.Caller{Lambda: map[string]any{"uid": "u"}})
	if c := caller.Of(ctx); c.IAM != "" || c.Lambda["uid"] != "u" {
		t.Errorf("%+v", c)
	}
}
