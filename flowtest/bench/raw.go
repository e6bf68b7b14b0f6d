package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/local/dynamodb"
)

// signature has the form that the engine insists on; it checks no value.
var signature = "AWS4-HMAC-SHA256 Credential=" + dynamodb.AccessKey + "/20260101/" + dynamodb.Region +
	"/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + strings.Repeat("0", 64)

// raw makes one call of the engine past product and wire.
func (b *Table) raw(t testing.TB, operation, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, b.endpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("X-Amz-Date", "20260101T000000Z")
	r.Header.Set("Authorization", signature)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", operation, res.Status, answer, err)
	}
	return string(answer)
}

// Dump is the whole table as it lies there, with binary values in base64.
func (b *Table) Dump(t testing.TB) string {
	t.Helper()
	return b.raw(t, "Scan", fmt.Sprintf(`{"TableName":%q,"ConsistentRead":true}`, b.name))
}

// Items are all items of the table, as in Dump.
func (b *Table) Items(t testing.TB) []map[string]any {
	t.Helper()
	var out struct{ Items []map[string]any }
	err := json.Unmarshal([]byte(b.Dump(t)), &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Items
}

// Query are the items of one partition, as in Dump.
func (b *Table) Query(t testing.TB, pk string) []map[string]any {
	t.Helper()
	text := b.raw(t, "Query", fmt.Sprintf(
		`{"TableName":%q,"ConsistentRead":true,"KeyConditionExpression":"pk = :pk","ExpressionAttributeValues":{":pk":{"S":%q}}}`, b.name, pk))
	var out struct{ Items []map[string]any }
	err := json.Unmarshal([]byte(text), &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Items
}

// Get are those items that are there of up to a hundred keys, each a pk and an sk.
func (b *Table) Get(t testing.TB, keys ...[2]string) []map[string]any {
	t.Helper()
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = fmt.Sprintf(`{"pk":{"S":%q},"sk":{"S":%q}}`, k[0], k[1])
	}
	text := b.raw(t, "BatchGetItem", fmt.Sprintf(`{"RequestItems":{%q:{"ConsistentRead":true,"Keys":[%s]}}}`, b.name, strings.Join(list, ",")))
	var out struct{ Responses map[string][]map[string]any }
	err := json.Unmarshal([]byte(text), &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Responses[b.name]
}

// Only is the one item of the table.
func (b *Table) Only(t testing.TB) map[string]any {
	t.Helper()
	items := b.Items(t)
	if len(items) != 1 {
		t.Fatalf("%d items, want 1: %v", len(items), items)
	}
	return items[0]
}

// Delete removes an item, as time to live would.
func (b *Table) Delete(t testing.TB, pk, sk string) {
	t.Helper()
	b.raw(t, "DeleteItem", fmt.Sprintf(`{"TableName":%q,"Key":{"pk":{"S":%q},"sk":{"S":%q}}}`, b.name, pk, sk))
}

// Drop deletes the table and all that is in it.
func (b *Table) Drop(t testing.TB) {
	t.Helper()
	b.raw(t, "DeleteTable", fmt.Sprintf(`{"TableName":%q}`, b.name))
}

// SetNumber changes one number of an item, as nobody in the product does.
func (b *Table) SetNumber(t testing.TB, pk, sk, name string, n int64) {
	t.Helper()
	b.raw(t, "UpdateItem", fmt.Sprintf(
		`{"TableName":%q,"Key":{"pk":{"S":%q},"sk":{"S":%q}},"UpdateExpression":"SET #n = :n","ExpressionAttributeNames":{"#n":%q},"ExpressionAttributeValues":{":n":{"N":"%d"}}}`,
		b.name, pk, sk, name, n))
}
