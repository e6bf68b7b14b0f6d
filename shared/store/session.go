package store

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Flow says what a session was begun for.
type Flow string

// The ways in, and what somebody who is signed in proves anew.
const (
	Signup Flow = "signup"
	Login  Flow = "login"
	Proof  Flow = "proof" // the second factor, once more
	Move   Flow = "move"  // another phone, in the place of the account's
)

// Stranger reports whether the flow's codes go to a phone that nobody has proved
// yet. They are limited, and kept apart at the vendor, as a sign-up's are.
func (f Flow) Stranger() bool { return f == Signup || f == Move }

// Session is one sign-up or one login, from its form to its end. Unconfirmed,
// it reaches only the steps that confirm it. It is confirmed once.
//
// Who can read it learns a profile, but no cookie: the secret is hashed. Who
// can change it can sign in as its user.
type Session struct {
	Key   string // Hash of the normalised email
	ID    string // 32 lower-case hex digits
	Flow  Flow
	UID   string // the user it is for; a sign-up's own ID
	Epoch string // must equal the user's

	Secret     []byte    // SHA-256 of the cookie's secret
	Salt       []byte    // random, never leaves: the next secret is derived with it
	Previous   []byte    // Secret as it was before confirmation
	PreviousTo time.Time // until when Previous still gets the confirmation's answer
	Proof      []byte    // recognises the code that confirmed it

	CreatedAt   time.Time
	ValidUntil  time.Time // what code compares; moved on by use
	EndsAt      time.Time // the confirmed session's last moment, whatever its use; before that a bound on it, or zero
	ConfirmedAt time.Time // zero: unconfirmed
	TouchedAt   time.Time
	Factor      string // what confirmed it: one of the Factor constants

	ReturnTo string // the path of our own that its visitor came from, "" for none
	Parent   string // id of the whole session that it was begun from, which ends when this one is confirmed
	Lost     bool   // the account's phone is lost: a recovery code stands for it

	Ref      string // the vendor's id of the verification
	Outcome  Outcome
	Sends    Sends // what this session knows of its phone's history
	ResendAt time.Time
	ByApp    bool // the vendor sent nothing: the code is in the person's app
	Checks   int  // codes tried, right or wrong
	CheckAt  time.Time
	CheckOld time.Time // of the try before the last
	Taken    bool      // the phone was proved, and the email belongs to another user

	Attempt
	Profile // until confirmed: a sign-up's own, or what a login needs of its user's
}

// Attempt is what a login's session has that a sign-up's has not.
type Attempt struct {
	Approval Ref      // the push it waits for
	Number   string   // that the push and the waiting page both show
	Token    string   // the user's authenticator app as the vendor knows it
	Lanes    []string // whose counts of failures this attempt is in
	Paused   bool     // the user's device was not asked, because of what became of other requests
	Rival    Push     // somebody else's push, of which the visitor is warned
}

// How a session was confirmed.
const (
	FactorCode  = "code" // sent to the phone, or shown by Authy's app
	FactorPush  = "push"
	FactorToken = "totp" // an authenticator's
)

// Outcome is what came of the last code that a session asked for, so that a
// repeat of the request gets the answer of the first.
type Outcome string

// The outcomes; before any there is none.
const (
	Sent        Outcome = "sent"
	Unreachable Outcome = "unreachable" // the vendor will not send to this number
	Postponed   Outcome = "limited"
	Unsent      Outcome = "unsent" // whether anything was sent is not known
	Asked       Outcome = "asked"  // a push was sent instead
	Quiet       Outcome = "quiet"  // nothing was sent: the person has a code at hand, or may ask for one
)

// Failed reports whether the last code could not be sent, for a reason that may
// pass.
func (s Session) Failed() bool { return s.Outcome == Postponed || s.Outcome == Unsent }

// Confirmed reports whether the session is a signed-in one.
func (s Session) Confirmed() bool { return !s.ConfirmedAt.IsZero() }

