package numbers

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"latchkey/shared/env"
)

func allow(t testing.TB, list string) *Plan {
	t.Helper()
	vars := env.Read(env.Config{Getenv: func(name string) string {
		if name == "ALLOWED_COUNTRIES" {
			return list
		}
		return ""
	}})
	c := New(vars)
	err := vars.Err()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// R-023, parity 57: what people type, and the one number it is.
func TestNumber(t *testing.T) {
	c := allow(t, "")
	for _, n := range []struct{ country, typed, want, region, calling string }{
		{"GB", "07400 123456", "+447400123456", "GB", "44"}, // with its trunk zero
		{"GB", "7400123456", "+447400123456", "GB", "44"},
		{"GB", "(07400) 123-456", "+447400123456", "GB", "44"},
		{"44", "07400 123456", "+447400123456", "GB", "44"},
		{"DE", "0151 23456789", "+4915123456789", "DE", "49"},
		{"DE", "151/23456789", "+4915123456789", "DE", "49"},
		{"DE", "0049 151 23456789", "+4915123456789", "DE", "49"},
		{"IT", "312 345 6789", "+393123456789", "IT", "39"},
		{"US", "(415) 555-2671", "+14155552671", "US", "1"},
		{"US", "1 415 555 2671", "+14155552671", "US", "1"},
		{"US", "415.555.2671", "+14155552671", "US", "1"},
		{"US", "415\u00a0555\u00a02671", "+14155552671", "US", "1"},
		{"1", "506 234 5678", "+15062345678", "CA", "1"}, // Canada shares its code
		{"US", "506 234 5678", "+15062345678", "CA", "1"},
		{"CA", "415 555 2671", "+14155552671", "US", "1"},
		{"LK", "071 234 5678", "+94712345678", "LK", "94"},
		{"lk", "712345678", "+94712345678", "LK", "94"},
		{"94", "712345678", "+94712345678", "LK", "94"},
		{"+94", "712345678", "+94712345678", "LK", "94"},
		{"0094", "712345678", "+94712345678", "LK", "94"},
		{" 94 ", " 712345678 ", "+94712345678", "LK", "94"},
		{"US", "+44 7400 123456", "+447400123456", "GB", "44"}, // "+" brings its own country
		{"", "+14155552671", "+14155552671", "US", "1"},
		{"nonsense", " +14155552671", "+14155552671", "US", "1"},
		{"BR", "11 96123-4567", "+5511961234567", "BR", "55"},
		{"KZ", "8 771 000 9998", "+77710009998", "KZ", "7"},
		{"GG", "07781 123456", "+447781123456", "GG", "44"},
		{"GB", "07781 123456", "+447781123456", "GG", "44"},
	} {
		got, wrong := c.Parse(n.country, n.typed)
		if len(wrong) > 0 || string(got.Phone) != n.want || got.Country != n.region || got.CallingCode != n.calling {
			t.Errorf("%q %q: %q %s %s, %q", n.country, n.typed, string(got.Phone), got.Country, got.CallingCode, wrong)
		}
		if len(wrong) == 0 && (!got.Phone.Valid() || !strings.HasPrefix(string(got.Phone), "+"+got.CallingCode)) {
			t.Errorf("%q is no number of +%s", string(got.Phone), got.CallingCode)
		}
	}
}

func TestNumberRefuses(t *testing.T) {
	c := allow(t, "")
	for name, n := range map[string]struct{ country, typed, field string }{
		"nothing":                    {"US", "", "phone"},
		"blanks":                     {"US", " \u00a0 ", "phone"},
		"no country":                 {"", "4155552671", "countryCode"},
		"no such country":            {"XX", "4155552671", "countryCode"},
		"a word":                     {"Germany", "15123456789", "countryCode"},
		"no such calling code":       {"999", "4155552671", "countryCode"},
		"negative calling code":      {"-94", "712345678", "countryCode"},
		"wide calling code":          {"９４", "712345678", "countryCode"},
		"code of no country":         {"800", "12345678", "countryCode"},
		"huge calling code":          {"99999999999999999999", "712345678", "countryCode"},
		"letters":                    {"US", "415 555 ABCD", "phone"},
		"vanity number":              {"US", "415 FLOWERS", "phone"},
		"wide digits":                {"US", "４１５５５５２６７１", "phone"},
		"Arabic digits":              {"US", "٤١٥٥٥٥٢٦٧١", "phone"},
		"extension":                  {"US", "415 555 2671 x5", "phone"},
		"extension of RFC 3966":      {"US", "+14155552671;ext=5", "phone"},
		"two numbers":                {"US", "4155552671/4155552672", "phone"},
		"comma":                      {"US", "4155552671,5", "phone"},
		"star":                       {"US", "*31#4155552671", "phone"},
		"NUL":                        {"US", "415555\x002671", "phone"},
		"line feed inside":           {"US", "415555\n2671", "phone"},
		"satellite":                  {"US", "+870 301234567", "phone"},
		"satellite network":          {"US", "+881 612345678", "phone"},
		"plus inside":                {"US", "415+5552671", "phone"},
		"only plus":                  {"US", "+", "phone"},
		"too short":                  {"US", "415", "phone"},
		"too long":                   {"US", "415555267100", "phone"},
		"33 bytes":                   {"US", "415 555 2671" + strings.Repeat("-", 21), "phone"},
		"of another country":         {"DE", "415 555 2671", "phone"},
		"another country's digits":   {"FR", "07400 123456", "phone"},
		"not given out":              {"US", "555 555 2671", "phone"},
		"calling code of no country": {"US", "+999 123456789", "phone"},
		"zero calling code":          {"US", "+0 4155552671", "phone"},
		"landline GB":                {"GB", "020 7946 0958", "phone"},
		"landline DE":                {"DE", "030 123456", "phone"},
		"landline IT":                {"IT", "02 1234 5678", "phone"},
		"toll-free US":               {"US", "800 234 5678", "phone"},
		"toll-free GB":               {"GB", "0800 123 4567", "phone"},
		"toll-free anywhere":         {"US", "+800 12345678", "phone"},
		"premium US":                 {"US", "900 234 5678", "phone"},
		"premium GB":                 {"GB", "0909 879 0123", "phone"},
		"premium anywhere":           {"US", "+979 123456789", "phone"},
		"shared cost GB":             {"GB", "0845 123 4567", "phone"},
		"personal GB":                {"GB", "070 1234 5678", "phone"},
		"pager GB":                   {"GB", "07640 123456", "phone"},
		"emergency":                  {"GB", "999", "phone"},
	} {
		got, wrong := c.Parse(n.country, n.typed)
		if len(wrong) != 1 || wrong[0].Name != n.field || wrong[0].Text == "" || got != (Number{}) {
			t.Errorf("%s: %q %q is %q: %q", name, n.country, n.typed, string(got.Phone), wrong)
		}
	}
}

// With neither country nor number, both are asked for at once.
func TestNothingTyped(t *testing.T) {
	_, wrong := allow(t, "").Parse("", " ")
	if len(wrong) != 2 || wrong[0].Name != "countryCode" || wrong[1].Name != "phone" {
		t.Errorf("%q", wrong)
	}
}

// 32 bytes are room for every way to write a number.
func TestNumberLength(t *testing.T) {
	typed := "+1 (415) 555-2671"
	c := allow(t, "")
	for _, pad := range []int{0, 32 - len(typed)} {
		padded := strings.Replace(typed, " ", strings.Repeat(" ", 1+pad), 1)
		got, wrong := c.Parse("US", padded)
		if len(wrong) > 0 || got.Phone != "+14155552671" {
			t.Errorf("%d bytes: %q", len(padded), wrong)
		}
	}
}

// The country is that of the number, not of the list beside it.
func TestAllowedCountries(t *testing.T) {
	c := allow(t, "US, DE")
	for _, n := range []struct {
		country, typed string
		ok             bool
	}{
		{"US", "415 555 2671", true}, {"1", "415 555 2671", true}, {"DE", "0151 23456789", true}, {"", "+4915123456789", true},
		{"US", "506 234 5678", false}, {"1", "506 234 5678", false}, {"CA", "506 234 5678", false},
		{"GB", "07400 123456", false}, {"US", "+447400123456", false}, {"DE", "0044 7400 123456", false},
		{"GB", "+14155552671", true}, {"US", "+870 301234567", false}, {"US", "+881 612345678", false},
	} {
		_, wrong := c.Parse(n.country, n.typed)
		if (len(wrong) == 0) != n.ok {
			t.Errorf("%q %q: %q", n.country, n.typed, wrong)
		}
	}
	if len(c.Countries) != 2 || c.Countries[0].Code != "DE" || c.Countries[0].Name != "Germany" || c.Countries[0].Calling != 49 || c.Countries[1].Code != "US" {
		t.Errorf("list %v", c.Countries)
	}
	for _, list := range []string{"us", "USA", "US,XX", "1", "001", "ZZ"} {
		vars := env.Read(env.Config{Getenv: func(string) string { return list }})
		New(vars)
		if vars.Err() == nil || !strings.Contains(vars.Err().Error(), "ALLOWED_COUNTRIES") {
			t.Errorf("%q is allowed: %v", list, vars.Err())
		}
	}
}

// Every country of the list can be chosen, and says the calling code it has.
func TestCountryList(t *testing.T) {
	c := allow(t, "")
	if len(c.Countries) < 200 || !slices.IsSortedFunc(c.Countries, func(a, b Country) int { return inOrder(a.Name, b.Name) }) {
		t.Errorf("%d countries", len(c.Countries))
	}
	for _, x := range c.Countries {
		if Region(x.Code) != x.Code || x.Name == "" || x.Name == x.Code || x.Calling <= 0 {
			t.Errorf("%+v", x)
		}
	}
}

// A reader finds a country where its letters say, by the name that it has now.
func TestCountryOrder(t *testing.T) {
	names := map[string]string{}
	var list []string
	for _, x := range allow(t, "").Countries {
		names[x.Code] = x.Name
		list = append(list, x.Name)
		for _, r := range x.Name {
			if plain(r) > unicode.MaxASCII {
				t.Errorf("%s: %c has no place in the order", x.Name, r)
			}
		}
	}
	for _, run := range []string{
		"Afghanistan|Åland Islands|Albania", "Costa Rica|Côte d’Ivoire|Croatia|Cuba|Curaçao|Cyprus|Czechia", "Qatar|Réunion|Romania",
		"San Marino|São Tomé & Príncipe|Saudi Arabia", "Tunisia|Türkiye|Turkmenistan", "Guinea|Guinea-Bissau", "Norfolk Island|North Korea|North Macedonia",
	} {
		if !strings.Contains("|"+strings.Join(list, "|")+"|", "|"+run+"|") {
			t.Errorf("%s are not side by side", run)
		}
	}
	for code, want := range map[string]string{"MK": "North Macedonia", "MO": "Macao SAR China", "SZ": "Eswatini", "TR": "Türkiye", "CZ": "Czechia"} {
		if names[code] != want {
			t.Errorf("%s is called %s", code, names[code])
		}
	}
}

func TestGuess(t *testing.T) {
	every, some := allow(t, ""), allow(t, "GB,DE")
	for header, want := range map[string][2]string{
		"": {"US", "DE"}, "de-DE,de;q=0.9,en;q=0.5": {"DE", "DE"}, "en-GB": {"GB", "GB"}, "en": {"US", "DE"},
		"fr-FR,en-GB;q=0.8": {"FR", "GB"}, "en;q=0.9,en-GB;q=0.1": {"GB", "GB"}, "*": {"US", "DE"}, "nonsense;;": {"US", "DE"},
		"en-001": {"US", "DE"}, "\x00": {"US", "DE"},
	} {
		if a, b := every.Guess(header), some.Guess(header); a != want[0] || b != want[1] {
			t.Errorf("%q: %s and %s, want %s", header, a, b, want)
		}
	}
}

func FuzzNumber(f *testing.F) {
	c := allow(f, "")
	f.Add("US", "(415) 555-2671")
	f.Add("", "+44 7400 123456")
	f.Add("0094", "0712345678")
	f.Fuzz(func(t *testing.T, country, typed string) {
		n, wrong := c.Parse(country, typed)
		if len(wrong) > 0 {
			for _, w := range wrong {
				if w.Name != "phone" && w.Name != "countryCode" || w.Text == "" || n != (Number{}) {
					t.Errorf("%q %q: %q", country, typed, wrong)
				}
			}
			return
		}
		if !n.Phone.Valid() {
			t.Fatalf("%q %q: %q", country, typed, string(n.Phone))
		}
		again, wrong := c.Parse("", string(n.Phone))
		if len(wrong) > 0 || again.Phone != n.Phone || again.Country != n.Country {
			t.Errorf("%q %q is %q, and that %q %q", country, typed, string(n.Phone), string(again.Phone), wrong)
		}
	})
}

// FuzzGuess lets a browser prefer anything: the country that a form begins with is
// one that the form has, and one and the same each time.
func FuzzGuess(f *testing.F) {
	every, some, one := allow(f, ""), allow(f, "GB,DE"), allow(f, "CH")
	for _, header := range []string{"", "de-DE,de;q=0.9,en;q=0.5", "en-001", "*", "nonsense;;", "\x00", "zh-Hant-TW", "en-GB-oxendict;q=0", "x-private", "de-CH-1996,,;q=2"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		for _, p := range []*Plan{every, some, one} {
			got := p.Guess(header)
			if !p.has(got) || !p.allows(got) || p.Guess(header) != got {
				t.Errorf("%q: %q", header, got)
			}
		}
	})
}
