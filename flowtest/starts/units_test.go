package starts

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// size is what DynamoDB counts for an item: the bytes of its names and values
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
func size(item map[string]any) int {
	n := 0
	for name, v := range item {
		n += len(name) + valueSize(v)
	}
	return n
}

func valueSize(v any) int {
	typed, _ := v.(map[string]any)
	for kind, value := range typed {
		switch kind {
		case "S":
			return len(value.(string))
		case "N": // a byte for two digits, and one
			return (len(strings.Trim(value.(string), "-.0"))+1)/2 + 1
		case "B":
			b, err := base64.StdEncoding.DecodeString(value.(string))
			if err != nil {
				return len(value.(string))
			}
			return len(b)
		case "BOOL", "NULL":
			return 1
		case "M":
			return 3 + size(value.(map[string]any)) + len(value.(map[string]any))
		case "L":
			n := 3
			for _, e := range value.([]any) {
				n += 1 + valueSize(e)
			}
			return n
		case "SS", "NS":
			n := 0
			for _, e := range value.([]any) {
				n += valueSize(map[string]any{kind[:1]: e})
			}
			return n
		}
	}
	return 0
}

// units are the read and write units that a call to the table costs: a write one
// for each KiB of the item, a consistent read one for each four, and half of that if
// it need not be consistent. What is refused or absent costs one of the smallest.
func (e exchange) units(t testing.TB) (read, write float64) {
	t.Helper()
	if !e.table {
		return 0, 0
	}
	var asked struct {
		Item           map[string]any
		ConsistentRead bool
		RequestItems   map[string]struct {
			ConsistentRead bool
			Keys           []any
		}
	}
	var answer struct {
		Item, Attributes map[string]any
		Responses        map[string][]map[string]any
	}
	var err error
	if len(e.asked) > 0 {
		err = json.Unmarshal(e.asked, &asked)
	}
	if err == nil && len(e.answer) > 0 {
		err = json.Unmarshal(e.answer, &answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	whole := func(bytes int, of float64) float64 { return max(1, math.Ceil(float64(bytes)/of)) }
	reads := func(consistent bool, bytes int) float64 {
		if consistent {
			return whole(bytes, 4096)
		}
		return whole(bytes, 4096) / 2
	}
	switch operation := strings.Fields(e.loose)[len(strings.Fields(e.loose))-1]; operation {
	case "GetItem":
		return reads(asked.ConsistentRead, size(answer.Item)), 0
	case "BatchGetItem":
		for name, of := range asked.RequestItems {
			for _, it := range answer.Responses[name] {
				read += reads(of.ConsistentRead, size(it))
			}
			read += reads(of.ConsistentRead, 0) * float64(len(of.Keys)-len(answer.Responses[name]))
		}
		return read, 0
	case "Query":
		return reads(asked.ConsistentRead, 0), 0
	}
	return 0, whole(max(size(asked.Item), size(answer.Attributes)), 1024)
}

// units are those of all calls of a request, with the numbers of calls.
func (r *request) units(t testing.TB) (table, vendor int, read, write float64) {
	t.Helper()
	for _, e := range r.calls {
		a, b := e.units(t)
		read, write = read+a, write+b
		if e.table {
			table++
		} else {
			vendor++
		}
	}
	return table, vendor, read, write
}

// kinds is a table of the items that lie there after the bench's requests: of each
// kind how many, and the bytes of the largest.
func (w *world) kinds() string {
	type kind struct{ n, most int }
	found := map[string]kind{}
	for _, it := range w.table.Items(w.t) {
		pk, _ := it["pk"].(map[string]any)["S"].(string)
		sk, _ := it["sk"].(map[string]any)["S"].(string)
		name := strings.Split(sk, "#")[0]
		if strings.HasPrefix(pk, "L#") {
			name = strings.Join(strings.SplitN(pk, "#", 3)[:2], "#")
		}
		k := found[name]
		found[name] = kind{k.n + 1, max(k.most, size(it))}
	}
	var lines [][]string
	for name, k := range found {
		lines = append(lines, []string{name, number(k.n), number(k.most)})
	}
	slices.SortFunc(lines, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return markdown([]string{"item", "there are", "bytes of the largest"}, lines)
}

// The rule of sizes, by the examples that the documentation gives: names count as
// values do, a number about half its digits, a set what is in it.
func TestSize(t *testing.T) {
	for name, c := range map[string]struct {
		item string
		want int
	}{
		"text":   {`{"name":{"S":"Ada"}}`, 7},
		"number": {`{"n":{"N":"1234"}}`, 4},
		"bytes":  {`{"b":{"B":"AAAA"}}`, 4},
		"set":    {`{"s":{"SS":["ab","c"]}}`, 4},
		"list":   {`{"l":{"L":[{"S":"ab"},{"BOOL":true}]}}`, 9},
		"map":    {`{"m":{"M":{"a":{"S":"b"}}}}`, 7},
	} {
		var item map[string]any
		err := json.Unmarshal([]byte(c.item), &item)
		if err != nil {
			t.Fatal(err)
		}
		if got := size(item); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
