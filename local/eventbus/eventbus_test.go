package eventbus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"latchkey/local/template"
)

// recorder is an Invoker that keeps what it was given and fails as often as it is told to.
type recorder struct {
	mu     sync.Mutex
	fails  int
	events map[string][][]byte // by function
	block  bool                // until the context ends
	wake   chan struct{}
}

func newRecorder() *recorder {
	return &recorder{events: map[string][][]byte{}, wake: make(chan struct{}, 100)}
}

func (r *recorder) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	r.mu.Lock()
	r.events[function] = append(r.events[function], event)
	failing := r.fails > 0
	if failing {
		r.fails--
	}
	block := r.block
	r.mu.Unlock()
	r.wake <- struct{}{}
	if block {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if failing {
		return nil, errors.New("boom")
	}
	return []byte("null"), nil
}

// await waits for n more invocations.
func (r *recorder) await(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-r.wake:
		case <-time.After(10 * time.Second):
			t.Fatal("no invocation came")
		}
	}
}

func (r *recorder) of(function string) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events[function])
}

func functions() []template.Function {
	rule := func(bus string, sources, kinds []string) []template.Rule {
		return []template.Rule{{Bus: bus, Sources: sources, DetailTypes: kinds}}
	}
	return []template.Function{
		{Folder: "functions/settle", Rules: rule("default", []string{"latchkey"}, []string{"Approval decided", "Other"})},
		{Folder: "functions/all", Rules: rule("default", nil, []string{"Approval decided"})},
		{Folder: "functions/own", Rules: rule("own", []string{"latchkey"}, nil)},
		{Folder: "functions/none"},
	}
}

// start serves a bus and returns it with the service's real client.
func start(t *testing.T, r *recorder, o Options) (*Bus, *eventbridge.Client, string) {
	t.Helper()
	bus := New(functions(), r, o)
	t.Cleanup(bus.Close)
	server := httptest.NewServer(bus)
	t.Cleanup(server.Close)
	client := eventbridge.New(eventbridge.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	return bus, client, server.URL
}

func entryOf(change func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
	e := types.PutEventsRequestEntry{Source: aws.String("latchkey"), DetailType: aws.String("Approval decided"), Detail: aws.String(`{"id":"a","n":12345678901234567890}`)}
	if change != nil {
		change(&e)
	}
	return e
}

func TestPutEvents(t *testing.T) {
	r := newRecorder()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	_, client, _ := start(t, r, Options{Now: func() time.Time { return now }})
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entryOf(nil)}})
	if err != nil || out.FailedEntryCount != 0 || len(out.Entries) != 1 || aws.ToString(out.Entries[0].EventId) == "" {
		t.Fatalf("%+v, %v", out, err)
	}
	r.await(t, 2)
	want := `{"version":"0","id":"` + *out.Entries[0].EventId + `","detail-type":"Approval decided","source":"latchkey","account":"123456789012",` +
		`"time":"2026-03-04T04:06:07Z","region":"us-east-1","resources":[],"detail":{"id":"a","n":12345678901234567890}}`
	for _, function := range []string{"settle", "all"} {
		events := r.of(function)
		if len(events) != 1 || string(events[0]) != want {
			t.Errorf("%s got %s\nwant %s", function, events, want)
		}
	}
}

