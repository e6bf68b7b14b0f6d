package signup

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"latchkey/shared/env"
	"latchkey/shared/phone"
)

// maxTyped bounds what is typed as a number, in bytes: fifteen digits and as
// many separators.
const maxTyped = 32

// country is one entry of the form's list.
type country struct {
	Code    string // ISO 3166
	Name    string
	Calling int
}

// countries are those whose phones may sign up.
type countries struct {
	list    []country // by name
	allowed map[string]bool
}

// number is a parsed telephone number; field says which field of the form is to
// blame when it is not one.
type number struct {
	e164        phone.Number
	region      string
	callingCode string
	field       string
}

// newCountries reads ALLOWED_COUNTRIES. It must be set to deploy, which the
// template sees to; empty allows every country.
func newCountries(vars *env.Vars) *countries {
	c := &countries{allowed: map[string]bool{}}
	for _, code := range vars.List("ALLOWED_COUNTRIES") {
		if phonenumbers.GetCountryCodeForRegion(code) == 0 {
			vars.Fault("ALLOWED_COUNTRIES", "names %q, which is not an ISO 3166 code of a country with a calling code, such as US", code)
		}
		c.allowed[code] = true
	}
	names := display.English.Regions()
	for code := range phonenumbers.GetSupportedRegions() {
		region, err := language.ParseRegion(code)
		if err != nil || !c.allows(code) {
			continue
		}
		c.list = append(c.list, country{code, names.Name(region), phonenumbers.GetCountryCodeForRegion(code)})
	}
	slices.SortFunc(c.list, func(a, b country) int { return strings.Compare(a.Name, b.Name) })
	return c
}

func (c *countries) allows(code string) bool { return len(c.allowed) == 0 || c.allowed[code] }

// guess is the country that the form begins with: the browser's first language
// with a region that may sign up, else the first of the list, or the United
// States where every country may.
func (c *countries) guess(acceptLanguage string) string {
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err == nil {
		for _, t := range tags {
			region, confidence := t.Region()
			if confidence == language.Exact && c.has(region.String()) {
				return region.String()
			}
		}
	}
	if c.has("US") || len(c.list) == 0 {
		return "US"
	}
	return c.list[0].Code
}

func (c *countries) has(code string) bool {
	return slices.ContainsFunc(c.list, func(x country) bool { return x.Code == code })
}

// number parses a number as typed beside a country. A number that begins with
// "+" brings its own country. wrong says what to do, and the result's field
// says where.
func (c *countries) number(countryCode, typed string) (n number, wrong string) {
	typed = strings.TrimSpace(typed)
	region := "ZZ"
	if !strings.HasPrefix(typed, "+") {
		region = regionOf(countryCode)
		if region == "" {
			return number{field: "countryCode"}, "Choose the country of your phone number."
		}
	}
	n.field = "phone"
	const again = "Enter a mobile number as you would dial it, such as 415 555 2671."
	switch {
	case typed == "":
		return n, "Enter your mobile number."
	case len(typed) > maxTyped || strings.ContainsFunc(typed, func(r rune) bool { return !strings.ContainsRune("0123456789+-(). /\u00a0", r) }):
		return n, again
	}
	parsed, err := phonenumbers.Parse(typed, region)
	if err != nil || parsed.GetExtension() != "" {
		return n, again
	}
	if !phonenumbers.IsValidNumber(parsed) {
		return n, "That number does not exist in the country you chose. Check the country and the number."
	}
	n.region = phonenumbers.GetRegionCodeForNumber(parsed)
	n.callingCode = strconv.Itoa(int(parsed.GetCountryCode()))
	n.e164 = phone.Number(phonenumbers.Format(parsed, phonenumbers.E164))
	return n, c.usable(n, phonenumbers.GetNumberType(parsed))
}

// usable refuses numbers that cannot get a text, that cost extra, or whose
// country is not served.
func (c *countries) usable(n number, kind phonenumbers.PhoneNumberType) string {
	switch {
	case kind != phonenumbers.MOBILE && kind != phonenumbers.FIXED_LINE_OR_MOBILE:
		return "Enter a mobile number: this one cannot get text messages."
	case !c.allows(n.region):
		return "We cannot serve phones of that country yet. Enter a number of a country in the list."
	case !n.e164.Valid() || n.region == "001": // satellites and the like have no country, and cost the most
		return "Enter a mobile number as you would dial it, such as 415 555 2671."
	}
	return ""
}

// regionOf reads an ISO code ("LK") or a calling code however it is written
// ("94", "+94", "0094"). A calling code that several countries share stands for
// its main one: the number itself then tells which.
func regionOf(code string) string {
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
