package apidoc

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// node is a part of a document, or none: what is missing has no parts and no
// text, so that nobody has to ask first.
type node struct{ *yaml.Node }

// pair is one member of a mapping.
type pair struct {
	key   string
	value node
}

// is reports whether the node is there and of this kind.
func (n node) is(kind yaml.Kind) bool { return n.Node != nil && n.Kind == kind }

// follow is what an alias stands for, else the node itself.
func (n node) follow() node {
	if n.is(yaml.AliasNode) {
		return node{n.Alias}
	}
	return n
}

// first is what a whole file holds.
func (n node) first() node {
	if !n.is(yaml.DocumentNode) || len(n.Content) == 0 {
		return node{}
	}
	return node{n.Content[0]}.follow()
}

// pairs are the members of a mapping, in their order.
func (n node) pairs() []pair {
	if !n.is(yaml.MappingNode) {
		return nil
	}
	var list []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		list = append(list, pair{n.Content[i].Value, node{n.Content[i+1]}.follow()})
	}
	return list
}

// items are the elements of a sequence.
func (n node) items() []node {
	if !n.is(yaml.SequenceNode) {
		return nil
	}
	var list []node
	for _, c := range n.Content {
		list = append(list, node{c}.follow())
	}
	return list
}

// get is the member at the end of a path of keys.
func (n node) get(keys ...string) node {
	for _, key := range keys {
		found := node{}
		for _, p := range n.pairs() {
			if p.key == key {
				found = p.value
			}
		}
		n = found
	}
	return n
}

// text is a scalar as it is written.
func (n node) text() string {
	if !n.is(yaml.ScalarNode) {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// texts are the scalars of a sequence.
func (n node) texts() []string {
	var list []string
	for _, i := range n.items() {
		list = append(list, i.text())
	}
	return list
}

// json is the node as an indented JSON document, its members in their order; ""
// if there is none.
func (n node) json() string {
	if n.Node == nil {
		return ""
	}
	var flat, b bytes.Buffer
	n.write(&flat, 0)
	err := json.Indent(&b, flat.Bytes(), "", "  ")
	if err != nil {
		return flat.String()
	}
	return b.String()
}

// deepest bounds what is followed into a document, against one that holds
// itself.
const deepest = 8

func (n node) write(b *bytes.Buffer, depth int) {
	switch {
	case depth > deepest:
		b.WriteString("null")
	case n.is(yaml.MappingNode):
		b.WriteByte('{')
		for i, p := range n.pairs() {
			comma(b, i)
			quote(b, p.key)
			b.WriteByte(':')
			p.value.write(b, depth+1)
		}
		b.WriteByte('}')
	case n.is(yaml.SequenceNode):
		b.WriteByte('[')
		for i, e := range n.items() {
			comma(b, i)
			e.write(b, depth+1)
		}
		b.WriteByte(']')
	case n.is(yaml.ScalarNode) && n.Tag != "!!str" && json.Valid([]byte(n.Value)):
		b.WriteString(n.Value)
	default:
		quote(b, n.Value)
	}
}

func comma(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// quote writes a JSON string without the escapes that are for HTML: the page
// has its own.
func quote(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.Encode(s) //nolint:errcheck // a string and a buffer
}
