package providers

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"latchkey/shared/otp"
	"latchkey/shared/testnumbers"
)

// plainRef is what a session keeps in the place of the id of a vendor that gives
// none: it takes the place of otp.FixedRef when a number is one like any other
// again.
const plainRef = "sent"

// fixed is a vendor's codes, but for the numbers that have a fixed one: those are
// sent nothing, and the vendor is not asked about them.
type fixed struct {
	otp.Codes
	numbers *testnumbers.Numbers
	now     func() time.Time
}

// Send has nothing to do for a number with a fixed code.
func (f *fixed) Send(ctx context.Context, to otp.Target, channel otp.Channel) (otp.Sent, error) {
	_, ok := f.numbers.Code(to.Phone, f.now())
	if ok {
		return otp.Sent{Ref: otp.FixedRef}, nil
	}
	sent, err := f.Codes.Send(ctx, to, channel)
	if err == nil {
		sent.Ref = cmp.Or(sent.Ref, plainRef)
	}
	return sent, err
}

// Check compares the fixed code if that is what the session waits for. What the
// vendor sent, the vendor checks, whatever the number has become since.
func (f *fixed) Check(ctx context.Context, to otp.Target, ref, typed string) error {
	if ref != otp.FixedRef {
		return f.Codes.Check(ctx, to, ref, typed)
	}
	code, ok := f.numbers.Code(to.Phone, f.now())
	if !ok {
		return fmt.Errorf("checking code: the number has no fixed one any more: %w", otp.ErrGone)
	}
	if subtle.ConstantTimeCompare([]byte(code), []byte(typed)) != 1 {
		return fmt.Errorf("checking code: not the fixed one: %w", otp.ErrWrong)
	}
	return nil
}
