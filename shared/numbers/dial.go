package numbers

import (
	"slices"
	"strings"
)

// What numbers of any plan are bounded by, in digits. E.164 allows 15; some of
// Germany are longer (MIN_LENGTH_FOR_NSN and MAX_LENGTH_FOR_NSN of libphonenumber).
const (
	minNational = 2
	maxNational = 17
	maxCalling  = 3
)

// dialled is a number as the world dials it. It need not exist.
type dialled struct {
	calling  string // digits only: "49"
	national string // without calling code and trunk prefix, with the zeros that are its own
}

// dial reads what somebody in a region means by what they typed, in the order in
// which libphonenumber's parseHelper tries it: a calling code behind "+" or
// behind what is dialled abroad, the region's own calling code without either,
// and a trunk prefix. No region ("ZZ") understands "+" only. Everything but
// digits and "+" is decoration.
func (b *book) dial(region, typed string) (dialled, bool) {
	digits, plus, ok := viable(typed)
	if !ok {
		return dialled{}, false
	}
	home := b.home(region)
	var d dialled
	if plus {
		d, ok = b.cut(digits)
	}
	if !plus || !ok { // people write "+" before what is no calling code, too
		d, ok = b.local(home, digits)
		ok = ok && (d.calling != "" || !plus && home != nil)
	}
	if !ok {
		return dialled{}, false
	}
	if d.calling != "" {
		home = b.of(d.calling)[0]
	} else {
		d = dialled{home.calling, digits}
	}
	if len(d.national) < minNational {
		return dialled{}, false
	}
	short := home.trim(d.national)
	possible, tooLong := home.fits(short)
	if possible || tooLong { // what is too short may be a number without its area code
		d.national = short
	}
	return d, len(d.national) >= minNational && len(d.national) <= maxNational
}

// viable is the digits of what looks like a number, and whether "+" stands before
// them. Whatever comes before the first of either is not looked at.
func viable(typed string) (digits string, plus, ok bool) {
	start := strings.IndexAny(typed, "+0123456789")
	if start < 0 {
		return "", false, false
	}
	typed = typed[start:]
	behind := strings.TrimLeft(typed, "+")
	digits = strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, behind)
	ok = !strings.Contains(behind, "+") && (len(digits) >= 3 || len(typed) == 2 && len(digits) == 2)
	return digits, len(behind) < len(typed), ok
}

// cut takes the calling code off the front. None begins another, and none begins
// with zero.
func (b *book) cut(digits string) (dialled, bool) {
	for n := 1; n <= min(maxCalling, len(digits)); n++ {
		if b.of(digits[:n]) != nil {
			return dialled{digits[:n], digits[n:]}, true
		}
	}
	return dialled{}, false
}

// local reads digits without "+" as dialled in a region. The calling code is ""
// if they have none; it is an error if they have one that nobody has.
func (b *book) local(home *rules, digits string) (dialled, bool) {
	if home == nil {
		return dialled{}, true
	}
	rest, ok := home.beyond(digits)
	if ok {
		return b.cut(rest)
	}
	national, ok := strings.CutPrefix(digits, home.calling)
	if !ok {
		return dialled{}, true
	}
	// The region's own calling code, or a national number that begins like it.
	national = home.trim(national)
	_, tooLong := home.fits(digits)
	if tooLong || !home.all.match(digits) && home.all.match(national) {
		return dialled{home.calling, national}, true
	}
	return dialled{}, true
}

// beyond is what comes after the prefix for calls abroad. A calling code does not
// begin with zero, so if zero comes next, it was none.
func (r *rules) beyond(digits string) (string, bool) {
	if r.abroad.expr == "" {
		return "", false
	}
	at := r.abroad.compiled().FindStringIndex(digits)
	if at == nil || strings.HasPrefix(digits[at[1]:], "0") {
		return "", false
	}
	return digits[at[1]:], true
}

// trim takes a trunk prefix off, or puts an area code before a number that has
// none, unless a number that the region has would become one that it has not
// (maybeStripNationalPrefixAndCarrierCode of libphonenumber).
func (r *rules) trim(national string) string {
	if national == "" || r.trunk.expr == "" {
		return national
	}
	prefix := r.trunk.compiled()
	at := prefix.FindStringSubmatchIndex(national)
	if at == nil {
		return national
	}
	short := national[at[1]:]
	if r.transform != "" && at[len(at)-2] >= 0 { // the last group is there
		short = prefix.ReplaceAllString(national, r.transform)
	}
	if r.all.match(national) && !r.all.match(short) {
		return national
	}
	return short
}

// fits reports whether a region has numbers of a length, and whether a number is
// longer than all of them.
func (r *rules) fits(national string) (possible, tooLong bool) {
	return slices.Contains(r.lengths, len(national)), len(national) > r.lengths[len(r.lengths)-1]
}

// kind is what a number of a region is good for.
type kind int

const (
	nonexistent kind = iota
	silent           // cannot get a text message
	texted
)

// kind follows getNumberTypeHelper of libphonenumber: what may be mobile is asked
// for after what costs extra, and before what is fixed only.
func (r *rules) kind(national string) kind {
	switch {
	case !slices.Contains(r.lengths, len(national)) || !r.all.match(national):
		return nonexistent
	case r.other.match(national):
		return silent
	case r.texted.match(national):
		return texted
	case r.fixed.match(national):
		return silent
	}
	return nonexistent
}

// owner is the region that a number belongs to, nil if it is none of those that
// share its calling code, and what the number is good for there.
func (b *book) owner(d dialled) (*rules, kind) {
	regions := b.of(d.calling)
	if len(regions) == 1 {
		return regions[0], regions[0].kind(d.national)
	}
	for _, r := range regions {
		if r.leading.expr != "" {
			if r.leading.match(d.national) {
				return r, r.kind(d.national)
			}
			continue
		}
		k := r.kind(d.national)
		if k != nonexistent {
			return r, k
		}
	}
	return nil, nonexistent
}
