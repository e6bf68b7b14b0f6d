package numbers

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"latchkey/shared/env"
)

// thorough asks for a million numbers instead of fifty thousand, half a minute's
// worth: `make thorough` does.
func thorough() bool { return os.Getenv("NUMBERS") == "all" }

// pair is the plan and the oracle, of the same countries.
type pair struct {
	plan    *Plan
	library *library
}

func both(list string) (pair, error) {
	read := func() *env.Vars {
		return env.Read(env.Config{Getenv: func(name string) string {
			if name == "ALLOWED_COUNTRIES" {
				return list
			}
			return ""
		}})
	}
	ours, theirs := read(), read()
	p := pair{New(ours), newLibrary(theirs)}
	if fmt.Sprint(ours.Err()) != fmt.Sprint(theirs.Err()) {
		return p, fmt.Errorf("%q: %v, want %v", list, ours.Err(), theirs.Err())
	}
	return p, nil
}

// same holds one number against the oracle.
func (p pair) same(t testing.TB, country, typed string) {
	got, wrong := p.plan.Parse(country, typed)
	want, faults := p.library.Parse(country, typed)
	if got != want || !slices.Equal(wrong, faults) {
		t.Errorf("%q %q: %+v %q, want %+v %q", country, typed,
			[]string{string(got.Phone), got.Country, got.CallingCode}, wrong, []string{string(want.Phone), want.Country, want.CallingCode}, faults)
	}
}

// metadata is what the library knows of a region.
func metadata(t testing.TB) map[string]*phonenumbers.PhoneMetadata {
	t.Helper()
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	regions := map[string]*phonenumbers.PhoneMetadata{}
	for _, m := range collection.GetMetadata() {
		if m.GetId() == world {
			regions["+"+strconv.Itoa(int(m.GetCountryCode()))] = m
		} else {
			regions[m.GetId()] = m
		}
	}
	if len(regions) < 250 {
		t.Fatalf("only %d regions", len(regions))
	}
	return regions
}

// sample is digits that a pattern of the metadata matches.
func sample(r *rand.Rand, expr string) string {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return ""
	}
	var text strings.Builder
	var walk func(re *syntax.Regexp)
	walk = func(re *syntax.Regexp) {
		switch re.Op {
		case syntax.OpLiteral:
			text.WriteString(string(re.Rune))
		case syntax.OpCharClass:
			pair := r.IntN(len(re.Rune)/2) * 2
			text.WriteRune(re.Rune[pair] + r.Int32N(re.Rune[pair+1]-re.Rune[pair]+1))
		case syntax.OpQuest:
			if r.IntN(2) == 0 {
				walk(re.Sub[0])
			}
		case syntax.OpAlternate:
			walk(re.Sub[r.IntN(len(re.Sub))])
		default:
			for _, sub := range re.Sub {
				walk(sub)
			}
		}
	}
	walk(parsed.Simplify())
	return text.String()
}

// seeds are numbers of a region as its own people know them: the examples of
// every kind, samples of every pattern, and digits of every length.
func seeds(r *rand.Rand, m *phonenumbers.PhoneMetadata, samples int) []string {
	kinds := []*phonenumbers.PhoneNumberDesc{
		m.GeneralDesc, m.FixedLine, m.Mobile, m.PremiumRate, m.TollFree, m.SharedCost,
		m.Voip, m.PersonalNumber, m.Pager, m.Uan, m.Voicemail,
	}
	var list []string
	for _, d := range kinds {
		if d.GetExampleNumber() != "" {
			list = append(list, d.GetExampleNumber())
		}
		if d.GetNationalNumberPattern() == "NA" || d.GetNationalNumberPattern() == "" {
			continue
		}
		for range samples {
			list = append(list, sample(r, d.GetNationalNumberPattern()))
		}
	}
	for range samples {
		list = append(list,
			sample(r, m.GetNationalPrefixForParsing())+sample(r, m.GetGeneralDesc().GetNationalNumberPattern()),
			sample(r, m.GetNationalPrefixForParsing()),
			sample(r, m.GetLeadingDigits())+random(r, r.IntN(9)),
			random(r, 2+r.IntN(17)))
	}
	return list
}

func random(r *rand.Rand, n int) string {
	digits := make([]byte, n)
	for i := range digits {
		digits[i] = '0' + byte(r.IntN(10))
	}
	return string(digits)
}

// forms are the ways to dial a number at home and from elsewhere.
func forms(r *rand.Rand, m *phonenumbers.PhoneMetadata, national string) []string {
	calling := strconv.Itoa(int(m.GetCountryCode()))
	return []string{
		national, "0" + national, calling + national, "+" + calling + national, "00" + calling + national,
		"011" + calling + national, "++" + calling + national, "+" + calling + "0" + national, calling + "0" + national,
		sample(r, m.GetInternationalPrefix()) + calling + national, "(+" + calling + ") " + national,
		sample(r, m.GetNationalPrefixForParsing()) + national, "+" + national, "+00" + calling + national, "(+0" + national,
		calling + calling + national, "1" + national, "8" + national,
	}
}

