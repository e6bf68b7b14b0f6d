// Package audit writes one structured line for every security event: who signed
// up, what was sent and what was refused, who decided what, what changed about an
// account. docs/audit.md is the list for operators.
//
// A line is written where the one write, or the one answer of a vendor, that makes
// the event true has just succeeded. A repeat that only gets an earlier answer
// writes none, and a crash in between loses one: at most once.
//
// What a line may say is the fields of Facts and nothing else, so that no code,
// password, address or whole phone can stand in one. It must not know
// pages, nor decide anything: nobody reads what it wrote.
package audit

import (
	"log/slog"
	"net/http"

	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/phone"
	"latchkey/shared/push"
	"latchkey/shared/store"
)

// Event is what happened.
type Event string

// The events.
const (
	SignedUp        Event = "signed_up"        // an account was made
	CodeSent        Event = "code_sent"        // the vendor took it, or nothing had to be sent: the Channel tells
	CodeNotSent     Event = "code_not_sent"    // it did not, or nobody knows
	CodeRefused     Event = "code_refused"     // a code, a token or a recovery code did not pass
	PushAsked       Event = "push_asked"       // a device was asked to approve a login
	Approved        Event = "approved"         // and its person did
	Denied          Event = "denied"           // or did not
	Confirmed       Event = "confirmed"        // a session became a signed-in one
	Delayed         Event = "delayed"          // a limit, or a growing wait, refused something
	LoginRefused    Event = "login_refused"    // wrong password or unknown address
	PasswordRefused Event = "password_refused" // the current password, asked of who is signed in, was wrong
	LoggedOut       Event = "logged_out"       // a signed-in session ended, or all of an account
	FactorAdded     Event = "factor_added"     // not yet usable
	FactorConfirmed Event = "factor_confirmed" // usable
	FactorRemoved   Event = "factor_removed"
	PasswordChanged Event = "password_changed"
	PhoneMoved      Event = "phone_moved"      // the account has another phone
	RecoveryUsed    Event = "recovery_used"    // a recovery code stands for a lost phone
	RecoveryRenewed Event = "recovery_renewed" // the codes from before are void
	ActionAsked     Event = "action_asked"     // by the owner, of a user
	ActionDecided   Event = "action_decided"   // by the user
	PhoneChecked    Event = "phone_checked"    // a phone was proved without an account
	CallbackForged  Event = "callback_forged"  // not a vendor's
)

// level is Warn for refusals and attacks. Nothing here is our own failure.
func (e Event) level() slog.Level {
	switch e {
	case CodeNotSent, CodeRefused, Denied, Delayed, LoginRefused, PasswordRefused, CallbackForged:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Reason says more of an event, in a word.
type Reason string

// The reasons.
const (
	Wrong  Reason = "wrong"   // of a refused code: not the one
	Gone   Reason = "gone"    // there is none any more
	Used   Reason = "used"    // right, and used before
	UsedUp Reason = "used_up" // the session has no tries left

	Limited     Reason = "limited" // the vendor wants a pause
	Unreachable Reason = "unreachable"
	Unavailable Reason = "unavailable" // whether it was sent is not known

	AtLogin    Reason = "login" // where somebody was delayed
	AtProof    Reason = "proof"
	AtPassword Reason = "password"
	AtSend     Reason = "send"
	AtAction   Reason = "action"

	Here       Reason = "here" // which sessions ended: the browser's own
	Everywhere Reason = "everywhere"
	Replaced   Reason = "replaced" // by another, which came into its place

	Early Reason = "early" // a decision whose request is not written yet
	Late  Reason = "late"  // an approval that counts for nothing
	Lost  Reason = "lost"  // the old phone was, with what was enrolled on it
)

// ByRecovery is the Factor of a recovery code.
const ByRecovery = "recovery"

// Fixed is the Channel of a code that nobody sent, because it is a test number's,
// and the Factor of what was proved with one.
const Fixed = "fixed"

// Facts are all that a line can say besides its event; what is empty is left out.
type Facts struct {
	UID      string // a sign-up's is the one that its account is going to have
	Session  string // the session's id, which is no secret
	Flow     store.Flow
	Provider string
	Channel  otp.Channel
	Country  string
	Phone    phone.Number // the mask alone is written
	Factor   string
	Approval string // the vendor's id of the request
	Action   string // the id of what the owner asked for
	Decision push.Decision
	Reason   Reason
}

// Of is what is known of a session.
func Of(s store.Session) Facts {
	return Facts{UID: s.UID, Session: s.ID, Flow: s.Flow, Provider: s.Provider, Country: s.Country, Phone: s.Phone}
}

// Why adds a reason.
func (f Facts) Why(r Reason) Facts {
	f.Reason = r
	return f
}

// By adds the kind of proof.
func (f Facts) By(factor string) Facts {
	f.Factor = factor
	return f
}

// attrs are the facts that are there.
func (f Facts) attrs() []slog.Attr {
	list := make([]slog.Attr, 0, 12)
	for _, a := range [...]struct{ name, value string }{
		{"uid", f.UID}, {"session", f.Session}, {"flow", string(f.Flow)}, {"provider", f.Provider}, {"channel", string(f.Channel)},
		{"country", f.Country}, {"phone", f.Phone.Mask()}, {"factor", f.Factor}, {"approval", f.Approval}, {"action", f.Action},
		{"decision", string(f.Decision)}, {"reason", string(f.Reason)},
	} {
		if a.value != "" {
			list = append(list, slog.String(a.name, a.value))
		}
	}
	return list
}

// Log is where the lines go.
type Log struct{ log *slog.Logger }

// New is the log of a step.
func New(cfg env.Config) Log { return Log{cfg.Log} }

// Note writes the line of an event, under the gateway's id of the request, which
// the adapter puts into this header over whatever the client sent.
func (l Log) Note(r *http.Request, e Event, f Facts) {
	attrs := []slog.Attr{slog.String("event", string(e)), slog.String("request", r.Header.Get("X-Request-Id"))}
	l.log.LogAttrs(r.Context(), e.level(), "audit", append(attrs, f.attrs()...)...)
}
