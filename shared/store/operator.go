package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// What is below serves the operator's command. It is on no request's path: the
// functions' policies do not allow a Query.

// onePage is how many items one Query returns.
const onePage = 50

// Sessions reads every session under the hash of an email, oldest first: the
// user's own, and whatever sign-ups anybody began there. Before a user is
// deleted it has to be all of them, so it is read in pages and consistently.
func (t *Table) Sessions(ctx context.Context, k string) ([]Session, error) {
	under := sessionKey(k, "")
	items, err := t.query(ctx, "pk = :pk AND begins_with(sk, :sk)", item{":pk": under["pk"], ":sk": under["sk"]})
	if err != nil {
		return nil, err
	}
	var list []Session
	for _, it := range items {
		list = append(list, sessionFrom(it))
	}
	slices.SortFunc(list, func(a, b Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return list, nil
}

// Tallies reads all subjects of the window that this time lies in.
func (t *Table) Tallies(ctx context.Context, window time.Duration, now time.Time) ([]Tally, error) {
	items, err := t.query(ctx, "pk = :pk", item{":pk": trafficKey(window, "", now)["pk"]})
	if err != nil {
		return nil, err
	}
	var list []Tally
	for _, it := range items {
		list = append(list, tallyFrom(it))
	}
	return list, nil
}

// Lift ends a subject's block and begins its window anew. The next window's item
// comes first: what dies in between leaves the block that can be seen. A window
// of which nothing is known is left alone.
func (t *Table) Lift(ctx context.Context, r Traffic, now time.Time) error {
	err := t.change(ctx, r.key(now.Add(r.Window)), "REMOVE blocked_until", "attribute_exists(pk)", nil)
	if err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	err = t.change(ctx, r.key(now), "SET sends = :none, proofs = :none REMOVE blocked_until", "attribute_exists(pk)", item{":none": number(0)})
	if errors.Is(err, ErrRefused) {
		return nil
	}
	return err
}

// Hits is how much of a counter is used in the window of this time.
func (t *Table) Hits(ctx context.Context, c Counter, now time.Time) (int, error) {
	it, err := t.get(ctx, c.key(now))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return int(it.number("hits")), err
}

// query reads what a condition on the keys selects.
func (t *Table) query(ctx context.Context, condition string, values item) ([]item, error) {
	var list []item
	var last item
	for {
		found, next, err := t.page(ctx, condition, values, last)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
		if len(next) == 0 {
			return list, nil
		}
		last = next
	}
}

func (t *Table) page(ctx context.Context, condition string, values, last item) (found []item, next item, err error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	out, err := t.db.Query(ctx, &dynamodb.QueryInput{
		TableName: t.name, ConsistentRead: aws.Bool(true), Limit: aws.Int32(onePage), ExclusiveStartKey: last,
		KeyConditionExpression: aws.String(condition), ExpressionAttributeValues: values,
	})
	if err != nil {
		return nil, nil, fault(err, "reading the table")
	}
	for _, it := range out.Items {
		found = append(found, it)
	}
	return found, out.LastEvaluatedKey, nil
}

// SetRole gives the user a role. ErrRefused says that this user is gone.
func (t *Table) SetRole(ctx context.Context, u User, role string) error {
	return t.change(ctx, userKey(u.Key), "SET #role = :role", "attribute_exists(pk) AND uid = :uid",
		item{":uid": text(u.UID), ":role": text(role)})
}

// Reset takes the user's factors away, replaces the recovery codes by these,
// made at this time, and ends all sessions and forgets all browsers by a new
// epoch: all in one write, so that it is done wholly or not at all. ErrRefused
// says that the user is not as read: factors, codes or epoch are other ones, or
// the user is gone. To the SDK's own retry it is done.
func (t *Table) Reset(ctx context.Context, u User, epoch string, codes []RecoveryCode, at time.Time) error {
	values := item{
		":uid": text(u.UID), ":epoch": text(u.Epoch), ":next": text(epoch),
		":none": maps(nil), ":codes": maps(recoveryItems(codes)), ":at": millis(at),
		":next_factors": number(int64(u.FactorsVersion + 1)), ":next_recovery": number(int64(u.RecoveryVersion + 1)),
	}
	as := "epoch = :epoch AND " + unchanged(values, "factors", u.FactorsVersion) + " AND " + unchanged(values, "recovery", u.RecoveryVersion)
	return t.change(ctx, userKey(u.Key),
		"SET epoch = :next, factors = :none, factors_version = :next_factors,"+
			" recovery = :codes, recovery_version = :next_recovery, recovery_at = :at",
		"attribute_exists(pk) AND uid = :uid AND (epoch = :next OR "+as+")", values)
}

// RemoveSession deletes a session whatever became of it. One that is gone is
// removed.
func (t *Table) RemoveSession(ctx context.Context, s Session) error {
	return t.remove(ctx, sessionKey(s.Key, s.ID), "", nil)
}

// RemoveApproval deletes an approval. One that is gone is removed.
func (t *Table) RemoveApproval(ctx context.Context, r Ref) error {
	return t.remove(ctx, r.key(), "", nil)
}

// RemoveUser deletes a user who has the epoch and the factors that were read.
// Else it is ErrRefused: what else has to be deleted may be more than was read.
// A user who is gone is removed.
func (t *Table) RemoveUser(ctx context.Context, u User) error {
	values := item{":uid": text(u.UID), ":epoch": text(u.Epoch)}
	condition := "uid = :uid AND epoch = :epoch AND " + unchanged(values, "factors", u.FactorsVersion)
	err := t.remove(ctx, userKey(u.Key), condition, values)
	if !errors.Is(err, ErrRefused) {
		return err
	}
	other, err := t.User(ctx, u.Key)
	if errors.Is(err, ErrNotFound) || err == nil && other.UID != u.UID {
		return nil
	}
	if err != nil {
		return err
	}
	return ErrRefused
}
