package template

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// entry is one key of a mapping with its value.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

// entries lists a mapping in its order. Nothing (nil, null) is an empty mapping. A key that
// occurs twice is refused: which one counts differs between readers of YAML.
func entries(n *yaml.Node) ([]entry, error) {
	if empty(n) {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, wrong(n, "a mapping is expected here")
	}
	list := make([]entry, 0, len(n.Content)/2)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, wrong(key, "a key must be plain text")
		}
		if seen[key.Value] {
			return nil, wrong(key, "%s is there twice", key.Value)
		}
		seen[key.Value] = true
		list = append(list, entry{key: key.Value, line: key.Line, value: n.Content[i+1]})
	}
	return list, nil
}

// find descends through nested mappings and returns nil where a key is missing.
func find(n *yaml.Node, keys ...string) (*yaml.Node, error) {
	for _, key := range keys {
		list, err := entries(n)
		if err != nil {
			return nil, err
		}
		n = nil
		for _, e := range list {
			if e.key == key {
				n = e.value
			}
		}
	}
	return n, nil
}

// onlyKeys refuses a mapping with a key that is not understood.
func onlyKeys(n *yaml.Node, known ...string) error {
	list, err := entries(n)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !slices.Contains(known, e.key) {
			return fmt.Errorf("line %d: %s is not understood here", e.line, e.key)
		}
	}
	return nil
}

// items lists a sequence; anything else counts as a sequence of one, as CloudFormation has it
// for actions, resources and policies.
func items(n *yaml.Node) []*yaml.Node {
	if empty(n) {
		return nil
	}
	if n.Kind == yaml.SequenceNode && custom(n) == "" {
		return n.Content
	}
	return []*yaml.Node{n}
}

func empty(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// custom is the name of a short-form intrinsic (Ref for !Ref), or "".
func custom(n *yaml.Node) string {
	if len(n.Tag) > 1 && n.Tag[0] == '!' && n.Tag[1] != '!' {
		return n.Tag[1:]
	}
	return ""
}

// wrong is an error with the line of n.
func wrong(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", n.Line, fmt.Sprintf(format, args...))
}
