package numbers

import (
	"strconv"
	"strings"
)

// maxLanguages bounds the header that is read, in bytes. Browsers send under 200.
const maxLanguages = 512

// Guess is the country that a form begins with: the browser's first language
// with a region that may sign up, else the first of the list, or the United
// States where every country may. A header that is not well-formed has no
// languages.
func (p *Plan) Guess(acceptLanguage string) string {
	code, ok := p.preferred(acceptLanguage)
	switch {
	case ok && code != "":
		return code
	case p.has("US") || len(p.Countries) == 0:
		return "US"
	}
	return p.Countries[0].Code
}

// preferred is the served region of the language with the highest weight, the
// first of several (RFC 9110, section 12.5.4), and whether all is well-formed.
func (p *Plan) preferred(header string) (code string, ok bool) {
	if len(header) > maxLanguages {
		return "", false
	}
	var best float64
	for element := range strings.SplitSeq(header, ",") {
		element = strings.TrimSpace(element)
		if element == "" { // RFC 9110, section 5.6.1.2
			continue
		}
		language, parameter, _ := strings.Cut(element, ";")
		region, known := regionOf(strings.TrimSpace(language))
		weight, weighs := weightOf(strings.TrimSpace(parameter))
		if !known || !weighs {
			return "", false
		}
		if region == "" || weight <= best {
			continue
		}
		served := p.servedAs(region)
		if served != "" {
			code, best = served, weight
		}
	}
	return code, true
}

// weightOf reads "q=0.8", and nothing as 1.
func weightOf(parameter string) (weight float64, ok bool) {
	if parameter == "" {
		return 1, true
	}
	name, value, _ := strings.Cut(parameter, "=")
	value = strings.TrimSpace(value)
	if strings.TrimSpace(name) != "q" || strings.Trim(value, "0123456789.") != "" {
		return 0, false
	}
	weight, err := strconv.ParseFloat(value, 32)
	return weight, err == nil
}

// servedAs is the served country of a region subtag, "" if it is none. The subtag
// may be another code of it than the one in the list: UK is GB.
func (p *Plan) servedAs(region string) string {
	region = strings.ToUpper(region)
	if p.has(region) {
		return region
	}
	for e := range entries {
		_, also := e.named()
		for code := range strings.SplitSeq(also, ",") {
			if code == region && p.has(e.code) {
				return e.code
			}
		}
	}
	return ""
}

// regionOf is the region subtag of a language, "" if it has none, and whether the
// language is a "*" or one that RFC 5646, section 2.1, lets be. Which languages
// there are is not known here.
func regionOf(language string) (region string, ok bool) {
	if language == "*" {
		return "", true
	}
	tags := strings.Split(strings.ReplaceAll(language, "_", "-"), "-")
	for _, t := range tags {
		if len(t) < 1 || len(t) > 8 || strings.ContainsFunc(t, func(r rune) bool { return !letter(r) && !digit(r) }) {
			return "", false
		}
	}
	if strings.EqualFold(tags[0], "x") { // private through and through
		return "", len(tags) > 1
	}
	if !letters(tags[0]) || len(tags[0]) < 2 || len(tags[0]) > 3 {
		return "", false
	}
	tags = tags[1:]
	for len(tags) > 0 && len(tags[0]) == 3 && letters(tags[0]) { // extended languages: zh-yue
		tags = tags[1:]
	}
	if len(tags) > 0 && len(tags[0]) == 4 && letters(tags[0]) { // script: zh-Hant
		tags = tags[1:]
	}
	if len(tags) > 0 && (len(tags[0]) == 2 && letters(tags[0]) || len(tags[0]) == 3 && !strings.ContainsFunc(tags[0], letter)) {
		region, tags = tags[0], tags[1:]
	}
	return region, closed(tags)
}

// closed reports whether what follows a region may: variants, then extensions,
// each one with something in it.
func closed(tags []string) bool {
	for len(tags) > 0 && (len(tags[0]) > 4 || len(tags[0]) == 4 && digit(rune(tags[0][0]))) {
		tags = tags[1:]
	}
	for len(tags) > 0 {
		if len(tags[0]) != 1 || len(tags) < 2 {
			return false
		}
		if strings.EqualFold(tags[0], "x") {
			return true
		}
		tags = tags[1:]
		if len(tags[0]) < 2 {
			return false
		}
		for len(tags) > 0 && len(tags[0]) > 1 {
			tags = tags[1:]
		}
	}
	return true
}

func digit(r rune) bool  { return r >= '0' && r <= '9' }
func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func letters(tag string) bool {
	return !strings.ContainsFunc(tag, func(r rune) bool { return !letter(r) })
}
