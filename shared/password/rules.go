package password

import (
	_ "embed" // the list
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"latchkey/shared/env"
)

// common is searched where it lies: a map of it would be made at every start.
//
//go:embed common.txt
var common string

// around is how many characters beside what everybody knows of a person do not
// make a password of it.
const around = 4

// Rules say what nobody may choose as a password. They are for who
// chooses one: at a login the one that was chosen before them is still right.
type Rules struct {
	blocklist bool
	product   []string // its names, squeezed
}

// NewRules reads PASSWORD_BLOCKLIST and, as one of the product's names,
// PUBLIC_URL. With the blocklist off a password only has to be one (Check).
func NewRules(vars *env.Vars) Rules {
	r := Rules{blocklist: vars.OneOf("PASSWORD_BLOCKLIST", "on", "off") == "on"}
	names := []string{"latchkey"}
	u, err := url.Parse(vars.String("PUBLIC_URL", ""))
	if err == nil {
		host := u.Hostname()
		labels := strings.Split(host, ".")
		names = append(append(names, host), labels[:len(labels)-1]...) // the last one is everybody's
	}
	for _, name := range names {
		r.product = append(r.product, inner(squeeze(name)))
	}
	return r
}

// Fault says what is wrong with a password that somebody chose, in a sentence for
// them, "" if nothing is. about is what others know of that person.
func (r Rules) Fault(typed string, about ...string) string {
	err := Check(typed)
	switch {
	case typed == "":
		return "Choose a password."
	case errors.Is(err, ErrShort):
		return "Choose a longer password: at least 8 characters."
	case errors.Is(err, ErrLong):
		return "Choose a shorter password: at most 72 characters, fewer if some have accents."
	case err != nil:
		return "Choose a password without control characters."
	case !r.blocklist:
		return ""
	case r.named(typed):
		return "Choose another password: the name of this service is what strangers try first."
	case personal(typed, about):
		return "Choose another password: your name, email address or phone is what strangers try first."
	case isCommon(typed):
		return "Choose another password: many people use this one, and strangers try it first."
	}
	return ""
}

// named reports whether a password is the product's name with digits and signs
// around it.
func (r Rules) named(typed string) bool {
	core := inner(squeeze(typed))
	for _, name := range r.product {
		if name != "" && core == name {
			return true
		}
	}
	return false
}

// personal reports whether a password is something known of a person and a few
// characters more. What is too short to be most of a password is in many by chance.
func personal(typed string, about []string) bool {
	core := squeeze(typed)
	for _, text := range about {
		known := squeeze(text)
		if utf8.RuneCountInString(known) >= MinLetters-around && strings.Contains(core, known) && utf8.RuneCountInString(core)-utf8.RuneCountInString(known) <= around {
			return true
		}
	}
	return false
}

// isCommon looks for a password in the list, as it is and without the digits and
// signs around it.
func isCommon(typed string) bool {
	folded := strings.ToLower(norm.NFC.String(typed))
	return listed(folded) || listed(inner(folded))
}

// listed is a binary search among the lines of common.
func listed(word string) bool {
	low, high := 0, len(common)
	for low < high {
		middle := low + (high-low)/2
		from := low + strings.LastIndexByte(common[low:middle], '\n') + 1
		line, _, _ := strings.Cut(common[from:], "\n")
		switch {
		case line == word:
			return true
		case line < word:
			low = from + len(line) + 1
		default:
			high = from
		}
	}
	return false
}

// squeeze is a text's letters and digits alone, in lower case.
func squeeze(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, norm.NFC.String(text))
}

// inner is a text without what is no letter at its ends.
func inner(text string) string {
	return strings.TrimFunc(text, func(c rune) bool { return !unicode.IsLetter(c) })
}
