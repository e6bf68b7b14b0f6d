// Package store is the table: one file for each noun that lives in it (user,
// session, approval, action, the kinds of limits), the keys, and the one rule that stands in for
// transactions: a decision is written once, on one item, by a conditional
// write, and never changes; a later step reads it consistently and then makes
// one conditional write on its own item.
//
// There is no transaction, no index and no scan here. Every update but a
// limit's and an approval's has a condition that only an item which is there
// meets, so that none creates by accident.
//
// It is the only importer of the DynamoDB SDK. It must not know HTTP, vendors
// or what a decision means.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/shared/chars"
	"latchkey/shared/env"
	"latchkey/shared/sdk"
)

// What a caller branches on. Any other error means that the table could not be
// asked, or that it answered something nobody expects.
var (
	// ErrNotFound: there is no such item, or it is not the caller's.
	ErrNotFound = errors.New("not found")
	// ErrRefused: the item is there, and the write's condition does not hold.
	ErrRefused = errors.New("condition not met")
)

// budget bounds one call with all its retries.
const budget = 2500 * time.Millisecond

// Table is the one table of a deployment.
type Table struct {
	db   *dynamodb.Client
	name *string
	at   string // its address
}

// Open reads where the table is and how to sign for it. It connects to nothing.
func Open(cfg env.Config, vars *env.Vars) *Table {
	s := sdk.Open(cfg, vars, "dynamodb", "DYNAMODB", sdk.Tries{Most: 4, Pause: 400 * time.Millisecond})
	name := vars.Required("TABLE_NAME", "the name of the DynamoDB table; the template sets it")
	if cfg.Warm != nil {
		cfg.Warm(s.Endpoint, 1)
	}
	db := dynamodb.New(dynamodb.Options{
		Region: s.Region, BaseEndpoint: aws.String(s.Endpoint), HTTPClient: s.HTTP, Credentials: s.Keys, Retryer: s.Retryer,
	})
	return &Table{db: db, name: aws.String(name), at: s.Endpoint}
}

// Abreast has the connections made that n calls at once will need: a handshake in
// the first request takes a small function tens of ms.
func (t *Table) Abreast(cfg env.Config, n int) {
	if cfg.Warm != nil {
		cfg.Warm(t.at, n)
	}
}

// Hash is how an address, a phone or a token stands in a key: never itself.
func Hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// item is what the table keeps under one key.
type item map[string]types.AttributeValue

func (it item) text(name string) string {
	v, ok := it[name].(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return v.Value
}

func (it item) bytes(name string) []byte {
	v, ok := it[name].(*types.AttributeValueMemberB)
	if !ok {
		return nil
	}
	return v.Value
}

func (it item) number(name string) int64 { return parse(it[name]) }

// time reads milliseconds since 1970; a missing attribute is the zero time.
func (it item) time(name string) time.Time { return instant(it[name]) }

func (it item) times(name string) []time.Time {
	v, ok := it[name].(*types.AttributeValueMemberL)
	if !ok {
		return nil
	}
	list := make([]time.Time, 0, len(v.Value))
	for _, e := range v.Value {
		list = append(list, instant(e))
	}
	return list
}

func (it item) items(name string) []item {
	v, ok := it[name].(*types.AttributeValueMemberL)
	if !ok {
		return nil
	}
	var list []item
	for _, e := range v.Value {
		m, ok := e.(*types.AttributeValueMemberM)
		if ok {
			list = append(list, m.Value)
		}
	}
	return list
}

// set leaves empty values out: what is missing reads back as empty.
func (it item) set(name string, value any) {
	switch v := value.(type) {
	case string:
		if v != "" {
			it[name] = text(v)
		}
	case []byte:
		if len(v) > 0 {
			it[name] = binary(v)
		}
	case int:
		if v != 0 {
			it[name] = number(int64(v))
		}
	case time.Time:
		if !v.IsZero() {
			it[name] = millis(v)
		}
	case []time.Time:
		if len(v) > 0 {
			it[name] = list(v)
		}
	case []item:
		if len(v) > 0 {
			it[name] = maps(v)
		}
	}
}

func parse(v types.AttributeValue) int64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0
	}
	return i
}

