package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// response is a function's answer, checked.
type response struct {
	status int
	header http.Header
	body   []byte
}

// Content types that the service sets when the function names none.
const (
	plainText = "text/plain;charset=UTF-8"
	jsonType  = "application/json"
)

// answer is the format 2.0 of an answer. multiValueHeaders is not part of it.
type answer struct {
	status  status
	headers map[string]text
	cookies []string
	body    *string
	base64  bool
}

// decode takes the members by their exact names: encoding/json alone would accept any case.
func (a *answer) decode(members map[string]json.RawMessage) error {
	fields := []struct {
		name string
		to   any
	}{
		{"statusCode", &a.status}, {"headers", &a.headers}, {"cookies", &a.cookies},
		{"body", &a.body}, {"isBase64Encoded", &a.base64},
	}
	for _, f := range fields {
		member := members[f.name]
		if member == nil {
			continue
		}
		err := json.Unmarshal(member, f.to)
		if err != nil {
			return fmt.Errorf("%s of the answer: %w", f.name, err)
		}
	}
	return nil
}

// status is a number, or a text of digits, which the service takes as well.
type status int

func (s *status) UnmarshalJSON(data []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(data), `"`))
	*s = status(n)
	return err
}

// text is a header's value: a string, or a number or boolean as it is written.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	err := json.Unmarshal(data, &s)
	if err == nil {
		*t = text(s)
		return nil
	}
	if data[0] == '{' || data[0] == '[' {
		return errors.New("a header's value is a single value")
	}
	*t = text(data)
	return nil
}

// parseResponse reads an answer of a function. One without a status code is the body of a
// 200 in JSON; one that the service could not make a response of is an error.
func parseResponse(data []byte) (response, error) {
	trimmed := bytes.TrimSpace(data)
	if !json.Valid(trimmed) {
		return response{}, errors.New("the answer is not JSON")
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(trimmed, &members)
	if err != nil || members["statusCode"] == nil {
		return bare(trimmed), nil
	}
	var a answer
	err = a.decode(members)
	if err != nil {
		return response{}, err
	}
	if a.status < 200 || a.status > 599 {
		return response{}, errors.New("the answer has no status code from 200 to 599")
	}
	resp := response{status: int(a.status), header: http.Header{}}
	err = resp.setHeader(a.headers, a.cookies)
	if err != nil {
		return response{}, err
	}
	if resp.header.Get("Content-Type") == "" {
		resp.header.Set("Content-Type", plainText)
	}
	return resp, resp.setBody(a)
}

// bare is the response to an answer that is all body; a JSON text is sent without its quotes.
func bare(data []byte) response {
	body := data
	var s string
	err := json.Unmarshal(data, &s)
	if err == nil && data[0] == '"' {
		body = []byte(s)
	}
	return response{status: http.StatusOK, header: http.Header{"Content-Type": {jsonType}}, body: body}
}

// setHeader refuses what would break the response's framing, such as a line break in a
// value. Names are sorted, so that two spellings of one name do not win by chance.
func (p *response) setHeader(headers map[string]text, cookies []string) error {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		lower := strings.ToLower(name)
		if hopByHop(lower) || lower == "content-length" {
			continue
		}
		if !validName(name) || !validValue(string(headers[name])) {
			return fmt.Errorf("header %q of the answer is not valid", name)
		}
		p.header.Set(name, string(headers[name]))
	}
	for _, c := range cookies {
		if !validValue(c) {
			return errors.New("a cookie of the answer is not valid")
		}
		p.header.Add("Set-Cookie", c)
	}
	return nil
}

func (p *response) setBody(a answer) error {
	if a.body == nil {
		return nil
	}
	p.body = []byte(*a.body)
	if !a.base64 {
		return nil
	}
	decoded, err := base64.StdEncoding.DecodeString(*a.body)
	if err != nil {
		return errors.New("the answer's body is not base64")
	}
	p.body = decoded
	return nil
}

func (p *response) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), p.header)
	bodyless := p.status == http.StatusNoContent || p.status == http.StatusNotModified
	if bodyless {
		w.WriteHeader(p.status)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body) // the client may be gone
}

// validName is a token of RFC 9110, section 5.6.2.
func validName(name string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	for i := range len(name) {
		c := name[i]
		alphanumeric := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alphanumeric && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return name != ""
}

// validValue allows no control bytes but the tab (RFC 9110, section 5.5).
func validValue(value string) bool {
	for i := range len(value) {
		c := value[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
