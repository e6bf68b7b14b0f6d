package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of an approval request: characters of the message and of each value,
// and the life of one that names none, in seconds. The vendor's
// answer to what is too long is not known; its own clients cut it.
const (
	maxOneTouchText = 200
	oneTouchLife    = 86400
)

// maxDepth bounds the nesting of a JSON body; logos need three levels.
const maxDepth = 8

// param is one parameter in its place. Details are shown in the order in which
// they came, so neither url.Values nor a map will do.
type param struct{ name, value string }

// orderedParams reads a POST body in either spelling; nested JSON gets the
// form's bracketed names.
func orderedParams(r *http.Request) ([]param, error) {
	text, err := io.ReadAll(r.Body) // bounded by front
	if err != nil {
		return nil, fmt.Errorf("reading body: %w", err)
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return jsonParams(string(text))
	}
	return formParams(string(text))
}

func formParams(text string) ([]param, error) {
	var list []param
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, fmt.Errorf("parsing form: %w", err)
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, fmt.Errorf("parsing form: %w", err)
		}
		list = append(list, param{name, value})
	}
	return list, nil
}

func jsonParams(text string) ([]param, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	first, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("decoding body: %w", err)
	}
	if first != json.Delim('{') {
		return nil, errors.New("decoding body: no object")
	}
	var list []param
	err = jsonObject(dec, &list, "", maxDepth)
	if err != nil {
		return nil, err
	}
	_, err = dec.Token()
	if !errors.Is(err, io.EOF) {
		return nil, errors.New("decoding body: more than one value")
	}
	return list, nil
}

// jsonObject reads the members of an object whose brace has been read.
func jsonObject(dec *json.Decoder, list *[]param, prefix string, depth int) error {
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return fmt.Errorf("decoding body: %w", err)
		}
		member, _ := token.(string) // a member's name is nothing else
		name := member
		if prefix != "" {
			name = prefix + "[" + member + "]"
		}
		err = jsonValue(dec, list, name, depth)
		if err != nil {
			return err
		}
	}
	return endOf(dec)
}

// jsonValue reads one value of any kind.
func jsonValue(dec *json.Decoder, list *[]param, name string, depth int) error {
	if depth == 0 {
		return errors.New("decoding body: nested too deep")
	}
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("decoding body: %w", err)
	}
	switch token {
	case json.Delim('{'):
		return jsonObject(dec, list, name, depth-1)
	case json.Delim('['):
		for dec.More() {
			err = jsonValue(dec, list, name+"[]", depth-1)
			if err != nil {
				return err
			}
		}
		return endOf(dec)
	}
	if token != nil { // null is a parameter that was not given
		*list = append(*list, param{name, scalar(token)})
	}
	return nil
}

// endOf reads the closing bracket.
func endOf(dec *json.Decoder) error {
	_, err := dec.Token()
	if err != nil {
		return fmt.Errorf("decoding body: %w", err)
	}
	return nil
}

// oneTouchFault is a parameter that is refused.
type oneTouchFault struct{ code, message string }

func faultyParam(name, why string) *oneTouchFault {
	return &oneTouchFault{"60004", "Invalid parameter: " + name + " - " + why}
}

// oneTouchOf fills a request from the parameters; names it does not know are
// passed over, as the vendor does.
func oneTouchOf(list []param) (*oneTouch, *oneTouchFault) {
	o := &oneTouch{life: oneTouchLife}
	for _, p := range list {
		if !utf8.ValidString(p.name) || !utf8.ValidString(p.value) {
			return nil, &oneTouchFault{"60005", "Invalid UTF-8"}
		}
		fault := o.take(p)
		if fault != nil {
			return nil, fault
		}
	}
	if o.message == "" {
		return nil, faultyParam("message", "Parameter is required")
	}
	if len(o.logos) > 0 && !hasDefault(o.logos) {
		return nil, faultyParam("logos", "a default logo is required")
	}
	return o, nil
}

func (o *oneTouch) take(p param) *oneTouchFault {
	family, label, nested := strings.Cut(p.name, "[")
	label, closed := strings.CutSuffix(label, "]")
	switch family {
	case "message", "seconds_to_expire", "details", "hidden_details", "logos":
	default:
		return nil
	}
	if utf8.RuneCountInString(p.value) > maxOneTouchText {
		return faultyParam(family, "is too long (maximum is 200 characters)")
	}
	switch family {
	case "message":
		if nested {
			return faultyParam(family, "must be a string")
		}
		o.message = p.value
	case "seconds_to_expire":
		n, err := strconv.ParseUint(p.value, 10, 31)
		if err != nil {
			return faultyParam(p.name, "must be a number of seconds")
		}
		o.life = int(n)
	case "details", "hidden_details":
		if !nested || !closed || label == "" || strings.ContainsAny(label, "[]") {
			return faultyParam(family, "must be a flat object of strings")
		}
		o.addDetail(family, detail{label, p.value})
	case "logos":
		o.addLogo(label, p.value)
	}
	return nil
}

// addDetail puts a line at the end, or its new value in the place of the old.
func (o *oneTouch) addDetail(family string, line detail) {
	lines := &o.details
	if family == "hidden_details" {
		lines = &o.hidden
	}
	for i := range *lines {
		if (*lines)[i].label == line.label {
			(*lines)[i].value = line.value
			return
		}
	}
	*lines = append(*lines, line)
}

// addLogo reads logos[][res] and logos[][url]; a member that the last logo has
// already begins the next one.
func (o *oneTouch) addLogo(label, value string) {
	i := len(o.logos) - 1
	switch label {
	case "][res":
		if i < 0 || o.logos[i].Res != "" {
			o.logos = append(o.logos, logo{})
			i++
		}
		o.logos[i].Res = value
	case "][url":
		if i < 0 || o.logos[i].URL != "" {
			o.logos = append(o.logos, logo{})
			i++
		}
		o.logos[i].URL = value
	}
}

func hasDefault(logos []logo) bool {
	for _, l := range logos {
		if l.Res == "default" {
			return true
		}
	}
	return false
}
