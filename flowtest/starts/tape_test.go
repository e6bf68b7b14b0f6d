package starts

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// exchange is one call that a function made while it was recorded, and what it was
// answered.
type exchange struct {
	table         bool
	exact, loose  string // what a call of the same kind is known by
	asked, answer []byte
	status        int
	header        http.Header
}

var (
	partition  = regexp.MustCompile(`"pk":\{"S":"([^"]*)"`)
	expression = regexp.MustCompile(`"UpdateExpression":"([^"]*)"`)
)

// call is what a request is known by. exact names the items or the path. loose
// also fits a request for another subject of the same rule, or one that was made
// in another window of time.
func call(r *http.Request, body []byte) (table bool, exact, loose string) {
	service, operation, aws := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !aws {
		return false, r.Method + " " + r.URL.Path, r.Method + " " + r.URL.Path
	}
	var keys, kinds []string
	for _, m := range partition.FindAllSubmatch(body, -1) {
		k := string(m[1])
		parts := strings.SplitN(k, "#", 3)
		keys, kinds = append(keys, k), append(kinds, strings.Join(parts[:min(len(parts), kindParts(k))], "#"))
	}
	slices.Sort(keys)
	slices.Sort(kinds)
	change := ""
	m := expression.FindSubmatch(body)
	if m != nil {
		change = string(m[1])
	}
	return strings.HasPrefix(service, "DynamoDB_"),
		strings.Join(append(keys, operation, change), " "), strings.Join(append(kinds, operation), " ")
}

// kindParts is how much of a key says what it is: of a limit also its rule.
func kindParts(key string) int {
	if strings.HasPrefix(key, "L#") {
		return 2
	}
	return 1
}

// tape carries the calls of functions and keeps those of the one that is recorded.
type tape struct {
	base *http.Transport

	mu    sync.Mutex
	step  string // whose calls are kept, "" nobody's
	calls []exchange
}

// from is the tape as one step uses it.
func (t *tape) from(step string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) { return t.carry(step, r) })
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (t *tape) carry(step string, r *http.Request) (*http.Response, error) {
	asked, err := body(&r.Body)
	if err != nil {
		return nil, err
	}
	res, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := body(&res.Body)
	if err != nil {
		return nil, err
	}
	e := exchange{asked: asked, answer: answer, status: res.StatusCode, header: res.Header.Clone()}
	e.table, e.exact, e.loose = call(r, asked)
	for _, name := range []string{"Date", "Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding"} {
		e.header.Del(name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.step == step {
		t.calls = append(t.calls, e)
	}
	return res, nil
}

// body reads all and leaves it to be read again.
func body(b *io.ReadCloser) ([]byte, error) {
	if *b == nil {
		return nil, nil
	}
	text, err := io.ReadAll(*b)
	(*b).Close()
	*b = io.NopCloser(bytes.NewReader(text))
	return text, err
}

// listen keeps the calls of a step from now on.
func (t *tape) listen(step string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.step, t.calls = step, nil
}

// stop returns what was kept.
func (t *tape) stop() []exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.step = ""
	return slices.Clone(t.calls)
}
