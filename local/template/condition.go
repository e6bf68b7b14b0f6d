package template

import "go.yaml.in/yaml/v3"

// maxSteps ends the evaluation of conditions that lead to themselves.
const maxSteps = 1000

// branch chooses between the two values of an If.
func (r *reader) branch(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 3 {
		return nil, wrong(n, "If takes a condition and two values")
	}
	name, err := scalar(n.Content[0])
	if err != nil {
		return nil, err
	}
	holds, err := r.named(n, name)
	if err != nil {
		return nil, err
	}
	if holds {
		return n.Content[1], nil
	}
	return n.Content[2], nil
}

// pick lists the items of n with every If decided and every AWS::NoValue left out.
func (r *reader) pick(n *yaml.Node) ([]*yaml.Node, error) {
	var list []*yaml.Node
	for _, item := range items(n) {
		name, argument := intrinsic(item)
		switch {
		case name == "If":
			chosen, err := r.branch(argument)
			if err != nil {
				return nil, err
			}
			more, err := r.pick(chosen)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		case name == "Ref" && argument.Value == "AWS::NoValue":
		default:
			list = append(list, item)
		}
	}
	return list, nil
}

// present tells whether a resource is made at all.
func (r *reader) present(resource *yaml.Node) (bool, error) {
	condition, err := find(resource, "Condition")
	if err != nil || condition == nil {
		return err == nil, err
	}
	name, err := scalar(condition)
	if err != nil {
		return false, err
	}
	return r.named(condition, name)
}

func (r *reader) named(at *yaml.Node, name string) (bool, error) {
	condition := r.conditions[name]
	if condition == nil {
		return false, wrong(at, "there is no condition %q", name)
	}
	return r.holds(condition)
}

// holds evaluates a condition, with parameters at their defaults.
func (r *reader) holds(n *yaml.Node) (bool, error) {
	r.steps++
	if r.steps > maxSteps {
		return false, wrong(n, "this condition leads to itself")
	}
	name, argument := intrinsic(n)
	if name == "" && n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "Condition" {
		name, argument = "Condition", n.Content[1]
	}
	switch name {
	case "Condition":
		return r.named(n, argument.Value)
	case "Equals":
		return r.equal(argument)
	case "Not":
		all, err := r.every(argument)
		if err == nil && len(all) != 1 {
			err = wrong(n, "Not takes one condition")
		}
		return err == nil && !all[0], err
	case "And", "Or":
		all, err := r.every(argument)
		return combine(name == "And", all), err
	}
	return false, wrong(n, "a condition is expected here")
}

func (r *reader) equal(n *yaml.Node) (bool, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		return false, wrong(n, "Equals takes two values")
	}
	a, err := r.text(n.Content[0])
	if err != nil {
		return false, err
	}
	b, err := r.text(n.Content[1])
	return a == b, err
}

func (r *reader) every(n *yaml.Node) ([]bool, error) {
	var list []bool
	for _, item := range items(n) {
		holds, err := r.holds(item)
		if err != nil {
			return nil, err
		}
		list = append(list, holds)
	}
	return list, nil
}

func combine(and bool, list []bool) bool {
	for _, holds := range list {
		if holds != and {
			return holds
		}
	}
	return and
}
