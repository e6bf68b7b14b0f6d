package apidoc

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shapes are the objects that a schema allows: one, or one for each of its
// alternatives.
func (d document) shapes(schema node) [][]field {
	schema = d.at(schema)
	alternatives := slices.Concat(schema.get("oneOf").items(), schema.get("anyOf").items())
	if len(alternatives) == 0 {
		alternatives = []node{schema}
	}
	var shapes [][]field
	for _, a := range alternatives {
		shapes = append(shapes, d.fields(d.at(a), "", 0))
	}
	return shapes
}

// fields are the members of an object, those of objects inside it with a name
// such as "details[].label". What a part of allOf says of a member that an
// earlier part has narrows that one.
func (d document) fields(schema node, prefix string, depth int) []field {
	if depth > deepest {
		return nil
	}
	var list []field
	for _, part := range schema.get("allOf").items() {
		for _, f := range d.fields(d.at(part), prefix, depth+1) {
			list = merge(list, f)
		}
	}
	required := schema.get("required").texts()
	for _, p := range schema.get("properties").pairs() {
		inner := d.at(p.value)
		list = merge(list, d.field(prefix+p.key, inner, slices.Contains(required, p.key)))
		suffix := "."
		if inner.get("items").Node != nil {
			inner, suffix = d.at(inner.get("items")), "[]."
		}
		list = append(list, d.fields(inner, prefix+p.key+suffix, depth+1)...)
	}
	return list
}

func merge(list []field, f field) []field {
	i := slices.IndexFunc(list, func(e field) bool { return e.Name == f.Name })
	if i < 0 {
		return append(list, f)
	}
	list[i].Required = list[i].Required || f.Required
	if len(f.Values) > 0 {
		list[i].Values = f.Values
	}
	return list
}

// field is what a schema says of one value.
func (d document) field(name string, schema node, required bool) field {
	f := field{Name: name, Required: required, Kind: d.kind(schema, 0), About: paragraphs(schema.get("description").text())}
	for _, v := range schema.get("enum").texts() {
		if v != "" {
			f.Values = append(f.Values, v)
		}
	}
	constant := schema.get("const")
	switch {
	case constant.text() != "":
		f.Values = []string{constant.text()}
	case constant.Node != nil:
		f.Values = constant.texts()
	}
	f.Limits = limits(schema)
	return f
}

func (d document) kind(schema node, depth int) string {
	kind := schema.get("type").text()
	if kinds := schema.get("type").texts(); len(kinds) > 0 {
		kind = strings.Join(kinds, " or ")
	}
	switch {
	case kind == "array" && depth < deepest:
		return "list of " + cmp.Or(d.kind(d.at(schema.get("items")), depth+1), "value") + "s"
	case kind == "string" && schema.get("format").text() == "date-time":
		return "time"
	case kind == "string" && schema.get("format").text() == "uri":
		return "address"
	}
	constant := schema.get("const")
	if kind == "" && constant.is(yaml.SequenceNode) {
		return "list"
	}
	if kind == "" && constant.is(yaml.ScalarNode) {
		return map[string]string{"!!bool": "boolean", "!!int": "integer", "!!str": "string"}[constant.Tag]
	}
	return kind
}

// limits are a schema's bounds, in words.
func limits(schema node) string {
	var list []string
	for _, b := range []struct{ key, text string }{
		{"minimum", "at least %"}, {"maximum", "at most %"}, {"maxLength", "at most % characters"}, {"minItems", "at least %"}, {"maxItems", "at most %"},
	} {
		v := schema.get(b.key).text()
		if v != "" {
			list = append(list, strings.Replace(b.text, "%", v, 1))
		}
	}
	least := schema.get("minLength").text()
	switch least {
	case "", "0":
	case "1":
		list = append(list, "not empty")
	default:
		list = append(list, "at least "+least+" characters")
	}
	return strings.Join(list, ", ")
}
