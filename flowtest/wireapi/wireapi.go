// Package wireapi holds what programs are answered against docs/openapi.yaml:
// every exchange of a client is looked up there, and what is never seen can be
// asked for afterwards.
//
// It is for tests alone, and must not know the product: what it knows of the
// API, the document says.
package wireapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// The media types of answers: a document, and a refusal (RFC 9457).
const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

// Document is the API as it is described, and what was seen of it.
type Document struct {
	doc    *openapi3.T
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool
}

// Open reads a description. It fails when that is not OpenAPI 3.1.
func Open(file string) (*Document, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the description: %w", err)
	}
	if !doc.IsOpenAPI31OrLater() {
		return nil, fmt.Errorf("%s is OpenAPI %s, not 3.1", file, doc.OpenAPI)
	}
	err = doc.Validate(context.Background(), openapi3.EnableExamplesValidation())
	if err != nil {
		return nil, fmt.Errorf("the description does not hold: %w", err)
	}
	doc.Servers = nil // a test's app has an address of its own
	router, err := legacy.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("the description's paths: %w", err)
	}
	return &Document{doc: doc, router: router, seen: map[string]bool{}}, nil
}

// Operations are all of the document, such as "POST /login", sorted.
func (d *Document) Operations() []string {
	var list []string
	for path, item := range d.doc.Paths.Map() {
		for method := range item.Operations() {
			list = append(list, method+" "+path)
		}
	}
	slices.Sort(list)
	return list
}

func (d *Document) operation(name string) *openapi3.Operation {
	method, path, _ := strings.Cut(name, " ")
	item := d.doc.Paths.Value(path)
	if item == nil {
		return nil
	}
	return item.GetOperation(method)
}

// Answers are all that an operation can be answered: "200", or a status with a
// problem's code, such as "401 no_session"; without a code also what the gateway
// refuses.
func (d *Document) Answers(operation string) []string {
	var list []string
	for status, r := range d.operation(operation).Responses.Map() {
		codes := codesOf(r.Value)
		for _, code := range codes {
			list = append(list, status+" "+code)
		}
		if codes == nil || r.Value.Content.Get(jsonType) != nil {
			list = append(list, status)
		}
	}
	slices.Sort(list)
	return list
}

// codesOf are the codes to which a response narrows its problem; none if it is
// no refusal.
func codesOf(r *openapi3.Response) []string {
	media := r.Content.Get(problemType)
	if media == nil {
		return nil
	}
	var codes []string
	for _, part := range media.Schema.Value.AllOf {
		code := part.Value.Properties["code"]
		if part.Ref != "" || code == nil {
			continue
		}
		for _, c := range code.Value.Enum {
			codes = append(codes, fmt.Sprint(c))
		}
	}
	return codes
}

// Codes are the problem codes that the document lists in one place.
func (d *Document) Codes() []string {
	var codes []string
	for _, c := range d.doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
		codes = append(codes, fmt.Sprint(c))
	}
	return codes
}

// Explained are the codes that the document has a sentence for.
func (d *Document) Explained() []string {
	list, _ := d.doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Extensions["x-codes"].(map[string]any)
	return slices.Collect(maps.Keys(list))
}

// Statuses say with which status each code comes, by all responses.
func (d *Document) Statuses() map[string]int {
	statuses := map[string]int{}
	for _, r := range d.doc.Components.Responses {
		for _, code := range codesOf(r.Value) {
			for _, part := range r.Value.Content.Get(problemType).Schema.Value.AllOf {
				status := part.Value.Properties["status"]
				if part.Ref == "" && status != nil {
					statuses[code], _ = strconv.Atoi(fmt.Sprint(status.Value.Const))
				}
			}
		}
	}
	return statuses
}

// Fields are the members of an operation's JSON body, sorted. ok is false if it
// takes none, or any.
func (d *Document) Fields(operation string) (names []string, ok bool) {
	body := d.operation(operation).RequestBody
	if body == nil {
		return nil, false
	}
	media := body.Value.Content.Get(jsonType)
	closed := media.Schema.Value.AdditionalProperties.Has
	if closed == nil || *closed {
		return nil, false
	}
	return slices.Sorted(maps.Keys(media.Schema.Value.Properties)), true
}

// Example is the example of an operation's JSON body, nil if there is none.
func (d *Document) Example(operation string) any {
	body := d.operation(operation).RequestBody
	if body == nil {
		return nil
	}
	return body.Value.Content.Get(jsonType).Example
}

// Unseen are the documented answers of an operation that no client got.
func (d *Document) Unseen(operation string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(d.Answers(operation), func(a string) bool { return d.seen[operation+" "+a] })
}

func (d *Document) note(operation string, status int, code string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[strings.TrimSpace(fmt.Sprint(operation, " ", status, " ", code))] = true
}

// allowed are the methods that the document has for a path, as the header Allow
// lists them; "" if it has no such path.
func (d *Document) allowed(r *http.Request) string {
	item := d.doc.Paths.Value(r.URL.Path)
	other := r.Clone(r.Context())
	for _, other.Method = range []string{http.MethodGet, http.MethodPost} {
		route, _, err := d.router.FindRoute(other)
		if err == nil && item == nil {
			item = route.PathItem
		}
	}
	if item == nil {
		return ""
	}
	return strings.Join(slices.Sorted(maps.Keys(item.Operations())), ", ")
}
