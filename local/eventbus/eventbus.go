// Package eventbus plays Amazon EventBridge on a laptop: it takes events from the SDK's
// PutEvents and has somebody invoke, in its own time, every function of the template whose
// rule matches. It knows nothing of what the events mean nor of how functions run.
package eventbus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"latchkey/local/template"
)

// target is the one operation that is played, as AWS JSON names it
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
const target = "AWSEvents.PutEvents"

// Limits of PutEvents.
const (
	maxEntries = 10
	maxRequest = 1 << 20 // bytes
)

// tries is how often a function gets an event: Lambda retries an asynchronous invocation twice
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
const tries = 3

// Invoker runs the function of that name with an event. An error means that the function
// failed or could not run; then it gets the event again.
type Invoker interface {
	Invoke(ctx context.Context, function string, event []byte) ([]byte, error)
}

// Options has useful zero values.
type Options struct {
	// Now is the clock of events. Nil means time.Now.
	Now func() time.Time
	// Wait is the time before the first retry; the second comes after twice as long. Zero
	// means one second. AWS waits one and two minutes.
	Wait time.Duration
	// Log gets a line for each invocation that failed. Nil drops it.
	Log *slog.Logger
}

// Bus is the endpoint of the service.
type Bus struct {
	rules   []rule
	invoker Invoker
	options Options
	ctx     context.Context // of deliveries; ends at Close
	cancel  func()
	mu      sync.Mutex // orders Close after the start of a delivery
	closed  bool
	tasks   sync.WaitGroup
}

// New returns a bus with the rules of the functions. Close it.
func New(functions []template.Function, invoker Invoker, options Options) *Bus {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Wait == 0 {
		options.Wait = time.Second
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{rules: compile(functions), invoker: invoker, options: options}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Close ends what is under way and returns when nothing is left. Events that were taken and
// not delivered are lost: a laptop keeps none.
func (b *Bus) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.tasks.Wait()
}

// ServeHTTP answers PutEvents, and everything else as the service answers what it does not know.
func (b *Bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != target || kind != "application/x-amz-json-1.1" {
		fail(w, http.StatusBadRequest, "UnknownOperationException", "only PutEvents is played here")
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		fail(w, http.StatusBadRequest, "ValidationException", "Total size of the entries in the request is over the limit.")
		return
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "SerializationException", "the request could not be read")
		return
	}
	var request struct{ Entries []entry }
	err = json.Unmarshal(data, &request)
	if err != nil {
		fail(w, http.StatusBadRequest, "SerializationException", "the request is not the JSON of PutEvents")
		return
	}
	if len(request.Entries) < 1 || len(request.Entries) > maxEntries {
		fail(w, http.StatusBadRequest, "ValidationException", fmt.Sprintf("Entries must hold 1 to %d events.", maxEntries))
		return
	}
	answer(w, http.StatusOK, b.put(request.Entries))
}

// put takes the entries that are right, each on its own.
func (b *Bus) put(entries []entry) result {
	var all result
	for _, e := range entries {
		code, text := e.fault()
		if code != "" {
			all.FailedEntryCount++
			all.Entries = append(all.Entries, taken{ErrorCode: code, ErrorMessage: text})
			continue
		}
		id := newID()
		all.Entries = append(all.Entries, taken{EventID: id})
		b.deliver(e, id)
	}
	return all
}

// deliver invokes the functions of the rules that match, beside the answer to PutEvents.
func (b *Bus) deliver(e entry, id string) {
	data, err := json.Marshal(e.envelope(id, b.options.Now()))
	if err != nil {
		b.options.Log.Warn("event lost", "event", id, "error", err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	for _, rule := range b.rules {
		if rule.matches(e) {
			b.tasks.Go(func() { b.invoke(rule.function, id, data) })
		}
	}
}

func (b *Bus) invoke(function, id string, data []byte) {
	wait := b.options.Wait
	for try := range tries {
		_, err := b.invoker.Invoke(b.ctx, function, data)
		if err == nil || b.ctx.Err() != nil {
			return
		}
		b.options.Log.Warn("function failed", "function", function, "event", id, "try", try+1, "of", tries, "error", err)
		if try == tries-1 {
			return
		}
		select {
		case <-time.After(wait):
		case <-b.ctx.Done():
			return
		}
		wait *= 2
	}
}

// fail answers with an error of AWS JSON 1.1.
func fail(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]string{"__type": code, "message": text})
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", newID())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// newID is a UUID of version 4 (RFC 9562), as the service's are.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
