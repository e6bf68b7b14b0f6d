package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// world is the region of calling codes that belong to no country (UN M.49).
const world = "001"

// header opens the file. What the metadata means is said in libphonenumber's
// resources/phonemetadata.proto; the columns are those of shared/numbers' rules.
const header = `# The numbering plan. Written by "go generate ./shared/numbers": change nothing here.
# Derived from the metadata of libphonenumber, Copyright The Libphonenumber Authors, Apache License 2.0,
# as in github.com/nyaruka/phonenumbers, and from the region names of the Unicode CLDR as in golang.org/x/text,
# or newer ones where a region was renamed since.
# One line a region, by calling code; of those that share one, the main region is first and the others
# follow in the order in which they are asked whether a number is theirs. Columns, separated by tabs:
# calling code, region, English name, other codes of the region, international prefix, national prefix,
# what stands for that, leading digits, lengths, and the patterns of all numbers, of those that get text
# messages, of those of the fixed network, and of others that get none.
`

// renamed are the regions that the Unicode CLDR calls otherwise by now (version 48)
// than it did in the version of golang.org/x/text.
func renamed() map[string]string {
	return map[string]string{"MK": "North Macedonia", "MO": "Macao SAR China", "SZ": "Eswatini", "TR": "Türkiye"}
}

// plan is the content of the whole file, the same for the same two libraries.
func plan() (string, error) {
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		return "", err
	}
	known := map[string]*phonenumbers.PhoneMetadata{} // by calling code and region
	for _, m := range collection.GetMetadata() {
		known[key(int(m.GetCountryCode()), m.GetId())] = m
	}
	also := otherCodes()
	names, now := display.English.Regions(), renamed()
	var text strings.Builder
	text.WriteString(header)
	for _, calling := range slices.Sorted(maps.Keys(phonenumbers.GetSupportedCallingCodes())) {
		for _, code := range phonenumbers.GetRegionCodesForCountryCode(calling) {
			m := known[key(calling, code)]
			if m == nil {
				return "", fmt.Errorf("region %s of +%d has no metadata", code, calling)
			}
			region, err := language.ParseRegion(code)
			if err != nil {
				return "", fmt.Errorf("region %s has no name: %w", code, err)
			}
			line, err := columns(m, cmp.Or(now[code], names.Name(region)), also[code])
			if err != nil {
				return "", fmt.Errorf("region %s of +%d: %w", code, calling, err)
			}
			text.WriteString(strings.Join(line, "\t") + "\n")
		}
	}
	return text.String(), nil
}

func key(calling int, region string) string { return strconv.Itoa(calling) + region }

// columns is one line.
func columns(m *phonenumbers.PhoneMetadata, name string, also []string) ([]string, error) {
	possible := m.GetGeneralDesc().GetPossibleLength()
	if len(possible) == 0 || possible[0] < 0 || !slices.IsSorted(possible) {
		return nil, fmt.Errorf("lengths %v", possible)
	}
	for _, local := range m.GetGeneralDesc().GetPossibleLengthLocalOnly() { // the plan has no column for them
		if slices.Contains(possible, local) || local > possible[len(possible)-1] {
			return nil, fmt.Errorf("local numbers have %d digits, others %v", local, possible)
		}
	}
	patterns, err := kinds(m)
	if err != nil {
		return nil, err
	}
	line := append([]string{
		strconv.Itoa(int(m.GetCountryCode())), m.GetId(), name, strings.Join(also, ","),
		m.GetInternationalPrefix(), m.GetNationalPrefixForParsing(), m.GetNationalPrefixTransformRule(), m.GetLeadingDigits(),
		list(possible),
	}, patterns...)
	for _, column := range line {
		if strings.ContainsAny(column, "\t\r\n") {
			return nil, fmt.Errorf("%q would break the line", column)
		}
	}
	return line, nil
}

func list(lengths []int32) string {
	var words []string
	for _, n := range lengths {
		words = append(words, strconv.Itoa(int(n)))
	}
	return strings.Join(words, ",")
}

// kinds are the patterns of all numbers, of those that get text messages, of the
// fixed network's and of the others'. Where fixed and mobile numbers are said to
// be alike, all of them get text messages (getNumberTypeHelper of the library).
func kinds(m *phonenumbers.PhoneMetadata) ([]string, error) {
	all, err := pattern(m, m.GetGeneralDesc())
	if err != nil {
		return nil, err
	}
	fixed, err := pattern(m, m.GetFixedLine())
	if err != nil {
		return nil, err
	}
	mobile, err := pattern(m, m.GetMobile())
	if err != nil {
		return nil, err
	}
	if m.GetSameMobileAndFixedLinePattern() {
		mobile, fixed = fixed, ""
	}
	var others []string
	for _, d := range []*phonenumbers.PhoneNumberDesc{
		m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost(), m.GetVoip(),
		m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail(),
	} {
		other, err := pattern(m, d)
		if err != nil {
			return nil, err
		}
		if other != "" && !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	return []string{all, mobile, fixed, strings.Join(others, "|")}, nil
}

// pattern is the one of a kind of numbers, "" where there are none of it. What it
// matches must be of the kind's lengths, as far as any number is: the plan holds a
// number against the lengths of all kinds together only.
func pattern(m *phonenumbers.PhoneMetadata, d *phonenumbers.PhoneNumberDesc) (string, error) {
	expr, possible := d.GetNationalNumberPattern(), d.GetPossibleLength()
	if expr == "" || expr == "NA" || slices.Contains(possible, -1) {
		return "", nil
	}
	matched, err := lengths(expr)
	if err != nil {
		return "", err
	}
	for _, n := range matched {
		known := slices.Contains(m.GetGeneralDesc().GetPossibleLength(), int32(n))
		if known && len(possible) > 0 && !slices.Contains(possible, int32(n)) {
			return "", fmt.Errorf("%s matches %d digits, which is none of the lengths %v", expr, n, possible)
		}
	}
	return expr, nil
}

// otherCodes are the codes besides its own that a browser's language may name a
// region by: former and reserved ones of ISO 3166 (UK), and the numbers of UN
// M.49 (826), as golang.org/x/text understands them.
func otherCodes() map[string][]string {
	also := map[string][]string{}
	try := func(code string) {
		tag, err := language.Parse("en-" + code)
		if err != nil {
			return
		}
		region, confidence := tag.Region()
		if confidence == language.Exact && region.String() != code {
			also[region.String()] = append(also[region.String()], code)
		}
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			try(string([]rune{a, b}))
		}
	}
	for n := range 1000 {
		try(fmt.Sprintf("%03d", n))
	}
	return also
}
