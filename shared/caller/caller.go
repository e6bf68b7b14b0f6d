// Package caller is who the gateway says is calling: what it found out about a
// request before a step sees it. No header, cookie or body says any of it, so a
// client cannot set it.
//
// The adapter puts it into the request's context, and steps read it there. It
// must not know AWS's libraries, sessions, or what a caller may do.
package caller

import "context"

// Caller is one request's caller. It is zero for a route without authorization.
type Caller struct {
	// IAM is the ARN of who signed the request (userArn), "" if nobody did.
	IAM string
	// Lambda is what a Lambda authorizer said of the caller, nil if none ran.
	Lambda map[string]any
}

type key struct{}

// With is ctx with a caller in it.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// Of is the caller of the request that ctx belongs to.
func Of(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}
