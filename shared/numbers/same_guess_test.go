package numbers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// excuses are the headers that the library understands otherwise, and why that is
// so. Browsers send none of them.
var excuses = []struct {
	name, why string
	expr      *regexp.Regexp
}{
	{"irregular", "tags that RFC 5646 lets be only because RFC 3066 did are not well-formed (section 2.2.8)", regexp.MustCompile(`(?i)(^|,)\s*(i[-_][a-z]+|sgn[-_]..[-_]..|en[-_]gb[-_]oed)\s*(;|,|$)`)},
	{"no tag", "the library takes these words for languages", regexp.MustCompile(`(^|,)\s*(english|deutsch|italian|french)\s*(;|,|$)`)},
	{"own country", "the library knows that Moldavian, which has become Romanian, had a country of its own", regexp.MustCompile(`(?i)(^|,)\s*mo\b`)},
	{"three letters", "the library takes a country's three letters, RFC 5646 two only", regexp.MustCompile(`(?i)(^|,)\s*[a-z]{2,3}([-_][a-z]{3})*[-_][a-z]{4}[-_][a-z]{3}\b`)},
	{"weight", "RFC 9110 writes a weight with digits and a point", regexp.MustCompile(`(?i);\s*q\s*=\s*[^,]*[^0-9., \t]`)},
	{"extension", "the library knows what is inside of an extension", regexp.MustCompile(`(?i)[-_][a-wyz][-_]`)},
}

// excused names why the library may have another guess, "" if it must not.
func excused(header string) string {
	if len(header) > maxLanguages {
		return "long" // longer than any browser's
	}
	_, _, err := language.ParseAcceptLanguage(header)
	var unknown language.ValueError
	if errors.As(err, &unknown) {
		return "unknown" // which languages, scripts and variants there are is not known here
	}
	for _, e := range excuses {
		if e.expr.MatchString(header) {
			return e.name
		}
	}
	return ""
}

