// Package push is the vocabulary in which the steps speak of approvals: a
// request that a person's own device shows, and its one decision. Both vendor
// doors (Authy's OneTouch in shared/authy, Verify Push in shared/verify) answer
// in these words and in no others.
//
// Only an explicit approval is one: every error, every unknown word and
// silence are not.
//
// It must not know a vendor's wire, the table, or sessions.
package push

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Decision is what became of an approval request.
type Decision string

// The decisions. Nobody tells us of an expiry: the asker keeps its own deadline
//
const (
	Pending  Decision = "pending"
	Approved Decision = "approved"
	Denied   Decision = "denied"
	Expired  Decision = "expired"
)

// Target is the person who is asked, as the vendor knows them.
type Target struct {
	User   string // Authy's id of the person, or the identity at Verify
	Device string // Verify's factor (YF…); empty at Authy, where the person's app is the device
}

// Subject is what a callback must name for its decision to count.
func (t Target) Subject() string {
	if t.Device != "" {
		return t.Device
	}
	return t.User
}

// Request is what the device shows, and for how long it may be answered.
type Request struct {
	Session string // our own id, hidden from the person; comes back with Authy's callback
	Message string
	Details []Detail // in the order shown
	Logos   []Logo   // shown by Authy alone
	At      time.Time
	Life    time.Duration // whole seconds, a minute to an hour at Verify
}

// Detail is one line of a request. The label is lower_snake_case and none is the
// beginning of another, since vendors' clients disagree about the signatures of
// all else. Neither may hold a visitor's own words.
type Detail struct{ Label, Value string }

// Logo is an image beside the message, in one of Authy's sizes: "default", which
// must be among them, "low", "med" or "high".
type Logo struct{ Res, URL string }

// Limits are how much one vendor's devices show of a request, in characters.
type Limits struct {
	Vendor  string // its name, for sentences
	Message int
	Label   int
	Value   int
	Details int // how many
}

// Pushes is one vendor's way to ask.
type Pushes interface {
	// Ask makes one attempt and never repeats it. ref is the vendor's id of the
	// request. It fails with ErrNoDevice, or with one of package otp's errors;
	// after otp.ErrUnavailable nobody knows whether the person was asked.
	Ask(ctx context.Context, to Target, r Request) (ref string, err error)
	// Decision asks the vendor what became of a request. It fails with
	// ErrStranger when the vendor says that somebody else was asked, and
	// otherwise with package otp's errors.
	Decision(ctx context.Context, to Target, ref string) (Decision, error)
}

// Event is what an authentic callback says.
type Event struct {
	Ref      string   // the vendor's id of the request
	Subject  string   // who decided: Authy's id of the person, or Verify's factor
	Session  string   // our own id as it came back, "" when the vendor does not return it
	Decision Decision // Approved or Denied
}

// Receiver reads one vendor's callbacks.
type Receiver interface {
	// Claims reports whether a request's headers say that it is this vendor's.
	Claims(h http.Header) bool
	// Receive returns what an authentic callback says. url is the public address
	// that the vendor was told, from configuration. It fails with ErrForged, and
	// with ErrMeaningless for what is authentic and decides nothing.
	Receive(url string, r *http.Request, body []byte) (Event, error)
}

// What can come of the above, besides success.
var (
	// ErrNoDevice: the person has no device that could show the request, or push
	// is not enabled. A code is the way then (parity 75).
	ErrNoDevice = errors.New("no device to ask")
	// ErrStranger: the request was somebody else's.
	ErrStranger = errors.New("request belongs to somebody else")
	// ErrForged: not the vendor's, or altered, or there is no key to tell.
	ErrForged = errors.New("callback is not authentic")
	// ErrMeaningless: from the vendor, and nothing that decides a request.
	ErrMeaningless = errors.New("callback decides nothing")
)
