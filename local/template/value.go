package template

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pseudo are CloudFormation's pseudo parameters as a laptop sees them.
func pseudo(name string) (string, bool) {
	switch name {
	case "AWS::AccountId":
		return "123456789012", true
	case "AWS::Region":
		return "us-east-1", true
	case "AWS::Partition":
		return "aws", true
	case "AWS::URLSuffix":
		return "amazonaws.com", true
	case "AWS::StackName":
		return "latchkey", true
	case "AWS::StackId":
		return "arn:aws:cloudformation:us-east-1:123456789012:stack/latchkey/local", true
	case "AWS::NoValue":
		return "", true
	}
	return "", false
}

// intrinsic splits an intrinsic function, in its short form (!Ref x) or long one ({Ref: x}),
// into name and argument. The name is "" for everything else.
func intrinsic(n *yaml.Node) (string, *yaml.Node) {
	name := custom(n)
	if name != "" {
		argument := *n
		argument.Tag = ""
		return name, &argument
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Kind != yaml.ScalarNode {
		return "", n
	}
	key := n.Content[0].Value
	long, found := strings.CutPrefix(key, "Fn::")
	if found {
		return long, n.Content[1]
	}
	if key == "Ref" {
		return key, n.Content[1]
	}
	return "", n
}

// text resolves n to the text that CloudFormation would put in its place.
func (r *reader) text(n *yaml.Node) (string, error) {
	if n == nil {
		return "", nil
	}
	name, argument := intrinsic(n)
	switch name {
	case "":
		return scalar(n)
	case "Ref":
		return r.ref(argument)
	case "GetAtt":
		return r.attribute(argument)
	case "Sub":
		return r.sub(argument)
	case "Join":
		return r.join(argument)
	case "Select":
		return r.choose(argument)
	case "If":
		branch, err := r.branch(argument)
		if err != nil {
			return "", err
		}
		return r.text(branch)
	case "ImportValue":
		return "", nil // belongs to another stack, which a laptop has not got
	}
	return "", wrong(n, "%s is not understood here", name)
}

func scalar(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode {
		return "", wrong(n, "a single value is expected here")
	}
	if empty(n) {
		return "", nil
	}
	return n.Value, nil
}

func (r *reader) ref(n *yaml.Node) (string, error) {
	name, err := scalar(n)
	if err != nil {
		return "", err
	}
	value, known := r.lookup(name)
	if !known {
		return "", wrong(n, "%q is neither a parameter nor a resource", name)
	}
	return value, nil
}

// lookup is what a name stands for. A secret is none: a laptop has no vault, and a step that
// is told of none takes what the secret would hold from its environment. The alias that SAM
// publishes versions under stands for its function.
func (r *reader) lookup(name string) (string, bool) {
	value, known := r.parameters[name]
	if known {
		return value, true
	}
	kind, known := r.resources[name]
	if kind == secretKind {
		return "", true
	}
	if known {
		return name, true
	}
	id, alias := strings.CutSuffix(name, ".Alias")
	if alias && r.resources[id] == functionKind {
		return id + ".Arn", true
	}
	return pseudo(name)
}

// attribute takes "Table.Arn" or [Table, Arn] and returns "Table.Arn".
func (r *reader) attribute(n *yaml.Node) (string, error) {
	var parts []string
	for _, item := range items(n) {
		part, err := r.text(item)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	name := strings.Join(parts, ".")
	resource, _, dotted := strings.Cut(name, ".")
	if !dotted || r.resources[resource] == "" {
		return "", wrong(n, "%q is not an attribute of a resource", name)
	}
	return name, nil
}

// sub replaces ${Name}, ${Resource.Attribute} and the names of the optional mapping;
// ${!Name} stands for a literal ${Name}.
func (r *reader) sub(n *yaml.Node) (string, error) {
	local := map[string]string{}
	pattern := n
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) != 2 {
			return "", wrong(n, "Sub takes a text, or a text and a mapping")
		}
		list, err := entries(n.Content[1])
		if err != nil {
			return "", err
		}
		for _, e := range list {
			local[e.key], err = r.text(e.value)
			if err != nil {
				return "", err
			}
		}
		pattern = n.Content[0]
	}
	rest, err := scalar(pattern)
	if err != nil {
		return "", err
	}
	return r.substitute(pattern, rest, local)
}

func (r *reader) substitute(at *yaml.Node, rest string, local map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return "", wrong(at, "${ is not closed")
		}
		value, known := r.placeholder(name, local)
		if !known {
			return "", wrong(at, "%q is neither a parameter nor a resource", name)
		}
		b.WriteString(value)
		rest = tail
	}
}

func (r *reader) placeholder(name string, local map[string]string) (string, bool) {
	literal, found := strings.CutPrefix(name, "!")
	if found {
		return "${" + literal + "}", true
	}
	value, known := local[name]
	if known {
		return value, true
	}
	resource, _, dotted := strings.Cut(name, ".")
	if dotted && r.resources[resource] != "" {
		return name, true
	}
	return r.lookup(name)
}

func (r *reader) join(n *yaml.Node) (string, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		return "", wrong(n, "Join takes a separator and a list")
	}
	separator, err := scalar(n.Content[0])
	if err != nil {
		return "", err
	}
	parts, err := r.texts(n.Content[1])
	if err != nil {
		return "", err
	}
	return strings.Join(parts, separator), nil
}

func (r *reader) choose(n *yaml.Node) (string, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		return "", wrong(n, "Select takes an index and a list")
	}
	list := items(n.Content[1])
	i, err := strconv.Atoi(n.Content[0].Value)
	if err != nil || i < 0 || i >= len(list) {
		return "", wrong(n, "Select has no such index")
	}
	return r.text(list[i])
}

// texts resolves a list, or a single value as a list of one, without what is AWS::NoValue.
func (r *reader) texts(n *yaml.Node) ([]string, error) {
	nodes, err := r.pick(n)
	if err != nil {
		return nil, err
	}
	list := make([]string, 0, len(nodes))
	for _, item := range nodes {
		value, err := r.text(item)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return slices.Clip(list), nil
}
