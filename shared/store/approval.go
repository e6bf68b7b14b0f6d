package store

import (
	"context"
	"strings"
	"time"

	"latchkey/shared/push"
)

// Ref names an approval: the vendor, and the vendor's own id of the request.
type Ref struct{ Provider, ID string }

// String is how sessions, users and cookies keep a Ref; "" is none.
func (r Ref) String() string {
	if r == (Ref{}) {
		return ""
	}
	return r.Provider + ":" + r.ID
}

// ParseRef reads what String wrote.
func ParseRef(s string) Ref {
	provider, id, ok := strings.Cut(s, ":")
	if !ok {
		return Ref{}
	}
	return Ref{provider, id}
}

// Approval is one push request and its one decision. What we know of it (whose
// it is) and what we are told (the decision) are written by two upserts in
// either order: the callback of a quick person is faster than the answer to our
// own request (F-24).
//
// Who can change it can finish somebody's login, of whom the password is known.
type Approval struct {
	Ref
	Session    string // id of the only session, or of the action, that can use it
	Action     bool   // it is an action's; no login can use it
	UID        string // the user it is for
	Subject    string // the vendor's person or factor that was asked
	CreatedAt  time.Time
	ValidUntil time.Time

	Decision  push.Decision // "" while nobody decided
	DecidedAt time.Time     // when we were told
	By        string        // the person or factor that decided, as we were told
	Via       string        // the session that the decision named, if it named one
}

// Answer is the decision if it counts, else "": it was made by whom we asked and
// for the session that asked, and we were told of an approval in time
// . A denial counts however late we hear of it.
func (a Approval) Answer() push.Decision {
	late := a.Decision == push.Approved && !a.DecidedAt.Before(a.ValidUntil)
	if a.Session == "" || a.By != a.Subject || a.Via != "" && a.Via != a.Session || late {
		return ""
	}
	return a.Decision
}

// Open reports whether it can still be answered.
func (a Approval) Open(now time.Time) bool { return a.Answer() == "" && now.Before(a.ValidUntil) }

func (r Ref) key() item { return key("A#"+r.Provider+"#"+r.ID, "A") }

// RecordApproval writes whose an approval is, and returns it as it is then: a
// decision that is there already stays. ErrRefused says that it is another
// session's.
func (t *Table) RecordApproval(ctx context.Context, a Approval) (Approval, error) {
	change := "SET #session = :session, uid = :uid, subject = :subject, created_at = :created_at, valid_until = :valid_until, expires_at = :expires_at"
	values := item{
		":session": text(a.Session), ":uid": text(a.UID), ":subject": text(a.Subject),
		":created_at": millis(a.CreatedAt), ":valid_until": millis(a.ValidUntil), ":expires_at": seconds(afterwards(a.ValidUntil)),
	}
	if a.Action {
		change += ", #action = :action"
		values[":action"] = number(1)
	}
	it, err := t.update(ctx, a.key(), change, "attribute_not_exists(#session) OR #session = :session", values)
	if err != nil {
		return Approval{}, err
	}
	return approvalFrom(it), nil
}

// undecided holds while nobody decided. What somebody else decided, or decided
// for another session, before we knew whom we asked, does not count.
const undecided = "(attribute_not_exists(decision) OR attribute_exists(subject)" +
	" AND (decided_by <> subject OR attribute_exists(via) AND via <> #session))"

// RecordDecision writes what a.By decided, at a.DecidedAt, once, and returns the
// approval as it is then: whose it is, if that is known by now. ErrRefused says
// that it is decided already, or that a.By is not whom we asked.
func (t *Table) RecordDecision(ctx context.Context, a Approval) (Approval, error) {
	change := "SET decision = :decision, decided_at = :decided_at, decided_by = :by, expires_at = if_not_exists(expires_at, :expires_at)"
	condition := undecided + " AND (attribute_not_exists(subject) OR subject = :by)"
	values := item{
		":decision": text(string(a.Decision)), ":decided_at": millis(a.DecidedAt), ":by": text(a.By),
		":expires_at": seconds(afterwards(a.DecidedAt)),
	}
	if a.Via == "" {
		change += " REMOVE via"
	} else {
		change += ", via = :via"
		condition += " AND (attribute_not_exists(#session) OR #session = :via)"
		values[":via"] = text(a.Via)
	}
	it, err := t.update(ctx, a.key(), change, condition, values)
	if err != nil {
		return Approval{}, err
	}
	return approvalFrom(it), nil
}

// Lease lets one caller ask the vendor about an approval, and for a while no
// other, however many poll. ErrRefused says that it is not this
// caller's turn, or that there is nothing left to ask.
func (t *Table) Lease(ctx context.Context, r Ref, every time.Duration, now time.Time) error {
	return t.change(ctx, r.key(), "SET asked_at = :now",
		undecided+" AND valid_until > :now AND (attribute_not_exists(asked_at) OR asked_at <= :before)",
		item{":now": millis(now), ":before": millis(now.Add(-every))})
}

// Waiting reads a session, its user and the approval it may wait for in one
// round trip, consistently. It is ErrNotFound without the session; without the
// user or the approval, that is zero.
func (t *Table) Waiting(ctx context.Context, k, id string, r Ref) (User, Session, Approval, error) {
	keys := []item{userKey(k), sessionKey(k, id)}
	if r != (Ref{}) {
		keys = append(keys, r.key())
	}
	found, err := t.batch(ctx, keys...)
	if err != nil {
		return User{}, Session{}, Approval{}, err
	}
	var u User
	var s Session
	var a Approval
	for _, it := range found {
		switch it.text("sk") {
		case "A":
			a = approvalFrom(it)
		case "U":
			u = userFrom(it)
		default:
			s = sessionFrom(it)
		}
	}
	if s.ID == "" {
		return User{}, Session{}, Approval{}, ErrNotFound
	}
	return u, s, a, nil
}

// Approval reads one, or ErrNotFound.
func (t *Table) Approval(ctx context.Context, r Ref) (Approval, error) {
	it, err := t.get(ctx, r.key())
	if err != nil {
		return Approval{}, err
	}
	return approvalFrom(it), nil
}

// Approvals reads those that are there, in one round trip.
func (t *Table) Approvals(ctx context.Context, refs ...Ref) (map[Ref]Approval, error) {
	var keys []item
	for _, r := range refs {
		keys = append(keys, r.key())
	}
	found, err := t.batch(ctx, keys...)
	if err != nil {
		return nil, err
	}
	list := map[Ref]Approval{}
	for _, it := range found {
		a := approvalFrom(it)
		list[a.Ref] = a
	}
	return list, nil
}

func approvalFrom(it item) Approval {
	provider, id, _ := strings.Cut(strings.TrimPrefix(it.text("pk"), "A#"), "#")
	return Approval{
		Ref:        Ref{provider, id},
		Session:    it.text("session"),
		Action:     it.number("action") != 0,
		UID:        it.text("uid"),
		Subject:    it.text("subject"),
		CreatedAt:  it.time("created_at"),
		ValidUntil: it.time("valid_until"),
		Decision:   push.Decision(it.text("decision")),
		DecidedAt:  it.time("decided_at"),
		By:         it.text("decided_by"),
		Via:        it.text("via"),
	}
}
