package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"latchkey/shared/store"
)

// deletion is what delete would do, or did.
type deletion struct {
	Table    string        `json:"table"`
	Email    string        `json:"email"`
	User     string        `json:"user,omitempty"` // none: it is gone, and only sessions are left
	UID      string        `json:"uid,omitempty"`
	Deleted  bool          `json:"deleted"`
	Sessions int           `json:"sessions"`
	Vendor   *leftAtTwilio `json:"remains,omitempty"`
	only     bool          // nothing is going to be deleted
}

func (r deletion) write(w io.Writer) {
	if r.Deleted {
		io.WriteString(w, "\nDeleted.\n") //nolint:errcheck // a buffer
		return
	}
	fmt.Fprintf(w, "In the table %s, of %s:\n\n", r.Table, r.Email)
	if r.UID != "" {
		fmt.Fprintf(w, "    the account with uid %s\n", r.UID)
	}
	fmt.Fprintf(w, "    sessions: %d, with the approvals they wait for and the failures they are counted under\n\n", r.Sessions)
	io.WriteString(w, "What counts the texts to the phone stays, so that it cannot be sent more of them by this. It holds\n"+ //nolint:errcheck // a buffer
		"a hash of the number, and DynamoDB removes it within days, as it does what counts networks.\n")
	if r.Vendor != nil {
		r.Vendor.write(w)
	}
	if r.only {
		io.WriteString(w, "\nNothing was deleted. With --yes it is, and it cannot be undone.\n") //nolint:errcheck // a buffer
	}
}

// remove deletes everything under an address. The order: a new epoch, so that
// every session dies in one write; the sessions; the user last, since that item
// alone knows what remains at the vendor; and what logins left behind that began
// meanwhile. Whoever dies half way, by a crash or by Ctrl-C, runs it again.
func remove(ctx context.Context, d *desk) error {
	u, err := d.User(ctx, d.key)
	known := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return d.trouble(err)
	}
	if known && d.yes {
		u, err = d.lock(ctx)
		if err != nil {
			return err
		}
	}
	sessions, err := d.Sessions(ctx, d.key)
	if err != nil {
		return d.trouble(err)
	}
	if !known && len(sessions) == 0 {
		return d.nobody()
	}
	plan := deletion{Table: d.name, Email: d.masked, Sessions: len(sessions), only: !d.yes}
	if known {
		vendor := remains(u, u.Factors, d.cfg.Getenv, true)
		plan.User, plan.UID, plan.Vendor = u.Reference(), u.UID, &vendor
	}
	if plan.only {
		return d.say(plan)
	}
	return d.carryOut(ctx, u, sessions, plan)
}

// carryOut deletes. What remains at the vendor is said before the user goes: if
// this dies in between, nobody else could say it.
func (d *desk) carryOut(ctx context.Context, u store.User, sessions []store.Session, plan deletion) error {
	if !d.json {
		err := d.say(plan)
		if err != nil {
			return err
		}
	}
	err := d.erase(ctx, u, sessions)
	if err != nil {
		if d.json {
			d.say(plan) //nolint:errcheck // the failure to delete counts more
		}
		return unable("%v (Part of it may be deleted: run the same command again to finish.)", d.trouble(err))
	}
	plan.Deleted = true
	return d.say(plan)
}

// lock ends all sessions, and reads the account as nobody but a new login can
// change it any more.
func (d *desk) lock(ctx context.Context) (store.User, error) {
	next := epoch()
	_, err := d.persist(ctx, func(u store.User) error { return d.NewEpoch(ctx, u, next) })
	if err != nil {
		return store.User{}, err
	}
	return d.owner(ctx)
}

func (d *desk) erase(ctx context.Context, u store.User, sessions []store.Session) error {
	for _, p := range u.Pushes {
		err := d.forgetApproval(ctx, p.Ref)
		if err != nil {
			return err
		}
	}
	for _, s := range sessions {
		err := d.eraseSession(ctx, s)
		if err != nil {
			return err
		}
	}
	err := d.Forget(ctx, failures, d.key) // everybody's, with this address
	if err != nil || u.UID == "" {
		return err
	}
	err = d.RemoveUser(ctx, u)
	if err != nil {
		return err
	}
	late, err := d.Sessions(ctx, d.key)
	if err != nil {
		return err
	}
	for _, s := range late {
		if s.UID != u.UID { // somebody signs up with this address anew already
			continue
		}
		err := d.eraseSession(ctx, s)
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseSession deletes a session last, since it names the rest.
func (d *desk) eraseSession(ctx context.Context, s store.Session) error {
	err := d.forgetApproval(ctx, s.Approval)
	if err != nil {
		return err
	}
	for _, lane := range s.Lanes {
		err := d.Forget(ctx, failures, lane)
		if err != nil {
			return err
		}
	}
	return d.RemoveSession(ctx, s)
}

func (d *desk) forgetApproval(ctx context.Context, r store.Ref) error {
	if r == (store.Ref{}) {
		return nil
	}
	return d.RemoveApproval(ctx, r)
}

// failures is the rule under which package session counts tries at logging in.
const failures = "login"
