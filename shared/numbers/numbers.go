// Package numbers is the numbering plan: it turns a typed country and telephone
// number into a phone.Number, or says beside which field what is wrong with
// them, and knows which countries are served.
//
// The plan is that of github.com/nyaruka/phonenumbers, written down in plan.txt by
// internal/generate. The library itself is linked into tests only: at a step's start
// its tables take more than twice as long as everything else. Tests hold the answers
// here against the library's.
//
// It must not know what a number is for, nor which form it was typed into.
package numbers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"latchkey/shared/env"
	"latchkey/shared/phone"
	"latchkey/shared/web"
)

// maxTyped bounds what is typed as a number, in bytes: fifteen digits and as
// many separators.
const maxTyped = 32

// Country is one that is served.
type Country struct {
	Code    string // ISO 3166, two capital letters
	Name    string // in English
	Calling int    // its calling code, such as 49
}

// Plan is the numbering plan of the countries that are served.
type Plan struct {
	Countries []Country // by name

	allowed map[string]bool
	book    book
}

// Number is a mobile phone's number that exists and whose country is served.
type Number struct {
	Phone       phone.Number
	Country     string // ISO 3166, of the number itself and not of the list beside it
	CallingCode string // digits only: "49"
}

// New reads ALLOWED_COUNTRIES. It must be set to deploy, which the template
// sees to; empty allows every country.
func New(vars *env.Vars) *Plan {
	p := &Plan{allowed: map[string]bool{}}
	for _, code := range vars.List("ALLOWED_COUNTRIES") {
		_, ok := country(code)
		if !ok {
			vars.Fault("ALLOWED_COUNTRIES", "names %q, which is not an ISO 3166 code of a country with a calling code, such as US", code)
		}
		p.allowed[code] = true
	}
	for e := range entries {
		if e.code == world || !p.allows(e.code) {
			continue
		}
		name, _ := e.named()
		calling, err := strconv.Atoi(e.calling)
		if err == nil {
			p.Countries = append(p.Countries, Country{e.code, name, calling})
		}
	}
	slices.SortFunc(p.Countries, func(a, b Country) int { return inOrder(a.Name, b.Name) })
	return p
}

// inOrder compares two names as an English reader looks them up: by their letters,
// whatever accents these have.
func inOrder(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		order := cmp.Compare(plain(x), plain(y))
		if order != 0 {
			return order
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// plain is a letter without its accent, and an apostrophe as it is typed. It knows
// those of the plan's names: tables of all there are would be linked for a few.
func plain(r rune) rune {
	switch r {
	case 'Å':
		return 'A'
	case 'ã':
		return 'a'
	case 'ç':
		return 'c'
	case 'é':
		return 'e'
	case 'í':
		return 'i'
	case 'ô':
		return 'o'
	case 'ü':
		return 'u'
	case '’':
		return '\''
	}
	return r
}

func (p *Plan) allows(code string) bool { return len(p.allowed) == 0 || p.allowed[code] }

func (p *Plan) has(code string) bool {
	return slices.ContainsFunc(p.Countries, func(x Country) bool { return x.Code == code })
}

// Parse reads a number as typed beside a country, which may be an ISO code or a
// calling code. A number that begins with "+" brings its own country. What is
// wrong comes with the field that is to blame, countryCode or phone, and says
// what to do; then the number is zero.
func (p *Plan) Parse(countryCode, typed string) (Number, []web.Field) {
	typed = strings.TrimSpace(typed)
	region := "ZZ"
	if !strings.HasPrefix(typed, "+") {
		region = Region(countryCode)
	}
	var wrong []web.Field
	if region == "" {
		wrong = append(wrong, web.Field{Name: "countryCode", Text: "Choose the country of your phone number."})
	}
	if typed == "" {
		wrong = append(wrong, web.Field{Name: "phone", Text: "Enter your mobile number."})
	}
	if len(wrong) > 0 {
		return Number{}, wrong
	}
	n, text := p.parse(region, typed)
	if text != "" {
		return Number{}, []web.Field{{Name: "phone", Text: text}}
	}
	return n, nil
}

// again asks for the number anew.
const again = "Enter a mobile number as you would dial it, such as 415 555 2671."

// parse reads a number that somebody typed in a region. wrong says what to do.
func (p *Plan) parse(region, typed string) (n Number, wrong string) {
	if len(typed) > maxTyped || strings.ContainsFunc(typed, func(r rune) bool { return !strings.ContainsRune("0123456789+-(). /\u00a0", r) }) {
		return n, again
	}
	d, ok := p.book.dial(region, typed)
	if !ok {
		return n, again
	}
	owner, good := p.book.owner(d)
	if good == nonexistent {
		return n, "That number does not exist in the country you chose. Check the country and the number."
	}
	n = Number{Phone: phone.Number("+" + d.calling + d.national), Country: owner.code, CallingCode: d.calling}
	return n, p.usable(n, good)
}

// usable refuses numbers that cannot get a text, that cost extra, or whose
// country is not served.
func (p *Plan) usable(n Number, good kind) string {
	switch {
	case good != texted:
		return "Enter a mobile number: this one cannot get text messages."
	case !p.allows(n.Country):
		return "We cannot serve phones of that country yet. Enter a number of a country in the list."
	case !n.Phone.Valid() || n.Country == world: // satellites and the like have no country, and cost the most
		return again
	}
	return ""
}

// Region reads an ISO code ("LK") or a calling code however it is written
// ("94", "+94", "0094"). A calling code that several countries share stands for
// its main one: the number itself then tells which. What is neither is "".
func Region(code string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	_, ok := country(code)
	if ok {
		return code
	}
	calling, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(code, "+"), "00"))
	if err != nil {
		return ""
	}
	e, ok := first(strconv.Itoa(calling))
	if !ok || e.code == world {
		return ""
	}
	return e.code
}
