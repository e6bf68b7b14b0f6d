package wireapi

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Unnamed are the places where an object is described on the spot: whoever makes
// a client of the document would have to think of a name for it. Parts of an
// allOf that only narrow a named one are no such places.
func (d *Document) Unnamed() []string {
	var found []string
	for name, s := range d.doc.Components.Schemas {
		found = append(found, inside(s.Value, name)...)
	}
	for _, operation := range d.Operations() {
		o := d.operation(operation)
		if o.RequestBody != nil {
			found = append(found, unnamed(o.RequestBody.Value.Content, operation)...)
		}
		for status, r := range o.Responses.Map() {
			found = append(found, unnamed(r.Value.Content, operation+" "+status)...)
		}
	}
	slices.Sort(found)
	return found
}

func unnamed(content openapi3.Content, place string) []string {
	var found []string
	for kind, media := range content {
		found = append(found, nameless(media.Schema, place+" "+kind)...)
	}
	return found
}

// nameless is a schema that something refers to, if it is an object without a
// name, and what there is inside it.
func nameless(s *openapi3.SchemaRef, place string) []string {
	if s == nil || s.Ref != "" {
		return nil
	}
	found := inside(s.Value, place)
	if len(s.Value.Properties) > 0 {
		found = append(found, place)
	}
	return found
}

func inside(s *openapi3.Schema, place string) []string {
	found := nameless(s.Items, place+"[]")
	for name, p := range s.Properties {
		found = append(found, nameless(p, place+"."+name)...)
	}
	for _, p := range slices.Concat(s.OneOf, s.AnyOf) {
		found = append(found, nameless(p, place)...)
	}
	for _, p := range s.AllOf {
		if p.Ref == "" {
			found = append(found, inside(p.Value, place)...)
		}
	}
	return found
}
