package authy

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What a callback may hold. Real ones have some sixty values, four deep, in two
// kilobytes. The query repeats the names above a value for each value, so that a
// small body could make an enormous one.
const (
	bodyLimit  = 64 << 10 // bytes
	depthLimit = 32
	countLimit = 2048    // values
	queryLimit = 1 << 20 // bytes
)

// members is an object of a callback's body.
type members map[string]any // of members, []any, string, json.Number, bool, nil

// in returns a member that is an object, and an empty one otherwise.
func (m members) in(name string) members {
	inner, _ := m[name].(members)
	return inner
}

// document is a callback's body. It is ambiguous when a name in it makes another
// body sign the same: {"a[b]":1} and {"a":{"b":1}}.
type document struct {
	members
	ambiguous bool
}

// parse reads a body that is one JSON object. No error is returned since those of
// encoding/json quote the body. A name that stands twice in an object is refused:
// no two readers agree which value counts, and Authy makes none.
func parse(body []byte) (document, bool) {
	if len(body) > bodyLimit || !utf8.Valid(body) || !json.Valid(body) {
		return document{}, false
	}
	p := &parser{dec: json.NewDecoder(bytes.NewReader(body))}
	p.dec.UseNumber()
	v, ok := p.value(0)
	m, object := v.(members)
	return document{members: m, ambiguous: p.ambiguous}, ok && object
}

// parser reads token by token, for a map would hide names that stand twice.
type parser struct {
	dec       *json.Decoder
	count     int
	ambiguous bool
}

func (p *parser) value(depth int) (any, bool) {
	t, err := p.dec.Token()
	p.count++
	if err != nil || depth > depthLimit || p.count > countLimit {
		return nil, false
	}
	switch t {
	case json.Delim('{'):
		return p.object(depth)
	case json.Delim('['):
		return p.list(depth)
	}
	return t, true
}

func (p *parser) object(depth int) (any, bool) {
	m := members{}
	for p.dec.More() {
		t, err := p.dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, false
		}
		_, twice := m[name]
		if twice {
			return nil, false
		}
		p.ambiguous = p.ambiguous || name == "" || strings.ContainsAny(name, "[]")
		m[name], ok = p.value(depth + 1)
		if !ok {
			return nil, false
		}
	}
	_, err := p.dec.Token()
	return m, err == nil
}

func (p *parser) list(depth int) (any, bool) {
	list := []any{}
	for p.dec.More() {
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		list = append(list, v)
	}
	_, err := p.dec.Token()
	return list, err == nil
}

// query is the text that Authy signs in place of a body: the one that Rails'
// to_query makes of it. Members are put into the order of their whole encoded
// texts, not of their names alone: that is Rails' order, and the other agrees
// with it only while no name is the beginning of another. It is false
// when the text would be too long.
func query(m members) (string, bool) {
	e := &encoder{left: queryLimit}
	q := e.object(m, "", "")
	return q, e.left >= 0
}

// encoder counts down the bytes that it may still make, and makes nothing more
// when there are none left.
type encoder struct{ left int }

// object leaves empty members out, and joins the others, each name between open
// and end. An object of nothing but empty members is an empty text, which is
// joined as well, as in Rails.
func (e *encoder) object(m members, open, end string) string {
	parts := make([]string, 0, len(m))
	for name, v := range m {
		if !empty(v) {
			parts = append(parts, e.value(open+url.QueryEscape(name)+end, v))
		}
		if e.left < 0 {
			return ""
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// list keeps its order. An empty one, which only another list can hold, stands
// as a null in it would.
func (e *encoder) list(name string, list []any) string {
	if len(list) == 0 {
		return e.value(name, nil)
	}
	parts := make([]string, 0, len(list))
	for _, v := range list {
		parts = append(parts, e.value(name, v))
		if e.left < 0 {
			return ""
		}
	}
	return strings.Join(parts, "&")
}

func (e *encoder) value(name string, v any) string {
	e.left -= len(name) + len("=&")
	if e.left < 0 {
		return ""
	}
	switch v := v.(type) {
	case members:
		return e.object(v, name+"%5B", "%5D")
	case []any:
		return e.list(name+"%5B%5D", v)
	default:
		s := url.QueryEscape(text(v))
		e.left -= len(s)
		return name + "=" + s
	}
}

func empty(v any) bool {
	switch v := v.(type) {
	case members:
		return len(v) == 0
	case []any:
		return len(v) == 0
	default:
		return false
	}
}

// text is a plain value as it is written, "" for null.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}