// profile names the attributes that a session loses when it is confirmed or ended.
// The version of the phone's history stays: whether a text was sent by it is asked
// by a repeat that was under way meanwhile.
const profile = "#name, email, phone, country, calling_code, #hash, provider, provider_ref," +
	" by_app, sends, code_ref, check_at, check_old, resend_at, #number, #token, lanes, paused, rival, lost"

func sessionKey(k, id string) item { return key("U#"+k, "S#"+id) }

// CreateSession writes a new session. When its id is taken, by a repeat of the
// same form, it returns the session that is there and ErrRefused. The SDK's own
// retry meeting its first try counts as created: the salts are equal.
func (t *Table) CreateSession(ctx context.Context, s Session) (Session, error) {
	err := t.put(ctx, s.item(), "attribute_not_exists(pk)", nil)
	if !errors.Is(err, ErrRefused) {
		return s, err
	}
	other, err := t.Session(ctx, s.Key, s.ID)
	if err != nil {
		return Session{}, err
	}
	if bytes.Equal(other.Salt, s.Salt) {
		return other, nil
	}
	return other, ErrRefused
}

// Session reads one session, or ErrNotFound.
func (t *Table) Session(ctx context.Context, k, id string) (Session, error) {
	it, err := t.get(ctx, sessionKey(k, id))
	if err != nil {
		return Session{}, err
	}
	return sessionFrom(it), nil
}

// EndSession ends a session at its bearer's wish, who brings its secret or, while
// that one is still answered, the one from before the confirmation, and
// returns what is left of it. ErrRefused says that it is not the bearer's, or over already.
//
// The item stays, empty, for longer than any limit remembers its id: the same
// form makes the same id, and must not get a second session of it.
func (t *Table) EndSession(ctx context.Context, s Session, now time.Time) (Session, error) {
	it, err := t.update(ctx, sessionKey(s.Key, s.ID), "SET valid_until = :now, expires_at = :expires_at"+
		" REMOVE secret, previous, previous_to, proof, approval, "+profile,
		"secret = :secret OR (previous = :secret AND previous_to > :now)",
		item{":secret": binary(s.Secret), ":now": millis(now), ":expires_at": seconds(now.Add(2 * day))})
	if err != nil {
		return Session{}, err
	}
	return sessionFrom(it), nil
}

// DropSession deletes a session that led to nothing: one for which no vendor
// was asked. Any other stays.
func (t *Table) DropSession(ctx context.Context, s Session) error {
	return t.remove(ctx, sessionKey(s.Key, s.ID), "attribute_not_exists(outcome) AND secret = :secret",
		item{":secret": binary(s.Secret)})
}

// Account reads a session and its user in one round trip, consistently. It is
// ErrNotFound without the session; a session without its user is one that was
// never confirmed, or whose user is deleted, and comes with the zero User.
func (t *Table) Account(ctx context.Context, k, id string) (User, Session, error) {
	u, s, _, err := t.Waiting(ctx, k, id, Ref{})
	return u, s, err
}

// RecordSend keeps what came of sending a code, or of asking for an approval,
// and at a sign-up's first send the hash that was made meanwhile.
func (t *Table) RecordSend(ctx context.Context, s Session) error {
	set := item{}
	set.set(":outcome", string(s.Outcome))
	set.set(":code_ref", s.Ref)
	set.set(":provider_ref", s.ProviderRef)
	set.set(":hash", s.Hash)
	set.set(":approval", s.Approval.String())
	set.set(":resend_at", s.ResendAt)
	set.set(":sends", s.Sends.Times)
	set.set(":sends_version", s.Sends.Version)
	if !s.Rival.At.IsZero() {
		set.set(":rival", pushItems([]Push{s.Rival}))
	}
	change := []string{"by_app = :by_app"}
	for name := range set {
		change = append(change, "#"+name[1:]+" = "+name)
	}
	set[":by_app"] = &types.AttributeValueMemberBOOL{Value: s.ByApp}
	set[":secret"] = binary(s.Secret)
	return t.change(ctx, sessionKey(s.Key, s.ID), "SET "+strings.Join(change, ", "),
		"attribute_exists(pk) AND attribute_not_exists(confirmed_at) AND secret = :secret", set)
}

