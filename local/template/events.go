package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// events reads the HttpApi and EventBridgeRule events in their order.
func (r *reader) events(f *Function, properties *yaml.Node) error {
	node, err := find(properties, "Events")
	if err != nil {
		return err
	}
	events, err := entries(node)
	if err != nil {
		return err
	}
	for _, e := range events {
		kind, err := find(e.value, "Type")
		if err != nil {
			return err
		}
		if kind == nil {
			continue
		}
		switch kind.Value {
		case "Api":
			return wrong(kind, "event %s is of a REST API; only HttpApi is understood", e.key)
		case "CloudWatchEvent":
			return wrong(kind, "event %s is of an old kind; only EventBridgeRule is understood", e.key)
		case "HttpApi":
			route, err := r.route(e)
			if err != nil {
				return err
			}
			f.Routes = append(f.Routes, route)
		case "EventBridgeRule":
			rule, err := r.rule(e)
			if err != nil {
				return err
			}
			f.Rules = append(f.Rules, rule)
		}
	}
	return nil
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
		path, method = Default, Any
	case path == "" || method == "":
		return Route{}, wrong(e.value, "event %s needs both Path and Method, or neither", e.key)
	case !strings.HasPrefix(path, "/"):
		return Route{}, wrong(e.value, "the path of event %s must begin with a slash", e.key)
	case strings.ContainsAny(method, " \t/"):
		return Route{}, wrong(e.value, "event %s has no proper method", e.key)
	}
	route := Route{Method: method, Path: path}
	err := r.authorize(&route, e)
	return route, err
}

// rule reads one event of the bus. Patterns may list whole sources and detail types; a
// pattern that filters in other ways is refused, since it would match too much here.
func (r *reader) rule(e entry) (Rule, error) {
	rule := Rule{Bus: DefaultBus}
	properties, err := find(e.value, "Properties")
	if err != nil {
		return rule, err
	}
	// What concerns the delivery on AWS alone may be there.
	err = onlyKeys(properties, "Pattern", "EventBusName", "RuleName", "RetryPolicy", "DeadLetterConfig", "Target")
	if err != nil {
		return rule, err
	}
	bus, err := find(properties, "EventBusName")
	if err != nil {
		return rule, err
	}
	name, err := r.text(bus)
	if err != nil {
		return rule, err
	}
	if name != "" {
		rule.Bus = name
	}
	pattern, err := find(properties, "Pattern")
	if err != nil {
		return rule, err
	}
	list, err := entries(pattern)
	if err != nil {
		return rule, err
	}
	for _, part := range list {
		switch part.key {
		case "source":
			rule.Sources, err = r.values(part)
		case "detail-type":
			rule.DetailTypes, err = r.values(part)
		default:
			err = wrong(part.value, "the pattern's %s is not understood; source and detail-type are", part.key)
		}
		if err != nil {
			return rule, err
		}
	}
	if len(list) == 0 {
		return rule, wrong(e.value, "event %s needs a Pattern with source or detail-type", e.key)
	}
	return rule, nil
}

// values reads a list of a pattern, which EventBridge insists on even for one value.
func (r *reader) values(part entry) ([]string, error) {
	if part.value.Kind != yaml.SequenceNode || len(part.value.Content) == 0 {
		return nil, wrong(part.value, "%s must be a list of texts", part.key)
	}
	return r.texts(part.value)
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
