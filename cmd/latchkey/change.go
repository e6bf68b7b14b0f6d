package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"latchkey/shared/recovery"
	"latchkey/shared/store"
)

// changed is what role and logout did.
type changed struct {
	User  string `json:"user"`
	UID   string `json:"uid"`
	Email string `json:"email"`
	Role  string `json:"role,omitempty"`
	Was   string `json:"was,omitempty"`
}

func (c changed) write(w io.Writer) {
	if c.Role == "" {
		fmt.Fprintf(w, "All sessions of %s are ended, and no browser counts as known.\n", c.Email)
		return
	}
	fmt.Fprintf(w, "The role of %s is %s now, and was %s. It holds from the next request on.\n", c.Email, c.Role, c.Was)
}

// role gives the account a role. Every request reads its user, so nothing else
// has to be told.
func role(ctx context.Context, d *desk) error {
	u, err := d.persist(ctx, func(u store.User) error { return d.SetRole(ctx, u, d.args[0]) })
	if err != nil {
		return err
	}
	return d.say(changed{u.Reference(), u.UID, d.masked, d.args[0], u.Role})
}

// logout gives the account a new epoch.
func logout(ctx context.Context, d *desk) error {
	next := epoch()
	u, err := d.persist(ctx, func(u store.User) error { return d.NewEpoch(ctx, u, next) })
	if err != nil {
		return err
	}
	return d.say(changed{User: u.Reference(), UID: u.UID, Email: d.masked})
}

// wasReset is what reset did. It holds the one secret that this program prints.
type wasReset struct {
	User    string       `json:"user"`
	UID     string       `json:"uid"`
	Name    string       `json:"name"`
	Email   string       `json:"email"`
	Removed []factor     `json:"removed"`
	Code    string       `json:"recovery_code"`
	MadeAt  time.Time    `json:"made_at"`
	Vendor  leftAtTwilio `json:"remains"`
}

func (r wasReset) write(w io.Writer) {
	fmt.Fprintf(w, "The second factor of %s, %s, is reset.\n\n", r.Name, r.Email)
	fmt.Fprintf(w, "    new recovery code   %s\n\n", r.Code)
	io.WriteString(w, `It is shown this once, and all earlier codes are void. Whoever has it and the password takes
the account over: hand it over only after you have made sure by other means who the person is
(in person, or by a way to reach them that you knew before they asked), never by email alone.

The person logs in with email address and password, chooses the recovery code instead of the
code by text, and enters the new phone. Until then texts go to the old phone: if somebody else
has it and may know the password, be quick.

`) //nolint:errcheck // a buffer
	fmt.Fprintln(w, "Ended: all sessions, and every known browser is a stranger.")
	if len(r.Removed) == 0 {
		fmt.Fprintln(w, "Removed: nothing, there was neither device nor authenticator app.")
	}
	for _, f := range r.Removed {
		fmt.Fprintf(w, "Removed: %s\n", f.text())
	}
	r.Vendor.write(w)
}

// reset is for somebody who lost everything but the password. Its one write
// comes before anything is printed: a code that is printed is good.
func reset(ctx context.Context, d *desk) error {
	code := recovery.New(1)[0]
	next := epoch()
	u, err := d.persist(ctx, func(u store.User) error {
		codes := []store.RecoveryCode{{Hash: recovery.Digest(u.UID, code)}}
		return d.Reset(ctx, u, next, codes, d.now)
	})
	if err != nil {
		return err
	}
	return d.say(wasReset{
		u.Reference(), u.UID, printable(u.Name), d.masked, factorsOf(u), code, d.now.UTC(), remains(u, u.Factors, d.cfg.Getenv, false),
	})
}
