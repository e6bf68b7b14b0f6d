package approvals

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"latchkey/shared/web"
)

// document is the body of POST /approvals.
type document struct {
	User      string
	Message   string
	Details   []detail
	Logos     []logo
	Reference string
	ExpiresIn int // seconds
}

type (
	detail struct{ Label, Value string }
	logo   struct{ Res, URL string }
)

// usual is how long a request may be answered if it does not say, in seconds.
const usual = 300

// readBody reads the body as strictly as web.Read reads a flat one: a body in which
// two readers could see different things is refused. That is invalid UTF-8, a
// character that does not exist, and at any level a key that is unknown, spelt
// in another case, or there twice.
func readBody(r *http.Request) (document, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		p := web.ContentType()
		p.Detail = "Send application/json: this address takes no forms."
		return document{}, p
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, web.MaxBody+1))
	if err != nil {
		return document{}, web.Malformed("The request broke off. Please send it again.")
	}
	if len(body) > web.MaxBody {
		p := web.TooLarge()
		p.Detail = "The document may hold 16 KiB in all."
		return document{}, p
	}
	return parse(body)
}

func parse(body []byte) (document, error) {
	if !utf8.Valid(body) {
		return document{}, web.Malformed("The document is not UTF-8.")
	}
	doc := document{ExpiresIn: usual}
	p := &parser{json.NewDecoder(bytes.NewReader(body))}
	p.dec.UseNumber()
	err := p.object(members{
		"user": p.text(&doc.User), "message": p.text(&doc.Message), "reference": p.text(&doc.Reference),
		"expires_in": p.seconds(&doc.ExpiresIn),
		"details": p.list(func() error {
			var d detail
			err := p.object(members{"label": p.text(&d.Label), "value": p.text(&d.Value)})
			doc.Details = append(doc.Details, d)
			return err
		}),
		"logos": p.list(func() error {
			var l logo
			err := p.object(members{"res": p.text(&l.Res), "url": p.text(&l.URL)})
			doc.Logos = append(doc.Logos, l)
			return err
		}),
	})
	if err != nil {
		return document{}, err
	}
	_, err = p.dec.Token()
	if !errors.Is(err, io.EOF) {
		return document{}, web.Malformed("The document must be one JSON object.")
	}
	return doc, nil
}

// parser reads token by token, for a struct or a map would hide keys that stand
// twice, and take "User" for "user".
type parser struct{ dec *json.Decoder }

// members are the keys that an object may have, each with what reads its value.
type members map[string]func() error

var errIncomplete = errors.New("document ends too early")

// token is the next one. encoding/json's own errors quote the document.
func (p *parser) token() (json.Token, error) {
	t, err := p.dec.Token()
	if err != nil {
		return nil, web.Malformed("The JSON document is not complete, or it is not JSON.").Because(errIncomplete)
	}
	return t, nil
}

func (p *parser) object(takes members) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return web.Malformed("The document must be one JSON object, and so must every detail and every logo.")
	}
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		value, known := takes[name]
		if !known || seen[name] {
			return web.Malformed("A key of the document is unknown or comes twice. This route takes user, message, details (label, value), logos (res, url), reference and expires_in.")
		}
		seen[name] = true
		err = value()
		if err != nil {
			return err
		}
	}
	_, err = p.token()
	return err
}

func (p *parser) list(element func() error) func() error {
	return func() error {
		t, err := p.token()
		if err != nil {
			return err
		}
		if t != json.Delim('[') {
			return web.Malformed("details and logos must be lists.")
		}
		for p.dec.More() {
			err := element()
			if err != nil {
				return err
			}
		}
		_, err = p.token()
		return err
	}
}

// text reads a string. A lone surrogate would become U+FFFD, two different
// strings one: it is refused.
func (p *parser) text(into *string) func() error {
	return func() error {
		t, err := p.token()
		if err != nil {
			return err
		}
		s, ok := t.(string)
		if !ok {
			return web.Malformed("Every value of the document must be a string, but expires_in.")
		}
		if strings.ContainsRune(s, utf8.RuneError) {
			return web.Malformed("The document holds a character that does not exist.")
		}
		*into = s
		return nil
	}
}

func (p *parser) seconds(into *int) func() error {
	return func() error {
		t, err := p.token()
		if err != nil {
			return err
		}
		n, ok := t.(json.Number)
		if !ok {
			return web.Malformed("expires_in must be a whole number of seconds, without quotes.")
		}
		*into, err = strconv.Atoi(n.String())
		if err != nil {
			return web.Malformed("expires_in must be a whole number of seconds, such as 300.")
		}
		return nil
	}
}
