package numbers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"latchkey/shared/env"
	"latchkey/shared/phone"
	"latchkey/shared/web"
)

// library is Plan on github.com/nyaruka/phonenumbers and golang.org/x/text: the
// oracle that Plan is held against, function by function.
type library struct {
	Countries []Country // by name

	allowed map[string]bool
}

// newLibrary reads ALLOWED_COUNTRIES. It must be set to deploy, which the template
// sees to; empty allows every country.
func newLibrary(vars *env.Vars) *library {
	p := &library{allowed: map[string]bool{}}
	for _, code := range vars.List("ALLOWED_COUNTRIES") {
		if phonenumbers.GetCountryCodeForRegion(code) == 0 {
			vars.Fault("ALLOWED_COUNTRIES", "names %q, which is not an ISO 3166 code of a country with a calling code, such as US", code)
		}
		p.allowed[code] = true
	}
	names := display.English.Regions()
	renamed := map[string]string{"MK": "North Macedonia", "MO": "Macao SAR China", "SZ": "Eswatini", "TR": "Türkiye"} // since its version of the CLDR
	for code := range phonenumbers.GetSupportedRegions() {
		region, err := language.ParseRegion(code)
		if err != nil || !p.allows(code) {
			continue
		}
		p.Countries = append(p.Countries, Country{code, cmp.Or(renamed[code], names.Name(region)), phonenumbers.GetCountryCodeForRegion(code)})
	}
	order := collate.New(language.English)
	slices.SortFunc(p.Countries, func(a, b Country) int { return order.CompareString(a.Name, b.Name) })
	return p
}

func (p *library) allows(code string) bool { return len(p.allowed) == 0 || p.allowed[code] }

// Guess is the country that a form begins with: the browser's first language
// with a region that may sign up, else the first of the list, or the United
// States where every country may.
func (p *library) Guess(acceptLanguage string) string {
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err == nil {
		for _, t := range tags {
			region, confidence := t.Region()
			if confidence == language.Exact && p.has(region.String()) {
				return region.String()
			}
		}
	}
	if p.has("US") || len(p.Countries) == 0 {
		return "US"
	}
	return p.Countries[0].Code
}

func (p *library) has(code string) bool {
	return slices.ContainsFunc(p.Countries, func(x Country) bool { return x.Code == code })
}

// Parse reads a number as typed beside a country, which may be an ISO code or a
// calling code. A number that begins with "+" brings its own country. What is
// wrong comes with the field that is to blame, countryCode or phone, and says
// what to do; then the number is zero.
func (p *library) Parse(countryCode, typed string) (Number, []web.Field) {
	typed = strings.TrimSpace(typed)
	region := "ZZ"
	if !strings.HasPrefix(typed, "+") {
		region = libraryRegion(countryCode)
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

// parse reads a number that somebody typed in a region. wrong says what to do.
func (p *library) parse(region, typed string) (n Number, wrong string) {
	if len(typed) > maxTyped || strings.ContainsFunc(typed, func(r rune) bool { return !strings.ContainsRune("0123456789+-(). /\u00a0", r) }) {
		return n, again
	}
	parsed, err := phonenumbers.Parse(typed, region)
	if err != nil || parsed.GetExtension() != "" {
		return n, again
	}
	if !phonenumbers.IsValidNumber(parsed) {
		return n, "That number does not exist in the country you chose. Check the country and the number."
	}
	n = Number{
		Phone:       phone.Number(phonenumbers.Format(parsed, phonenumbers.E164)),
		Country:     phonenumbers.GetRegionCodeForNumber(parsed),
		CallingCode: strconv.Itoa(int(parsed.GetCountryCode())),
	}
	return n, p.usable(n, phonenumbers.GetNumberType(parsed))
}

// usable refuses numbers that cannot get a text, that cost extra, or whose
// country is not served.
func (p *library) usable(n Number, kind phonenumbers.PhoneNumberType) string {
	switch {
	case kind != phonenumbers.MOBILE && kind != phonenumbers.FIXED_LINE_OR_MOBILE:
		return "Enter a mobile number: this one cannot get text messages."
	case !p.allows(n.Country):
		return "We cannot serve phones of that country yet. Enter a number of a country in the list."
	case !n.Phone.Valid() || n.Country == "001": // satellites and the like have no country, and cost the most
		return again
	}
	return ""
}

// libraryRegion reads an ISO code ("LK") or a calling code however it is written
// ("94", "+94", "0094"). A calling code that several countries share stands for
// its main one: the number itself then tells which. What is neither is "".
func libraryRegion(code string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	if phonenumbers.GetCountryCodeForRegion(code) != 0 {
		return code
	}
	calling, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(code, "+"), "00"))
	if err != nil {
		return ""
	}
	region := phonenumbers.GetRegionCodeForCountryCode(calling)
	if region == phonenumbers.UNKNOWN_REGION || region == "001" {
		return ""
	}
	return region
}
