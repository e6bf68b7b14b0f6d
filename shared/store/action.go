package store

import (
	"context"
	"errors"
	"time"

	"latchkey/shared/chars"
)

// Action is one thing that the owner wants a user to approve, such as a
// transfer. Its push is an Approval like a login's, whose Session is the
// action's id: no session has such an id, and no action has a session's.
//
// Who can change it can give the owner a wrong reference for a decision; the
// decision itself is the approval's.
type Action struct {
	// ID is 64 hex digits. The first half follows from the request's key, so that
	// a repeat finds the action; the second is random, so that who knows or
	// guesses a key does not know the id. A session's id has 32 digits.
	ID         string
	User       string // key of the user: Hash of the normalised email
	UID        string
	Subject    string // the vendor's person or factor that is asked
	Digest     []byte // of the request, to tell a repeat from another with its key
	Reference  string // the owner's own words
	CreatedAt  time.Time
	ValidUntil time.Time

	Ref     Ref       // its approval; zero while, or because, the vendor's answer is not known
	AskedAt time.Time // when it was kept what came of asking the vendor; zero while nobody knows
	ToldAt  time.Time // when the owner was told of the decision
}

// Whose is what the owner calls the user by (see User.Reference).
func (a Action) Whose() string { return reference(a.User, a.UID) }

// Approval is what an action's request writes of its approval, once Ref is known.
func (a Action) Approval() Approval {
	return Approval{
		Ref: a.Ref, Session: a.ID, Action: true, UID: a.UID, Subject: a.Subject, CreatedAt: a.CreatedAt, ValidUntil: a.ValidUntil,
	}
}

// IsAction reports whether an approval's Session has the shape of an action's id.
func IsAction(session string) bool { return chars.Are(session, 64, 64, chars.LowerHex) }

// findable is the half of an action's id that its key is made of.
const findable = 32

func actionKey(id string) item {
	return key("A#action#"+id[:min(findable, len(id))], "A")
}

// CreateAction writes a new action. When there is one already under its key it
// returns that one and ErrRefused; one with the same random half is this very
// call's, whose answer was lost.
func (t *Table) CreateAction(ctx context.Context, a Action) (Action, error) {
	err := t.put(ctx, a.item(), "attribute_not_exists(pk)", nil)
	if !errors.Is(err, ErrRefused) {
		return a, err
	}
	it, err := t.get(ctx, actionKey(a.ID))
	if err != nil {
		return Action{}, err
	}
	other := actionFrom(it)
	if other.ID == a.ID {
		return other, nil
	}
	return other, ErrRefused
}

// Action reads one by its whole id, or ErrNotFound.
func (t *Table) Action(ctx context.Context, id string) (Action, error) {
	it, err := t.get(ctx, actionKey(id))
	if err != nil {
		return Action{}, err
	}
	a := actionFrom(it)
	if a.ID != id {
		return Action{}, ErrNotFound
	}
	return a, nil
}

// Acting reads, in one round trip, a user and the action that a request's key
// has led to, if any. What is not there is zero.
func (t *Table) Acting(ctx context.Context, user, found string) (User, Action, error) {
	list, err := t.batch(ctx, userKey(user), actionKey(found))
	if err != nil {
		return User{}, Action{}, err
	}
	var u User
	var a Action
	for _, it := range list {
		if it.text("sk") == "U" {
			u = userFrom(it)
			continue
		}
		a = actionFrom(it)
	}
	return u, a, nil
}

// AskedAction keeps what came of asking the vendor: the approval's ref, or that
// nobody knows it. ErrRefused says that the action is gone.
func (t *Table) AskedAction(ctx context.Context, a Action, now time.Time) error {
	change, values := "SET asked_at = :now", item{":now": millis(now), ":id": text(a.ID)}
	if a.Ref != (Ref{}) {
		change += ", #ref = :ref"
		values[":ref"] = text(a.Ref.String())
	}
	return t.change(ctx, actionKey(a.ID), change, "id = :id", values)
}

// ToldAction keeps that the owner was told of the decision, and which approval's
// it was, if that was lost. ErrRefused says that the action is gone.
func (t *Table) ToldAction(ctx context.Context, a Action, now time.Time) error {
	return t.change(ctx, actionKey(a.ID), "SET told_at = if_not_exists(told_at, :now), #ref = if_not_exists(#ref, :ref)", "id = :id",
		item{":now": millis(now), ":id": text(a.ID), ":ref": text(a.Ref.String())})
}

// DropAction deletes an action of which nobody was asked. ErrRefused says that
// it is gone, or that somebody may have been asked.
func (t *Table) DropAction(ctx context.Context, a Action) error {
	return t.remove(ctx, actionKey(a.ID), "id = :id AND attribute_not_exists(asked_at)", item{":id": text(a.ID)})
}

func (a Action) item() item {
	it := actionKey(a.ID)
	it.set("id", a.ID)
	it.set("user", a.User)
	it.set("uid", a.UID)
	it.set("subject", a.Subject)
	it.set("digest", a.Digest)
	it.set("reference", a.Reference)
	it.set("created_at", a.CreatedAt)
	it.set("valid_until", a.ValidUntil)
	it["expires_at"] = seconds(afterwards(a.ValidUntil))
	return it
}

func actionFrom(it item) Action {
	return Action{
		ID:         it.text("id"),
		User:       it.text("user"),
		UID:        it.text("uid"),
		Subject:    it.text("subject"),
		Digest:     it.bytes("digest"),
		Reference:  it.text("reference"),
		CreatedAt:  it.time("created_at"),
		ValidUntil: it.time("valid_until"),
		Ref:        ParseRef(it.text("ref")),
		AskedAt:    it.time("asked_at"),
		ToldAt:     it.time("told_at"),
	}
}
