// Package knowledge asks somebody who is signed in for the current password once
// more, before anything changes that would lock the owner out: the password, the
// phone, the recovery codes (R-013, R-11A). A stolen session, however fresh its
// second factor, knows nothing.
//
// It must not know what changes afterwards, nor any page. The authorizer must not
// link it, since it links bcrypt.
package knowledge

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"latchkey/shared/audit"
	"latchkey/shared/env"
	"latchkey/shared/password"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// Factor is the password as a factor: something that its owner knows.
type Factor struct {
	guard *session.Guard
	audit audit.Log
	lane  session.Lane
	cost  int
}

// New reads BCRYPT_COST.
func New(cfg env.Config, vars *env.Vars, guard *session.Guard) *Factor {
	return &Factor{guard, audit.New(cfg), session.Lane{Free: 5, Longest: 15 * time.Minute}, password.Cost(vars)}
}

// Missing is what is wrong with a form that does not bring the current password.
func Missing(current string) []web.Field {
	if current != "" {
		return nil
	}
	return []web.Field{{Name: "current", Text: "Enter your current password."}}
}

// Form is what a form is recognised by when it is sent again. It is made from the
// session's secret, which only the client keeps, and everything that was typed:
// from anything less, the table would hold a fast hash of the password. fields
// begins with the step's name.
func (f *Factor) Form(r *http.Request, fields ...string) string {
	t, _ := f.guard.Whole(r)
	var content strings.Builder
	for _, text := range fields {
		content.WriteString(strconv.Quote(text))
	}
	return hex.EncodeToString(session.Digest(t.Secret, content.String())[:16])
}

// Same reports whether two forms are one.
func Same(form, other string) bool {
	return form != "" && subtle.ConstantTimeCompare([]byte(form), []byte(other)) == 1
}

// Prove counts a try and compares the password. What it refuses is for the page
// of the step.
func (f *Factor) Prove(r *http.Request, u store.User, current, form string) *web.Problem {
	p := f.Try(r, u, form)
	if p != nil {
		return p
	}
	return f.Compare(r, u, current)
}

// Try counts a try before anybody knows whether it fails, in one lane of the
// account's for all steps, so that who has stolen a session cannot guess on
// . The same form sent again is the same try.
func (f *Factor) Try(r *http.Request, u store.User, form string) *web.Problem {
	err := f.guard.Try(r.Context(), f.lane, subject(u), form)
	var limited *store.Limited
	switch {
	case errors.As(err, &limited):
		f.audit.Note(r, audit.Delayed, f.facts(r, u).Why(audit.AtPassword))
		return web.Wait(limited.After, "There were too many tries. Please wait before the next one.")
	case err != nil:
		return web.Unavailable(err)
	}
	return nil
}

// Compare is the password's turn.
func (f *Factor) Compare(r *http.Request, u store.User, current string) *web.Problem {
	err := password.Compare(u.Hash, current, f.cost)
	switch {
	case errors.Is(err, password.ErrWrong):
		f.audit.Note(r, audit.PasswordRefused, f.facts(r, u))
		p := web.BadCredentials()
		p.Detail = "That is not your current password. Check it and try again."
		return p
	case err != nil:
		return web.Unavailable(err)
	}
	return nil
}

// facts are what the audit trail says of a try.
func (f *Factor) facts(r *http.Request, u store.User) audit.Facts {
	t, _ := f.guard.Whole(r)
	return audit.Facts{UID: u.UID, Session: t.ID}
}

// Hash is that of another password, at the same cost.
func (f *Factor) Hash(next string) (string, error) { return password.Hash(next, f.cost) }

// Forget ends the row of tries after a right password, where the account's epoch,
// under which they are counted, stays: whoever knows it is not slowed down by
// changing more than one thing.
func (f *Factor) Forget(ctx context.Context, u store.User) { f.guard.ForgetTries(ctx, subject(u)) }

// subject is what tries are counted under.
func subject(u store.User) string { return u.Key + " password " + u.Epoch }
