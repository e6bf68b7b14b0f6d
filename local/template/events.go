package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// routes reads the HttpApi events in their order.
func (r *reader) routes(properties *yaml.Node) ([]Route, error) {
	node, err := find(properties, "Events")
	if err != nil {
		return nil, err
	}
	events, err := entries(node)
	if err != nil {
		return nil, err
	}
	var routes []Route
	for _, e := range events {
		kind, err := find(e.value, "Type")
		if err != nil {
			return nil, err
		}
		if kind != nil && kind.Value == "Api" {
			return nil, wrong(kind, "event %s is of a REST API; only HttpApi is understood", e.key)
		}
		if kind == nil || kind.Value != "HttpApi" {
			continue
		}
		route, err := r.route(e)
		if err != nil {
			return nil, err
		}
		routes = append(routes, route)
	}
	return routes, nil
}

// route reads one event; one with neither path nor method is the $default route.
func (r *reader) route(e entry) (Route, error) {
	var values [2]string
	for i, key := range []string{"Path", "Method"} {
		node, err := find(e.value, "Properties", key)
		if err != nil {
			return Route{}, err
		}
		values[i], err = r.text(node)
		if err != nil {
			return Route{}, err
		}
	}
	path, method := values[0], strings.ToUpper(values[1])
	switch {
	case path == "" && method == "":
		return Route{Method: Any, Path: Default}, nil
	case path == "" || method == "":
		return Route{}, wrong(e.value, "event %s needs both Path and Method, or neither", e.key)
	case !strings.HasPrefix(path, "/"):
		return Route{}, wrong(e.value, "the path of event %s must begin with a slash", e.key)
	case strings.ContainsAny(method, " \t/"):
		return Route{}, wrong(e.value, "event %s has no proper method", e.key)
	}
	return Route{Method: method, Path: path}, nil
}

// policies reads policy documents; what is only named is kept by its name.
func (r *reader) policies(f *Function, properties *yaml.Node) error {
	node, err := find(properties, "Policies")
	if err != nil {
		return err
	}
	list, err := r.pick(node)
	if err != nil {
		return err
	}
	for _, policy := range list {
		if policy.Kind != yaml.MappingNode || custom(policy) != "" {
			name, err := r.text(policy)
			if err != nil {
				return err
			}
			f.PolicyNames = append(f.PolicyNames, name)
			continue
		}
		err := r.policy(f, policy)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) policy(f *Function, policy *yaml.Node) error {
	node, err := find(policy, "Statement")
	if err != nil {
		return err
	}
	if node == nil {
		names, err := entries(policy)
		if err != nil {
			return err
		}
		for _, e := range names {
			f.PolicyNames = append(f.PolicyNames, e.key)
		}
		return nil
	}
	list, err := r.pick(node)
	if err != nil {
		return err
	}
	for _, n := range list {
		s, err := r.statement(n)
		if err != nil {
			return err
		}
		f.Statements = append(f.Statements, s)
	}
	return nil
}

func (r *reader) statement(n *yaml.Node) (Statement, error) {
	var s Statement
	list, err := entries(n)
	if err != nil {
		return s, err
	}
	for _, e := range list {
		switch e.key {
		case "Effect":
			s.Effect, err = r.text(e.value)
		case "Action":
			s.Actions, err = r.texts(e.value)
		case "Resource":
			s.Resources, err = r.texts(e.value)
		case "NotAction", "NotResource":
			err = wrong(e.value, "%s allows more than it says; list what is meant", e.key)
		}
		if err != nil {
			return s, err
		}
	}
	if s.Effect == "" || len(s.Actions) == 0 || len(s.Resources) == 0 {
		return s, wrong(n, "a statement needs Effect, Action and Resource")
	}
	return s, nil
}
