// Package otp is the vocabulary in which the steps speak of one-time codes:
// who gets one, over which channel, and what came of it. Both vendor doors
// (shared/authy, shared/verify) answer in these words and in no others, so
// that a step is written once and serves users of either.
//
// It must not know a vendor's wire, the table, or HTTP.
package otp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/phone"
)

// Channel is the way a code reaches a phone.
type Channel string

// The channels a visitor may ask for.
const (
	SMS      Channel = "sms"
	Call     Channel = "call"
	WhatsApp Channel = "whatsapp"
)

// Channels reads which channels visitors may ask for. Without a word of the
// operator it is texts alone: calls are what fraud likes best.
func Channels(vars *env.Vars) []Channel {
	var channels []Channel
	for _, name := range vars.List("CHANNELS") {
		c := Channel(name)
		if c != SMS && c != Call && c != WhatsApp {
			vars.Fault("CHANNELS", "must be some of sms,call,whatsapp")
		}
		if !slices.Contains(channels, c) {
			channels = append(channels, c)
		}
	}
	if len(channels) == 0 {
		return []Channel{SMS}
	}
	return channels
}

// Target is the person a code is for.
type Target struct {
	Phone       phone.Number
	CountryCode string // calling code, digits only: "49"
	Email       string // Authy wants one when it registers a phone; Verify never sees it
	User        string // the vendor's own id of the person (Authy), "" before the first send
	Insist      bool   // send a message also to who could read the code in the vendor's app: the person asked for one
}

// Sent is what a back end wants back to check the code later.
type Sent struct {
	User string // the vendor's id of the person, to be kept with the user; "" where it has none
	Ref  string // the vendor's id of this verification, to be kept with the session; "" where it has none
	App  bool   // nothing was sent, because the person reads the code in the vendor's app
}

// FixedRef is the Ref of a code that nobody sent: it is fixed, for tests. No
// vendor's id reads like it.
const FixedRef = "test"

// Codes is one vendor's way to send and check codes.
type Codes interface {
	// Carries reports whether this vendor has the channel.
	Carries(channel Channel) bool
	// Send makes one attempt to send a code and never repeats it: a text costs
	// money. It fails with one of this package's errors.
	Send(ctx context.Context, to Target, channel Channel) (Sent, error)
	// Check returns nil only on the vendor's explicit approval of this code.
	// Every other answer, also an unknown one, is one of this package's errors
	//
	Check(ctx context.Context, to Target, ref, code string) error
}

// What can come of Send and Check, besides success. A caller may show its
// user the sentence that belongs to the case, never the error's text.
var (
	// ErrWrong: the code is not the one that was sent.
	ErrWrong = errors.New("wrong code")
	// ErrGone: there is no code to check any more. It was used, it expired, or
	// it was tried too often. The vendors do not tell these apart.
	ErrGone = errors.New("code is gone")
	// ErrUnreachable: the vendor will not send to this number over this
	// channel. Repeating it does not help, another channel may.
	ErrUnreachable = errors.New("number cannot be reached")
	// ErrUnavailable: the vendor is out of reach, out of order or refuses our
	// credentials. Whether anything was sent is not known.
	ErrUnavailable = errors.New("vendor unavailable")
)

// LimitedError says that the vendor itself wants us to wait.
type LimitedError struct {
	After time.Duration // how long, when the vendor said so; otherwise the vendor's usual window
}

// Error names the wait.
func (e *LimitedError) Error() string { return fmt.Sprintf("vendor asks to wait %s", e.After) }
