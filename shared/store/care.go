package store

import (
	"context"
	"errors"
	"time"
)

// What a user changes about the account itself. Each of these gives the user a
// new epoch, so that every session but the one that did it is dead.

// MovePhone gives the account the phone that session s has proved, with the
// epoch that s goes on with. proof recognises the code that proved it. When the
// old phone is lost, what was enrolled with it goes, too. ErrRefused says that the
// account changed since s was begun, perhaps by this very session.
func (t *Table) MovePhone(ctx context.Context, s Session, epoch, proof string, now time.Time) error {
	change := "SET phone = :phone, country = :country, calling_code = :calling_code, epoch = :next, proof = :proof," +
		" moved_at = :now, moved_by = :by, moved_from = phone, verified_at = :now, pushes = :none, pushes_version = if_not_exists(pushes_version, :zero) + :one"
	values := item{
		":phone": text(string(s.Phone)), ":country": text(s.Country), ":calling_code": text(s.CallingCode),
		":uid": text(s.UID), ":epoch": text(s.Epoch), ":next": text(epoch), ":proof": text(proof), ":now": millis(now), ":by": text(s.ID),
		":none": maps(nil), ":zero": number(0), ":one": number(1),
	}
	if s.Lost {
		change += ", factors = :none, factors_version = if_not_exists(factors_version, :zero) + :one"
	}
	if s.ProviderRef == "" {
		change += " REMOVE provider_ref"
	} else {
		change += ", provider_ref = :ref"
		values[":ref"] = text(s.ProviderRef)
	}
	return t.change(ctx, userKey(s.Key), change, "attribute_exists(pk) AND uid = :uid AND epoch = :epoch", values)
}

// ChangePassword replaces the hash that was read with u by another password's,
// and the epoch with it, and keeps which form did it. ErrRefused says that either
// changed meanwhile.
func (t *Table) ChangePassword(ctx context.Context, u User, hash, epoch, form string) error {
	return t.change(ctx, userKey(u.Key), "SET #hash = :next, epoch = :new, password_by = :by",
		"attribute_exists(pk) AND uid = :uid AND epoch = :epoch AND #hash = :hash",
		item{
			":uid": text(u.UID), ":hash": text(u.Hash), ":next": text(hash),
			":epoch": text(u.Epoch), ":new": text(epoch), ":by": text(form),
		})
}

// ReserveRecovery takes one of a half login's tries for a recovery code, before
// anything is compared, and returns the session as it then is. ErrRefused as in
// ReserveCheck.
func (t *Table) ReserveRecovery(ctx context.Context, s Session, tries int, now time.Time) (Session, error) {
	it, err := t.update(ctx, sessionKey(s.Key, s.ID), "SET checks = if_not_exists(checks, :none) + :one, check_old = if_not_exists(check_at, :none), check_at = :now",
		"attribute_exists(pk) AND attribute_not_exists(confirmed_at) AND secret = :secret AND valid_until > :now"+
			" AND flow = :login AND (attribute_not_exists(checks) OR checks < :tries)",
		item{
			":none": number(0), ":one": number(1), ":now": millis(now), ":login": text(string(Login)),
			":secret": binary(s.Secret), ":tries": number(int64(tries)),
		})
	if err != nil {
		return Session{}, err
	}
	return sessionFrom(it), nil
}

// MarkLost notes on a half login that a recovery code stands for its phone. s is
// as ReserveRecovery returned it: its count of tries tells this request from its
// equals, of which one is first. ErrRefused says that the login is over.
func (t *Table) MarkLost(ctx context.Context, s Session) (first bool, err error) {
	err = t.change(ctx, sessionKey(s.Key, s.ID), "SET lost = :try",
		"attribute_exists(pk) AND attribute_not_exists(confirmed_at) AND secret = :secret AND attribute_not_exists(lost)",
		item{":try": number(int64(s.Checks)), ":secret": binary(s.Secret)})
	if !errors.Is(err, ErrRefused) {
		return err == nil, err
	}
	it, err := t.get(ctx, sessionKey(s.Key, s.ID))
	if errors.Is(err, ErrNotFound) || err == nil && it.number("lost") == 0 {
		err = ErrRefused
	}
	return err == nil && it.number("lost") == int64(s.Checks), err
}

// EndParent ends the session that s was begun from, so that s can take its place:
// a whole one, or a login whose phone is lost. It may be repeated. ErrRefused says
// that the parent is over, or was replaced by another.
func (t *Table) EndParent(ctx context.Context, s Session, now time.Time) error {
	kind := "attribute_exists(confirmed_at)"
	if s.Lost {
		kind = "attribute_exists(lost) AND attribute_not_exists(confirmed_at)"
	}
	return t.change(ctx, sessionKey(s.Key, s.Parent), "SET ended_by = :by, valid_until = :now, expires_at = :expires_at"+
		" REMOVE secret, previous, previous_to, proof, approval, "+profile,
		"uid = :uid AND epoch = :epoch AND (attribute_exists(secret) AND "+kind+" AND valid_until > :now OR ended_by = :by)",
		item{
			":by": text(s.ID), ":uid": text(s.UID), ":epoch": text(s.Epoch),
			":now": millis(now), ":expires_at": seconds(now.Add(2 * day)),
		})
}

// AdoptEpoch lets a whole session outlive the change of its user's epoch that it
// made itself.
func (t *Table) AdoptEpoch(ctx context.Context, s Session, epoch string) error {
	return t.change(ctx, sessionKey(s.Key, s.ID), "SET epoch = :epoch", "attribute_exists(confirmed_at) AND secret = :secret",
		item{":epoch": text(epoch), ":secret": binary(s.Secret)})
}
