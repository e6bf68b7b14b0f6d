package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"latchkey/local/template"
)

// route is one route with the function that serves it.
type route struct {
	key      string
	function string
	method   string
	segments []segment // nil for $default

	iam        bool
	authorizer *template.Authorizer // nil if nobody is asked
}

// segment is a part of a route's path between slashes.
type segment struct {
	text string // literal text or the variable's name
	kind kind
}

// kind orders segments by how specific they are.
type kind int

const (
	literal  kind = iota
	variable      // {id}: exactly one segment
	greedy        // {proxy+}: all that is left, at least one segment
)

func compile(functions []template.Function) ([]route, error) {
	var routes []route
	seen := map[string]bool{}
	for _, f := range functions {
		for _, r := range f.Routes {
			if seen[r.Key()] {
				return nil, fmt.Errorf("route %s is there twice", r.Key())
			}
			seen[r.Key()] = true
			segments, err := parsePath(r.Path)
			if err != nil {
				return nil, fmt.Errorf("route %s: %w", r.Key(), err)
			}
			routes = append(routes, route{key: r.Key(), function: f.Name(), method: r.Method, segments: segments, iam: r.IAM, authorizer: r.Authorizer})
		}
	}
	slices.SortStableFunc(routes, moreSpecific)
	return routes, nil
}

func parsePath(path string) ([]segment, error) {
	if path == template.Default {
		return nil, nil
	}
	rest, slash := strings.CutPrefix(path, "/")
	if !slash {
		return nil, errors.New("the path must begin with a slash")
	}
	parts := strings.Split(rest, "/")
	segments := make([]segment, 0, len(parts))
	for i, part := range parts {
		s := parseSegment(part)
		if s.kind == greedy && i < len(parts)-1 {
			return nil, errors.New("a greedy variable must come last")
		}
		if s.kind != literal && s.text == "" || s.kind == literal && strings.ContainsAny(part, "{}") {
			return nil, fmt.Errorf("%q is not a variable", part)
		}
		segments = append(segments, s)
	}
	return segments, nil
}

func parseSegment(part string) segment {
	if !strings.HasPrefix(part, "{") || !strings.HasSuffix(part, "}") {
		return segment{text: part}
	}
	name := part[1 : len(part)-1]
	base, found := strings.CutSuffix(name, "+")
	if found {
		return segment{text: base, kind: greedy}
	}
	return segment{text: name, kind: variable}
}

// moreSpecific orders routes so that the first match is the one AWS picks: literal before
// variable before greedy, segment by segment; then a method before ANY; $default last.
func moreSpecific(a, b route) int {
	if (a.segments == nil) != (b.segments == nil) {
		if a.segments == nil {
			return 1
		}
		return -1
	}
	for i := range min(len(a.segments), len(b.segments)) {
		order := cmp.Compare(a.segments[i].kind, b.segments[i].kind)
		if order != 0 {
			return order
		}
	}
	return cmp.Or(cmp.Compare(len(b.segments), len(a.segments)), cmp.Compare(rank(a.method), rank(b.method)))
}

func rank(method string) int {
	if method == template.Any {
		return 1
	}
	return 0
}

// match returns the route for a request, with its path variables, or nil.
func match(routes []route, method string, path []string) (*route, map[string]string) {
	for i := range routes {
		r := &routes[i]
		if r.method != template.Any && r.method != method {
			continue
		}
		if r.segments == nil {
			return r, nil
		}
		variables, ok := fit(r.segments, path)
		if ok {
			return r, variables
		}
	}
	return nil, nil
}

// fit compares a path with a route's segments. /x and /x/ differ, and no variable is empty.
func fit(segments []segment, path []string) (map[string]string, bool) {
	var variables map[string]string
	set := func(name, value string) {
		if variables == nil {
			variables = map[string]string{}
		}
		variables[name] = value
	}
	for i, s := range segments {
		if i >= len(path) {
			return nil, false
		}
		switch {
		case s.kind == literal && path[i] == s.text:
		case s.kind == variable && path[i] != "":
			set(s.text, path[i])
		case s.kind == greedy && strings.Join(path[i:], "/") != "":
			set(s.text, strings.Join(path[i:], "/"))
			return variables, true
		default:
			return nil, false
		}
	}
	return variables, len(path) == len(segments)
}

// split cuts an escaped path into decoded segments, so that an escaped slash does not make
// two of one.
func split(escaped string) ([]string, error) {
	if escaped == "" {
		return []string{""}, nil
	}
	rest, slash := strings.CutPrefix(escaped, "/")
	if !slash {
		return nil, errors.New("the path does not begin with a slash")
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return nil, err
		}
		segments[i] = decoded
	}
	return segments, nil
}
