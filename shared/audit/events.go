package audit

import (
	"cmp"
	"errors"
	"net/http"

	"latchkey/shared/otp"
	"latchkey/shared/push"
	"latchkey/shared/store"
)

// App is the Channel of a code for which nothing was sent, because the person
// reads it in the vendor's app.
const App otp.Channel = "app"

// Sent notes what came of asking for a session's code: CodeSent, CodeNotSent, or
// Delayed when it was a limit of ours.
func (l Log) Sent(r *http.Request, half store.Session, channel otp.Channel, unsent error) {
	f := Of(half)
	f.Channel = channel
	if half.ByApp {
		f.Channel = App
	}
	if unsent == nil && half.Ref == otp.FixedRef {
		f.Channel = Fixed
	}
	var ours *store.Limited
	var theirs *otp.LimitedError
	switch {
	case unsent == nil:
		l.Note(r, CodeSent, f)
	case errors.As(unsent, &ours):
		l.Note(r, Delayed, f.Why(AtSend))
	case errors.As(unsent, &theirs):
		l.Note(r, CodeNotSent, f.Why(Limited))
	case errors.Is(unsent, otp.ErrUnreachable):
		l.Note(r, CodeNotSent, f.Why(Unreachable))
	default:
		l.Note(r, CodeNotSent, f.Why(Unavailable))
	}
}

// Delayed notes that a limit of ours was in the way, if err says so.
func (l Log) Delayed(r *http.Request, f Facts, where Reason, err error) {
	var limited *store.Limited
	if errors.As(err, &limited) {
		l.Note(r, Delayed, f.Why(where))
	}
}

// Decided notes a decision that was recorded just now: Approved, Denied or
// ActionDecided. Of one that came before our own request was written it knows
// only what the vendor says; that nobody will answer is no event.
func (l Log) Decided(r *http.Request, a store.Approval) {
	event, known := map[push.Decision]Event{push.Approved: Approved, push.Denied: Denied}[a.Decision]
	if !known {
		return
	}
	f := Facts{UID: a.UID, Provider: a.Provider, Approval: a.ID}
	switch {
	case a.Session == "":
		f.Reason = Early
	case a.Answer() == "":
		f.Reason = Late
	}
	whose := cmp.Or(a.Session, a.Via)
	if a.Action || store.IsAction(whose) {
		f.Action, f.Decision = whose, a.Decision
		event = ActionDecided
	} else {
		f.Session = whose
	}
	l.Note(r, event, f)
}