// RecordHash completes a session whose maker died before it kept the hash.
// ErrRefused says that it was not needed.
func (t *Table) RecordHash(ctx context.Context, s Session) error {
	return t.change(ctx, sessionKey(s.Key, s.ID), "SET #hash = :hash, resend_at = :resend_at, outcome = :outcome",
		"attribute_exists(pk) AND attribute_not_exists(#hash) AND attribute_not_exists(confirmed_at) AND secret = :secret",
		item{
			":hash": text(s.Hash), ":resend_at": millis(s.ResendAt), ":outcome": text(string(s.Outcome)),
			":secret": binary(s.Secret),
		})
}

// ReserveCheck takes one of the session's tries, before the vendor is asked,
// and returns the session as it then is. ErrRefused says that the secret is
// not its secret, that it is over, confirmed or taken, that no try is left
// or that there is nothing a code could be compared with.
func (t *Table) ReserveCheck(ctx context.Context, s Session, tries int, now time.Time) (Session, error) {
	it, err := t.update(ctx, sessionKey(s.Key, s.ID),
		"SET checks = if_not_exists(checks, :none) + :one, check_old = if_not_exists(check_at, :none), check_at = :now",
		"attribute_exists(pk) AND attribute_not_exists(confirmed_at) AND secret = :secret AND valid_until > :now"+
			" AND (attribute_not_exists(checks) OR checks < :tries)"+
			" AND attribute_not_exists(taken) AND (attribute_exists(code_ref) OR attribute_exists(provider_ref) OR attribute_exists(#token))",
		item{
			":none": number(0), ":one": number(1), ":now": millis(now),
			":secret": binary(s.Secret), ":tries": number(int64(tries)),
		})
	if err != nil {
		return Session{}, err
	}
	return sessionFrom(it), nil
}

// MarkTaken remembers that this session proved its phone and still cannot
// become a user.
func (t *Table) MarkTaken(ctx context.Context, s Session) error {
	return t.change(ctx, sessionKey(s.Key, s.ID), "SET taken = :taken",
		"attribute_exists(pk) AND attribute_not_exists(confirmed_at) AND secret = :secret",
		item{":taken": number(1), ":secret": binary(s.Secret)})
}

// Confirm turns the session into a signed-in one, once: next carries its new
// secret, proof and times, and the profile leaves it. ErrRefused says that
// another request was first, or that the session is over.
func (t *Table) Confirm(ctx context.Context, s, next Session) error {
	return t.change(ctx, sessionKey(s.Key, s.ID),
		"SET secret = :next, previous = :secret, proof = :proof, previous_to = :previous_to, confirmed_at = :now, touched_at = :now,"+
			" valid_until = :valid_until, ends_at = :ends_at, expires_at = :expires_at, factor = :factor, epoch = :epoch REMOVE "+profile,
		"attribute_exists(pk) AND attribute_not_exists(confirmed_at) AND secret = :secret AND valid_until > :now",
		item{
			":next": binary(next.Secret), ":secret": binary(s.Secret), ":proof": binary(next.Proof),
			":now": millis(next.ConfirmedAt), ":previous_to": millis(next.PreviousTo),
			":valid_until": millis(next.ValidUntil), ":factor": text(next.Factor), ":epoch": text(next.Epoch),
			":ends_at": millis(next.EndsAt), ":expires_at": seconds(afterwards(next.EndsAt)),
		})
}

// Repeat counts a request that brings the secret from before the confirmation,
// before anything is compared, and returns the session. ErrRefused says that
// this is not that secret, that its time is over, or that too many came.
func (t *Table) Repeat(ctx context.Context, s Session, most int, now time.Time) (Session, error) {
	it, err := t.update(ctx, sessionKey(s.Key, s.ID), "SET repeats = if_not_exists(repeats, :none) + :one",
		"attribute_exists(pk) AND previous = :previous AND previous_to > :now AND (attribute_not_exists(repeats) OR repeats < :most)",
		item{
			":none": number(0), ":one": number(1), ":most": number(int64(most)),
			":previous": binary(s.Previous), ":now": millis(now),
		})
	if err != nil {
		return Session{}, err
	}
	return sessionFrom(it), nil
}

