package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"latchkey/shared/store"
)

// account is what show tells of a user: what a person at a help desk needs, and
// nothing that opens anything.
type account struct {
	User       string     `json:"user"` // what POST /approvals takes
	UID        string     `json:"uid"`
	Name       string     `json:"name"`
	Email      string     `json:"email"`
	Phone      string     `json:"phone"`
	Role       string     `json:"role"`
	Provider   string     `json:"provider"`
	CreatedAt  time.Time  `json:"created_at"`
	VerifiedAt time.Time  `json:"verified_at,omitzero"`
	MovedAt    time.Time  `json:"phone_changed_at,omitzero"`
	MovedFrom  string     `json:"phone_before,omitempty"`
	Factors    []factor   `json:"factors"`
	CodesLeft  int        `json:"recovery_codes_left"`
	CodesAt    time.Time  `json:"recovery_codes_made_at,omitzero"`
	Sessions   []visit    `json:"sessions"`
	Pushes     []question `json:"pushes"`
}

type factor struct {
	Type      string    `json:"type"`
	Confirmed bool      `json:"confirmed"`
	AddedAt   time.Time `json:"added_at"`
}

func (f factor) text() string {
	name, state := f.Type, "confirmed"
	switch f.Type {
	case "push":
		name = "device"
	case "totp":
		name = "authenticator app"
	}
	if !f.Confirmed {
		state = "never confirmed"
	}
	return fmt.Sprintf("%s, added %s, %s", name, stamp(f.AddedAt), state)
}

// visit is a session.
type visit struct {
	ID         string    `json:"id"`
	Flow       string    `json:"flow"`
	State      string    `json:"state"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	EndsAt     time.Time `json:"ends_at"` // if it is not used again
	alive      bool
}

// question is a push.
type question struct {
	At       time.Time `json:"at"`
	Browser  string    `json:"browser"`
	Decision string    `json:"decision"` // approved, denied, none, or unknown
}

// show reads the account, its sessions and what became of its pushes.
func show(ctx context.Context, d *desk) error {
	u, err := d.owner(ctx)
	if err != nil {
		return err
	}
	sessions, err := d.Sessions(ctx, d.key)
	if err != nil {
		return d.trouble(err)
	}
	a := account{
		User: u.Reference(), UID: u.UID, Name: printable(u.Name), Email: d.masked, Phone: u.Phone.Mask(),
		Role: u.Role, Provider: u.Provider, CreatedAt: u.CreatedAt, VerifiedAt: u.VerifiedAt,
		MovedAt: u.MovedAt, MovedFrom: u.MovedFrom.Mask(),
		Factors: factorsOf(u), CodesLeft: u.RecoveryLeft(), CodesAt: u.RecoveryAt,
		Sessions: []visit{}, Pushes: []question{},
	}
	for _, s := range sessions {
		a.Sessions = append(a.Sessions, visitOf(u, s, d.now))
	}
	for _, p := range u.Pushes {
		q, err := d.question(ctx, p)
		if err != nil {
			return d.trouble(err)
		}
		a.Pushes = append(a.Pushes, q)
	}
	return d.say(a)
}

func factorsOf(u store.User) []factor {
	list := []factor{}
	for _, f := range u.Factors {
		list = append(list, factor{f.Type, f.Active, f.CreatedAt})
	}
	return list
}

// question is a push and what became of it, as far as the table knows.
func (d *desk) question(ctx context.Context, p store.Push) (question, error) {
	q := question{At: p.At, Browser: printable(p.Browser), Decision: "unknown"}
	if p.Ref == (store.Ref{}) {
		return q, nil
	}
	a, err := d.Approval(ctx, p.Ref)
	if errors.Is(err, store.ErrNotFound) {
		return q, nil
	}
	if err != nil {
		return q, err
	}
	q.Decision = string(a.Answer())
	if q.Decision == "" {
		q.Decision = "none"
	}
	return q, nil
}

// visitOf says what a session is worth now. Anybody can begin a sign-up under
// any address; such a session is not the user's.
func visitOf(u store.User, s store.Session, now time.Time) visit {
	v := visit{ID: s.ID, Flow: string(s.Flow), CreatedAt: s.CreatedAt, LastUsedAt: s.TouchedAt, EndsAt: s.ValidUntil}
	switch {
	case len(s.Secret) == 0:
		v.State = "logged out"
	case !now.Before(s.ValidUntil) || s.Confirmed() && !now.Before(s.EndsAt):
		v.State = "over"
	case s.UID != u.UID:
		v.State = "a sign-up that is not this account's"
	case s.Epoch != u.Epoch:
		v.State = "ended with all others"
	case s.Confirmed():
		v.State, v.alive = "confirmed", true
	default:
		v.State, v.alive = "half", true
	}
	return v
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("2006-01-02 15:04:05Z")
}

func (a account) write(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, %s\n\n", a.Name, a.Email, a.Phone)
	line := func(name, value string) { fmt.Fprintf(w, "    %-16s %s\n", name, value) }
	line("reference", a.User)
	line("uid", a.UID)
	line("role", a.Role)
	line("codes come by", a.Provider)
	line("created", stamp(a.CreatedAt))
	line("phone verified", stamp(a.VerifiedAt))
	if !a.MovedAt.IsZero() {
		line("phone changed", stamp(a.MovedAt)+", before it was "+a.MovedFrom)
	}
	codes := "none were made"
	if !a.CodesAt.IsZero() {
		codes = fmt.Sprintf("%d left, made %s", a.CodesLeft, stamp(a.CodesAt))
	}
	line("recovery codes", codes)
	for _, f := range a.Factors {
		line("factor", f.text())
	}
	for _, q := range a.Pushes {
		line("push", fmt.Sprintf("%s for %s, decision: %s", stamp(q.At), cmp.Or(q.Browser, "no browser that is known"), q.Decision))
	}
	a.writeSessions(line)
}

// writeSessions lists those that open something, and counts the rest.
func (a account) writeSessions(line func(name, value string)) {
	rest := 0
	for _, v := range a.Sessions {
		if !v.alive {
			rest++
			continue
		}
		line("session", fmt.Sprintf("%s, %s, %s", v.ID, v.Flow, v.State))
		line("", fmt.Sprintf("begun %s, last used %s, ends %s", stamp(v.CreatedAt), stamp(v.LastUsedAt), stamp(v.EndsAt)))
	}
	if rest > 0 {
		line("sessions", fmt.Sprintf("%d more that open nothing here; --json lists them", rest))
	}
}