func instant(v types.AttributeValue) time.Time {
	ms := parse(v)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func set(s string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: []string{s}} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func millis(t time.Time) types.AttributeValue  { return number(t.UnixMilli()) }
func seconds(t time.Time) types.AttributeValue { return number(t.Unix()) }

func list(ts []time.Time) types.AttributeValue {
	l := &types.AttributeValueMemberL{Value: make([]types.AttributeValue, 0, len(ts))}
	for _, t := range ts {
		l.Value = append(l.Value, millis(t))
	}
	return l
}

func maps(items []item) types.AttributeValue {
	l := &types.AttributeValueMemberL{Value: make([]types.AttributeValue, 0, len(items))}
	for _, it := range items {
		l.Value = append(l.Value, &types.AttributeValueMemberM{Value: it})
	}
	return l
}

func key(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

// get reads one item consistently.
func (t *Table) get(ctx context.Context, k item) (item, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	out, err := t.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: t.name, Key: k, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, fault(err, "reading the table")
	}
	if out.Item == nil {
		return nil, ErrNotFound
	}
	return out.Item, nil
}

// batch reads those of a few items that are there, each consistently, in one
// round trip.
func (t *Table) batch(ctx context.Context, keys ...item) ([]item, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	in := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for _, k := range keys {
		in.Keys = append(in.Keys, k)
	}
	out, err := t.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*t.name: in}})
	if err != nil {
		return nil, fault(err, "reading the table")
	}
	if len(out.UnprocessedKeys) > 0 {
		return nil, errors.New("reading the table: it is throttled")
	}
	var found []item
	for _, it := range out.Responses[*t.name] {
		found = append(found, it)
	}
	return found, nil
}

// put writes a whole item if the condition holds, else ErrRefused. It spends
// the item: key values stay in it.
func (t *Table) put(ctx context.Context, it item, condition string, values item) error {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	_, err := t.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: t.name, Item: it,
		ConditionExpression: aws.String(condition), ExpressionAttributeValues: values,
	})
	return refusal(err, "writing the table")
}

// update changes an item if the condition holds, else ErrRefused; without a
// condition, whether or not it is there. It returns the item as it is
// afterwards.
func (t *Table) update(ctx context.Context, k item, change, condition string, values item) (item, error) {
	in := t.updating(k, change, condition, values)
	in.ReturnValues = types.ReturnValueAllNew
	out, err := t.send(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// change is update for who need not know what became of the item: reading it
// would be a tenth of the call's work.
func (t *Table) change(ctx context.Context, k item, change, condition string, values item, options ...func(*dynamodb.Options)) error {
	_, err := t.send(ctx, t.updating(k, change, condition, values), options...)
	return err
}

func (t *Table) updating(k item, change, condition string, values item) *dynamodb.UpdateItemInput {
	in := &dynamodb.UpdateItemInput{
		TableName: t.name, Key: k, UpdateExpression: aws.String(change),
		ExpressionAttributeValues: values, ExpressionAttributeNames: names(change, condition),
	}
	if condition != "" {
		in.ConditionExpression = aws.String(condition)
	}
	return in
}

func (t *Table) send(ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	out, err := t.db.UpdateItem(ctx, in, options...)
	return out, refusal(err, "updating the table")
}

// remove deletes an item if the condition holds, else ErrRefused; without a
// condition, whether or not it is there.
func (t *Table) remove(ctx context.Context, k item, condition string, values item) error {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	in := &dynamodb.DeleteItemInput{TableName: t.name, Key: k, ExpressionAttributeValues: values}
	if condition != "" {
		in.ConditionExpression = aws.String(condition)
	}
	_, err := t.db.DeleteItem(ctx, in)
	return refusal(err, "deleting from the table")
}

// names maps the #words of expressions to attributes: "#hash" is how the
// expression language wants a name that it keeps for itself.
func names(expressions ...string) map[string]string {
	var found map[string]string
	for _, e := range expressions {
		for _, rest, more := strings.Cut(e, "#"); more; _, rest, more = strings.Cut(rest, "#") {
			word := rest[:chars.Lead(rest, func(c byte) bool { return chars.Lower(c) || c == '_' })]
			if word == "" {
				continue
			}
			if found == nil {
				found = map[string]string{}
			}
			found["#"+word] = word
		}
	}
	return found
}

func refusal(err error, doing string) error {
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return ErrRefused
	}
	if err != nil {
		return fault(err, doing)
	}
	return nil
}
