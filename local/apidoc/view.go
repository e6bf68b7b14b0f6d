package apidoc

import (
	"cmp"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// view is what the page shows.
type view struct {
	Style    template.CSS
	Title    string
	Version  string
	Summary  string
	About    []prose
	Servers  []server
	Groups   []group
	Schemes  []scheme
	Codes    []code
	Problems []field
}

type server struct{ URL, About string }

type group struct {
	Name, Anchor string
	About        []prose
	Operations   []operation
}

type operation struct {
	Method, Path, Anchor string
	Name                 string // what it does, in a few words
	About                []prose
	Callers              []string // names of schemes; "" for nobody in particular
	Parameters           []field
	Body                 *body
	Answers              []answer // as it should go
	Refusals             []answer
}

type body struct {
	Required bool
	Kinds    []string // media types
	Shapes   [][]field
	Example  string
}

type answer struct {
	Status, Word string
	About        []prose
	Codes        []string
	Headers      []field
	Shapes       [][]field // one of these
	Others       []other
	Example      string
}

// other is what an answer may be instead, in another media type.
type other struct {
	Kind   string
	Shapes [][]field
}

type field struct {
	Name, Kind string
	Where      string // of a parameter: header, query, path
	Values     []string
	Limits     string
	Required   bool
	About      []prose
}

type scheme struct {
	Name, Kind, Carrier string
	About               []prose
}

type code struct {
	Name   string
	Status string
	About  []prose
}

// prose is one paragraph: texts, every other of which is code.
type prose []string

// paragraphs takes a text apart at blank lines, and at its backquotes.
func paragraphs(text string) []prose {
	var list []prose
	for p := range strings.SplitSeq(text, "\n\n") {
		p = strings.Join(strings.Fields(p), " ")
		if p != "" {
			list = append(list, strings.Split(p, "`"))
		}
	}
	return list
}

// anchor names a place on the page: lower case letters, digits and single
// dashes.
func anchor(words ...string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return ' '
	}, strings.ToLower(strings.Join(words, " ")))
	return strings.Join(strings.Fields(plain), "-")
}

// document is the whole of one.
type document struct{ node }

// at follows a reference, if the node is one.
func (d document) at(n node) node {
	for range deepest {
		ref, inside := strings.CutPrefix(n.get("$ref").text(), "#/")
		if !inside {
			return n
		}
		n = d.get(strings.Split(ref, "/")...)
	}
	return node{}
}

func (d document) view() view {
	info := d.get("info")
	v := view{
		Style: template.CSS(style), Title: cmp.Or(info.get("title").text(), "API"), Version: info.get("version").text(),
		Summary: info.get("summary").text(), About: paragraphs(info.get("description").text()),
	}
	for _, s := range d.get("servers").items() {
		v.Servers = append(v.Servers, server{s.get("url").text(), s.get("description").text()})
	}
	for _, p := range d.get("components", "securitySchemes").pairs() {
		v.Schemes = append(v.Schemes, d.scheme(p))
	}
	v.Groups, v.Codes = d.groups(), d.codes()
	problem := d.get("components", "schemas", "Problem")
	for _, f := range d.fields(problem, "", 0) {
		f.Values = nil // they have a table of their own
		v.Problems = append(v.Problems, f)
	}
	return v
}

func (d document) scheme(p pair) scheme {
	s := scheme{Name: p.key, About: paragraphs(p.value.get("description").text())}
	switch in := p.value.get("in").text(); {
	case in != "":
		s.Kind, s.Carrier = in, p.value.get("name").text()
	default:
		s.Kind, s.Carrier = "header", "Authorization: "+strings.Replace(p.value.get("scheme").text(), "bearer", "Bearer", 1)
	}
	return s
}

