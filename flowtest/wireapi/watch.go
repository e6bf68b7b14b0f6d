package wireapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// Watch checks all further exchanges of a client that asks for JSON, and tells
// what the document does not say.
func (d *Document) Watch(c *http.Client, tell func(fault string)) {
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	c.Transport = watcher{d, base, tell}
}

type watcher struct {
	*Document
	base http.RoundTripper
	tell func(string)
}

// RoundTrip passes a request on and looks at both ways.
func (w watcher) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Accept") != jsonType {
		return w.base.RoundTrip(r)
	}
	sent, err := drain(&r.Body)
	if err != nil {
		return nil, err
	}
	res, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answered, err := drain(&res.Body)
	if err != nil {
		return nil, err
	}
	fault := w.check(r, sent, res, answered)
	if fault != nil {
		w.tell(fmt.Sprintf("%s %s %.300s\nis answered %d %s\nbut: %v", r.Method, r.URL.Path, sent, res.StatusCode, answered, fault))
	}
	return res, nil
}

// drain reads a body and puts it back.
func drain(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	text, err := io.ReadAll(*body)
	(*body).Close()
	*body = io.NopCloser(bytes.NewReader(text))
	return text, err
}

// check compares one exchange with the document. What was accepted must have
// been a valid request, and every answer must be a documented one.
func (d *Document) check(r *http.Request, sent []byte, res *http.Response, answered []byte) error {
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true,
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	route, params, err := d.router.FindRoute(again)
	if err != nil {
		return d.unrouted(r, res, answered)
	}
	request := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route, Options: options}
	if res.StatusCode < 300 {
		err = openapi3filter.ValidateRequest(r.Context(), request)
		if err != nil {
			return fmt.Errorf("the product takes what the document refuses: %w", err)
		}
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: res.StatusCode, Header: res.Header,
		Body: io.NopCloser(bytes.NewReader(answered)), Options: options,
	})
	if err != nil {
		return fmt.Errorf("the document has no such answer: %w", err)
	}
	var problem struct{ Code string }
	if res.StatusCode >= 400 {
		err = json.Unmarshal(answered, &problem)
		if err != nil {
			return err
		}
	}
	d.note(r.Method+" "+route.Path, res.StatusCode, problem.Code)
	return nil
}

// unrouted is what is none of the document's operations: a path that there is
// not, or one that takes other methods, which Allow names.
func (d *Document) unrouted(r *http.Request, res *http.Response, answered []byte) error {
	name, status, allow := "NotFound", http.StatusNotFound, d.allowed(r)
	if allow != "" {
		name, status = "Method", http.StatusMethodNotAllowed
	}
	if res.StatusCode != status || res.Header.Get("Allow") != allow {
		return fmt.Errorf("no such operation: want %d and Allow %q, not %q", status, allow, res.Header.Get("Allow"))
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), problemType) {
		return fmt.Errorf("no such operation: content type %q", res.Header.Get("Content-Type"))
	}
	var doc any
	err := json.Unmarshal(answered, &doc)
	if err != nil {
		return err
	}
	schema := d.doc.Components.Responses[name].Value.Content.Get(problemType).Schema.Value
	return schema.VisitJSON(doc, openapi3.EnableJSONSchema2020())
}
