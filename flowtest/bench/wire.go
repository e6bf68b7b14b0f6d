package bench

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Call is one request to the table or to a vendor.
type Call struct {
	Step   string // which step made it
	Name   string // "GetItem", or the vendor's path
	Table  bool
	Keys   []string // partition keys that the table was asked about
	Began  time.Time
	Ended  time.Time
	Status int
}

// Wire is what lies between the product and the rest of the world. It sees
// every request and can break it.
type Wire struct {
	base *http.Transport

	mu    sync.Mutex
	calls []Call
	fault func(c Call) Fault
	delay time.Duration
}

// Fault is what happens to one request.
type Fault int

// The faults.
const (
	None    Fault = iota
	Lost          // the request does not arrive
	Hanging       // the request arrives nowhere and gets no answer
	Unheard       // the request arrives and is served; its answer is lost
	Blocked       // the vendor answers that it blocks the number (Verify's 60410)
	Broken        // the answer is a gateway's page, and nothing arrived
	Busy          // the answer is that there were too many requests, and nothing arrived
)

// ErrLost is what a lost request fails with.
var ErrLost = errors.New("connection reset by the test")

// NewWire is one that lets all through.
func NewWire() *Wire {
	return &Wire{base: http.DefaultTransport.(*http.Transport).Clone()}
}

// Break decides the fate of every further request by its name; nil lets all
// through.
func (w *Wire) Break(fault func(c Call) Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

// Lose forgets the calls so far and lets the next n calls of a table's operation
// happen unheard.
func (w *Wire) Lose(operation string, n int64) {
	var lost atomic.Int64
	w.Reset()
	w.Break(func(c Call) Fault {
		if c.Table && c.Name == operation && lost.Add(1) <= n {
			return Unheard
		}
		return None
	})
}

// Delay makes the table answer that much later.
func (w *Wire) Delay(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

// Reset forgets the calls so far.
func (w *Wire) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = nil
}

// Calls are the calls since the last Reset.
func (w *Wire) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// Count is how often the table was asked for an operation since the last Reset.
func (w *Wire) Count(operation string) int {
	n := 0
	for _, c := range w.Calls() {
		if c.Table && c.Name == operation {
			n++
		}
	}
	return n
}

// Vendors are the names of the calls to vendors.
func (w *Wire) Vendors() []string {
	var names []string
	for _, c := range w.Calls() {
		if !c.Table {
			names = append(names, c.Name)
		}
	}
	return names
}

// Depth is the number of the table's round trips in sequence: calls that
// overlap count once.
func (w *Wire) Depth() int {
	var calls []Call
	for _, c := range w.Calls() {
		if c.Table {
			calls = append(calls, c)
		}
	}
	slices.SortFunc(calls, func(a, b Call) int { return a.Ended.Compare(b.Ended) })
	depth := 0
	var end time.Time
	for _, c := range calls {
		if !c.Began.Before(end) {
			depth++
			end = c.Ended
		}
	}
	return depth
}

// From is the wire as one step uses it.
func (w *Wire) From(step string) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) { return w.roundTrip(step, r) })
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// roundTrip notes the call and breaks it if the test wants that.
func (w *Wire) roundTrip(step string, r *http.Request) (*http.Response, error) {
	c := Call{Step: step, Name: r.URL.Path, Began: time.Now()}
	service, operation, aws := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if aws {
		c.Table, c.Name = strings.HasPrefix(service, "DynamoDB_"), operation
	}
	if c.Table {
		c.Keys = keys(r)
	}
	trouble := troubleOf(r.Context())
	if trouble != nil {
		return w.troubled(trouble, c, r)
	}
	return w.carry(w.fate(c), c, r)
}

// carry lets a call meet its fate.
func (w *Wire) carry(fault Fault, c Call, r *http.Request) (*http.Response, error) {
	switch fault {
	case Lost:
		return nil, ErrLost
	case Hanging:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	res, err := canned(fault, c, r), error(nil)
	if res == nil {
		res, err = w.base.RoundTrip(r)
	}
	w.wait(c)
	c.Ended = time.Now()
	if err == nil {
		c.Status = res.StatusCode
	}
	w.mu.Lock()
	w.calls = append(w.calls, c)
	w.mu.Unlock()
	if fault == Unheard && err == nil {
		res.Body.Close()
		return nil, ErrLost
	}
	return res, err
}

var partition = regexp.MustCompile(`"pk":\{"S":"([^"]*)"`)

// keys are the partition keys in a request, which can be sent all the same.
func keys(r *http.Request) []string {
	text, err := io.ReadAll(r.Body)
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(text))
	if err != nil {
		return nil // sending it will say so
	}
	var list []string
	for _, m := range partition.FindAllSubmatch(text, -1) {
		list = append(list, string(m[1]))
	}
	return list
}

// canned is the answer of somebody on the way, nil if there is none.
func canned(fault Fault, c Call, r *http.Request) *http.Response {
	status, kind, body := 0, "application/json", ""
	switch {
	case fault == Blocked: // to a number of a blocked prefix
		status, body = http.StatusForbidden, `{"code":60410,"message":"blocked","more_info":"","status":403}`
	case fault == Broken:
		status, kind, body = http.StatusInternalServerError, "text/html", "<h1>500</h1>"
	case fault == Busy && c.Table:
		status, kind = http.StatusBadRequest, "application/x-amz-json-1.0"
		body = `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"throttled"}`
	case fault == Busy:
		status, body = http.StatusTooManyRequests, `{}`
	default:
		return nil
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {kind}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

func (w *Wire) wait(c Call) {
	w.mu.Lock()
	d := w.delay
	w.mu.Unlock()
	if c.Table {
		time.Sleep(d)
	}
}

func (w *Wire) fate(c Call) Fault {
	w.mu.Lock()
	fault := w.fault
	w.mu.Unlock()
	if fault == nil {
		return None
	}
	return fault(c)
}