func TestRules(t *testing.T) {
	cases := []struct {
		name   string
		change func(*types.PutEventsRequestEntry)
		want   []string
	}{
		{"both", nil, []string{"all", "settle"}},
		{"another detail type", func(e *types.PutEventsRequestEntry) { e.DetailType = aws.String("Other") }, []string{"settle"}},
		{"another source", func(e *types.PutEventsRequestEntry) { e.Source = aws.String("latchkey.x") }, []string{"all"}},
		{"another case", func(e *types.PutEventsRequestEntry) { e.DetailType = aws.String("approval decided") }, nil},
		{"the bus by name", func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("default") }, []string{"all", "settle"}},
		{"another bus", func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("own") }, []string{"own"}},
		{"a bus by its ARN", func(e *types.PutEventsRequestEntry) {
			e.EventBusName = aws.String("arn:aws:events:us-east-1:123456789012:event-bus/own")
		}, []string{"own"}},
		{"an unknown bus", func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("x") }, nil},
	}
	for _, c := range cases {
		r := newRecorder()
		bus, client, _ := start(t, r, Options{})
		out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entryOf(c.change)}})
		if err != nil || out.FailedEntryCount != 0 {
			t.Fatalf("%s: %+v, %v", c.name, out, err)
		}
		r.await(t, len(c.want))
		bus.Close() // nothing more can come
		var got []string
		for function := range r.events {
			got = append(got, function)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// One wrong entry does not keep the others.
func TestFaultyEntries(t *testing.T) {
	r := newRecorder()
	_, client, _ := start(t, r, Options{})
	faulty := []struct {
		code   string
		change func(*types.PutEventsRequestEntry)
	}{
		{"InvalidArgument", func(e *types.PutEventsRequestEntry) { e.Source = nil }},
		{"InvalidArgument", func(e *types.PutEventsRequestEntry) { e.DetailType = nil }},
		{"InvalidArgument", func(e *types.PutEventsRequestEntry) { e.Detail = nil }},
		{"NotAuthorizedForSourceException", func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.s3") }},
		{"MalformedDetail", func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("{") }},
		{"MalformedDetail", func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("[]") }},
	}
	var entries []types.PutEventsRequestEntry
	for _, f := range faulty {
		entries = append(entries, entryOf(f.change))
	}
	at := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	entries = append(entries, entryOf(func(e *types.PutEventsRequestEntry) { e.Time, e.Resources = &at, []string{"arn:x"} }))
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
	if err != nil || int(out.FailedEntryCount) != len(faulty) || len(out.Entries) != len(entries) {
		t.Fatalf("%+v, %v", out, err)
	}
	for i, f := range faulty {
		if aws.ToString(out.Entries[i].ErrorCode) != f.code || out.Entries[i].EventId != nil {
			t.Errorf("entry %d: %+v, want %s", i, out.Entries[i], f.code)
		}
	}
	r.await(t, 2)
	var got envelope
	err = json.Unmarshal(r.of("settle")[0], &got)
	if err != nil || got.Time != "2025-01-02T03:04:05Z" || !slices.Equal(got.Resources, []string{"arn:x"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A function that fails gets the event twice more, and no more often.
func TestRetries(t *testing.T) {
	for fails, want := range map[int]int{0: 1, 1: 2, 2: 3, 5: 3} {
		r := newRecorder()
		r.fails = fails
		var log lines
		bus := New(functions()[:1], r, Options{Wait: time.Millisecond, Log: log.logger()})
		bus.deliver(entry{Source: "latchkey", DetailType: "Other", Detail: "{}"}, "id")
		bus.tasks.Wait()
		events := r.of("settle")
		if len(events) != want || !bytes.Equal(events[0], events[len(events)-1]) {
			t.Errorf("%d failures: %d invocations, want %d", fails, len(events), want)
		}
		if log.count() != min(fails, 3) {
			t.Errorf("%d failures: %d lines", fails, log.count())
		}
		bus.Close()
	}
}

// Close ends invocations and waits, and nothing begins afterwards.
func TestClose(t *testing.T) {
	r := newRecorder()
	r.block = true
	bus, client, _ := start(t, r, Options{})
	put := &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entryOf(nil)}}
	_, err := client.PutEvents(t.Context(), put)
	if err != nil {
		t.Fatal(err)
	}
	r.await(t, 2)
	bus.Close()
	waiting := newRecorder()
	waiting.fails = 1
	slow := New(functions()[:1], waiting, Options{Wait: time.Hour})
	slow.deliver(entry{Source: "latchkey", DetailType: "Other", Detail: "{}"}, "id")
	waiting.await(t, 1)
	slow.Close()
	_, err = client.PutEvents(t.Context(), put)
	if err != nil || len(r.of("settle")) != 1 {
		t.Errorf("after the end: %v, %d invocations", err, len(r.of("settle")))
	}
}

func TestRefused(t *testing.T) {
	r := newRecorder()
	_, client, url := start(t, r, Options{})
	eleven := slices.Repeat([]types.PutEventsRequestEntry{entryOf(nil)}, 11)
	_, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: eleven})
	if err == nil || !strings.Contains(err.Error(), "ValidationException") {
		t.Errorf("eleven entries: %v", err)
	}
	_, err = client.ListRules(t.Context(), &eventbridge.ListRulesInput{})
	if err == nil || !strings.Contains(err.Error(), "UnknownOperationException") {
		t.Errorf("another operation: %v", err)
	}
	const json11 = "application/x-amz-json-1.1"
	cases := []struct{ name, method, path, kind, body, want string }{
		{"a GET", "GET", "/", json11, "", "UnknownOperationException"},
		{"another path", "POST", "/x", json11, `{"Entries":[]}`, "UnknownOperationException"},
		{"a form", "POST", "/", "application/x-www-form-urlencoded", `{"Entries":[]}`, "UnknownOperationException"},
		{"no JSON", "POST", "/", json11, "{", "SerializationException"},
		{"a text for a list", "POST", "/", json11, `{"Entries":"x"}`, "SerializationException"},
		{"no entries", "POST", "/", json11, `{}`, "ValidationException"},
		{"too large", "POST", "/", json11, `{"Entries":["` + strings.Repeat("x", 1<<20) + `"]}`, "ValidationException"},
	}
	for _, c := range cases {
		request, err := http.NewRequestWithContext(t.Context(), c.method, url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", c.kind)
		request.Header.Set("X-Amz-Target", target)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 400 || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %s, want %s", c.name, response.StatusCode, body, c.want)
		}
	}
	if len(r.events) != 0 {
		t.Errorf("refused requests reached %v", r.events)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"Source":"a","DetailType":"b","Detail":"{}","Time":1.5,"Resources":["x"]}`))
	f.Add([]byte(`{"Source":"a","DetailType":"b","Detail":" {\"a\":\"\ud800\"} ","Time":1e300}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e entry
		err := json.Unmarshal(data, &e)
		if err != nil {
			return
		}
		code, _ := e.fault()
		if code != "" {
			return
		}
		encoded, err := json.Marshal(e.envelope("id", time.Unix(0, 0)))
		if err != nil || !json.Valid(encoded) {
			t.Errorf("%s: %v", encoded, err)
		}
	})
}

// lines counts what is logged.
type lines struct {
	mu sync.Mutex
	n  int
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	return len(p), nil
}

func (l *lines) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