// groups are the operations by their first tag, in the order of the tags; those
// without one come last.
func (d document) groups() []group {
	var groups []group
	for _, t := range d.get("tags").items() {
		name := t.get("name").text()
		groups = append(groups, group{Name: name, Anchor: anchor("group", name), About: paragraphs(t.get("description").text())})
	}
	for _, path := range d.get("paths").pairs() {
		for _, p := range d.at(path.value).pairs() {
			if !slices.Contains([]string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}, p.key) {
				continue
			}
			tag := "Others"
			if tags := p.value.get("tags").texts(); len(tags) > 0 {
				tag = tags[0]
			}
			i := slices.IndexFunc(groups, func(g group) bool { return g.Name == tag })
			if i < 0 {
				i, groups = len(groups), append(groups, group{Name: tag, Anchor: anchor("group", tag)})
			}
			groups[i].Operations = append(groups[i].Operations, d.operation(strings.ToUpper(p.key), path.key, p.value))
		}
	}
	return slices.DeleteFunc(groups, func(g group) bool { return len(g.Operations) == 0 })
}

func (d document) operation(method, path string, n node) operation {
	o := operation{
		Method: method, Path: path, Anchor: anchor(method, path), Name: n.get("summary").text(),
		About: paragraphs(n.get("description").text()), Body: d.body(d.at(n.get("requestBody"))),
	}
	for _, s := range n.get("security").items() {
		names := ""
		for i, p := range s.pairs() {
			if i > 0 {
				names += " + "
			}
			names += p.key
		}
		o.Callers = append(o.Callers, names)
	}
	for _, p := range n.get("parameters").items() {
		p = d.at(p)
		f := d.field(p.get("name").text(), d.at(p.get("schema")), p.get("required").text() == "true")
		f.Where, f.About = p.get("in").text(), paragraphs(p.get("description").text())
		o.Parameters = append(o.Parameters, f)
	}
	for _, p := range n.get("responses").pairs() {
		a := d.answer(p.key, d.at(p.value))
		if p.key >= "400" {
			o.Refusals = append(o.Refusals, a)
		} else {
			o.Answers = append(o.Answers, a)
		}
	}
	return o
}

// body is a request's, by its first media type; nil if there is none.
func (d document) body(n node) *body {
	var b *body
	for _, p := range n.get("content").pairs() {
		if b == nil {
			b = &body{Required: n.get("required").text() == "true", Shapes: d.shapes(p.value.get("schema")), Example: p.value.get("example").json()}
		}
		b.Kinds = append(b.Kinds, p.key)
	}
	return b
}

func (d document) answer(status string, n node) answer {
	a := answer{Status: status, About: paragraphs(n.get("description").text())}
	number, err := strconv.Atoi(status)
	if err == nil {
		a.Word = http.StatusText(number)
	}
	for _, p := range n.get("headers").pairs() {
		h := d.at(p.value)
		f := d.field(p.key, d.at(h.get("schema")), h.get("required").text() == "true")
		f.About = paragraphs(h.get("description").text())
		a.Headers = append(a.Headers, f)
	}
	for i, p := range n.get("content").pairs() {
		shapes := d.shapes(p.value.get("schema"))
		if i > 0 {
			a.Others = append(a.Others, other{p.key, shapes})
			continue
		}
		a.Codes = d.narrowed(p.value.get("schema"), "code").get("enum").texts()
		a.Shapes, a.Example = shapes, p.value.get("example").json()
	}
	return a
}

// narrowed is what a part of a schema's allOf says of a property.
func (d document) narrowed(schema node, property string) node {
	for _, part := range d.at(schema).get("allOf").items() {
		p := part.get("properties", property)
		if p.Node != nil {
			return p
		}
	}
	return node{}
}

// codes are those of the problem documents, as the document explains them, each
// with the status that responses have it with.
func (d document) codes() []code {
	statuses := map[string]map[string]bool{}
	for _, p := range d.get("components", "responses").pairs() {
		for _, media := range p.value.get("content").pairs() {
			schema := media.value.get("schema")
			for _, c := range d.narrowed(schema, "code").get("enum").texts() {
				if statuses[c] == nil {
					statuses[c] = map[string]bool{}
				}
				statuses[c][d.narrowed(schema, "status").get("const").text()] = true
			}
		}
	}
	var list []code
	for _, p := range d.get("components", "schemas", "Problem", "properties", "code", "x-codes").pairs() {
		list = append(list, code{p.key, strings.Join(slices.Sorted(maps.Keys(statuses[p.key])), ", "), paragraphs(p.value.text())})
	}
	slices.SortStableFunc(list, func(a, b code) int { return strings.Compare(a.Status, b.Status) })
	return list
}
