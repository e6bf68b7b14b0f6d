package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxBody bounds a form or a JSON document, in bytes.
const MaxBody = 16 << 10

// Values are the fields of one request. A field that was not sent is empty.
type Values map[string]string

// WantsJSON reports whether the client asks for JSON: it accepts it and does
// not accept pages, or it sent JSON and does not say what it accepts. Who brings a
// bearer token is a program whatever it accepts: a page could not tell it a new one.
func WantsJSON(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return true
	}
	accept := strings.ToLower(r.Header.Get("Accept"))
	if strings.Contains(accept, "text/html") {
		return false
	}
	return strings.Contains(accept, "application/json") || strings.Contains(accept, "application/problem+json") ||
		mediaType(r) == "application/json"
}

func mediaType(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// Read reads the named fields of a form or of a flat JSON object. A body in
// which two readers could see different things is refused: invalid UTF-8, a
// repeated field, and in JSON an unknown or differently cased key
// . A form's other fields are ignored, since browsers'
// extensions add some.
//
// A field whose name ends in "?" is a flag: true or false in JSON, a form's
// field of that name without the mark otherwise.
//
// No body at all, without a word of what it is, is a form without fields.
func Read(r *http.Request, fields ...string) (Values, error) {
	kind := mediaType(r)
	if r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
		return Values{}, nil
	}
	if kind != "application/json" && kind != "application/x-www-form-urlencoded" {
		return nil, ContentType()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return nil, Malformed("The request broke off. Please send it again.")
	}
	if len(body) > MaxBody {
		return nil, TooLarge()
	}
	if kind == "application/json" {
		return readJSON(body, fields)
	}
	return readForm(string(body), fields)
}

// ReadIfAny is Read for a request whose fields may all be missing: some clients
// say of nothing that it is JSON.
func ReadIfAny(r *http.Request, fields ...string) (Values, error) {
	if r.ContentLength == 0 && mediaType(r) == "application/json" {
		return Values{}, nil
	}
	return Read(r, fields...)
}

func readForm(body string, fields []string) (Values, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, Malformed("The form's encoding is broken. Please open the page again.")
	}
	values := Values{}
	for name, sent := range form {
		if len(sent) > 1 {
			return nil, Malformed("A field was sent twice. Please open the page again.")
		}
		if !utf8.ValidString(name) || !utf8.ValidString(sent[0]) {
			return nil, Malformed("The form holds text that is not UTF-8. Please type it again.")
		}
		flag := slices.Contains(fields, name+"?")
		if flag && !slices.Contains([]string{"true", "false", ""}, sent[0]) {
			return nil, Malformed(name + " must be true or false.")
		}
		if flag || !strings.HasSuffix(name, "?") && slices.Contains(fields, name) {
			values[name] = sent[0]
		}
	}
	return values, nil
}

func readJSON(body []byte, fields []string) (Values, error) {
	if !utf8.Valid(body) {
		return nil, Malformed("The document is not UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	t, err := d.Token()
	if err != nil || t != json.Delim('{') {
		return nil, Malformed("The document must be one JSON object.")
	}
	values := Values{}
	for d.More() {
		name, value, err := member(d)
		if err != nil {
			return nil, err
		}
		known := slices.Contains(fields, name)
		if slices.Contains(fields, name+"?") {
			return nil, Malformed(name + " must be true or false, without quotes.")
		}
		name = strings.TrimSuffix(name, "?")
		_, repeated := values[name]
		if repeated || !known {
			return nil, unknownKey(fields)
		}
		values[name] = value
	}
	_, err = d.Token()
	if err != nil {
		return nil, Malformed("The JSON document is not complete.")
	}
	_, err = d.Token()
	if !errors.Is(err, io.EOF) {
		return nil, Malformed("The document must be one JSON object.")
	}
	return values, nil
}

// unknownKey says which keys a document may have.
func unknownKey(fields []string) *Problem {
	if len(fields) == 0 {
		return Malformed("A key of the document is unknown. This route takes none.")
	}
	known := strings.ReplaceAll(strings.Join(fields, ", "), "?", "")
	return Malformed("A key of the document is unknown or comes twice. This route takes " + known + ".")
}

// member reads one key and its string, or a flag's true or false under the name
// with its mark. A lone surrogate would become U+FFFD, two different strings
// one: it is refused.
func member(d *json.Decoder) (name, value string, err error) {
	k, err := d.Token()
	if err != nil {
		return "", "", Malformed("The JSON document is not complete.")
	}
	v, err := d.Token()
	if err != nil {
		return "", "", Malformed("The JSON document is not complete.")
	}
	name, _ = k.(string)
	if strings.Contains(name, "?") {
		return "", "", Malformed("A key of the document is unknown.")
	}
	switch v := v.(type) {
	case string:
		value = v
	case bool:
		return name + "?", strconv.FormatBool(v), nil
	default:
		return "", "", Malformed("Every value of the document must be a string.")
	}
	if strings.ContainsRune(name+value, utf8.RuneError) {
		return "", "", Malformed("The document holds a character that does not exist.")
	}
	return name, value, nil
}

// Clean reports whether text has no control characters and none that reorder
// the text around them.
func Clean(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		return c < 0x20 || c >= 0x7f && c < 0xa0 || // C0, DEL, C1
			c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x200e || c == 0x200f || c == 0x061c ||
			c == 0x2028 || c == 0x2029 || c == 0xfeff
	})
}