// mutate is a slip of who types.
func mutate(r *rand.Rand, typed string) string {
	at := r.IntN(len(typed) + 1)
	const odd = "0123456789+-(). /\u00a0"
	switch r.IntN(4) {
	case 0: // one is missing
		return typed[:max(0, at-1)] + typed[at:]
	case 1: // one too many
		return typed[:at] + random(r, 1) + typed[at:]
	case 2: // another one
		return typed[:max(0, at-1)] + random(r, 1) + typed[at:]
	}
	signs := []rune(odd)
	return typed[:at] + string(signs[r.IntN(len(signs))]) + typed[at:]
}

// Plan and the library have the same answer for every number, wherever it is
// typed.
func TestSameNumbers(t *testing.T) {
	t.Parallel()
	samples, slips, places, least := 1, 0, 1, int64(50_000)
	if thorough() {
		samples, slips, places, least = 3, 1, 3, 1_000_000
	}
	every, err := both("")
	if err != nil {
		t.Fatal(err)
	}
	some, err := both("US,GB,DE,KZ")
	if err != nil {
		t.Fatal(err)
	}
	regions := metadata(t)
	names := slices.Sorted(maps.Keys(regions))
	var asked atomic.Int64
	t.Run("regions", func(t *testing.T) {
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(1, uint64(i)))
				m := regions[name]
				sharing := phonenumbers.GetRegionCodesForCountryCode(int(m.GetCountryCode()))
				strangers := []string{names[r.IntN(len(names))], names[r.IntN(len(names))], names[r.IntN(len(names))]}
				ask := func(typed string) {
					beside := []string{name, sharing[r.IntN(len(sharing))], strangers[r.IntN(len(strangers))]}
					for _, at := range r.Perm(len(beside))[:places] {
						every.same(t, beside[at], typed)
						asked.Add(1)
					}
					if r.IntN(8) == 0 {
						some.same(t, name, typed)
						asked.Add(1)
					}
				}
				for _, national := range seeds(r, m, samples) {
					for _, typed := range forms(r, m, national) {
						ask(typed)
						for range slips {
							ask(mutate(r, typed))
						}
					}
					for range 2 * places {
						ask(mutate(r, mutate(r, national)))
					}
				}
			})
		}
	})
	t.Logf("%d numbers", asked.Load())
	if asked.Load() < least {
		t.Errorf("only %d numbers, want %d", asked.Load(), least)
	}
}

// What is valid and what is not must both be among what is compared, of every
// answer that there is: else the comparison says little.
func TestSameNumbersReach(t *testing.T) {
	t.Parallel()
	plan := allow(t, "US")
	answers := map[string]int{}
	served := map[string]bool{}
	every := allow(t, "")
	for name, m := range metadata(t) {
		r := rand.New(rand.NewPCG(2, 2))
		for _, national := range seeds(r, m, 2) {
			typed := "+" + strconv.Itoa(int(m.GetCountryCode())) + national
			_, wrong := plan.Parse("", typed)
			for _, w := range wrong {
				answers[w.Text]++
			}
			n, _ := every.Parse("", typed)
			served[n.Country] = true
			if n.Country == world {
				t.Errorf("%s has a number", name)
			}
		}
	}
	if len(answers) != 4 || len(served) < 230 {
		t.Errorf("%d answers and %d countries: %v", len(answers), len(served), answers)
	}
}

// The lists, their order and what is said of a wrong one are the library's.
func TestSameCountries(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"", "US", "US,GB,DE", "VA,IT,KZ,RU", "AC,TA,XK", "us", "USA", "XX", "001", "ZZ", "UK", "826", "1", "GB,US,XX", "CI,AX,CW"} {
		p, err := both(list)
		if err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(p.plan.Countries, p.library.Countries) {
			t.Errorf("%q: %v, want %v", list, p.plan.Countries, p.library.Countries)
		}
	}
}

// A country is read as the library reads it: every code of two or three letters
// or digits, every calling code in every spelling, and odd ones.
func TestSameRegions(t *testing.T) {
	t.Parallel()
	codes := []string{"", " ", "+", "00", "+00", "++49", "0000049", "-49", "+-49", "49 ", " 49", "4 9", "ﬁ", "ı", "1\t", "US\t1", "\tUS", "#", "# The", "0x31", "1e0", "99999999999999999999"}
	for calling := range 1101 {
		for _, form := range []string{"%d", "+%d", "00%d", "+00%d", "0%d", "-%d"} {
			codes = append(codes, fmt.Sprintf(form, calling))
		}
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			codes = append(codes, code, strings.ToLower(code), " "+code, code+"A")
		}
	}
	for _, code := range codes {
		if got, want := Region(code), libraryRegion(code); got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}