// EndRepeats lets the secret from before the confirmation get no more answers.
func (t *Table) EndRepeats(ctx context.Context, s Session) error {
	return t.change(ctx, sessionKey(s.Key, s.ID), "REMOVE previous, previous_to, proof",
		"attribute_exists(pk) AND secret = :secret", item{":secret": binary(s.Secret)})
}

// Touch moves a confirmed session's end on, because it was used.
func (t *Table) Touch(ctx context.Context, s Session, until, now time.Time) error {
	return t.change(ctx, sessionKey(s.Key, s.ID), "SET valid_until = :until, touched_at = :now",
		"attribute_exists(pk) AND attribute_exists(confirmed_at) AND secret = :secret AND valid_until > :now",
		item{":until": millis(until), ":now": millis(now), ":secret": binary(s.Secret)})
}

// afterwards is when the engine may delete what ended at t: late enough that
// code, not the deletion, decides.
func afterwards(t time.Time) time.Time { return t.Add(24 * time.Hour) }

func (s Session) item() item {
	it := sessionKey(s.Key, s.ID)
	it.set("flow", string(s.Flow))
	it.set("uid", s.UID)
	it.set("epoch", s.Epoch)
	it.set("secret", s.Secret)
	it.set("salt", s.Salt)
	it.set("created_at", s.CreatedAt)
	it.set("valid_until", s.ValidUntil)
	it["expires_at"] = seconds(afterwards(s.ValidUntil))
	it.set("ends_at", s.EndsAt)
	it.set("return_to", s.ReturnTo)
	it.set("parent", s.Parent)
	if s.Lost {
		it.set("lost", 1)
	}
	it.set("number", s.Number)
	it.set("token", s.Token)
	it.set("lanes", strings.Join(s.Lanes, " "))
	if s.Paused {
		it.set("paused", 1)
	}
	if !s.Rival.At.IsZero() {
		it.set("rival", pushItems([]Push{s.Rival}))
	}
	s.Profile.into(it)
	return it
}

func sessionFrom(it item) Session {
	byApp, _ := it["by_app"].(*types.AttributeValueMemberBOOL)
	a := Attempt{Approval: ParseRef(it.text("approval")), Number: it.text("number"), Token: it.text("token"), Paused: it.number("paused") == 1}
	if lanes := it.text("lanes"); lanes != "" {
		a.Lanes = strings.Fields(lanes)
	}
	for _, p := range pushesFrom(it.items("rival")) {
		a.Rival = p
	}
	return Session{
		Key:         strings.TrimPrefix(it.text("pk"), "U#"),
		ID:          strings.TrimPrefix(it.text("sk"), "S#"),
		Flow:        Flow(it.text("flow")),
		UID:         it.text("uid"),
		Epoch:       it.text("epoch"),
		Secret:      it.bytes("secret"),
		Salt:        it.bytes("salt"),
		Previous:    it.bytes("previous"),
		PreviousTo:  it.time("previous_to"),
		Proof:       it.bytes("proof"),
		CreatedAt:   it.time("created_at"),
		ValidUntil:  it.time("valid_until"),
		EndsAt:      it.time("ends_at"),
		ConfirmedAt: it.time("confirmed_at"),
		TouchedAt:   it.time("touched_at"),
		Factor:      it.text("factor"),
		ReturnTo:    it.text("return_to"),
		Parent:      it.text("parent"),
		Lost:        it.number("lost") != 0,
		Ref:         it.text("code_ref"),
		Outcome:     Outcome(it.text("outcome")),
		Sends:       Sends{Times: it.times("sends"), Version: int(it.number("sends_version"))},
		ResendAt:    it.time("resend_at"),
		ByApp:       byApp != nil && byApp.Value,
		Checks:      int(it.number("checks")),
		CheckAt:     it.time("check_at"),
		CheckOld:    it.time("check_old"),
		Taken:       it.number("taken") != 0,
		Attempt:     a,
		Profile:     profileFrom(it),
	}
}
