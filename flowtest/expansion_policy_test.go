package flowtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/rig"
)

// policies are what the steps may do, as the template says it, conditions
// included. It reads the policies for itself, and refuses what it does not
// understand.
type policies struct {
	of map[string][]allowed // by step

	mu  sync.Mutex
	nay []string
}

// allowed is one statement that allows something.
type allowed struct {
	actions []string
	keys    []string // patterns that all partition keys must match; none: any
}

func newPolicies(t *testing.T) *policies {
	t.Helper()
	p := &policies{of: map[string][]allowed{}}
	for _, f := range rig.Template(t).Functions {
		documents, _ := inTemplate(t, "Resources", f.ID, "Properties", "Policies").([]any)
		for _, document := range documents {
			statements, _ := document.(map[string]any)["Statement"].([]any)
			if len(statements) == 0 {
				t.Errorf("%s: a policy without statements: %v", f.ID, document)
			}
			for _, s := range statements {
				p.of[f.Name()] = append(p.of[f.Name()], statement(t, s.(map[string]any)))
			}
		}
	}
	return p
}

func statement(t *testing.T, s map[string]any) allowed {
	t.Helper()
	a := allowed{actions: texts(s["Action"])}
	if s["Effect"] != "Allow" || len(a.actions) == 0 {
		t.Errorf("not understood: %v", s)
	}
	condition, ok := s["Condition"].(map[string]any)
	if !ok {
		return a
	}
	like, _ := condition["ForAllValues:StringLike"].(map[string]any)
	a.keys = texts(like["dynamodb:LeadingKeys"])
	if len(condition) != 1 || len(like) != 1 || len(a.keys) == 0 {
		t.Errorf("not understood: %v", s)
	}
	return a
}

// texts are a list of texts, or one.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, each := range v {
			list = append(list, fmt.Sprint(each))
		}
		return list
	}
	return nil
}

// allow reports whether one of the step's statements allows the call.
func (p *policies) allow(step, action string, keys []string) bool {
	return slices.ContainsFunc(p.of[step], func(a allowed) bool {
		return slices.Contains(a.actions, action) && (len(a.keys) == 0 || len(keys) > 0 && !slices.ContainsFunc(keys, func(key string) bool {
			return !slices.ContainsFunc(a.keys, func(pattern string) bool { return like(pattern, key) })
		}))
	})
}

// refused are the calls that were.
func (p *policies) refused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.nay)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// through refuses a step's calls of AWS as AWS does.
func (p *policies) through(step string, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		service, operation, ours := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if !ours {
			return next.RoundTrip(r)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body.Close()
		r.Body = io.NopCloser(bytes.NewReader(body))
		action, keys := action(strings.HasPrefix(service, "DynamoDB_"), operation), leading(body)
		if p.allow(step, action, keys) {
			return next.RoundTrip(r)
		}
		p.mu.Lock()
		p.nay = append(p.nay, fmt.Sprintf("%s may not %s %v", step, action, keys))
		p.mu.Unlock()
		answer := `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User is not authorized to perform: ` + action + `"}`
		return &http.Response{
			StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(strings.NewReader(answer)), Request: r,
		}, nil
	})
}

// leading are the partition keys that a request of the table names, wherever.
func leading(body []byte) []string {
	var doc any
	err := json.Unmarshal(body, &doc)
	if err != nil {
		return nil
	}
	var keys []string
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			pk, _ := v["pk"].(map[string]any)
			key, is := pk["S"].(string)
			if is {
				keys = append(keys, key)
			}
			for _, each := range v {
				look(each)
			}
		case []any:
			for _, each := range v {
				look(each)
			}
		}
	}
	look(doc)
	return keys
}

// A store that refused nothing would show nothing.
func TestPoliciesRefuse(t *testing.T) {
	t.Parallel()
	p := newPolicies(t)
	for name, c := range map[string]struct {
		step, action string
		keys         []string
		want         bool
	}{
		"its own":              {"home", "dynamodb:BatchGetItem", []string{"U#x"}, true},
		"another step's":       {"home", "dynamodb:DeleteItem", []string{"U#x"}, false},
		"nobody's":             {"signup", "dynamodb:Scan", nil, false},
		"an approval":          {"onetouch-callback", "dynamodb:UpdateItem", []string{"A#verify#x"}, true},
		"a user, read":         {"onetouch-callback", "dynamodb:GetItem", []string{"U#x"}, true},
		"a user, changed":      {"onetouch-callback", "dynamodb:UpdateItem", []string{"U#x"}, false},
		"a limit":              {"onetouch-callback", "dynamodb:GetItem", []string{"L#x"}, false},
		"one of two":           {"onetouch-callback", "dynamodb:UpdateItem", []string{"A#x", "U#x"}, false},
		"nothing that is seen": {"onetouch-callback", "dynamodb:GetItem", nil, false},
		"an event":             {"approvals", "events:PutEvents", nil, true},
		"another's event":      {"login", "events:PutEvents", nil, false},
		"no step":              {"nobody", "dynamodb:GetItem", nil, false},
	} {
		if got := p.allow(c.step, c.action, c.keys); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