func sameGuess(t testing.TB, pairs []pair, header string) {
	t.Helper()
	for _, p := range pairs {
		got, want := p.plan.Guess(header), p.library.Guess(header)
		if got != want && excused(header) == "" {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func pairs(t testing.TB) []pair {
	t.Helper()
	var list []pair
	for _, countries := range []string{"", "GB,DE", "CH", "AQ"} {
		p, err := both(countries)
		if err != nil && countries != "AQ" {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// Every code that a region may go by is the library's, in either case.
func TestSameGuessOfRegions(t *testing.T) {
	t.Parallel()
	all := pairs(t)
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			sameGuess(t, all, "en-"+code)
			sameGuess(t, all, "pt-"+strings.ToLower(code))
		}
	}
	for n := range 1000 {
		sameGuess(t, all, fmt.Sprintf("en-%03d", n))
	}
}

func TestSameGuess(t *testing.T) {
	t.Parallel()
	all := pairs(t)
	for _, header := range []string{
		"", ",", " , ", "*", "*;q=0.5", "de", "de-CH", "de_CH", "DE-ch", "de-Latn-CH", "zh-Hant-TW", "zh-yue-HK", "zh-cmn-Hans-CN",
		"en-419", "es-419,es;q=0.9,es-MX;q=0.8", "en-826", "en-UK", "de-DD", "fr-FX", "und-DE", "en-AQ,de-DE", "en-US-POSIX",
		"de-CH-1996", "de-1996", "de-1996-CH", "en-GB-oxendict", "en-u-ca-gregory", "en-GB-u-ca-gregory", "en-GB-x-a", "x-GB", "x", "en-x", "en-x-GB",
		"en-GB;q=0", "en-GB;q=0,de-DE;q=0.1", "en-GB;q=0.1,de-DE;q=0.2", "en-GB;q=0.2,de-DE;q=0.2", "en-GB;q=1.000", "en-GB; q=0.5", "en-GB ;q=0.5", "en-GB;q = 0.5",
		"en-GB;q", "en-GB;q=", "en-GB;q=.", "en-GB;q=.5", "en-GB;q=5", "en-GB;Q=0.5", "en-GB;level=1", "en-GB;q=0.5;level=1", "en-GB;", "en-GB;;", ";q=1", "en-GB;q=0.5,,de-DE",
		"en--GB", "-en-GB", "en-GB-", "en-", "e-GB", "engl-GB", "en-G", "en-1", "en-G1", "en-12", "en-1234", "en-Latn-1996", "en GB", "en-GB de-DE", "en-GB\x00", "en-ＧＢ", "é-GB", "ſ-DE", "en-\u212aR",
		"en-GB-DE", "en-GB-Latn", "en-GB-123", "en-GB-abc", "en-abcdefghi", "en-abcdefghi-GB", strings.Repeat("a", 2000), strings.Repeat("en-GB,", 2000), strings.Repeat("-", 1200),
	} {
		sameGuess(t, all, header)
	}
}

// Each excuse is one that something needs.
func TestSameGuessExcuses(t *testing.T) {
	t.Parallel()
	all := pairs(t)
	headers := map[string]string{
		"irregular": "sgn-BE-FR,de-CH", "no tag": "english,de-CH", "own country": "mo", "three letters": "de-Latn-CHE", "weight": "de-CH;q=1e0",
		"extension": "de-CH-u-co-phonebk-co-standard", "long": "de-CH" + strings.Repeat(" ", 512), "unknown": "xx-CH",
	}
	for _, e := range excuses {
		if headers[e.name] == "" {
			t.Errorf("nothing needs %s: %s", e.name, e.why)
		}
	}
	for name, header := range headers {
		differs := false
		for _, p := range all {
			differs = differs || p.plan.Guess(header) != p.library.Guess(header)
		}
		if !differs || excused(header) != name {
			t.Errorf("%s: %q needs no excuse, or has %q", name, header, excused(header))
		}
	}
}

// Headers of the kind that browsers send, and what becomes of them when bytes are
// changed.
func TestSameGuessOfMany(t *testing.T) {
	t.Parallel()
	all := pairs(t)
	rounds := 2_000
	if thorough() {
		rounds = 20_000
	}
	r := rand.New(rand.NewPCG(3, 3))
	excuse := 0
	for range rounds {
		header := languages(r)
		if excused(header) != "" {
			t.Fatalf("%q has an excuse", header)
		}
		sameGuess(t, all, header)
		at := r.IntN(len(header))
		odd := "-_,;=*q.0159 axzGB\x00\xff"
		broken := header[:at] + string(odd[r.IntN(len(odd))]) + header[at+r.IntN(2):]
		sameGuess(t, all, broken)
		if excused(broken) != "" {
			excuse++
		}
	}
	if excuse > rounds/2 {
		t.Errorf("%d of %d broken headers have an excuse", excuse, rounds)
	}
}

// languages is a header that a browser could send.
func languages(r *rand.Rand) string {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	var elements []string
	for range 1 + r.IntN(5) {
		tag := one("de", "en", "fr", "zh", "pt", "es", "yue", "sr", "und", "EN", "haw")
		tag += one("", "", "", one("-Latn", "_Latn", "-Hant", "-latn"))
		tag += one("", "-GB", "-DE", "-CH", "-US", "_DE", "-de", "-419", "-001", "-AQ", "-276", "-UK", "-TW", "-CA")
		tag += one("", "", "", "", "-1996", "-x-a1", "-1996-x-GB")
		if r.IntN(20) == 0 {
			tag = "*"
		}
		elements = append(elements, tag+one("", "", ";q=0.9", ";q=0.8", "; q=0.8", ";q=0", ";q=0.001", ";q=1", " ;q=1.0"))
	}
	return strings.Join(elements, one(",", ", ", " , ", ",,"))
}

// FuzzSameNumber holds any number against the oracle.
func FuzzSameNumber(f *testing.F) {
	p, err := both("")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("US", "(415) 555-2671")
	f.Add("", "+44 7400 123456")
	f.Add("0094", "0712345678")
	f.Add("AR", "0343 15 555 1212")
	f.Add("GG", "(+00 44 7781 123456")
	f.Fuzz(func(t *testing.T, country, typed string) { p.same(t, country, typed) })
}

// FuzzSameGuess holds any header against the oracle.
func FuzzSameGuess(f *testing.F) {
	all := pairs(f)
	for _, header := range []string{"de-DE,de;q=0.9,en;q=0.5", "zh-Hant-TW", "en-GB-oxendict;q=0", "x-private", "de-CH-1996,,;q=2"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) { sameGuess(t, all, header) })
}
