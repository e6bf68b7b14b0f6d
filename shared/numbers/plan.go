package numbers

import (
	_ "embed" // the plan
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:generate go run ./internal/generate

// table is the plan of all regions, one a line; it says itself what its columns
// are. It is searched where it lies: most of it is of no use to most numbers.
//
//go:embed plan.txt
var table string

// world stands for calling codes that belong to no country: satellites, and
// services that are the same everywhere (UN M.49).
const world = "001"

// entry is a line of the table.
type entry struct {
	calling string // "49"
	code    string // of the region, ISO 3166
	columns string // the others
}

// entries goes through the table.
func entries(yield func(entry) bool) {
	for line := range strings.Lines(table) {
		tab := strings.IndexByte(line, '\t')
		if line[0] == '#' || tab < 0 {
			continue
		}
		e := entry{calling: line[:tab]}
		e.code, e.columns, _ = strings.Cut(line[tab+1:len(line)-1], "\t")
		if !yield(e) {
			return
		}
	}
}

// named is the region's English name, and its other codes with commas between.
func (e entry) named() (name, also string) {
	name, rest, _ := strings.Cut(e.columns, "\t")
	also, _, _ = strings.Cut(rest, "\t")
	return name, also
}

// country is the line of a country, by its code.
func country(code string) (entry, bool) {
	for e := range entries {
		if e.code == code && code != world {
			return e, true
		}
	}
	return entry{}, false
}

// first is the line of the region that stands for a calling code: a country, or
// the world.
func first(calling string) (entry, bool) {
	for e := range entries {
		if e.calling == calling {
			return e, true
		}
	}
	return entry{}, false
}

// rules say which numbers a region has and how they are dialled there. The words
// of the metadata's own description are in resources/phonemetadata.proto of
// libphonenumber.
type rules struct {
	calling, code string

	abroad    pattern // what is dialled before a calling code: internationalPrefix
	trunk     pattern // what is dialled before a national number: nationalPrefixForParsing
	transform string  // what stands for a trunk that has groups, "" for nothing
	leading   pattern // what alone tells whether a number is the region's, where there is one

	lengths []int // of national numbers with their area code, in digits, ascending

	all    pattern
	texted pattern // mobile numbers, and those of lines that may be mobile
	fixed  pattern
	other  pattern // premium, toll-free, pagers and the like
}

func newRules(e entry) *rules {
	column := strings.Split(e.columns, "\t")[2:] // without its names
	return &rules{
		calling: e.calling, code: e.code,
		abroad: pattern{expr: column[0]}, trunk: pattern{expr: column[1]}, transform: column[2], leading: pattern{expr: column[3]},
		lengths: ints(column[4]),
		all:     pattern{expr: column[5], end: "$"}, texted: pattern{expr: column[6], end: "$"},
		fixed: pattern{expr: column[7], end: "$"}, other: pattern{expr: column[8], end: "$"},
	}
}

func ints(list string) []int {
	var numbers []int
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// pattern is a regular expression that holds from the first digit on, up to the
// last one if end says so. It is compiled at its first use: a number needs few
// of its region's, and a step's start none.
type pattern struct {
	expr, end string // no expr matches nothing

	once sync.Once
	re   *regexp.Regexp
}

func (p *pattern) compiled() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile("^(?:" + p.expr + ")" + p.end) })
	return p.re
}

func (p *pattern) match(digits string) bool {
	return p.expr != "" && p.compiled().MatchString(digits)
}

// maxKept bounds the calling codes whose rules are kept: a country's take some
// 30 kB when all are compiled, and those of all countries 6 MB.
const maxKept = 32

// book has the rules of calling codes that were asked for lately.
type book struct {
	mu      sync.Mutex
	regions map[string][]*rules // by calling code, the main region first
}

// of is the regions of a calling code, none if nobody has it.
func (b *book) of(calling string) []*rules {
	b.mu.Lock()
	defer b.mu.Unlock()
	regions := b.regions[calling]
	if regions != nil {
		return regions
	}
	for e := range entries {
		if e.calling == calling {
			regions = append(regions, newRules(e))
		}
	}
	if regions == nil {
		return nil
	}
	for old := range b.regions {
		if len(b.regions) < maxKept {
			break
		}
		delete(b.regions, old) // any one will do: who is served is mostly of few countries
	}
	if b.regions == nil {
		b.regions = map[string][]*rules{}
	}
	b.regions[calling] = regions
	return regions
}

// home is the rules of a country, nil if it is none.
func (b *book) home(code string) *rules {
	e, ok := country(code)
	if !ok {
		return nil
	}
	for _, r := range b.of(e.calling) {
		if r.code == code {
			return r
		}
	}
	return nil
}
