// Package caller is who makes a request as the gateway knows them, beside what
// the request itself says: the identity that signed it (AWS Signature Version
// 4, a route of AWS_IAM), or what an authorizer of our own found out.
//
// It must not know events, sessions or what a caller may do.
package caller

import "context"

// Caller is one request's caller. It is zero where the gateway checked nobody.
type Caller struct {
	IAM    string         // ARN of the principal that signed the request; empty: not signed
	Lambda map[string]any // the context that a Lambda authorizer gave; nil: there was none
}

type key struct{}

// With returns a context that carries c. The gateway's adapter alone puts one
// there: nothing that a client sends must ever become a Caller.
func With(ctx context.Context, c Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// Of is the caller that ctx carries, or the zero Caller.
func Of(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}

// Verdict is what an authorizer of ours says of a request.
type Verdict struct {
	Allowed bool
	Context map[string]any // what the route's function is told: texts, numbers, booleans
}
