// Package email gives an email address the one spelling by which it is compared,
// at sign-up and at login alike.
//
// It must not know whether an address is anybody's.
package email

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"latchkey/shared/chars"
)

// Longest email address and local part, in bytes (RFC 5321 4.5.3.1).
const (
	maxEmail = 254
	maxLocal = 64
)

// isDotAtom reports whether s is a local part without quotes (RFC 5322 3.2.3).
// Others exist in theory; nobody's mail provider gives them out.
//
//	dot-atom = 1*atext *( "." 1*atext )
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if !chars.Some(atom, atext) {
			return false
		}
	}
	return true
}

func atext(c byte) bool {
	return chars.Alphanumeric(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// profile maps a domain as browsers do, and wants one that DNS could hold.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// isMachine reports whether a domain's last label, after a dot, is digits: so are
// the addresses of machines.
func isMachine(domain string) bool {
	dot := strings.LastIndexByte(domain, '.')
	return dot >= 0 && chars.Some(domain[dot+1:], chars.Digit)
}

func normaliseDomain(typed string) (domain string, ok bool) {
	domain, err := profile.ToASCII(norm.NFC.String(typed))
	return domain, err == nil && utf8.ValidString(typed) && strings.Contains(domain, ".") && !strings.HasSuffix(domain, ".") && !isMachine(domain)
}

// Normalise gives the one spelling: no blanks around it, NFC, lower case, the
// domain in its ASCII form. Dots and tags of the local part are kept: what they
// mean is the mail provider's affair. A local part beyond ASCII is refused,
// since letters that look alike would make two accounts of one address. wrong is
// a sentence for who typed it, empty if nothing is.
func Normalise(typed string) (address, wrong string) {
	const again = "Enter an email address such as name@example.com."
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return "", "Enter your email address."
	}
	at := strings.LastIndexByte(typed, '@')
	if at < 0 {
		return "", again
	}
	domain, ok := normaliseDomain(typed[at+1:])
	if !ok {
		return "", again
	}
	local := typed[:at]
	if !isDotAtom(local) { // before folding, which makes plain letters of some that only look like them
		return "", "Enter an email address whose part before the @ has only plain letters, digits and signs."
	}
	local = strings.ToLower(local)
	address = local + "@" + domain
	if len(local) > maxLocal || len(address) > maxEmail {
		return "", "Enter a shorter email address: at most 254 characters, 64 of them before the @."
	}
	return address, ""
}
